"""What a case adds to the indicators: measures of where it stands, each on a day of the city.

Each measure is a condition on a row of :class:`gis_registry.cases.tables.CaseProgress`. It is
looked at here, when a case changes, and in the database, when all cases are counted again; both
read these tables.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from gis_registry.cases.progress import Progress
from gis_registry.cases.tables import CaseState


class Test(StrEnum):
    """How a field of a case is looked at."""

    HOLDS = "holds"
    FAILS = "fails"
    KNOWN = "known"
    EQUALS = "equals"
    DIFFERS = "differs"


class Condition(NamedTuple):
    """Something that is so of a case or not; it holds where it is true, over zero, or a moment."""

    field: str
    test: Test
    value: str | None = None


def holds(field: str) -> Condition:
    """Return that a field is true, over zero, or a moment."""
    return Condition(field, Test.HOLDS)


def fails(field: str) -> Condition:
    """Return that a field is not true, zero, or empty."""
    return Condition(field, Test.FAILS)


def known(field: str) -> Condition:
    """Return that a field is not empty."""
    return Condition(field, Test.KNOWN)


@dataclass(frozen=True)
class Measure:
    """So many cases, on the day of the moment ``at``, of which the conditions hold."""

    key: str
    at: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Duration:
    """How long it took from one moment to another, counted on the day of the moment ``at``."""

    key: str
    begins: str
    ends: str
    at: str
    conditions: tuple[Condition, ...] = ()

    @property
    def seconds_key(self) -> str:
        """The measure that holds the sum of the seconds; ``key`` is that of the cases."""
        return f"{self.key}_s"


_CLOSED = Condition("state", Test.EQUALS, CaseState.CLOSED)
_VALID = Condition("state", Test.DIFFERS, CaseState.NOT_ACCEPTED)
_NOT_ACCEPTED = Condition("state", Test.EQUALS, CaseState.NOT_ACCEPTED)
_DRONE = Condition("channel", Test.EQUALS, "drone")

_MEASURES: Mapping[str, Mapping[str, tuple[Condition, ...]]] = {
    "reported_at": {
        "reported": (),
        "reported_valid": (_VALID,),
        "reported_not_accepted": (_NOT_ACCEPTED,),
        "reported_filed": (_VALID, holds("filed_at")),
        "reported_open": (holds("is_open"),),
        "reported_appealed": (holds("appealed"),),
        "reported_upheld": (holds("appealed"), holds("upheld")),
        "reported_by_drone": (_DRONE,),
    },
    "checked_at": {
        "checked_timed": (known("is_checked_on_time"),),
        "checked_on_time": (holds("is_checked_on_time"),),
    },
    "filed_at": {
        "filed": (),
        "filed_right": (fails("is_misfiled"),),
        "filed_timed": (known("is_filed_on_time"),),
        "filed_on_time": (holds("is_filed_on_time"),),
        "filed_urged": (holds("urged"),),
    },
    "first_dispatched_at": {
        "dispatched": (),
        "dispatched_right": (fails("redirected"),),
        "dispatched_returned": (holds("returned"),),
        "dispatched_timed": (known("is_dispatched_on_time"),),
        "dispatched_on_time": (holds("is_dispatched_on_time"),),
    },
    "handling_due_at": {
        "due": (),
        "due_handled": (holds("handled_at"),),
        "due_handled_on_time": (holds("handled_at"), holds("is_handled_on_time")),
        "due_overdue": (fails("handled_at"), holds("overdue_at")),
        "due_closed": (_CLOSED,),
        "due_closed_on_time": (_CLOSED, holds("is_handled_on_time")),
        "due_closed_late": (_CLOSED, fails("is_handled_on_time")),
        "due_sent_back": (holds("sent_back"),),
        "due_extended": (holds("extended"),),
    },
    "handled_at": {"handled": ()},
    "verified_at": {
        "verified_timed": (known("is_verified_on_time"),),
        "verified_on_time": (holds("is_verified_on_time"),),
    },
    "ended_at": {"closed": (_CLOSED,)},
}
MEASURES = tuple(
    Measure(key, at, conditions)
    for at, measures in _MEASURES.items()
    for key, conditions in measures.items()
)

DURATIONS = (
    Duration("report_to_file", "reported_at", "filed_at", "filed_at"),
    Duration("file_to_dispatch", "filed_at", "first_dispatched_at", "first_dispatched_at"),
    Duration("dispatch_to_handle", "dispatched_at", "handled_at", "handled_at"),
    Duration("report_to_close", "reported_at", "ended_at", "ended_at", (_CLOSED,)),
    Duration(
        "report_to_dispatch_by_drone", "reported_at", "first_dispatched_at", "reported_at",
        (_DRONE,),
    ),
)  # fmt: skip

#: The columns of the totals: how many cases, and how many seconds.
COUNTED = (
    *(one.key for one in MEASURES),
    *(key for one in DURATIONS for key in (one.key, one.seconds_key)),
)

_EXACT_MINUTES = 60
_LONGEST_MINUTES = 400 * 24 * 60


def _upper_bounds() -> tuple[int, ...]:
    """Return where the buckets end, in seconds: each minute of an hour, then at most 2 % apart."""
    minutes = list(range(1, _EXACT_MINUTES + 1))
    while minutes[-1] < _LONGEST_MINUTES:
        minutes.append(max(minutes[-1] + 1, minutes[-1] * 102 // 100))
    return tuple(60 * one for one in minutes)


#: The longest time of each bucket, in seconds; what took longer is in one more, without end.
UPPER_S = _upper_bounds()


def bucket_of(seconds: int) -> int:
    """Return the bucket of a time."""
    return bisect_left(UPPER_S, seconds)


class Contribution(NamedTuple):
    """What something is added to: of a measure, or of a bucket of a duration's times."""

    division_code: str
    at: datetime
    unit_code: str | None
    class_id: int | None
    matter_type_id: int | None
    subdistrict_code: str | None
    key: str
    bucket: int | None = None


def contributions(progress: Progress) -> Counter[Contribution]:
    """Return what a case adds to the indicators as it stands."""
    found: Counter[Contribution] = Counter()

    def add(at: datetime, key: str, count: int, bucket: int | None = None) -> None:
        added = Contribution(
            progress.division_code, at, progress.unit_code, progress.class_id,
            progress.matter_type_id, progress.subdistrict_code, key, bucket,
        )  # fmt: skip
        found[added] += count

    for measure in MEASURES:
        at = getattr(progress, measure.at)
        if at is not None and _all_hold(progress, measure.conditions):
            add(at, measure.key, 1)
    for one in DURATIONS:
        at, begun, ended = (getattr(progress, name) for name in (one.at, one.begins, one.ends))
        if at is None or begun is None or ended is None:
            continue
        if _all_hold(progress, one.conditions):
            seconds = max(0, -((begun - ended) // timedelta(seconds=1)))
            add(at, one.key, 1)
            add(at, one.seconds_key, seconds)
            add(at, one.key, 1, bucket_of(seconds))
    return found


def _all_hold(progress: Progress, conditions: tuple[Condition, ...]) -> bool:
    return all(_is_so(getattr(progress, one.field), one) for one in conditions)


def _is_so(value: object, condition: Condition) -> bool:
    match condition.test:
        case Test.HOLDS:
            return bool(value)
        case Test.FAILS:
            return not value
        case Test.KNOWN:
            return value is not None
        case Test.EQUALS:
            return bool(value == condition.value)
        case Test.DIFFERS:
            return bool(value != condition.value)
