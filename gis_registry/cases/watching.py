"""Deadlines that watch themselves: who has a case is warned before, and urged after.

Each is an event on the case, and so a notice. A case is warned and noted as overdue once for each
deadline: again when it was extended, paused, or begins another stage. Handling that stays overdue
is urged (督办) once for each deadline, and its unit's parent is named.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import watching_queries as queries
from gis_registry.cases.appending import Appending
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadlines import Limit, length, moment_after, moment_before
from gis_registry.cases.tables import CaseEventKind
from gis_registry.catalogue.tables import LimitUnit
from gis_registry.notifications.periodic import PeriodicTask, periodic
from gis_registry.places.working_time import WorkingTime, working_time
from gis_registry.profile import ProfileDeadlines

#: Who does what nobody does.
ACTOR = "system"
_BATCH = 500


@dataclass(frozen=True)
class Watched:
    """How many cases were warned, noted as overdue, and urged."""

    warned: int = 0
    overdue: int = 0
    urged: int = 0

    @property
    def is_more(self) -> bool:
        """Whether there may be more to do now."""
        return _BATCH in asdict(self).values() or bool(self.overdue)

    def __add__(self, other: "Watched") -> "Watched":
        """Return the sum."""
        return Watched(
            self.warned + other.warned, self.overdue + other.overdue, self.urged + other.urged
        )


def watch(session: Session, rules: ProfileDeadlines) -> Watched:
    """Warn, note as overdue and urge what it is time for, at most 500 cases of each.

    Cases that others change at this moment are left for the next time.
    """
    at = clock.now()
    return Watched(
        overdue=_note_overdue(session, at),
        warned=_warn(session, rules, at),
        urged=_urge(session, rules, at),
    )


def watching(rules: ProfileDeadlines) -> PeriodicTask:
    """Return the task of the worker that watches every minute."""

    @periodic("* * * * *")
    def watch_deadlines(session: Session) -> bool:
        return watch(session, rules).is_more

    return watch_deadlines


def _warn(session: Session, rules: ProfileDeadlines, at: datetime) -> int:
    kinds: list[dict[str, object]] = []
    until: list[datetime] = []
    for row in queries.limits(session, at):
        by = working_time(session, version=row["calendar"])
        limit = Limit(row["amount"], LimitUnit(row["unit"]))
        lead = max(length(limit, by, at) * rules.warn_share, timedelta(minutes=rules.warn_minutes))
        until.append(moment_after(at, lead, LimitUnit(row["last_unit"]), by))
        kinds.append({**row, "until": until[-1]})
    if not kinds:
        return 0
    found = queries.to_warn(session, kinds, at=at, latest=max(until), limit=_BATCH)
    return _append(session, {case_id: {} for case_id in found}, CaseEventKind.WARNED)


def _note_overdue(session: Session, at: datetime) -> int:
    found = queries.to_note(session, at=at, limit=_BATCH)
    return _append(session, {case_id: {} for case_id in found}, CaseEventKind.OVERDUE)


def _urge(session: Session, rules: ProfileDeadlines, at: datetime) -> int:
    late = timedelta(minutes=rules.urge_minutes)
    kinds = [
        {**row, "before": moment_before(at, late, LimitUnit(row["last_unit"]), by)}
        for row in queries.overdue_kinds(session, at)
        for by in [working_time(session, version=row["calendar"])]
    ]
    if not kinds:
        return 0
    notes = {}
    for row in queries.to_urge(session, kinds, at=at, limit=_BATCH):
        zh, en = "处置逾期，系统督办", "handling is overdue"
        if row["parent_code"] is not None:
            zh += f"，并报{row['name_zh']}"
            en += f"; {row['name_en']} is told"
        notes[row["case_id"]] = {
            "reason": f"{zh} {en}",
            "unit_code": row["unit_code"],
            "parent_unit_code": row["parent_code"],
        }
    return _append(session, notes, CaseEventKind.URGED)


def _append(session: Session, notes: Mapping[int, Mapping[str, Any]], kind: CaseEventKind) -> int:
    """Append an event to cases that are locked, with how much time is left or how late they are."""
    if not notes:
        return 0
    work = Appending(session, set(notes))
    calendars: dict[int, WorkingTime] = {}
    for case_id, note in sorted(notes.items()):
        progress = work.progress(case_id)
        running = Clock.model_validate(progress.clock)
        if running.calendar not in calendars:
            calendars[running.calendar] = working_time(session, version=running.calendar)
        left = running.left(calendars[running.calendar], work.at) or timedelta(0)
        seconds = round(left.total_seconds())
        told = {"left_s": seconds} if kind is CaseEventKind.WARNED else {"late_s": -seconds}
        due_at = progress.due_at.isoformat() if progress.due_at else None
        work.append(
            case_id,
            kind,
            {"stage": progress.stage, "due_at": due_at, **told, **note},
            actor=ACTOR,
        )
    work.write()
    return len(notes)
