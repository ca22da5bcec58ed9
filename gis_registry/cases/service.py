"""Opening and closing cases, and listing those that are open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy.orm import Session

from gis_registry.cases import queries
from gis_registry.cases.schemas import CaseEventEntry, CasePage, CaseSummary
from gis_registry.cases.tables import Case, CaseEvent, CaseEventKind
from gis_registry.db.base import SRID
from gis_registry.dispatch.schemas import NearResponder, ResponsibleUnit
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places.service import the_city


@dataclass(frozen=True)
class NewCase:
    """A case to open, for a report, with what was decided of it.

    ``lon`` and ``lat`` are degrees in EPSG:4490; ``id`` is a number of :func:`next_id`.
    """

    id: int
    report_id: int
    actor: str
    division_code: str
    matter_type_id: int | None
    class_id: int | None
    component_code: str | None
    lon: float
    lat: float
    responsible: ResponsibleUnit
    responders: Sequence[NearResponder]


def next_id(session: Session) -> int:
    """Take the number of a new case."""
    return queries.next_id(session)


def open_cases(session: Session, new: Sequence[NewCase]) -> None:
    """Open cases, each with its first event and its dispatch decision."""
    if not new:
        return
    queries.insert(
        session,
        Case,
        [
            {
                "division_code": one.division_code,
                "id": one.id,
                "matter_type_id": one.matter_type_id,
                "class_id": one.class_id,
                "component_code": one.component_code,
                "geom": f"SRID={SRID};POINT({one.lon} {one.lat})",
            }
            for one in new
        ],
    )
    queries.insert(
        session,
        CaseEvent,
        [
            {
                "division_code": one.division_code,
                "case_id": one.id,
                "sequence": 1,
                "kind": CaseEventKind.REPORTED,
                "actor": one.actor,
                "report_id": one.report_id,
                "note": {},
            }
            for one in new
        ],
    )
    queries.insert_decisions(
        session,
        [
            {
                "division_code": one.division_code,
                "case_id": one.id,
                "unit_code": one.responsible.claim.unit.code if one.responsible.claim else None,
                "responsibility": one.responsible,
                "responders": one.responders,
            }
            for one in new
        ],
    )


@dataclass(frozen=True)
class Joining:
    """A report that joins a case."""

    division_code: str
    case_id: int
    report_id: int
    actor: str


def join(session: Session, joinings: Sequence[Joining]) -> None:
    """Note that reports have joined cases."""
    queries.append_events(
        session,
        [
            {
                "division_code": one.division_code,
                "case_id": one.case_id,
                "kind": CaseEventKind.JOINED,
                "actor": one.actor,
                "report_id": one.report_id,
                "note": {},
            }
            for one in joinings
        ],
    )


def note(
    session: Session,
    case: tuple[str, int],
    kind: CaseEventKind,
    *,
    actor: str,
    note: Mapping[str, JsonValue],
    report_id: int | None = None,
) -> None:
    """Note that something happened to a case (division code, number)."""
    division_code, case_id = case
    queries.append_events(
        session,
        [
            {
                "division_code": division_code,
                "case_id": case_id,
                "kind": kind,
                "actor": actor,
                "report_id": report_id,
                "note": dict(note),
            }
        ],
    )


def close_case(session: Session, case_id: int, *, actor: str, reason: str) -> CaseSummary:
    """Close an open case.

    Raises:
        NotFound: there is no such case.
        Conflict: it is closed already.
        InvalidInput: no reason is given.
    """
    if not reason.strip():
        raise InvalidInput("Closing a case needs a reason: what was done.")
    case, _ = locked_open(session, case_id)
    note(session, case.key, CaseEventKind.CLOSED, actor=actor, note={"reason": reason.strip()})
    return show(session, case_id)


def locked_open(session: Session, case_id: int) -> tuple[Case, Sequence[CaseEvent]]:
    """Return an open case and its events, and keep others from changing it meanwhile.

    Raises:
        NotFound: there is no such case.
        Conflict: it is closed.
    """
    summary = show(session, case_id)
    case = queries.locked(session, summary.division_code, case_id)
    events = queries.events(session, case.division_code, case.id)
    if events[-1].kind == CaseEventKind.CLOSED:
        zone = ZoneInfo(the_city(session).time_zone)
        closed_at = events[-1].happened_at.astimezone(zone)
        raise Conflict(f"Case {case_id} was closed on {closed_at:%Y-%m-%d %H:%M}.")
    return case, events


def show(session: Session, case_id: int) -> CaseSummary:
    """Return a case with what happened to it, and why it is with its unit.

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
    decision = queries.latest_decision(session, summary.division_code, case_id)
    if decision is not None:
        summary.responsible = ResponsibleUnit.model_validate(decision.responsibility)
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
