"""The city's working time: which minutes of which days are worked, and why the others are not.

A moment is working time when the city's clock then shows one of the day's working hours. So an hour
that the clock skips in spring is not worked, and one that it shows twice in autumn is worked twice.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.orm import Session

from gis_registry.db import reference
from gis_registry.errors import DatabaseUnsuitable, InvalidInput, NotFound
from gis_registry.places import calendar_queries as queries

#: Hours that have no other day to begin on hold from here on.
EARLIEST = date(1900, 1, 1)
_LAST_DAY = date(9990, 1, 1).toordinal()
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_DAY_MINUTES = 1440

Span = tuple[datetime, datetime]


class DayKind(StrEnum):
    """What kind of day it is."""

    WORKING = "working"
    MAKE_UP = "make_up"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class SpecialDayKind(StrEnum):
    """How a day is an exception from the week; ``regular``: it is none any more."""

    HOLIDAY = "holiday"
    WORKING = "working"
    REGULAR = "regular"


class WorkingHours(BaseModel):
    """The working hours of some weekdays, from a date on and in a season of each year.

    Those with the same date and season belong together: weekdays that none of them names are days
    off. A season lasts until the next one of the same date begins; the last goes on over New Year.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_from: date = Field(default=EARLIEST, description="First day on which they hold")
    season_from: str = Field(default="01-01", description="MM-DD on which it begins each year")
    weekdays: tuple[int, ...] = Field(min_length=1, description="1 Monday to 7 Sunday")
    hours: tuple[str, ...] = Field(min_length=1, description="Such as 08:00-12:00, in order")

    @field_validator("season_from")
    @classmethod
    def _day_of_every_year(cls, text: str) -> str:
        try:
            day = date.fromisoformat(f"2025-{text}")
        except ValueError as error:
            raise ValueError(f"{text!r} is no day of every year such as 06-01") from error
        return f"{day:%m-%d}"

    @field_validator("weekdays")
    @classmethod
    def _known_weekdays(cls, weekdays: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(weekdays)) < len(weekdays) or not set(weekdays) <= set(range(1, 8)):
            raise ValueError("name each weekday once, from 1 (Monday) to 7 (Sunday)")
        return weekdays

    @field_validator("hours")
    @classmethod
    def _hours_in_order(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        bounds = [minute for text in hours for minute in _minutes(text)]
        if any(later < earlier for earlier, later in pairwise(bounds)):
            raise ValueError("the hours overlap or are not in order")
        return hours

    @property
    def minutes(self) -> tuple[tuple[int, int], ...]:
        """The hours as minutes after midnight."""
        return tuple(_minutes(text) for text in self.hours)


def _minutes(text: str) -> tuple[int, int]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no working time such as 08:00-12:00")
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    if not begin < end <= _DAY_MINUTES:
        raise ValueError(
            f"{text!r} does not end after it begins on the same day; write a night as two, "
            "22:00-24:00 and 00:00-06:00"
        )
    return begin, end


@dataclass(frozen=True)
class SpecialDay:
    """A day that is an exception from the week: a holiday, or worked to make up for one."""

    on_date: date
    kind: SpecialDayKind
    name_zh: str = ""
    name_en: str = ""


@dataclass(frozen=True)
class Day:
    """A day of the city: what it is, and its working hours as minutes after midnight."""

    on_date: date
    kind: DayKind
    name_zh: str
    name_en: str
    minutes: tuple[tuple[int, int], ...]
    is_published: bool

    @property
    def note_zh(self) -> str:
        """What is not sure about the day, in Chinese; empty: nothing."""
        return "" if self.is_published else f"{self.on_date.year}年节假日尚未公布"

    @property
    def note_en(self) -> str:
        """What is not sure about the day, in English; empty: nothing."""
        return "" if self.is_published else f"holidays of {self.on_date.year} not published yet"


@dataclass(frozen=True)
class Stretch:
    """A time that is working time as a whole, or is not for one reason as a whole."""

    began_at: datetime
    ended_at: datetime
    is_working: bool
    reason_zh: str
    reason_en: str


@dataclass(frozen=True)
class _Season:
    """The week of a season: hours by weekday (0 Monday); those of make-up days otherwise off."""

    begins: str
    by_weekday: dict[int, tuple[tuple[int, int], ...]]
    standard: tuple[tuple[int, int], ...]


class WorkingTime:
    """Working time by the city's clock; what it gives are moments in UTC."""

    def __init__(
        self,
        zone: ZoneInfo,
        hours: Sequence[WorkingHours],
        days: Iterable[SpecialDay] = (),
        *,
        version: int = 0,
    ) -> None:
        """Make working time from plain data.

        Args:
            zone: the city's time zone.
            hours: the weeks; before the first date that one holds from, that one holds.
            days: the exceptions; a year without any counts as not published.
            version: the number under which this is kept.

        Raises:
            InvalidInput: there are no hours, or two for one weekday of a season.
        """
        self.zone = zone
        self.version = version
        self._weeks = _weeks(hours)
        self._starts = [valid_from for valid_from, _ in self._weeks]
        self._exceptions = {one.on_date: one for one in days if one.kind is not _REGULAR}
        self._published = {one.year for one in self._exceptions}
        self._stretches_by_day: dict[int, tuple[Stretch, ...]] = {}
        self._spans_by_day: dict[int, tuple[Span, ...]] = {}

    def day(self, on_date: date) -> Day:
        """Return what a day of the city is."""
        season = self._season(on_date)
        minutes = season.by_weekday.get(on_date.weekday(), ())
        exception = self._exceptions.get(on_date)
        if exception is None:
            kind = DayKind.WORKING if minutes else DayKind.WEEKEND
        elif exception.kind is SpecialDayKind.HOLIDAY:
            kind, minutes = DayKind.HOLIDAY, ()
        else:
            kind, minutes = DayKind.MAKE_UP, minutes or season.standard
        return Day(
            on_date=on_date,
            kind=kind,
            name_zh=exception.name_zh if exception else "",
            name_en=(exception.name_en or exception.name_zh) if exception else "",
            minutes=minutes,
            is_published=on_date.year in self._published,
        )

    def standard_day(self, moment: datetime) -> timedelta:
        """Return how much working time a standard working day has, by the season of a moment.

        It is that of the first weekday of the week that is worked, usually Monday.
        """
        season = self._season(moment.astimezone(self.zone).date())
        return timedelta(minutes=sum(end - begin for begin, end in season.standard))

    def spans(self, began_at: datetime) -> Iterator[Span]:
        """Return the spans of working time after a moment, in order and without an end.

        Raises:
            InvalidInput: they go on into the year 9990.
        """
        today = began_at.astimezone(UTC).toordinal()
        for begin, end in self._spans(today):
            if end > began_at:
                yield max(begin, began_at), end
        for ordinal in range(today + 1, _LAST_DAY):
            yield from self._spans(ordinal)
        raise InvalidInput("Working time is not known beyond the year 9989.")

    def stretches(self, began_at: datetime, ended_at: datetime) -> Iterator[Stretch]:
        """Return what the time between two moments consists of, without gaps, in order."""
        last: Stretch | None = None
        first_day, last_day = (one.astimezone(UTC).toordinal() for one in (began_at, ended_at))
        for ordinal in range(first_day, last_day + 1):
            for one in self._stretches(ordinal):
                begin, end = max(one.began_at, began_at), min(one.ended_at, ended_at)
                if begin >= end:
                    continue
                reasons = (one.is_working, one.reason_zh, one.reason_en)
                if last and (last.is_working, last.reason_zh, last.reason_en) == reasons:
                    begin = last.began_at
                elif last:
                    yield last
                last = Stretch(begin, end, *reasons)
        if last:
            yield last

    def _season(self, on_date: date) -> _Season:
        at = max(bisect_right(self._starts, on_date) - 1, 0)
        seasons, today = self._weeks[at][1], f"{on_date:%m-%d}"
        begun = [one for one in seasons if one.begins <= today]
        return (begun or seasons)[-1]

    def _spans(self, ordinal: int) -> tuple[Span, ...]:
        spans = self._spans_by_day.get(ordinal)
        if spans is None:
            stretches = self._stretches(ordinal)
            spans = tuple((one.began_at, one.ended_at) for one in stretches if one.is_working)
            self._spans_by_day[ordinal] = spans
        return spans

    def _stretches(self, ordinal: int) -> tuple[Stretch, ...]:
        """Return the stretches of a day of UTC, whose number is its ordinal."""
        stretches = self._stretches_by_day.get(ordinal)
        if stretches is None:
            stretches = tuple(self._cut(ordinal))
            self._stretches_by_day[ordinal] = stretches
        return stretches

    def _cut(self, ordinal: int) -> Iterator[Stretch]:
        midnight = datetime.combine(date.fromordinal(ordinal), time(), UTC)
        for begin, end, offset in _offsets(self.zone, midnight, midnight + timedelta(days=1)):
            # What the city's clock shows, as if it were UTC: without jumps between these two.
            shown_begin, shown_end = begin + offset, end + offset
            for number in range(shown_begin.toordinal(), shown_end.toordinal() + 1):
                on_date = date.fromordinal(number)
                for since, until, is_working, zh, en in _parts(self.day(on_date)):
                    start = datetime.combine(on_date, time(), UTC)
                    since_shown = max(start + timedelta(minutes=since), shown_begin)
                    until_shown = min(start + timedelta(minutes=until), shown_end)
                    if since_shown < until_shown:
                        yield Stretch(
                            since_shown - offset, until_shown - offset, is_working, zh, en
                        )


_REGULAR = SpecialDayKind.REGULAR

#: The working week of the standard, for a city that says nothing else.
STANDARD_WEEK = WorkingHours(weekdays=(1, 2, 3, 4, 5), hours=("08:00-12:00", "14:00-18:00"))

_kept: dict[tuple[int, datetime], WorkingTime] = {}
_MOST_KEPT = 16


def working_time(
    session: Session, *, version: int | None = None, as_of: datetime | None = None
) -> WorkingTime:
    """Return the city's working time: the newest, or an earlier one as it was.

    What is stored with a deadline is the ``version``, by which it can be computed again for ever.
    A version never changes once it is there, so each process keeps the last few; which one is the
    newest is read in the caller's transaction every time.

    Args:
        session: open transaction.
        version: the one of this number.
        as_of: the one that was the newest at this moment; before all of them, the first.

    Raises:
        NotFound: there is no such version.
        DatabaseUnsuitable: no calendar is loaded.
    """
    known = reference.kept(session, "calendar", version, as_of)
    if not known:
        known["key"] = queries.version_key(session, version=version, as_of=as_of)
    key: tuple[int, datetime] | None = known["key"]
    if key is None and version is not None:
        raise NotFound(f"There is no version {version} of the calendar.")
    if key is None:
        raise DatabaseUnsuitable(
            "No working time is loaded yet: run `gis-registry places calendar load`."
        )
    if key not in _kept:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = _read(session, key[0])
    return _kept[key]


def _read(session: Session, version: int) -> WorkingTime:
    row = queries.version(session, version)
    return WorkingTime(
        ZoneInfo(row.time_zone),
        [WorkingHours.model_validate(one) for one in row.hours],
        [
            SpecialDay(one.on_date, SpecialDayKind(one.kind), one.name_zh, one.name_en)
            for one in queries.days(session, version)
        ],
        version=version,
    )


def _weeks(hours: Sequence[WorkingHours]) -> list[tuple[date, list[_Season]]]:
    """Return the seasons by the date that they hold from, both in order."""
    if not hours:
        raise InvalidInput("Working time needs working hours of at least one weekday.")
    found: dict[date, dict[str, dict[int, tuple[tuple[int, int], ...]]]] = {}
    for one in hours:
        week = found.setdefault(one.valid_from, {}).setdefault(one.season_from, {})
        for weekday in one.weekdays:
            if weekday - 1 in week:
                raise InvalidInput(
                    f"There are two working hours for weekday {weekday} from {one.valid_from} in "
                    f"the season from {one.season_from}."
                )
            week[weekday - 1] = one.minutes
    return [
        (valid_from, [_Season(begins, w, w[min(w)]) for begins, w in sorted(seasons.items())])
        for valid_from, seasons in sorted(found.items())
    ]


def _offsets(
    zone: ZoneInfo, began_at: datetime, ended_at: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut a time where the zone's offset changes; return the parts with their offsets."""

    def offset(moment: datetime) -> timedelta:
        return moment.astimezone(zone).utcoffset() or timedelta(0)

    begin, present = began_at, offset(began_at)
    moment = began_at
    while moment < ended_at:
        following = min(moment + timedelta(hours=1), ended_at)
        if offset(following) != present:
            before, after = 0, int((following - moment).total_seconds())
            while after - before > 1:
                middle = (before + after) // 2
                if offset(moment + timedelta(seconds=middle)) == present:
                    before = middle
                else:
                    after = middle
            change = moment + timedelta(seconds=after)
            if begin < change:
                yield begin, change, present
            begin, present = change, offset(change)
        moment = following
    if begin < ended_at:
        yield begin, ended_at, present


def _parts(day: Day) -> Iterator[tuple[int, int, bool, str, str]]:
    """Cut a day into its hours and what is between: minutes, whether it is worked, and why."""
    note_zh, note_en = day.note_zh, day.note_en
    if day.kind is DayKind.HOLIDAY:
        zh = f"节假日：{day.name_zh}" if day.name_zh else "节假日"
        en = f"holiday: {day.name_en}" if day.name_en else "holiday"
        yield 0, _DAY_MINUTES, False, zh, en
        return
    if day.kind is DayKind.WEEKEND:
        yield 0, _DAY_MINUTES, False, _noted_zh("周末", note_zh), _noted_en("weekend", note_en)
        return
    if day.kind is DayKind.MAKE_UP:
        note_zh = f"{day.name_zh}调休上班"
        note_en = ", ".join(filter(None, ["make-up working day", day.name_en]))
    zh, en = _noted_zh("工作时间", note_zh), _noted_en("working time", note_en)
    last = 0
    for begin, end in day.minutes:
        if last < begin:
            yield last, begin, False, *(("休息", "break") if last else ("夜间", "night"))
        yield begin, end, True, zh, en
        last = end
    if last < _DAY_MINUTES:
        yield last, _DAY_MINUTES, False, "夜间", "night"


def _noted_zh(text: str, note: str) -> str:
    return f"{text}（{note}）" if note else text


def _noted_en(text: str, note: str) -> str:
    return f"{text} ({note})" if note else text
