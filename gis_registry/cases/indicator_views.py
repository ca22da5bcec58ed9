"""What is asked of the indicators: from when to when, of which cases, and by what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from gis_registry.cases.indicator_tables import OF_CITY, Period, Scope
from gis_registry.errors import InvalidInput


class Grouping(StrEnum):
    """By what indicators are asked."""

    UNIT = "unit"
    CLASS = "class"
    DIVISION = "division"
    SUBDISTRICT = "subdistrict"
    MATTER = "matter"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_SCOPES = {
    Grouping.UNIT: Scope.UNIT,
    Grouping.CLASS: Scope.CLASS,
    Grouping.MATTER: Scope.MATTER,
    Grouping.SUBDISTRICT: Scope.SUBDISTRICT,
}
_IN_CITY = {part: whole for whole, part in OF_CITY.items()}
_DAY = timedelta(days=1)


class Span(NamedTuple):
    """Whole days, months or years: the first days of the first and the last of them."""

    period: Period
    first: date
    last: date

    @property
    def end(self) -> date:
        """The last day of the last of them."""
        return end_of(self.period, self.last)


@dataclass(frozen=True)
class View:
    """What is asked: days of the city from first to last, and which cases.

    Attributes:
        zone: the city's.
        first: the first day.
        last: the last day; no later than ``today``.
        today: what day it is.
        by: what the answer is divided by.
        division_code: only of this district, six digits.
        items: only of these units, classes, matters, subdistricts, each as the totals name them.
    """

    zone: ZoneInfo
    first: date
    last: date
    today: date
    by: Grouping | None = None
    division_code: str | None = None
    items: tuple[tuple[Scope, tuple[str, ...]], ...] = ()

    @property
    def scope(self) -> Scope | None:
        """The scope whose totals answer it; None: cases must be counted."""
        wanted = {scope for scope, _ in self.items}
        if self.by in _SCOPES:
            wanted.add(_SCOPES[self.by])
        if len(wanted) > 1:
            return None
        found = wanted.pop() if wanted else Scope.ALL
        if self.division_code is None and self.by is not Grouping.DIVISION:
            return _IN_CITY.get(found, found)
        return found

    @property
    def by_scope(self) -> Scope | None:
        """The scope by whose items the answer is divided."""
        return _SCOPES.get(self.by) if self.by else None

    def moments(self) -> tuple[datetime, datetime]:
        """Return when the first day begins, and when the last one has ended."""
        first, after = (
            datetime.combine(day, time(), tzinfo=self.zone)
            for day in (self.first, self.last + _DAY)
        )
        return first, after

    def count_spans(self) -> list[Span]:
        """Return the totals of measures whose sum answers it."""
        wanted = [] if self.by in (Grouping.DAY, Grouping.WEEK) else [Period.MONTH]
        return list(spans(self.first, self.last, [*wanted, Period.DAY]))

    def time_spans(self) -> list[Span]:
        """Return the totals of times whose sum answers it.

        Nothing took until a day that has not come: so today may end a month and a year.
        """
        is_by_days = self.by in (Grouping.DAY, Grouping.WEEK)
        wanted = [] if is_by_days else [Period.MONTH]
        if not is_by_days and self.by is not Grouping.MONTH:
            wanted = [Period.YEAR, Period.MONTH]
        last = self.last
        if last == self.today and wanted:
            last = end_of(wanted[0], _begin(wanted[0], last))
        return list(spans(self.first, last, [*wanted, Period.DAY]))


def days_of_month(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month such as ``2026-06``.

    Raises:
        InvalidInput: it is none.
    """
    try:
        first = date.fromisoformat(f"{month}-01")
        return first, end_of(Period.MONTH, first)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{month!r} is no month such as 2026-06.") from error


def spans(first: date, last: date, periods: Sequence[Period]) -> Iterator[Span]:
    """Split days into whole periods: as long ones as there are.

    Args:
        first: the first day.
        last: the last day.
        periods: what may be used, the longest first; the last one is the day.
    """
    if first > last:
        return
    period, *shorter = periods
    begin = _begin(period, first)
    if begin < first:
        begin = end_of(period, begin) + _DAY
    end = _begin(period, last + _DAY) - _DAY
    if begin > end:
        yield from spans(first, last, shorter)
        return
    yield from spans(first, begin - _DAY, shorter)
    yield Span(period, begin, _begin(period, end))
    yield from spans(end + _DAY, last, shorter)


def _begin(period: Period, day: date) -> date:
    match period:
        case Period.YEAR:
            return day.replace(month=1, day=1)
        case Period.MONTH:
            return day.replace(day=1)
    return day


def end_of(period: Period, begin: date) -> date:
    """Return the last day of a month or a year that begins on a day."""
    match period:
        case Period.YEAR:
            return begin.replace(month=12, day=31)
        case Period.MONTH:
            return (begin.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    return begin
