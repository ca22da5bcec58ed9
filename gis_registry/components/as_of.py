"""The registry as it was: which moment a date or time means, and what stood then."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Subquery, select

from gis_registry.components import queries
from gis_registry.errors import InvalidInput


def moment_of(text: str, zone: ZoneInfo) -> datetime:
    """Return the moment that a date or time means: a date is the end of its day in the city.

    Args:
        text: a date or a time in ISO 8601, of today at the latest; a time without a zone is the
            city's.
        zone: the city's time zone.

    Raises:
        InvalidInput: it is neither, or still to come.
    """
    text = text.strip()
    moment = _end_of_day(text, zone) or _time(text, zone)
    if moment > _end_of(datetime.now(zone).date(), zone):
        raise InvalidInput(f"{text} is still to come; the registry is known until today.")
    return moment


def _end_of_day(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return _end_of(date.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        return None


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone) - timedelta(microseconds=1)


def _time(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is no date or time such as 2026-06-30 or 2026-06-30T10:00:00+08:00."
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def components(
    moment: datetime, *, class_ids: Sequence[int] | None = None, division_code: str | None = None
) -> Subquery:
    """Return a query of every component as the registry had it at a moment, of whatever state.

    Args:
        moment: a time with its zone; changes count when they were made, not when a survey was.
        class_ids: only those that were of these classes then.
        division_code: only those of this district, or in this subdistrict then.

    Returns:
        What a select can join, with the columns of :class:`~.tables.Component`.
    """
    states = queries.components_as_of(moment)
    wanted = select(states)
    if class_ids is not None:
        wanted = wanted.where(states.c.class_id.in_(class_ids))
    if division_code is not None:
        wanted = wanted.where(states.c.division_code == division_code[:6])
        if len(division_code) > 6:
            wanted = wanted.where(states.c.subdistrict_code == division_code[:9])
    return wanted.subquery("components_then")
