"""How instants and intervals of a filter lie to one another, as the Time Ontology in OWL says.

Intervals include both ends. A date is its whole day in UTC where it meets a time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Text, and_, cast, false, literal, not_, or_

from gis_registry.errors import InvalidInput
from gis_registry.maps.filter_values import (
    Condition,
    Operand,
    compare,
    first_moment,
    last_moment,
)
from gis_registry.maps.queryables import PropertyType


@dataclass(frozen=True)
class Interval:
    """A time from one instant to another; None: without a beginning, or without an end."""

    start: Operand | None
    end: Operand | None

    def __post_init__(self) -> None:
        """Refuse an interval that ends before it begins."""
        if self.start is None or self.end is None:
            return
        first, last = self.start.value, self.end.value
        if first is None or last is None:
            return
        if isinstance(first, datetime) is not isinstance(last, datetime):
            first, last = str(first)[:10], str(last)[:10]
        if first > last:  # type: ignore[operator] # both of one type
            raise InvalidInput(
                f"An interval of the filter ends before it begins: {self.start.told} to "
                f"{self.end.told}."
            )


@dataclass(frozen=True)
class _Span:
    """From when to when, as SQL of one type."""

    start: ColumnElement[Any]
    end: ColumnElement[Any]


_Relation = Callable[[_Span, _Span], Condition]

_BEFORE: _Relation = lambda a, b: a.end < b.start  # noqa: E731 - they read as one table
_AFTER: _Relation = lambda a, b: a.start > b.end  # noqa: E731

_OF_ALL: dict[str, _Relation] = {
    "t_after": _AFTER,
    "t_before": _BEFORE,
    "t_disjoint": lambda a, b: or_(_BEFORE(a, b), _AFTER(a, b)),
    "t_equals": lambda a, b: and_(a.start == b.start, a.end == b.end),
    "t_intersects": lambda a, b: not_(or_(_BEFORE(a, b), _AFTER(a, b))),
}
_OF_INTERVALS: dict[str, _Relation] = {
    "t_contains": lambda a, b: and_(a.start < b.start, a.end > b.end),
    "t_during": lambda a, b: and_(a.start > b.start, a.end < b.end),
    "t_finishedby": lambda a, b: and_(a.start < b.start, a.end == b.end),
    "t_finishes": lambda a, b: and_(a.start > b.start, a.end == b.end),
    "t_meets": lambda a, b: a.end == b.start,
    "t_metby": lambda a, b: a.start == b.end,
    "t_overlappedby": lambda a, b: and_(a.start > b.start, a.start < b.end, a.end > b.end),
    "t_overlaps": lambda a, b: and_(a.start < b.start, a.end > b.start, a.end < b.end),
    "t_startedby": lambda a, b: and_(a.start == b.start, a.end > b.end),
    "t_starts": lambda a, b: and_(a.start == b.start, a.end < b.end),
}
_OF_INSTANTS = {
    "t_after": ">",
    "t_before": "<",
    "t_disjoint": "<>",
    "t_equals": "=",
    "t_intersects": "=",
}
TEMPORAL_FUNCTIONS = (*_OF_ALL, *_OF_INTERVALS)


def relate(name: str, left: Operand | Interval, right: Operand | Interval) -> Condition:
    """Return whether two instants or intervals lie to one another as a function says."""
    if isinstance(left, Operand) and isinstance(right, Operand) and name in _OF_INSTANTS:
        return compare(_OF_INSTANTS[name], left, right)
    if name in _OF_INTERVALS and not (isinstance(left, Interval) and isinstance(right, Interval)):
        raise InvalidInput(
            f"{name.upper()} relates two intervals, and one of these is an instant; write "
            "INTERVAL(…, …) or use T_AFTER, T_BEFORE, T_DISJOINT, T_EQUALS or T_INTERSECTS."
        )
    are_dates = all(
        bound is None or bound.type is PropertyType.DATE
        for one in (left, right)
        for bound in _bounds(one)
    )
    relation = _OF_ALL.get(name) or _OF_INTERVALS[name]
    return relation(_span(left, are_dates=are_dates), _span(right, are_dates=are_dates))


def is_unknown(interval: Interval) -> Condition:
    """Return whether an interval lacks an end that it should have."""
    return or_(false(), *(bound.sql.is_(None) for bound in _bounds(interval) if bound is not None))


def _bounds(one: Operand | Interval) -> tuple[Operand | None, Operand | None]:
    return (one, one) if isinstance(one, Operand) else (one.start, one.end)


def _span(one: Operand | Interval, *, are_dates: bool) -> _Span:
    start, end = _bounds(one)
    kind = Date() if are_dates else DateTime(timezone=True)
    ends = [cast(literal(word, Text()), kind) for word in ("-infinity", "infinity")]
    if are_dates:
        return _Span(ends[0] if start is None else start.sql, ends[1] if end is None else end.sql)
    return _Span(
        ends[0] if start is None else first_moment(start),
        ends[1] if end is None else last_moment(end),
    )
