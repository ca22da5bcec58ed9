"""The calendar in the database: loaded, corrected, shown, and any earlier version of it."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from project import SAMPLES
from sqlalchemy import delete, event, update
from sqlalchemy.orm import Session

from gis_registry.cases.deadlines import Limit, LimitUnit, due_at
from gis_registry.errors import DatabaseUnsuitable, InvalidInput, NotFound
from gis_registry.places import calendars
from gis_registry.places.calendar_sources import chinese_days, read_days
from gis_registry.places.schemas import CalendarChange
from gis_registry.places.tables import CalendarDay, CalendarVersion
from gis_registry.places.working_time import DayKind, SpecialDay, SpecialDayKind, working_time
from gis_registry.profile import CityProfile, find_profile

HEADER = "date,kind,name_zh,name_en\n"


def load(session: Session, folder: Path, rows: str, name: str = "typhoon.csv") -> CalendarChange:
    path = folder / name
    path.write_text(HEADER + rows, encoding="utf-8")
    return calendars.load_days(session, path, actor="test")


def kind(session: Session, day: str, version: int | None = None) -> DayKind:
    return working_time(session, version=version).day(date.fromisoformat(day)).kind


def test_the_city_comes_with_its_calendar(session: Session) -> None:
    found = working_time(session)
    spring = found.day(date(2026, 2, 17))
    assert (spring.kind, spring.name_zh, spring.name_en) == ("holiday", "春节", "Spring Festival")
    assert found.day(date(2026, 2, 14)).minutes == ((480, 720), (840, 1080))
    assert found.zone.key == "Asia/Shanghai"
    shown = calendars.show_calendar(session, year=2026, month=2)
    assert (shown.source, len(shown.days)) == ("chinesecalendar", 28)
    assert shown.days[13].model_dump(mode="json") == {
        "date": "2026-02-14",
        "kind": "make_up",
        "name_zh": "春节",
        "name_en": "Spring Festival",
        "hours": ["08:00-12:00", "14:00-18:00"],
        "note_zh": "",
        "note_en": "",
    }
    assert len(calendars.show_calendar(session).days) in (365, 366)
    december = calendars.show_calendar(session, year=2040, month=12).days
    assert (len(december), december[0].note_zh) == (31, "2040年节假日尚未公布")


def test_the_same_again_changes_nothing(session: Session) -> None:
    before = working_time(session).version
    again = calendars.load_profile_calendar(session, find_profile("qingdao"), actor="test")
    assert (again.is_new, again.version) == (False, before)


def test_a_correction_leaves_the_versions_before_as_they_were(
    session: Session, tmp_path: Path
) -> None:
    before = working_time(session)
    started_at = datetime(2026, 7, 1, 1, tzinfo=UTC)
    limit = Limit(1, LimitUnit.WORKING_DAY)
    promised = due_at(started_at, limit, before)
    change = load(session, tmp_path, "2026-07-02,holiday,台风停工,Typhoon\n")
    assert change.days["holiday"] == [date(2026, 7, 2)]
    assert (change.is_new, change.hours_changed) == (True, False)
    now = working_time(session)
    assert now.version == change.version > before.version
    assert due_at(started_at, limit, now) == datetime(2026, 7, 3, 1, tzinfo=UTC)
    then = working_time(session, version=before.version)
    assert due_at(started_at, limit, then) == promised == datetime(2026, 7, 2, 1, tzinfo=UTC)
    assert kind(session, "2026-07-02", before.version) is DayKind.WORKING


def test_a_version_is_found_by_the_moment_at_which_it_held(
    session: Session, tmp_path: Path
) -> None:
    first = working_time(session).version
    change = load(session, tmp_path, "2026-07-02,holiday,台风停工,Typhoon\n")
    session.execute(
        update(CalendarVersion)
        .where(CalendarVersion.id == change.version)
        .values(loaded_at=datetime(2100, 1, 1, tzinfo=UTC))
    )
    moment = datetime(2100, 1, 1, tzinfo=UTC)
    assert working_time(session, as_of=moment).version == change.version
    assert working_time(session, as_of=moment - timedelta(seconds=1)).version == first
    assert working_time(session, as_of=datetime(1999, 1, 1, tzinfo=UTC)).version == first


def test_a_source_takes_back_what_it_said_of_its_years_only(
    session: Session, tmp_path: Path
) -> None:
    load(
        session,
        tmp_path,
        "2026-07-02,holiday,台风,\n2026-07-03,holiday,台风,\n2027-07-01,holiday,台风,\n",
    )
    change = load(session, tmp_path, "2026-07-03,holiday,台风假,\n")
    assert change.days == {
        "holiday": [date(2026, 7, 3)],
        "working": [],
        "regular": [date(2026, 7, 2)],
    }
    assert kind(session, "2026-07-02") is DayKind.WORKING
    assert kind(session, "2027-07-01") is DayKind.HOLIDAY
    assert kind(session, "2026-10-01") is DayKind.HOLIDAY  # another source's


def test_the_last_word_holds_and_a_source_that_says_nothing_new_does_not_override_it(
    session: Session, tmp_path: Path
) -> None:
    change = load(session, tmp_path, "2026-02-14,holiday,大雪停工,Snow\n")
    assert kind(session, "2026-02-14") is DayKind.HOLIDAY
    again = calendars.load_profile_calendar(session, find_profile("qingdao"), actor="test")
    assert (again.is_new, again.version) == (False, change.version)
    assert kind(session, "2026-02-14") is DayKind.HOLIDAY
    back = load(session, tmp_path, "2026-02-14,working,春节,Spring Festival\n")
    assert back.days["working"] == [date(2026, 2, 14)]
    assert kind(session, "2026-02-14") is DayKind.MAKE_UP


def test_other_hours_of_a_profile_are_a_version(session: Session, tmp_path: Path) -> None:
    before = working_time(session).version
    profile = find_profile("qingdao")
    winter = {"weekdays": [1, 2, 3, 4, 5], "hours": ["09:00-17:00"], "season_from": "11-01"}
    summer = {"weekdays": [1, 2, 3, 4, 5], "hours": ["08:00-12:00"], "season_from": "05-01"}
    changed = CityProfile.model_validate(
        profile.model_dump(by_alias=True) | {"working_hours": [winter, summer]}
    )
    change = calendars.load_profile_calendar(session, changed, actor="test")
    assert (change.is_new, change.hours_changed) == (True, True)
    assert not any(change.days.values())
    july, january = date(2026, 7, 1), date(2026, 1, 5)
    assert working_time(session).day(july).minutes == ((480, 720),)
    assert working_time(session).day(january).minutes == ((540, 1020),)
    assert working_time(session, version=before).day(july).minutes == ((480, 720), (840, 1080))
    load(session, tmp_path, "2026-07-02,holiday,台风,\n")
    assert working_time(session).day(july).minutes == ((480, 720),)


def test_the_newest_version_takes_one_short_query(session: Session) -> None:
    working_time(session)
    statements: list[str] = []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *call: statements.append(call[2]))
    assert working_time(session) is working_time(session)
    assert len(statements) == 2
    assert all("calendar_days" not in one for one in statements)


def test_what_is_not_there_is_said(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no version 4711 of the calendar"):
        working_time(session, version=4711)
    for values in ({"year": 1800}, {"month": 13}):
        with pytest.raises(InvalidInput, match="a month from 1 to 12"):
            calendars.show_calendar(session, **values)
    session.execute(delete(CalendarDay))
    session.execute(delete(CalendarVersion))
    with pytest.raises(DatabaseUnsuitable, match="gis-registry places calendar load"):
        working_time(session)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "typhoon.csv names no days"),
        (",holiday,台风,\n", "line 2: the column 'date' is empty"),
        ("2026-02-30,holiday,台风,\n", "'2026-02-30', not a date"),
        ("2026-07-02,regular,台风,\n", "kind is 'regular'; write holiday or working"),
        ("2026-07-02,holiday,,\n", "the column 'name_zh' is empty"),
        ("2026-07-02,holiday,a,\n2026-07-02,working,b,\n", "line 3: 2026-07-02 stands there"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(
    session: Session, tmp_path: Path, rows: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        load(session, tmp_path, rows)


def test_the_chinese_calendar_knows_each_year_to_the_last() -> None:
    days = chinese_days()
    years = {one.on_date.year for one in days}
    assert years == set(range(2004, max(years) + 1))
    assert max(years) >= 2026
    assert len({one.on_date for one in days}) == len(days)
    assert all(one.name_zh and one.name_en for one in days)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """Return the n-th such weekday of a month (0 Monday); n = -1: the last."""
    days = [date(year, month, 1) + timedelta(days=k) for k in range(28 + 3)]
    return [one for one in days if one.weekday() == weekday and one.month == month][
        n - 1 if n > 0 else n
    ]


def _massachusetts(year: int) -> dict[date, str]:
    days = {
        date(year, 1, 1): "New Year's Day",
        _nth(year, 1, 0, 3): "Martin Luther King Jr. Day",
        _nth(year, 2, 0, 3): "Washington's Birthday",
        _nth(year, 4, 0, 3): "Patriots' Day",
        _nth(year, 5, 0, -1): "Memorial Day",
        date(year, 7, 4): "Independence Day",
        _nth(year, 9, 0, 1): "Labor Day",
        _nth(year, 10, 0, 2): "Columbus Day",
        date(year, 11, 11): "Veterans Day",
        _nth(year, 11, 3, 4): "Thanksgiving Day",
        date(year, 12, 25): "Christmas Day",
    } | ({date(year, 6, 19): "Juneteenth"} if year >= 2021 else {})
    observed = {
        on_date + timedelta(days=1): f"{name} (observed)"
        for on_date, name in days.items()
        if on_date.isoweekday() == 7
    }
    return days | observed


def test_the_holidays_of_cambridge_are_those_of_the_rule() -> None:
    found = read_days([SAMPLES / "cambridge" / "holidays.csv"])
    assert {one.on_date: one.name_en for one in found} == {
        on_date: name
        for year in range(2015, 2028)
        for on_date, name in _massachusetts(year).items()
    }
    assert {one.kind for one in found} == {SpecialDayKind.HOLIDAY}
    assert (
        SpecialDay(date(2026, 4, 20), SpecialDayKind.HOLIDAY, "爱国者日", "Patriots' Day") in found
    )


def every_day(since: date, count: int) -> str:
    days = (since + timedelta(days=n) for n in range(count))
    return "".join(f"{one},holiday,停工,\n" for one in days)


def test_a_calendar_of_more_days_than_twenty_years_have_is_refused_at_once(
    session: Session, tmp_path: Path
) -> None:
    before = working_time(session).version
    began_s = time.perf_counter()
    with pytest.raises(InvalidInput, match=r"line 7322: .* a calendar has 7,320 holidays"):
        load(session, tmp_path, every_day(date(2030, 1, 1), 109_500))
    with pytest.raises(InvalidInput, match=r"With those that are there, .* too many days"):
        load(session, tmp_path, every_day(date(2100, 1, 1), 7_320))
    assert time.perf_counter() - began_s < 5
    assert working_time(session).version == before
    assert load(session, tmp_path, every_day(date(2100, 1, 1), 366)).version > before
