"""Where a case stands, as its events have it: a fold over them, one event after the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from gis_registry.cases.tables import ENDED, CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitStage

#: What no event says of a case.
_CONSTANT = (
    "division_code", "case_id", "reported_at", "matter_type_id", "class_id", "subdistrict_code",
    "channel",
)  # fmt: skip


@dataclass(frozen=True)
class Happening:
    """An event as the fold needs it.

    ``note`` says what follows from it: ``state``, ``resumes_to``, ``unit`` (its code, or None:
    nobody), ``clock`` with ``due_at``, ``condition``; what is left out stays as it was.
    """

    sequence: int
    kind: CaseEventKind
    happened_at: datetime
    note: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """A row of :class:`gis_registry.cases.tables.CaseProgress`, which says what each field is."""

    division_code: str
    case_id: int
    version: int
    state: CaseState
    reported_at: datetime
    resumes_to: CaseState | None = None
    matter_type_id: int | None = None
    class_id: int | None = None
    subdistrict_code: str | None = None
    channel: str | None = None
    unit_code: str | None = None
    condition: str | None = None
    stage: str | None = None
    stage_began_at: datetime | None = None
    due_at: datetime | None = None
    clock: Mapping[str, Any] | None = None
    warned_at: datetime | None = None
    overdue_at: datetime | None = None
    checked_at: datetime | None = None
    filed_at: datetime | None = None
    first_dispatched_at: datetime | None = None
    dispatched_at: datetime | None = None
    handling_due_at: datetime | None = None
    handled_at: datetime | None = None
    verified_at: datetime | None = None
    ended_at: datetime | None = None
    is_checked_on_time: bool | None = None
    is_filed_on_time: bool | None = None
    is_dispatched_on_time: bool | None = None
    is_handled_on_time: bool | None = None
    is_verified_on_time: bool | None = None
    is_closed_on_time: bool | None = None
    is_misfiled: bool = False
    returned: int = 0
    redirected: int = 0
    sent_back: int = 0
    extended: int = 0
    urged: int = 0
    appealed: int = 0
    upheld: int = 0
    reopened: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """The division code and number of the case."""
        return self.division_code, self.case_id

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.state not in ENDED


FIELDS = tuple(one.name for one in fields(Progress))


def progress_in(row: RowMapping | Mapping[str, Any]) -> Progress:
    """Return where a case stands, as a row has it; what else the row has does not matter."""
    return Progress(**{name: row[name] for name in FIELDS} | {"state": CaseState(row["state"])})


def first_of(known: RowMapping | Mapping[str, Any]) -> Progress:
    """Return a case before its first event: only what no event says, as a row has it."""
    return Progress(
        version=0, state=CaseState.REPORTED, **{name: known[name] for name in _CONSTANT}
    )


def advance(before: Progress, event: Happening) -> Progress:
    """Return where a case stands after an event."""
    note = event.note
    changed: dict[str, Any] = {"version": event.sequence, **_by_kind(before, event)}
    if event.kind in _COUNTED:
        counted = _COUNTED[event.kind]
        changed[counted] = getattr(before, counted) + 1
    if "condition" in note:
        changed["condition"] = note["condition"]
    if "class_id" in note:
        changed["class_id"] = note["class_id"]
    if "unit" in note:
        changed["unit_code"] = note["unit"]
        was_sent = before.first_dispatched_at is not None
        changed["redirected"] = before.redirected + (was_sent and note["unit"] != before.unit_code)
    if "clock" in note:
        changed |= _clock(note)
    for name in ("state", "resumes_to"):
        if name in note:
            changed[name] = CaseState(note[name])
    after = replace(before, **changed)
    return replace(after, handling_due_at=_handling_due_at(before, after))


def _by_kind(before: Progress, event: Happening) -> dict[str, Any]:
    """Return what follows from the kind of an event, whatever it notes."""
    at = event.happened_at
    on_time = None if before.due_at is None else at <= before.due_at
    match event.kind:
        case CaseEventKind.CHECKED:
            return {"checked_at": at, "is_checked_on_time": on_time}
        case CaseEventKind.FILED:
            return {"filed_at": at, "is_filed_on_time": on_time}
        case CaseEventKind.DISPATCHED:
            return {
                "dispatched_at": at,
                "first_dispatched_at": before.first_dispatched_at or at,
                "is_dispatched_on_time": _both(before.is_dispatched_on_time, on_time),
            }
        case CaseEventKind.HANDLED:
            on_time = _both(before.is_handled_on_time, on_time)
            return {"handled_at": at, "is_handled_on_time": on_time}
        case CaseEventKind.SENT_BACK:
            return {"handled_at": None, "verified_at": None}
        case CaseEventKind.VERIFIED:
            on_time = _both(before.is_verified_on_time, on_time)
            return {"verified_at": at, "is_verified_on_time": on_time}
        case CaseEventKind.CLOSED:
            return {
                "state": CaseState.CLOSED,  # not noted before there were states
                "ended_at": at,
                "is_closed_on_time": on_time,
                "is_misfiled": before.is_misfiled or _was_for_nothing(before),
            }
        case CaseEventKind.MERGED:
            return {"ended_at": at, "is_misfiled": _was_for_nothing(before)}
        case CaseEventKind.NOT_ACCEPTED:
            return {"ended_at": at}
        case CaseEventKind.APPEAL_DECIDED:
            return {"upheld": before.upheld + bool(event.note.get("is_upheld"))}
        case CaseEventKind.SUSPENDED:
            return {"resumes_to": before.state}
        case CaseEventKind.RESUMED:
            return {"resumes_to": None}
        case CaseEventKind.REOPENED:
            nothing = dict.fromkeys(("ended_at", "handled_at", "verified_at", "is_closed_on_time"))
            is_misfiled = before.state is CaseState.NOT_ACCEPTED
            return {**nothing, "filed_at": before.filed_at or at, "is_misfiled": is_misfiled}
        case CaseEventKind.WARNED:
            return {"warned_at": at}
        case CaseEventKind.OVERDUE:
            return {"overdue_at": at}
    return {}


def progress_of(first: Progress, events: Iterable[Happening]) -> Progress:
    """Return where a case stands after all its events.

    Args:
        first: the case before its first event: what it is about, with version 0.
        events: what happened, in order.
    """
    found = first
    for event in events:
        found = advance(found, event)
    return found


def _handling_due_at(before: Progress, after: Progress) -> datetime | None:
    """Return by when it is to be handled, or was; None: it is not, for it waits, stops or ended."""
    if after.stage == LimitStage.HANDLING:
        return after.due_at
    return before.handling_due_at if after.handled_at is not None else None


def _was_for_nothing(before: Progress) -> bool:
    """Return whether a case that ends now was filed and never handled."""
    return before.filed_at is not None and before.handled_at is None


def _clock(note: Mapping[str, Any]) -> dict[str, Any]:
    clock, due_at = note["clock"], note.get("due_at")
    return {
        "clock": clock,
        "stage": clock["stage"] if clock else None,
        "stage_began_at": _moment(clock["began_at"]) if clock else None,
        "due_at": _moment(due_at),
        "warned_at": None,
        "overdue_at": None,
    }


def _moment(said: Any) -> datetime | None:
    return datetime.fromisoformat(said) if isinstance(said, str) else said


def _both(before: bool | None, now: bool | None) -> bool | None:
    """Return whether every time it was on time; None where none had a limit."""
    known = [one for one in (before, now) if one is not None]
    return all(known) if known else None


#: Events that are counted, and where.
_COUNTED = {
    CaseEventKind.RETURNED: "returned",
    CaseEventKind.SENT_BACK: "sent_back",
    CaseEventKind.EXTENDED: "extended",
    CaseEventKind.URGED: "urged",
    CaseEventKind.APPEALED: "appealed",
    CaseEventKind.REOPENED: "reopened",
}
