"""Deciding again whose job a case is, and keeping what was decided."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases.appending import Appending
from gis_registry.cases.tables import Case, CaseEventKind
from gis_registry.catalogue import queries as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.catalogue.tables import MatterType
from gis_registry.dispatch import service as dispatch
from gis_registry.dispatch.schemas import ResponsibleUnit, Side
from gis_registry.dispatch.service import Question
from gis_registry.dispatch.tables import Decision
from gis_registry.places import service as places
from gis_registry.places.service import Place, Point
from gis_registry.units import queries as units


def ask_again(
    session: Session,
    asked: RowMapping,
    *,
    without: frozenset[str] = frozenset(),
    across: Side | None = None,
) -> ResponsibleUnit:
    """Ask again whose job a case is.

    Args:
        session: open transaction.
        asked: what the case asks (:func:`gis_registry.cases.queries.asked_again`).
        without: codes of units that do not count.
        across: ask on this other side of a boundary.
    """
    zone = ZoneInfo(places.the_city(session).time_zone)
    on_date = asked["reported_at"].astimezone(zone).date()
    matter_type = session.get_one(MatterType, asked["matter_type_id"])
    is_known = asked["code"] is not None
    if is_known:
        subdistrict = asked["subdistrict_code"]
        place = Place((subdistrict or asked["code"])[:6], subdistrict, None, None)
    elif across is not None:
        subdistrict = across.subdistrict.code if across.subdistrict else None
        place = Place(across.division.code, subdistrict, across.distance_m, None)
    else:
        point = Point(asked["lon"], asked["lat"], on_date, asked["accuracy_m"])
        located = places.locate_all(session, [point])[0]
        if not isinstance(located, Place):
            raise located
        place = located
    classes = tuple(catalogue.classes_of_matter(session, matter_type.id))
    return dispatch.responsible_unit(
        session,
        Question(
            matter=Matter(type=matter_type, classes=classes),
            classes=classes,
            component=asked if is_known else None,
            place=place,
            on_date=on_date,
            without=without,
        ),
    )


def decide(session: Session, case: Case, asked: RowMapping, found: ResponsibleUnit) -> int:
    """Keep a decision, with who is near now; return its number."""
    code = found.claim.unit.code if found.claim else None
    responders = dispatch.nearest_responders(
        session, lon=asked["lon"], lat=asked["lat"], unit_code=code
    )
    decision = Decision(
        division_code=case.division_code,
        case_id=case.id,
        unit_id=units.unit_ids(session, [code])[code] if code is not None else None,
        responsibility=found.model_dump(mode="json"),
        responders=[one.model_dump(mode="json") for one in responders],
        decided_at=clock.now(),
    )
    session.add(decision)
    session.flush()
    return decision.id


def hand_over(
    session: Session,
    case_id: int,
    kind: CaseEventKind,
    found: ResponsibleUnit,
    note: Mapping[str, Any],
    *,
    actor: str,
) -> None:
    """Note that a case was decided again; it goes to the unit that was found."""
    work = Appending(session, {case_id})
    unit_code = found.claim.unit.code if found.claim else None
    if unit_code == work.progress(case_id).unit_code:
        work.append(case_id, kind, note, actor=actor)
    else:
        work.hand_over(case_id, kind, unit_code, note, actor=actor)
    work.write()
