"""When a device's readings are an alarm: each rule looks at them in the order of their times.

The readings alone decide, not the order in which they arrive: what counts is judged from the series
as it is known, so that a late reading can end a run that looked unbroken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from gis_registry.reports.device_tables import Comparison, SensorRule


class Judgement(StrEnum):
    """What a rule makes of a reading."""

    BAD = "bad"
    BETWEEN = "between"
    GOOD = "good"
    NOT_COUNTED = "not_counted"


class Event(StrEnum):
    """What happens to an alarm: by a reading, or that a report refused before is accepted now."""

    RAISED = "raised"
    UPDATED = "updated"
    CLEARED = "cleared"
    REPORTED = "reported"


@dataclass(frozen=True)
class Reading:
    """A value and its time; ``zones`` are the codes of the areas that it lies in."""

    at: datetime
    value: float
    zones: frozenset[str] = frozenset()


def events(
    rule: SensorRule,
    readings: Iterable[Reading],
    *,
    after: datetime | None,
    is_raised: bool,
    zone: ZoneInfo,
) -> Iterator[tuple[Reading, Event]]:
    """Yield what readings do to the alarm of a rule.

    Args:
        rule: any but ``silent_for``, which readings cannot break.
        readings: in the order of their times, from the last one that is ``for_s`` older than the
            first one after ``after``; see :func:`looks_back_to`.
        after: readings up to this time have done what they do; None: none has.
        is_raised: there is an open alarm.
        zone: the city's time zone.
    """
    since: datetime | None = None
    before: Reading | None = None
    for reading in readings:
        judged = judge(rule, reading, before, zone)
        if judged is not Judgement.BAD:
            since = None
        elif since is None:
            is_step = rule.comparison == Comparison.UNCHANGED_FOR
            since = before.at if before is not None and is_step else reading.at
        before = reading
        if after is not None and reading.at <= after:
            continue
        if is_raised and judged is Judgement.GOOD:
            is_raised = False
            yield reading, Event.CLEARED
        elif is_raised and judged is not Judgement.NOT_COUNTED:
            yield reading, Event.UPDATED
        elif (
            not is_raised
            and since is not None
            and reading.at - since >= timedelta(seconds=rule.for_s)
        ):
            is_raised = True
            yield reading, Event.RAISED


def looks_back_to(rule: SensorRule, at: datetime) -> datetime:
    """Return from when on readings count for one at this time, with the last one before."""
    return at - timedelta(seconds=rule.for_s)


def judge(rule: SensorRule, reading: Reading, before: Reading | None, zone: ZoneInfo) -> Judgement:
    """Return what a rule makes of a reading, by itself or (unchanged) after the one before it."""
    if rule.comparison == Comparison.UNCHANGED_FOR:
        if before is None:
            return Judgement.BETWEEN
        is_same = abs(reading.value - before.value) <= rule.margin
        return Judgement.BAD if is_same else Judgement.GOOD
    if not _in_window(rule, reading.at, zone):
        return Judgement.NOT_COUNTED
    if rule.zone_code is not None and rule.zone_code not in reading.zones:
        return Judgement.GOOD
    excess = excess_of(rule, reading.value)
    if excess > 0:
        return Judgement.BAD
    return Judgement.GOOD if excess <= -rule.margin else Judgement.BETWEEN


def excess_of(rule: SensorRule, value: float) -> float:
    """Return how far a value is beyond the bounds of a rule; inside them it is negative or 0."""
    above = [value - rule.high] if rule.high is not None else []
    below = [rule.low - value] if rule.low is not None else []
    return max(above + below, default=0.0)


def worse(rule: SensorRule, one: float, other: float) -> float:
    """Return the value that is farther beyond the bounds of a rule; without bounds the second."""
    return one if excess_of(rule, one) > excess_of(rule, other) else other


def _in_window(rule: SensorRule, at: datetime, zone: ZoneInfo) -> bool:
    if rule.window_from is None or rule.window_to is None:
        return True
    clock = at.astimezone(zone).time()
    if rule.window_from <= rule.window_to:
        return rule.window_from <= clock < rule.window_to
    return clock >= rule.window_from or clock < rule.window_to
