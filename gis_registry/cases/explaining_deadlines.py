"""Why a deadline of a case is when it is: every stage it went through, and every minute of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import queries
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadline_schemas import CaseDeadlines, LedgerLine, StageDeadline
from gis_registry.cases.deadlines import LedgerEntry, minute_by_minute
from gis_registry.cases.service import show
from gis_registry.cases.tables import CaseEvent, CaseEventKind
from gis_registry.catalogue.time_limits import STAGE_NAMES
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places.service import the_city
from gis_registry.places.working_time import WorkingTime, working_time

#: No answer has more lines of a stage's ledger.
MOST_LINES = 1440
#: Events by which a clock goes on; every other that notes a clock begins a stage.
_GOES_ON = frozenset({CaseEventKind.SUSPENDED, CaseEventKind.RESUMED, CaseEventKind.EXTENDED})

_Page = tuple[list[LedgerEntry], datetime | None]


@dataclass(frozen=True)
class _Stage:
    """A stage as its events have it: its clock at last, what was noted, and what ended it."""

    clock: Clock
    due_at: datetime | None
    began: CaseEvent
    ended: CaseEvent | None = None


def explain_deadlines(
    session: Session,
    case_id: int,
    *,
    stage: int | None = None,
    by_minute: bool = False,
    since: datetime | None = None,
    limit: int = MOST_LINES,
) -> CaseDeadlines:
    """Explain the deadlines of a case: its limits, and what became of all the time since.

    Args:
        session: open transaction.
        case_id: number of the case.
        stage: only this one, counted from 1 in the order in which they were begun.
        by_minute: a line of the ledger for each minute, not for each stretch of time.
        since: leave out what ended before; ``next_since`` of an answer goes on where it ended.
        limit: at most so many lines of each stage's ledger.

    Raises:
        NotFound: there is no such case, or it has no such stage.
        InvalidInput: the limit is not 1 to 1440, or the moment has no zone.
    """
    if not 1 <= limit <= MOST_LINES:
        raise InvalidInput(f"The limit must be 1 to {MOST_LINES}.")
    if since is not None and since.tzinfo is None:
        raise InvalidInput("The moment needs a time zone, such as +08:00.")
    now = clock.now()
    case = show(session, case_id)
    stages = _stages(queries.events(session, case.division_code, case_id))
    if stage is not None and not 1 <= stage <= len(stages):
        raise NotFound(f"Case {case_id} went through {len(stages)} stages: there is no {stage}.")
    explained = []
    for number, one in enumerate(stages, 1):
        if stage in (None, number):
            by = working_time(session, version=one.clock.calendar)
            lines = _lines(one, by, now, by_minute=by_minute, since=since)
            explained.append(_explained(number, one, by, now, _page(lines, limit)))
    return CaseDeadlines(
        case_id=case_id,
        state=case.state,
        at=now,
        time_zone=the_city(session).time_zone,
        stages=explained,
    )


def _stages(events: Sequence[CaseEvent]) -> list[_Stage]:
    """Return the stages that events began, in order."""
    stages: list[_Stage] = []
    for event in events:
        if "clock" not in event.note:
            continue
        is_running = bool(stages) and stages[-1].ended is None
        if is_running and event.kind not in _GOES_ON:
            stages[-1] = replace(stages[-1], ended=event)
        if event.note["clock"] is None:
            continue
        running = Clock.model_validate(event.note["clock"])
        due_at = event.note.get("due_at")
        moment = datetime.fromisoformat(due_at) if due_at else None
        if is_running and event.kind in _GOES_ON:
            stages[-1] = replace(stages[-1], clock=running, due_at=moment)
        else:
            stages.append(_Stage(running, moment, event))
    return stages


def _lines(
    stage: _Stage, by: WorkingTime, now: datetime, *, by_minute: bool, since: datetime | None
) -> Iterator[LedgerEntry]:
    """Return the ledger of a stage from a moment on until it was done, or until now."""
    until = stage.ended.happened_at if stage.ended else max(now, stage.clock.began_at)
    entries: Sequence[LedgerEntry] = stage.clock.ledger(by, until=until)
    if since is not None:
        entries = [_from(one, since) for one in entries if _is_since(one, since)]
    return minute_by_minute(entries) if by_minute else iter(entries)


def _is_since(entry: LedgerEntry, since: datetime) -> bool:
    return entry.ended_at > since or entry.began_at >= since


def _from(entry: LedgerEntry, since: datetime) -> LedgerEntry:
    return replace(entry, began_at=max(entry.began_at, since))


def _page(lines: Iterable[LedgerEntry], limit: int) -> _Page:
    """Return so many lines, beside those without length, and when the next one begins."""
    shown: list[LedgerEntry] = []
    lasting = 0
    for one in lines:
        if lasting == limit:
            return shown, one.began_at
        shown.append(one)
        lasting += one.ended_at > one.began_at
    return shown, None


def _explained(
    number: int, stage: _Stage, by: WorkingTime, now: datetime, page: _Page
) -> StageDeadline:
    running, ended = stage.clock, stage.ended
    at = ended.happened_at if ended else now
    left = running.left(by, at)
    recomputed = running.due_at(by)
    is_on_time = None
    if ended is not None and stage.due_at is not None:
        is_on_time = ended.happened_at <= stage.due_at
    name_zh, name_en = STAGE_NAMES[running.stage]
    return StageDeadline(
        number=number,
        stage=running.stage,
        name_zh=name_zh,
        name_en=name_en,
        limit=running.limit,
        calendar=running.calendar,
        began_at=running.began_at,
        began_by=stage.began.kind,
        began_actor=stage.began.actor,
        pauses=list(running.pauses),
        extensions=list(running.extensions),
        due_at=stage.due_at,
        recomputed_due_at=recomputed,
        is_recomputed_equal=recomputed == stage.due_at,
        ended_at=ended.happened_at if ended else None,
        ended_by=ended.kind if ended else None,
        ended_actor=ended.actor if ended else None,
        is_on_time=is_on_time,
        left_s=None if left is None else left / timedelta(seconds=1),
        ledger=[LedgerLine.of(one) for one in page[0]],
        next_since=page[1],
    )
