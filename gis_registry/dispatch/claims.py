"""The claims that bear on very many questions, read at once and picked for each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components.schemas import Named
from gis_registry.dispatch import queries
from gis_registry.dispatch.precedence import FOR_COMPONENTS, FOR_PLACES, Basis, in_order
from gis_registry.dispatch.schemas import Claim


@dataclass(frozen=True)
class Subject:
    """What claims are asked for; ``areas`` are division codes, the smallest first."""

    component_code: str | None
    maintainer_id: int | None
    owner_id: int | None
    class_ids: tuple[int, ...]
    matter_type_id: int | None
    areas: tuple[str, ...]
    on_date: date


@dataclass(frozen=True)
class _Fact:
    claim: Claim
    valid_from: date
    valid_to: date | None


class Claims:
    """Every claim that bears on one of some subjects."""

    def __init__(self, session: Session, subjects: Collection[Subject]) -> None:
        """Read them."""
        rows: Sequence[RowMapping] = []
        if subjects:
            rows = queries.claims(
                session,
                component_codes={one.component_code for one in subjects if one.component_code},
                class_ids={class_id for one in subjects for class_id in one.class_ids},
                matter_type_ids={one.matter_type_id for one in subjects if one.matter_type_id},
                areas={area for one in subjects for area in one.areas},
                first_date=min(one.on_date for one in subjects),
                last_date=max(one.on_date for one in subjects),
            )
        self.division_names: dict[str, tuple[str, str]] = {}
        self._facts: dict[tuple[str | int | None, ...], list[_Fact]] = {}
        for row in rows:
            code = row["division_code"]
            if code is not None:
                self.division_names[code] = row["division_name_zh"], row["division_name_en"]
            about = (row["component_code"], row["class_id"], row["matter_type_id"], code)
            fact = _Fact(_claim(row), row["valid_from"], row["valid_to"])
            self._facts.setdefault(about, []).append(fact)
        recorded = {n for one in subjects for n in (one.maintainer_id, one.owner_id) if n}
        units = queries.units_by_id(session, recorded) if recorded else {}
        self._recorded = {
            (n, basis): _recorded(unit, basis)
            for n, unit in units.items()
            for basis in (Basis.RECORDED_MAINTAINER, Basis.RECORDED_OWNER)
        }

    def of(self, subject: Subject) -> list[Claim]:
        """Return the claims that bear on a subject, the deciding one first."""
        abouts = product(
            dict.fromkeys((None, subject.component_code)),
            (None, *subject.class_ids),
            dict.fromkeys((None, subject.matter_type_id)),
            (None, *subject.areas),
        )
        found = [
            fact.claim
            for about in abouts
            for fact in self._facts.get(about, ())
            if fact.valid_from <= subject.on_date
            and (fact.valid_to is None or fact.valid_to > subject.on_date)
        ]
        for n, basis in (
            (subject.maintainer_id, Basis.RECORDED_MAINTAINER),
            (subject.owner_id, Basis.RECORDED_OWNER),
        ):
            if n is not None:
                found.append(self._recorded[n, basis])
        order = FOR_COMPONENTS if subject.class_ids else FOR_PLACES
        return in_order(found, order=order, areas=subject.areas)


def _claim(row: RowMapping) -> Claim:
    return Claim(
        unit=Named(code=row["unit_code"], name_zh=row["unit_name_zh"], name_en=row["unit_name_en"]),
        role=row["role"],
        basis=_basis(row).value,
        division_code=row["division_code"],
        is_for_matter=row["matter_type_id"] is not None,
        valid_from=row["valid_from"],
        responsibility_id=row["responsibility_id"],
    )


def _basis(row: RowMapping) -> Basis:
    if row["component_code"] is not None:
        return Basis.COMPONENT
    is_limited = row["division_code"] is not None
    if row["class_id"] is not None:
        return Basis.CLASS_AND_AREA if is_limited else Basis.CLASS
    if row["matter_type_id"] is not None:
        return Basis.MATTER_AND_AREA if is_limited else Basis.MATTER
    return Basis.AREA


def _recorded(unit: Named, basis: Basis) -> Claim:
    return Claim(
        unit=unit,
        role=basis.value.removeprefix("recorded_"),
        basis=basis.value,
        division_code=None,
        valid_from=None,
        responsibility_id=None,
    )
