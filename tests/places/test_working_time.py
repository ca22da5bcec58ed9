"""Working time from plain data: weeks, seasons, exceptions, and clocks that change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from gis_registry.errors import InvalidInput
from gis_registry.places.working_time import (
    DayKind,
    SpecialDay,
    SpecialDayKind,
    WorkingHours,
    WorkingTime,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")


def week(*hours: str, weekdays: tuple[int, ...] = (1, 2, 3, 4, 5), **since: object) -> WorkingHours:
    return WorkingHours.model_validate({"weekdays": weekdays, "hours": hours, **since})


def worked(zone: ZoneInfo, hours: WorkingHours, on_date: date) -> timedelta:
    """Return how much time is worked between two midnights of a city."""
    begin, end = (
        datetime.combine(day, datetime.min.time(), zone).astimezone(UTC)
        for day in (on_date, on_date + timedelta(days=1))
    )
    stretches = list(WorkingTime(zone, [hours]).stretches(begin, end))
    assert (stretches[0].began_at, stretches[-1].ended_at) == (begin, end)
    assert all(one.ended_at == other.began_at for one, other in pairwise(stretches))
    return sum(
        (one.ended_at - one.began_at for one in stretches if one.is_working), start=timedelta(0)
    )


@pytest.mark.parametrize(
    ("hours", "on_date", "expected"),
    [
        ("00:00-24:00", date(2026, 3, 8), 23 * 60),  # 02:00 to 03:00 is skipped
        ("00:00-24:00", date(2026, 11, 1), 25 * 60),  # 01:00 to 02:00 comes twice
        ("01:15-02:30", date(2026, 3, 8), 45),
        ("02:15-02:45", date(2026, 3, 8), 0),
        ("01:15-01:45", date(2026, 11, 1), 60),
        ("08:00-12:00", date(2026, 11, 1), 240),
    ],
)
def test_what_the_clock_shows_is_worked(hours: str, on_date: date, expected: int) -> None:
    every_day = week(hours, weekdays=(1, 2, 3, 4, 5, 6, 7))
    assert worked(NEW_YORK, every_day, on_date) == timedelta(minutes=expected)


def test_a_date_that_a_city_skipped_has_no_time() -> None:
    apia = ZoneInfo("Pacific/Apia")  # went from 29 to 31 December 2011
    working_time = WorkingTime(apia, [week("00:00-24:00", weekdays=(5,))])
    begin = datetime(2011, 12, 28, tzinfo=apia)
    spans = working_time.spans(begin)
    assert next(spans)[0] == datetime(2012, 1, 6, tzinfo=apia)


def test_a_clock_that_goes_back_over_midnight() -> None:
    st_johns = ZoneInfo("America/St_Johns")  # at 00:01 of 7 November 2010 back to 23:01
    working_time = WorkingTime(st_johns, [week("23:00-24:00", weekdays=(6,))])
    spans = working_time.spans(datetime(2010, 11, 6, 12, tzinfo=st_johns))
    first, second = next(spans), next(spans)
    assert [end - begin for begin, end in (first, second)] == [
        timedelta(minutes=60),
        timedelta(minutes=59),
    ]
    assert second[0] - first[1] == timedelta(minutes=1)


def test_hours_change_with_dates_and_seasons() -> None:
    working_time = WorkingTime(
        SHANGHAI,
        [
            week("08:00-12:00", "13:30-17:30", season_from="10-01", valid_from="2020-01-01"),
            week("08:00-12:00", "14:30-18:30", season_from="05-01", valid_from="2020-01-01"),
            week("09:00-17:00", weekdays=(1, 2, 3, 4), valid_from="2026-01-01"),
            week("09:00-13:00", weekdays=(6,), valid_from="2026-01-01"),
        ],
    )

    def last_minute(on_date: date) -> int:
        return max((end for _, end in working_time.day(on_date).minutes), default=0)

    assert last_minute(date(2019, 7, 1)) == 18 * 60 + 30  # before all, the first holds
    assert last_minute(date(2025, 4, 30)) == 17 * 60 + 30  # over New Year
    assert last_minute(date(2025, 5, 1)) == 18 * 60 + 30
    assert last_minute(date(2025, 9, 30)) == 18 * 60 + 30
    assert last_minute(date(2025, 10, 1)) == 17 * 60 + 30
    assert last_minute(date(2026, 1, 2)) == 0  # a Friday
    assert last_minute(date(2026, 1, 3)) == 13 * 60
    assert working_time.standard_day(datetime(2025, 5, 1, tzinfo=UTC)) == timedelta(hours=8)
    before, after = (datetime(2025, 12, 31, hour, tzinfo=UTC) for hour in (15, 16))
    assert working_time.standard_day(before) == timedelta(hours=8)
    assert working_time.standard_day(after) == timedelta(hours=8)
    assert working_time.day(date(2026, 1, 1)).note_en == "holidays of 2026 not published yet"


def test_exceptions_replace_the_week() -> None:
    saturday, monday, tuesday = date(2026, 7, 4), date(2026, 7, 6), date(2026, 7, 7)
    working_time = WorkingTime(
        SHANGHAI,
        [week("08:00-12:00"), week("09:00-10:00", weekdays=(6,))],
        [
            SpecialDay(date(2026, 7, 5), SpecialDayKind.WORKING, "端午"),
            SpecialDay(saturday, SpecialDayKind.WORKING, "端午", "Dragon Boat"),
            SpecialDay(monday, SpecialDayKind.HOLIDAY, "端午"),
            SpecialDay(tuesday, SpecialDayKind.REGULAR),
        ],
    )
    sunday = working_time.day(date(2026, 7, 5))
    assert (sunday.kind, sunday.minutes) == (DayKind.MAKE_UP, ((480, 720),))
    assert working_time.day(saturday).minutes == ((540, 600),)  # its own hours
    assert working_time.day(monday).kind is DayKind.HOLIDAY
    assert working_time.day(monday).name_en == "端午"
    assert working_time.day(tuesday).kind is DayKind.WORKING
    assert [working_time.day(tuesday).note_zh, working_time.day(date(2027, 1, 1)).note_zh] == [
        "",
        "2027年节假日尚未公布",
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hours": ["8:00-12:00"]}, "'8:00-12:00' is no working time such as 08:00-12:00"),
        ({"hours": ["22:00-06:00"]}, "write a night as two"),
        ({"hours": ["08:00-24:30"]}, "does not end after it begins on the same day"),
        ({"hours": ["08:00-12:00", "11:00-13:00"]}, "the hours overlap or are not in order"),
        ({"hours": []}, "at least 1 item"),
        ({"weekdays": [0]}, "from 1 .Monday. to 7 .Sunday."),
        ({"weekdays": [1, 1]}, "name each weekday once"),
        ({"weekdays": []}, "at least 1 item"),
        ({"season_from": "02-29"}, "'02-29' is no day of every year such as 06-01"),
        ({"season": "06-01"}, "Extra inputs"),
    ],
)
def test_hours_that_cannot_be_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WorkingHours.model_validate({"weekdays": [1], "hours": ["08:00-12:00"]} | values)


def test_weeks_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one weekday"):
        WorkingTime(SHANGHAI, [])
    with pytest.raises(InvalidInput, match="two working hours for weekday 5 from 1900-01-01"):
        WorkingTime(SHANGHAI, [week("08:00-12:00"), week("08:00-12:00", weekdays=(5,))])


def test_working_time_ends_with_the_years() -> None:
    working_time = WorkingTime(SHANGHAI, [week("08:00-12:00")])
    with pytest.raises(InvalidInput, match="beyond the year 9989"):
        list(working_time.spans(datetime(9989, 1, 1, tzinfo=UTC)))
