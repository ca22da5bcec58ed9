"""Deadlines: against a walk minute by minute over made-up calendars, and by the Chinese one."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis_registry.cases.deadlines import (
    Extension,
    Limit,
    LimitUnit,
    Pause,
    counted,
    due_at,
    ledger,
    minute_by_minute,
)
from gis_registry.errors import InvalidInput
from gis_registry.places.calendar_sources import chinese_days
from gis_registry.places.working_time import (
    SpecialDay,
    SpecialDayKind,
    WorkingHours,
    WorkingTime,
)

MINUTE = timedelta(minutes=1)
HORIZON = 12 * 1440
SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEK = WorkingHours(weekdays=(1, 2, 3, 4, 5), hours=("08:00-12:00", "14:00-18:00"))
CHINA = WorkingTime(SHANGHAI, [WEEK], chinese_days())

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Plain:
    """A calendar as plain data, which the walk reads and the engine's one is made from."""

    zone: str
    weeks: dict[date, dict[str, dict[int, list[tuple[int, int]]]]]
    exceptions: dict[date, SpecialDayKind]

    known: dict[date, list[tuple[int, int]]] = field(default_factory=dict, compare=False)

    def is_working(self, moment: datetime) -> bool:
        """Look at the clock of the city and say whether it shows working time."""
        shown = moment.astimezone(ZoneInfo(self.zone))
        on_date, minute = shown.date(), shown.hour * 60 + shown.minute
        if on_date not in self.known:
            self.known[on_date] = self.hours(on_date)
        return any(begin <= minute < end for begin, end in self.known[on_date])

    def hours(self, on_date: date) -> list[tuple[int, int]]:
        """Return the working hours of a day in minutes after midnight."""
        past = [one for one in self.weeks if one <= on_date] or [min(self.weeks)]
        seasons = self.weeks[max(past)]
        begun = [one for one in seasons if one <= f"{on_date:%m-%d}"] or list(seasons)
        week = seasons[max(begun)]
        hours = week.get(on_date.isoweekday(), [])
        kind = self.exceptions.get(on_date)
        if kind is SpecialDayKind.HOLIDAY:
            return []
        if kind is SpecialDayKind.WORKING and not hours:
            return week[min(week)]
        return hours

    def working_time(self) -> WorkingTime:
        return WorkingTime(
            ZoneInfo(self.zone),
            [
                WorkingHours(
                    valid_from=valid_from,
                    season_from=season,
                    weekdays=(weekday,),
                    hours=tuple(f"{_clock(begin)}-{_clock(end)}" for begin, end in hours),
                )
                for valid_from, seasons in self.weeks.items()
                for season, week in seasons.items()
                for weekday, hours in week.items()
            ],
            [SpecialDay(on_date, kind, "节", "day") for on_date, kind in self.exceptions.items()],
        )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_hours = st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(
    lambda bounds: list(
        zip(sorted(bounds)[: len(bounds) // 2 * 2 : 2], sorted(bounds)[1::2], strict=True)
    )
)
_week = st.dictionaries(st.integers(1, 7), _hours, min_size=1, max_size=7)
#: Days on which clocks change: in New York, on Lord Howe Island (by half an hour), and none.
_days = st.sampled_from([date(2026, 3, 4), date(2026, 3, 31), date(2026, 10, 28)]).flatmap(
    lambda first: st.integers(0, 14).map(lambda n: first + timedelta(days=n))
)
_calendars = st.builds(
    Plain,
    zone=st.sampled_from(["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
    weeks=st.dictionaries(
        st.sampled_from([date(2020, 1, 1), date(2026, 3, 10), date(2026, 11, 2)]),
        st.dictionaries(st.sampled_from(["01-01", "04-05", "11-05"]), _week, min_size=1),
        min_size=1,
    ),
    exceptions=st.dictionaries(
        _days, st.sampled_from([SpecialDayKind.HOLIDAY, SpecialDayKind.WORKING]), max_size=12
    ),
)
_starts = st.builds(
    lambda day, minute: datetime.combine(day, datetime.min.time(), UTC) + minute * MINUTE,
    _days,
    st.integers(0, 1439),
)
_minutes = st.one_of(st.integers(0, 90), st.integers(0, 3000))
_units = st.sampled_from(
    [LimitUnit.URGENT_HOUR, LimitUnit.WORKING_HOUR, LimitUnit.CALENDAR_DAY, LimitUnit.WORKING_DAY]
)
_spans = st.tuples(
    st.integers(-2000, 9000), st.one_of(st.integers(0, 3000), st.integers(0, 3000), st.none())
)


@dataclass(frozen=True)
class Problem:
    """A made-up case; limits and extensions in minutes, pauses by the minute after the start."""

    calendar: Plain
    started_at: datetime
    times: list[tuple[int, LimitUnit]]
    spans: list[tuple[int, int | None]]

    @property
    def working_time(self) -> WorkingTime:
        return self.calendar.working_time()

    def limit(self, number: int) -> Limit:
        minutes, unit = self.times[number]
        if unit is LimitUnit.CALENDAR_DAY:
            return Limit(minutes / 1440, unit)
        if unit is LimitUnit.WORKING_DAY:
            day = self.working_time.standard_day(self.started_at)
            return Limit(minutes * MINUTE / day, unit)
        return Limit(minutes / 60, unit)

    @property
    def pauses(self) -> list[Pause]:
        return [
            Pause(
                self.started_at + begin * MINUTE,
                None if length is None else self.started_at + (begin + length) * MINUTE,
                "rain",
                "ann",
            )
            for begin, length in self.spans
        ]

    @property
    def extensions(self) -> list[Extension]:
        return [
            Extension(self.limit(n), self.started_at + n * MINUTE, "more", "bob")
            for n in range(1, len(self.times))
        ]

    def counts(self, moment: datetime, unit: LimitUnit) -> bool:
        """Say whether the minute after a moment counts."""
        after = (moment - self.started_at) // MINUTE
        if any(
            begin <= after and (length is None or after < begin + length)
            for begin, length in self.spans
        ):
            return False
        by_clock = unit in (LimitUnit.URGENT_HOUR, LimitUnit.CALENDAR_DAY)
        return by_clock or self.calendar.is_working(moment)

    def walk(self) -> Iterator[tuple[datetime, LimitUnit | None]]:
        """Walk minute by minute: each moment with the unit in which time counts; None: due."""
        moment, remaining = self.started_at, list(self.times)
        for _ in range(HORIZON):
            while remaining and remaining[0][0] == 0:
                del remaining[0]
            yield moment, remaining[0][1] if remaining else None
            if not remaining:
                return
            minutes, unit = remaining[0]
            if self.counts(moment, unit):
                remaining[0] = (minutes - 1, unit)
            moment += MINUTE

    def due(self) -> datetime | None:
        """Return where the walk ends, or None where it does not."""
        last, unit = list(self.walk())[-1]
        return last if unit is None else None


_problems = st.builds(
    Problem,
    calendar=_calendars,
    started_at=_starts,
    times=st.lists(st.tuples(_minutes, _units), min_size=1, max_size=3),
    spans=st.lists(_spans, max_size=4),
)


def _solve(problem: Problem) -> datetime | None:
    return due_at(
        problem.started_at,
        problem.limit(0),
        problem.working_time,
        pauses=problem.pauses,
        extensions=problem.extensions,
    )


def _near(one: datetime | None, other: datetime | None) -> bool:
    """Compare to the few microseconds that fractions of days and hours are rounded by."""
    return one is not None and other is not None and abs(one - other) < timedelta(milliseconds=1)


@quick
@given(_problems)
def test_a_deadline_is_where_a_walk_minute_by_minute_ends(problem: Problem) -> None:
    walked, due = problem.due(), _solve(problem)
    horizon = problem.started_at + HORIZON * MINUTE
    if walked is None:
        assert due is None or due > horizon - MINUTE
        if due is None:
            assert any(length is None for _, length in problem.spans)
    else:
        assert _near(due, walked)


@quick
@given(_problems, st.integers(0, 8000))
def test_what_counts_between_two_moments_is_what_a_walk_counts(
    problem: Problem, minutes: int
) -> None:
    unit = problem.times[0][1]
    ended_at = problem.started_at + minutes * MINUTE
    walked = sum(problem.counts(problem.started_at + n * MINUTE, unit) for n in range(minutes))
    assert (
        counted(problem.started_at, ended_at, unit, problem.working_time, pauses=problem.pauses)
        == walked * MINUTE
    )


@quick
@given(_problems, st.integers(0, 6000))
def test_the_ledger_says_of_every_minute_what_a_walk_says(problem: Problem, minutes: int) -> None:
    until = problem.started_at + minutes * MINUTE
    entries = ledger(
        problem.started_at,
        problem.limit(0),
        problem.working_time,
        pauses=problem.pauses,
        extensions=problem.extensions,
        until=until,
    )
    long = [one for one in entries if one.began_at < one.ended_at]
    assert (long[0].began_at, long[-1].ended_at) == (problem.started_at, until) if minutes else True
    assert all(one.ended_at == other.began_at for one, other in pairwise(entries))
    lines = list(minute_by_minute(entries))
    assert all(one.ended_at - one.began_at <= MINUTE for one in lines)
    assert [(one.counted, one.left) for one in lines if one.ended_at == until][-1:] == [
        (one.counted, one.left) for one in entries
    ][-1:]
    total = timedelta(0)
    for one in lines:
        total += (one.ended_at - one.began_at) if one.is_counted else timedelta(0)
        assert one.counted == total
    told = {one.began_at: one.is_counted for one in lines if one.ended_at - one.began_at == MINUTE}
    for moment, unit in problem.walk():
        if unit is not None and moment in told:
            assert told[moment] == problem.counts(moment, unit)
    due = _solve(problem)
    if due is not None and problem.started_at + 2 * MINUTE < due <= until:
        at_due = [one.left for one in entries if one.ended_at == due]
        assert timedelta(0) in [round_(one) for one in at_due]


def round_(span: timedelta) -> timedelta:
    """Leave out what rounding fractions of days to microseconds leaves."""
    return timedelta(seconds=round(span.total_seconds(), 3))


@quick
@given(
    _problems,
    st.floats(0, 50),
    st.floats(0, 5),
    st.timedeltas(timedelta(0), timedelta(days=3)),
    _spans,
)
def test_deadlines_grow_with_limits_starts_and_pauses(
    problem: Problem, hours: float, more: float, later: timedelta, span: tuple[int, int | None]
) -> None:
    unit, working_time = problem.times[0][1], problem.working_time
    start = problem.started_at + timedelta(seconds=7, microseconds=11)
    pauses = [one for one in problem.pauses if one.ended_at is not None]
    added = Problem(problem.calendar, problem.started_at, problem.times, [(span[0], span[1] or 0)])

    def due(
        *, at: datetime = start, amount: float = hours, stops: list[Pause] = pauses
    ) -> datetime:
        found = due_at(at, Limit(amount, unit), working_time, pauses=stops)
        assert found is not None
        return found

    assert due() >= start
    assert due(amount=hours + more) >= due()
    assert due(stops=[*pauses, *added.pauses]) >= due()
    if unit is not LimitUnit.WORKING_DAY:  # its length is that of the season it begins in
        assert due(at=start + later) >= due()
        length = timedelta(days=hours) if unit is LimitUnit.CALENDAR_DAY else timedelta(hours=hours)
        assert counted(start, due(), unit, working_time, pauses=pauses) == length
        if length:
            before = due() - timedelta(microseconds=1)
            assert counted(start, before, unit, working_time, pauses=pauses) < length


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def hours(amount: float) -> Limit:
    return Limit(amount, LimitUnit.WORKING_HOUR)


def days(amount: float) -> Limit:
    return Limit(amount, LimitUnit.WORKING_DAY)


@pytest.mark.parametrize(
    ("started_at", "limit", "expected"),
    [
        ("2026-07-01T08:00", hours(4), "2026-07-01T12:00"),  # not 14:00: the earliest moment
        ("2026-07-01T08:00", hours(4.5), "2026-07-01T14:30"),
        ("2026-07-01T14:00", hours(4), "2026-07-01T18:00"),  # not 08:00 of the next day
        ("2026-07-01T12:30", hours(1), "2026-07-01T15:00"),
        ("2026-07-03T17:00", hours(2), "2026-07-06T09:00"),  # over a weekend
        ("2026-07-04T03:00", hours(0), "2026-07-04T03:00"),
        ("2026-07-04T03:00", Limit(0.5, LimitUnit.URGENT_HOUR), "2026-07-04T03:30"),
        ("2026-07-03T17:00", Limit(2, LimitUnit.CALENDAR_DAY), "2026-07-05T17:00"),
        ("2026-07-01T10:00", days(1), "2026-07-02T10:00"),
        ("2026-07-01T10:00", days(0.5), "2026-07-01T16:00"),
        # Spring Festival of 2026: off from 15 to 23 February, worked on Saturdays 14 and 28.
        ("2026-02-13T10:00", days(1), "2026-02-14T10:00"),
        ("2026-02-13T10:00", days(2), "2026-02-24T10:00"),
        ("2026-02-27T10:00", days(1), "2026-02-28T10:00"),
        # Of 2024: off from 10 to 17 February, worked on Sundays 4 and 18; 9 February was left to
        # employers.
        ("2024-02-02T10:00", days(1), "2024-02-04T10:00"),
        ("2024-02-09T10:00", days(1), "2024-02-18T10:00"),
        # National Day of 2025 with Mid-Autumn: off from 1 to 8 October; Sunday 28 September and
        # Saturday 11 October were worked.
        ("2025-09-26T10:00", days(1), "2025-09-28T10:00"),
        ("2025-09-30T10:00", days(1), "2025-10-09T10:00"),
        ("2025-10-10T10:00", days(1), "2025-10-11T10:00"),
        ("2025-09-30T17:00", Limit(10, LimitUnit.URGENT_HOUR), "2025-10-01T03:00"),
    ],
)
def test_a_limit_is_due_at_the_earliest_moment(
    started_at: str, limit: Limit, expected: str
) -> None:
    assert due_at(at(started_at), limit, CHINA) == at(expected)


def test_pauses_count_once_and_only_inside() -> None:
    start = at("2026-07-01T08:00")

    def stop(began_at: str, ended_at: str | None) -> Pause:
        return Pause(at(began_at), at(ended_at) if ended_at else None, "下雨", "ann")

    nested = [
        stop("2026-07-01T09:00", "2026-07-01T11:00"),
        stop("2026-07-01T09:30", "2026-07-01T10:00"),
        stop("2026-07-01T10:30", "2026-07-01T11:30"),
        stop("2026-07-01T15:00", "2026-07-01T15:00"),
        stop("2026-06-30T09:00", "2026-07-01T08:30"),
        stop("2026-07-01T12:00", "2026-07-01T14:00"),
    ]
    assert due_at(start, hours(1.5), CHINA, pauses=nested) == at("2026-07-01T14:30")
    held_up = [*nested, stop("2026-07-01T14:15", None)]
    assert due_at(start, hours(1.5), CHINA, pauses=held_up) is None
    too_late = [*nested, stop("2026-07-01T14:30", None)]
    assert due_at(start, hours(1.5), CHINA, pauses=too_late) == at("2026-07-01T14:30")


def test_the_ledger_names_what_counted_and_what_did_not() -> None:
    entries = ledger(
        at("2026-02-13T17:00"),
        days(0.25),
        CHINA,
        pauses=[Pause(at("2026-02-14T09:00"), at("2026-02-14T10:00"), "下雨", "ann")],
        extensions=[
            Extension(Limit(1, LimitUnit.URGENT_HOUR), at("2026-02-14T10:30"), "缺配件", "bob")
        ],
        until=at("2026-02-14T11:30"),
    )
    told = [
        (f"{one.ended_at.astimezone(SHANGHAI):%H:%M}", one.is_counted, one.reason_zh, one.reason_en)
        for one in entries
    ]
    make_up = ("工作时间（春节调休上班）", "working time (make-up working day, Spring Festival)")
    clock = ("紧急工作时，昼夜计时", "urgent hours run day and night")
    assert told == [
        ("18:00", True, "工作时间", "working time"),
        ("08:00", False, "夜间", "night"),
        ("09:00", True, *make_up),
        ("10:00", False, "暂停：下雨（ann）", "paused by ann: 下雨"),
        ("10:30", True, *clock),
        (
            "10:30",
            False,
            "延期1个紧急工作时：缺配件（bob）",
            "extended by 1 urgent hour by bob: 缺配件",
        ),
        ("11:00", True, *clock),
        ("11:30", True, *clock),
    ]
    left = [one.left / MINUTE for one in entries]
    assert left == [60, 60, 0, 0, -30, 30, 0, -30]
    assert entries[-1].counted == timedelta(hours=3, minutes=30)
    assert len(list(minute_by_minute(entries))) == 18 * 60 + 31


def test_a_holiday_is_named_and_a_year_without_holidays_says_so() -> None:
    told = {
        (one.reason_zh, one.reason_en)
        for one in ledger(at("2026-02-20T00:00"), days(1), CHINA, until=at("2026-02-22T00:00"))
    }
    assert told == {("节假日：春节", "holiday: Spring Festival")}
    far = ledger(at("2040-01-02T08:00"), days(1), CHINA, until=at("2040-01-02T09:00"))
    assert [(one.reason_zh, one.reason_en) for one in far] == [
        ("工作时间（2040年节假日尚未公布）", "working time (holidays of 2040 not published yet)")
    ]


def test_before_the_start_there_is_no_ledger() -> None:
    start = at("2026-07-01T08:00")
    assert ledger(start, hours(1), CHINA, until=start - MINUTE) == []
    assert ledger(start, hours(1), CHINA, until=start) == []


_NAIVE = datetime(2026, 7, 1, 8)  # noqa: DTZ001  what is refused


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (lambda: due_at(_NAIVE, hours(1), CHINA), "2026-07-01T08:00:00 has no time zone"),
        (lambda: Pause(_NAIVE, None, "", ""), "has no time zone"),
        (lambda: Extension(hours(1), _NAIVE, "", ""), "has no time zone"),
        (lambda: counted(_NAIVE, _NAIVE, LimitUnit.URGENT_HOUR, CHINA), "has no time zone"),
        (lambda: ledger(at("2026-07-01"), hours(1), CHINA, until=_NAIVE), "has no time zone"),
        (lambda: Pause(at("2026-07-02"), at("2026-07-01"), "", ""), "does not end before"),
        (lambda: hours(-1), "A limit is 0 to 10000, not -1"),
        (lambda: hours(float("nan")), "A limit is 0 to 10000, not nan"),
        (lambda: days(1e9), r"A limit is 0 to 10000, not 1e\+09"),
        (
            lambda: counted(at("2026-07-02"), at("2026-07-01"), LimitUnit.URGENT_HOUR, CHINA),
            "from a moment to a later one",
        ),
        (lambda: due_at(datetime.max.replace(tzinfo=UTC), hours(1), CHINA), "no time of a case"),
    ],
)
def test_what_cannot_be_counted_is_refused(refused: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        refused()


def test_ten_thousand_deadlines_take_less_than_a_second() -> None:
    working_time = WorkingTime(SHANGHAI, [WEEK], chinese_days())
    start, units = datetime(2026, 1, 1, tzinfo=UTC), list(LimitUnit)
    began = time.process_time()
    for n in range(10_000):
        moment = start + n * 47 * MINUTE
        pauses = [Pause(moment + timedelta(hours=3), moment + timedelta(hours=9), "", "")]
        due_at(moment, Limit(1 + n % 10, units[n % 4]), working_time, pauses=pauses)
    assert time.process_time() - began < 1
