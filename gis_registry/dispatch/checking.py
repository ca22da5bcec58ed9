"""Whether one unit is responsible for everything everywhere: gaps, and claims that tie."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components.lookup import class_name
from gis_registry.components.schemas import Named
from gis_registry.dispatch import queries
from gis_registry.dispatch.precedence import FOR_COMPONENTS, ROLES
from gis_registry.dispatch.schemas import (
    Fact,
    ResponsibilityCheck,
    ResponsibilityConflict,
    UndecidedMatter,
)
from gis_registry.places import service as places


def check_responsibilities(session: Session, *, on_date: date | None = None) -> ResponsibilityCheck:
    """Ask for every matter in every place whose job it is, by the order of precedence.

    Components are asked for by class, as while the very component is not known: what its record or
    a fact about it says does not count.

    Args:
        session: open transaction.
        on_date: the day whose facts and boundaries count; the city's today if not given.
    """
    city = places.the_city(session)
    on_date = on_date or datetime.now(ZoneInfo(city.time_zone)).date()
    asked = queries.matters_asked(
        session, matter_edition_key=city.matter_edition_key, class_edition_key=city.edition_key
    )
    named = {
        row["code"]: Named(
            code=row["code"], name_zh=row["name_zh"], name_en=row["name_en"] or row["name_zh"]
        )
        for row in queries.places_asked(session, on_date=on_date)
    }
    doubts = queries.doubts(
        session,
        asked=asked,
        areas_of={
            code: list(dict.fromkeys([code, code[:6], city.division_code])) for code in named
        },
        bases=FOR_COMPONENTS,  # those of a place are in the same order
        roles=ROLES,
        on_date=on_date,
    )
    by_facts: dict[tuple[int, ...], dict[int, list[Named]]] = {}
    for row in doubts:
        matters = by_facts.setdefault(tuple(row["responsibility_ids"]), {})
        matters.setdefault(row["n"], []).append(named[row["place_code"]])
    gaps = by_facts.pop((), {})
    facts = facts_by_id(session, {one for ids in by_facts for one in ids})
    return ResponsibilityCheck(
        on=on_date,
        matter_count=len(asked),
        place_count=len(named),
        gaps=_undecided(gaps, asked),
        conflicts=[
            ResponsibilityConflict(
                facts=[facts[one] for one in ids], matters=_undecided(matters, asked)
            )
            for ids, matters in sorted(by_facts.items())
        ],
    )


def facts_by_id(session: Session, ids: Collection[int]) -> dict[int, Fact]:
    """Return what responsibilities say, by their numbers; one that is no more is left out."""
    rows = queries.facts(session, sorted(ids)) if ids else []
    return {row["responsibility_id"]: _fact(row) for row in rows}


def _undecided(
    found: Mapping[int, list[Named]], asked: Sequence[RowMapping]
) -> list[UndecidedMatter]:
    return [_matter(asked[n - 1], where) for n, where in sorted(found.items())]


def _matter(row: RowMapping, where: list[Named]) -> UndecidedMatter:
    component_class = None
    if row["class_code"] is not None:
        component_class = class_name(row)
    return UndecidedMatter(
        matter=Named(
            code=row["matter_code"], name_zh=row["matter_name_zh"], name_en=row["matter_name_en"]
        ),
        component_class=component_class,
        places=where,
    )


def _fact(row: RowMapping) -> Fact:
    return Fact(
        responsibility_id=row["responsibility_id"],
        unit=Named(code=row["unit_code"], name_zh=row["unit_name_zh"], name_en=row["unit_name_en"]),
        role=row["role"],
        class_code=row["class_code"],
        matter_code=row["matter_code"],
        division_code=row["division_code"],
        valid_from=row["valid_from"],
        note=row["note"],
    )
