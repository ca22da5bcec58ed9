"""Cases given to a unit by hand, whatever the order of precedence says: kept as decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from gis_registry.cases import queries
from gis_registry.components.schemas import Named
from gis_registry.dispatch import service as dispatch
from gis_registry.dispatch.precedence import Basis
from gis_registry.dispatch.schemas import Claim, ResponsibleUnit, Sentence
from gis_registry.units import queries as units


@dataclass(frozen=True)
class Given:
    """A case (division code, number) that somebody gave to a unit, by its code."""

    case: tuple[str, int]
    unit_code: str
    reason: str
    actor: str


def decide(
    unit: Named, before: ResponsibleUnit | None, *, reason: str, actor: str
) -> ResponsibleUnit:
    """Return the decision that a case goes to a unit by hand; all earlier claims stay beside it."""
    others = [before.claim, *before.others] if before and before.claim else []
    why_zh, why_en = (f"：“{reason}”", f": “{reason}”") if reason else ("", "")
    return ResponsibleUnit(
        claim=Claim(
            unit=unit,
            role="",
            basis=Basis.BY_HAND.value,
            division_code=None,
            valid_from=None,
            responsibility_id=None,
        ),
        others=others,
        returned=before.returned if before else [],
        grounds=[
            Sentence(
                step="unit",
                zh=f"{actor}人工指派由{unit.name_zh}负责{why_zh}。",
                en=f"{actor} assigned it by hand to {unit.name_en}{why_en}.",
            )
        ],
    )


def keep(
    session: Session,
    given: Sequence[Given],
    places: Mapping[int, tuple[float, float]],
    *,
    at: datetime,
) -> None:
    """Keep the decisions of cases that were given to units, with who is near."""
    rows = []
    for one in given:
        division_code, case_id = one.case
        lon, lat = places[case_id]
        earlier = queries.latest_decision(session, division_code, case_id)
        before = ResponsibleUnit.model_validate(earlier.responsibility) if earlier else None
        (unit,) = units.unit_rows(session, code=one.unit_code)
        named = Named(code=unit["code"], name_zh=unit["name_zh"], name_en=unit["name_en"])
        near = dispatch.nearest_responders(session, lon=lon, lat=lat, unit_code=one.unit_code)
        found = decide(named, before, reason=one.reason, actor=one.actor)
        rows.append(
            {
                "division_code": division_code,
                "case_id": case_id,
                "unit_code": one.unit_code,
                "responsibility": found.model_dump(mode="json"),
                "responders": [each.model_dump(mode="json") for each in near],
                "decided_at": at,
            }
        )
    if rows:
        queries.insert_decisions(session, rows)
