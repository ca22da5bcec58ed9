"""Opening and closing cases, and listing those that are open."""

from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.cases import queries
from gis_registry.cases.schemas import CaseEventEntry, CasePage, CaseSummary
from gis_registry.cases.tables import Case, CaseEvent, CaseEventKind
from gis_registry.db.base import SRID
from gis_registry.dispatch.schemas import NearResponder, ResponsibleUnit
from gis_registry.dispatch.tables import Decision
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places.service import the_city
from gis_registry.units import queries as units


def open_case(
    session: Session,
    *,
    division_code: str,
    matter_type_id: int | None,
    class_id: int | None,
    component_code: str | None,
    lon: float,
    lat: float,
    actor: str,
    responsible: ResponsibleUnit,
    responders: list[NearResponder],
) -> int:
    """Open a case with its first event and its dispatch decision; return its number."""
    case = Case(
        division_code=division_code,
        matter_type_id=matter_type_id,
        class_id=class_id,
        component_code=component_code,
        geom=f"SRID={SRID};POINT({lon} {lat})",
    )
    session.add(case)
    session.flush()
    session.add(
        CaseEvent(
            division_code=division_code,
            case_id=case.id,
            sequence=1,
            kind=CaseEventKind.REPORTED,
            actor=actor,
            note={},
        )
    )
    unit_id = None
    if responsible.claim is not None:
        unit_id = units.unit_id(session, responsible.claim.unit.code)
    session.add(
        Decision(
            division_code=division_code,
            case_id=case.id,
            unit_id=unit_id,
            responsibility=responsible.model_dump(mode="json"),
            responders=[one.model_dump(mode="json") for one in responders],
        )
    )
    session.flush()
    return case.id


def close_case(session: Session, case_id: int, *, actor: str, reason: str) -> CaseSummary:
    """Close an open case.

    Raises:
        NotFound: there is no such case.
        Conflict: it is closed already.
        InvalidInput: no reason is given.
    """
    if not reason.strip():
        raise InvalidInput("Closing a case needs a reason: what was done.")
    summary = show(session, case_id)
    case = queries.locked(session, summary.division_code, case_id)
    events = queries.events(session, case.division_code, case.id)
    if events[-1].kind == CaseEventKind.CLOSED:
        zone = ZoneInfo(the_city(session).time_zone)
        closed_at = events[-1].happened_at.astimezone(zone)
        raise Conflict(f"Case {case_id} was closed on {closed_at:%Y-%m-%d %H:%M}.")
    session.add(
        CaseEvent(
            division_code=case.division_code,
            case_id=case.id,
            sequence=events[-1].sequence + 1,
            kind=CaseEventKind.CLOSED,
            actor=actor,
            note={"reason": reason.strip()},
        )
    )
    session.flush()
    return show(session, case_id)


def show(session: Session, case_id: int) -> CaseSummary:
    """Return a case with what happened to it.

    Raises:
        NotFound: there is no such case.
    """
    rows = queries.summaries(session, case_id=case_id)
    if not rows:
        raise NotFound(f"There is no case {case_id}.")
    summary = CaseSummary.model_validate(dict(rows[0]))
    summary.events = [
        CaseEventEntry.model_validate(event, from_attributes=True)
        for event in queries.events(session, summary.division_code, case_id)
    ]
    return summary


def page(
    session: Session, *, only_open: bool = False, before: int | None = None, limit: int = 100
) -> CasePage:
    """Return cases, the newest first.

    Raises:
        InvalidInput: the limit is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    rows = queries.summaries(session, only_open=only_open, before=before, limit=limit + 1)
    cases = [CaseSummary.model_validate(dict(row)) for row in rows[:limit]]
    return CasePage(cases=cases, next_before=cases[-1].id if len(rows) > limit else None)
