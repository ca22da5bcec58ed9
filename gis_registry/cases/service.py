"""Opening, showing, joining and merging cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import JsonValue
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import appending, opening, queries
from gis_registry.cases.appending import Appending
from gis_registry.cases.life_cycle import STATE_NAMES
from gis_registry.cases.opening import NewCase
from gis_registry.cases.permitting import actions_of, not_theirs
from gis_registry.cases.schemas import CaseEventEntry, CaseSummary
from gis_registry.cases.tables import Case, CaseEvent, CaseEventKind, CaseState
from gis_registry.cases.wording import EVENT_NAMES
from gis_registry.catalogue.time_limits import Condition, conditions_of
from gis_registry.db.base import SRID
from gis_registry.dispatch.schemas import ResponsibleUnit
from gis_registry.errors import Conflict, NotFound
from gis_registry.notifications.announcing import Notice
from gis_registry.places.service import the_city
from gis_registry.users.service import Actor


def next_id(session: Session) -> int:
    """Take the number of a new case."""
    return queries.next_id(session)


def open_cases(session: Session, new: Sequence[NewCase]) -> None:
    """Open cases, each with its first event and its dispatch decision; their clocks begin."""
    if not new:
        return
    at = clock.now()
    queries.insert_cases(
        session,
        [
            {
                "division_code": one.division_code,
                "id": one.id,
                "matter_type_id": one.matter_type_id,
                "class_id": one.class_id,
                "component_code": one.component_code,
                "geom": f"SRID={SRID};POINT({one.lon} {one.lat})",
                "opened_at": at,
            }
            for one in new
        ],
    )
    opening.open_all(session, new, at=at)
    queries.insert_decisions(
        session,
        [
            {
                "division_code": one.division_code,
                "case_id": one.id,
                "unit_code": one.unit_code,
                "responsibility": one.responsible,
                "responders": one.responders,
                "decided_at": at,
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
    if not joinings:
        return
    work = Appending(session, {one.case_id for one in joinings})
    for one in joinings:
        work.append(one.case_id, CaseEventKind.JOINED, {}, actor=one.actor, report_id=one.report_id)
    work.write()


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
    work = Appending(session, {case[1]})
    work.append(case[1], kind, note, actor=actor, report_id=report_id)
    work.write()


def merge(session: Session, case_id: int, into: int, *, actor: str, reason: str) -> None:
    """Note that all of a case is in another one now; nothing is left to be done with it."""
    work = Appending(session, {case_id})
    work.append(
        case_id,
        CaseEventKind.MERGED,
        {
            "reason": reason,
            "merged_into": into,
            "state": CaseState.MERGED,
            **work.clock_note(case_id, None),
        },
        actor=actor,
    )
    work.write()


def locked_open(session: Session, case_id: int) -> tuple[Case, Sequence[CaseEvent]]:
    """Return an open case and its events, and keep others from changing it meanwhile.

    Raises:
        NotFound: there is no such case.
        Conflict: it is closed.
    """
    work = Appending(session, {case_id})
    progress = work.progress(case_id)
    case = queries.locked(session, progress.division_code, case_id)
    if not progress.is_open:
        zone = ZoneInfo(the_city(session).time_zone)
        was = STATE_NAMES[progress.state][1]
        ended_at = (progress.ended_at or progress.reported_at).astimezone(zone)
        raise Conflict(f"Case {case_id} was {was} on {ended_at:%Y-%m-%d %H:%M}.")
    return case, queries.events(session, case.division_code, case.id)


def show(session: Session, case_id: int, *, actor: Actor | None = None) -> CaseSummary:
    """Return a case with what happened to it, and why it is with its unit.

    Args:
        session: open transaction.
        case_id: number of the case.
        actor: who is told what they can do with it.

    Raises:
        NotFound: there is no such case.
    """
    row = queries.summary(session, case_id)
    if row is None:
        raise NotFound(f"There is no case {case_id}.")
    summary = summary_of(row)
    summary.events = [
        _entry(event) for event in queries.events(session, summary.division_code, case_id)
    ]
    progress = queries.progress(session, case_id) if actor is not None else None
    if actor is not None and progress is not None:
        summary.actions = [str(one) for one in actions_of(actor, progress)]
    decision = queries.latest_decision(session, summary.division_code, case_id)
    if decision is not None:
        summary.responsible = ResponsibleUnit.model_validate(decision.responsibility)
    return summary


def summary_of(row: RowMapping) -> CaseSummary:
    """Return a case without its events."""
    state_zh, state_en = STATE_NAMES[CaseState(row["state"])]
    return CaseSummary.model_validate({**row, "state_zh": state_zh, "state_en": state_en})


def _entry(event: CaseEvent) -> CaseEventEntry:
    name_zh, name_en = EVENT_NAMES[CaseEventKind(event.kind)]
    return CaseEventEntry(
        sequence=event.sequence,
        kind=event.kind,
        name_zh=name_zh,
        name_en=name_en,
        happened_at=event.happened_at,
        actor=event.actor,
        note=event.note,
    )


def conditions(session: Session, case_id: int) -> list[Condition]:
    """Return what can be said that a case turned out to be, with the limit for handling each.

    Raises:
        NotFound: there is no such case.
    """
    case = queries.subject(session, case_id)
    if case is None:
        raise NotFound(f"There is no case {case_id}.")
    zone = ZoneInfo(the_city(session).time_zone)
    on_date = clock.now().astimezone(zone).date()
    return conditions_of(session, case.matter_type_id, case.class_id, on_date)


def require_own(
    session: Session, case_id: int, actor: Actor, *, expected_versions: frozenset[int] | None = None
) -> None:
    """Refuse who handles cases of a unit alone, unless this one is with their unit; lock it.

    Raises:
        NotFound: there is no such case.
        NotPermitted: it is with another unit, or the actor is of none.
        Outdated: it is at none of the versions that are expected.
    """
    work = Appending(session, {case_id})
    refused = not_theirs(actor, case_id, work.progress(case_id).unit_code)
    if refused is not None:
        raise refused
    work.progress(case_id, expected_versions=expected_versions)


def notices_since(session: Session, since: datetime, limit: int) -> list[Notice]:
    """Return what happened to cases from a moment on, the oldest first, so many at most.

    What is said of each is where its case stands now.
    """
    return [
        appending.notice(event, progress)
        for event, progress in queries.events_since(session, since, limit)
    ]
