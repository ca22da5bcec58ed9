"""Loading the city's calendar as a new version, and showing it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput
from gis_registry.places import calendar_queries as queries
from gis_registry.places.calendar_sources import MOST_DAYS, TOO_MANY, chinese_days, read_days
from gis_registry.places.schemas import CalendarChange, CalendarDayEntry, CalendarEntry
from gis_registry.places.tables import CalendarDay, CalendarVersion
from gis_registry.places.working_time import (
    Day,
    SpecialDay,
    SpecialDayKind,
    working_time,
)
from gis_registry.profile import CHINESE_CALENDAR, CityProfile

_FIRST_YEAR, _LAST_YEAR = 1900, 9000


def load_profile_calendar(session: Session, profile: CityProfile, *, actor: str) -> CalendarChange:
    """Load the working hours and the calendar that a city profile names; see :func:`load_days`.

    Raises:
        InvalidProfile: its file is missing.
        UnreadableFile, InvalidInput: its file cannot be used; the message says where.
    """
    if profile.calendar is None:
        days: list[SpecialDay] = []
    elif profile.calendar == CHINESE_CALENDAR:
        days = chinese_days()
    else:
        days = read_days(profile.paths([profile.calendar]))
    return _load(
        session,
        days,
        source=profile.calendar or "no calendar",
        hours=[one.model_dump(mode="json") for one in profile.working_hours],
        time_zone=profile.time_zone,
        actor=actor,
    )


def load_days(session: Session, path: Path, *, actor: str) -> CalendarChange:
    """Load exceptions from the week from a CSV file: ``date, kind, name_zh, name_en``.

    They become a new version beside the earlier ones, which stay. Of each day the last word holds.
    What a source (the file's name) said of a year before and no longer says is taken back; days of
    other sources, and of years that it does not name, stay. A source that says of a day what it
    said before does not override what another said since.

    Raises:
        UnreadableFile: the file cannot be read.
        InvalidInput: a row is no exception, or its day has one already (the line is named); with
            what other sources said, there are too many.
        DatabaseUnsuitable: no calendar of the city is loaded.
    """
    days = read_days([path])
    if not days:
        raise InvalidInput(f"{path.name} names no days.")
    queries.hold_versions(session)
    now = queries.version(session, working_time(session).version)
    return _load(
        session, days, source=path.name, hours=now.hours, time_zone=now.time_zone, actor=actor
    )


def show_calendar(
    session: Session,
    *,
    year: int | None = None,
    month: int | None = None,
    version: int | None = None,
) -> CalendarEntry:
    """Return the days of a year or of one of its months; left out: of this year.

    Raises:
        InvalidInput: there is no such month, or not this year.
        NotFound: there is no such version.
    """
    found = working_time(session, version=version)
    year = datetime.now(found.zone).year if year is None else year
    if not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= (month or 1) <= 12):
        raise InvalidInput(
            f"Give a year from {_FIRST_YEAR} to {_LAST_YEAR} and a month from 1 to 12."
        )
    begins = date(year, month or 1, 1)
    ends = date(year + 1, 1, 1) if month in (None, 12) else date(year, month + 1, 1)
    row = queries.version(session, found.version)
    return CalendarEntry(
        version=row.id,
        loaded_at=row.loaded_at,
        source=row.source,
        time_zone=row.time_zone,
        days=[_entry(found.day(begins + timedelta(days=n))) for n in range((ends - begins).days)],
    )


def _load(
    session: Session,
    days: Sequence[SpecialDay],
    *,
    source: str,
    hours: list[dict[str, object]],
    time_zone: str,
    actor: str,
) -> CalendarChange:
    queries.hold_versions(session)
    newest = queries.version_key(session)
    before = queries.version(session, newest[0]) if newest else None
    present = _by_date(queries.days(session, newest[0]) if newest else ())
    news = _news(days, present=present, said=_by_date(queries.days_by_source(session, source)))
    if news and len(present.keys() | {one.on_date for one in news}) > MOST_DAYS:
        raise InvalidInput(f"With those that are there, {source} names too many days: {TOO_MANY}")
    hours_changed = before is None or (before.hours, before.time_zone) != (hours, time_zone)
    change = CalendarChange(
        version=before.id if before else 0,
        is_new=bool(news) or hours_changed,
        hours_changed=hours_changed,
        days={kind: [one.on_date for one in news if one.kind is kind] for kind in SpecialDayKind},
    )
    if not change.is_new:
        return change
    added = CalendarVersion(time_zone=time_zone, hours=hours, source=source, actor=actor)
    queries.add_version(
        session,
        added,
        [
            CalendarDay(
                on_date=one.on_date, kind=one.kind, name_zh=one.name_zh, name_en=one.name_en
            )
            for one in news
        ],
    )
    return change.model_copy(update={"version": added.id})


def _news(
    days: Sequence[SpecialDay],
    *,
    present: dict[date, SpecialDay],
    said: dict[date, SpecialDay],
) -> list[SpecialDay]:
    """Return what a source says that neither holds already nor was said by it before, by date."""
    named = {one.on_date for one in days}
    years = {on_date.year for on_date in named}
    news = [one for one in days if one not in (present.get(one.on_date), said.get(one.on_date))]
    news += [
        SpecialDay(on_date, SpecialDayKind.REGULAR)
        for on_date, one in said.items()
        if on_date not in named
        and on_date.year in years
        and one.kind is not SpecialDayKind.REGULAR
        and present.get(on_date) == one
    ]
    return sorted(news, key=lambda one: one.on_date)


def _by_date(rows: Iterable[CalendarDay]) -> dict[date, SpecialDay]:
    return {
        row.on_date: SpecialDay(row.on_date, SpecialDayKind(row.kind), row.name_zh, row.name_en)
        for row in rows
    }


def _entry(day: Day) -> CalendarDayEntry:
    return CalendarDayEntry(
        date=day.on_date,
        kind=day.kind,
        name_zh=day.name_zh,
        name_en=day.name_en,
        hours=[f"{_clock(begin)}-{_clock(end)}" for begin, end in day.minutes],
        note_zh=day.note_zh,
        note_en=day.note_en,
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
