"""What pages call the parts of a case: Chinese, English. Nothing here decides anything."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gis_registry.cases.deadlines import LedgerEntry
from gis_registry.cases.life_cycle import STATE_NAMES
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitUnit
from gis_registry.catalogue.time_limits import STAGE_NAMES
from gis_registry.reports.tables import CHANNEL_ZH, Channel

Words = tuple[str, str]

#: The way of a case that nothing happens to on the way, with the event that leads to each step.
STEP_EVENTS: Mapping[CaseState, CaseEventKind] = {
    CaseState.REPORTED: CaseEventKind.REPORTED,
    CaseState.CHECKED: CaseEventKind.CHECKED,
    CaseState.FILED: CaseEventKind.FILED,
    CaseState.DISPATCHED: CaseEventKind.DISPATCHED,
    CaseState.IN_HANDLING: CaseEventKind.ACCEPTED,
    CaseState.HANDLED: CaseEventKind.HANDLED,
    CaseState.VERIFIED: CaseEventKind.VERIFIED,
    CaseState.CLOSED: CaseEventKind.CLOSED,
}
STEPS = tuple(STEP_EVENTS)
STAGES = STAGE_NAMES
LIMIT_UNITS: Mapping[LimitUnit, Words] = {
    LimitUnit.URGENT_HOUR: ("小时（昼夜连续）", "hours, day and night"),
    LimitUnit.WORKING_HOUR: ("工作时", "working hours"),
    LimitUnit.WORKING_DAY: ("工作日", "working days"),
    LimitUnit.CALENDAR_DAY: ("自然日", "calendar days"),
}
CHANNELS: Mapping[str, Words] = {one: (CHANNEL_ZH[one], one) for one in Channel}
#: What the page of a case can do beside its life cycle: name and hint.
RETURN = (("退回", "return"), ("不属本单位，重新判定责任", "It is not ours: decided again."))
ASSIGN = (("改派", "assign"), ("指定另一单位", "Give it to another unit by hand."))


def event_details(note: Mapping[str, Any], units: Mapping[str, Words]) -> list[Words]:
    """Return in words what else an event says: to whom, how much, with which outcome.

    Args:
        note: what the event holds.
        units: names of units by their codes.
    """
    found: list[Words] = []
    unit_code = note.get("unit_code") or note.get("unit")
    if unit_code:
        zh, en = units.get(unit_code, (unit_code, unit_code))
        found.append((f"单位：{zh}", f"unit: {en}"))
    elif "unit" in note:
        found.append(("暂无责任单位", "no unit is known to be responsible"))
    if more := note.get("more"):
        zh, en = LIMIT_UNITS[LimitUnit(more["unit"])]
        found.append((f"{more['amount']:g}{zh}", f"{more['amount']:g} {en}"))
    if note.get("is_upheld") is not None:
        found.append(("申诉成立", "upheld") if note["is_upheld"] else ("申诉不成立", "rejected"))
    if note.get("merged_into"):
        found.append((f"并入案件{note['merged_into']}", f"into case {note['merged_into']}"))
    return found


def length(seconds: float) -> Words:
    """Return a length of time as people say it: two parts at most."""
    minutes = int(abs(seconds) // 60)
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        zh = f"{days}天{hours}小时" if hours else f"{days}天"
        en = f"{days} d {hours} h" if hours else f"{days} d"
    elif hours:
        zh = f"{hours}小时{rest}分" if rest else f"{hours}小时"
        en = f"{hours} h {rest} min" if rest else f"{hours} h"
    else:
        zh, en = f"{rest}分钟", f"{rest} min"
    return zh, en


def due_in(due_at: datetime, now: datetime) -> Words:
    """Return how long there is still, or how long it is overdue."""
    left = (due_at - now).total_seconds()
    zh, en = length(left)
    return (f"还剩{zh}", f"{en} left") if left >= 0 else (f"超时{zh}", f"overdue by {en}")


def urgency(due_at: datetime | None, now: datetime, soon: timedelta) -> str:
    """Return ``none``, ``overdue``, ``soon`` or ``later``: what a deadline is painted as."""
    if due_at is None:
        return "none"
    return "overdue" if due_at < now else "soon" if due_at - now < soon else "later"


def ledger_left(entry: LedgerEntry) -> Words:
    """Return how much counting time is left at the end of an entry."""
    zh, en = length(entry.left.total_seconds())
    return (f"剩{zh}", f"{en} left") if entry.left >= timedelta(0) else (f"超{zh}", f"{en} over")


def state_name(state: str) -> Words:
    """Return what a state is called."""
    return STATE_NAMES[CaseState(state)]
