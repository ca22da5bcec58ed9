"""Reads and writes of the versions of the calendar."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis_registry.places.tables import CalendarDay, CalendarVersion

_KEYS = select(CalendarVersion.id, CalendarVersion.loaded_at).limit(1)
# Asked whenever a deadline is: made once.
_NEWEST = _KEYS.order_by(CalendarVersion.id.desc())
_DAYS = select(CalendarDay).order_by(CalendarDay.on_date, CalendarDay.version_id)


def version_key(
    session: Session, *, version: int | None = None, as_of: datetime | None = None
) -> tuple[int, datetime] | None:
    """Return number and time of the newest version, of one, or of that of a moment."""
    if version is not None:
        found = session.execute(_KEYS.where(CalendarVersion.id == version)).first()
    elif as_of is not None:
        before = _NEWEST.where(CalendarVersion.loaded_at <= as_of)
        first = _KEYS.order_by(CalendarVersion.id)
        found = session.execute(before).first() or session.execute(first).first()
    else:
        found = session.execute(_NEWEST).first()
    return None if found is None else (found[0], found[1])


def version(session: Session, number: int) -> CalendarVersion:
    """Return a version that is there."""
    return session.get_one(CalendarVersion, number)


def days(session: Session, number: int) -> list[CalendarDay]:
    """Return the last word of a version on each day of which anything was ever said, by date."""
    return _last_words(session.scalars(_DAYS.where(CalendarDay.version_id <= number)))


def days_by_source(session: Session, source: str) -> list[CalendarDay]:
    """Return the last word of a source on each day of which it ever said anything, by date."""
    said = _DAYS.join(CalendarVersion, CalendarVersion.id == CalendarDay.version_id)
    return _last_words(session.scalars(said.where(CalendarVersion.source == source)))


def _last_words(said: Iterable[CalendarDay]) -> list[CalendarDay]:
    return list({one.on_date: one for one in said}.values())


def hold_versions(session: Session) -> None:
    """Let nobody else add a version until the transaction ends, so that versions are in order."""
    session.execute(text("LOCK TABLE calendar_versions IN SHARE ROW EXCLUSIVE MODE"))


def add_version(
    session: Session, added: CalendarVersion, special_days: Iterable[CalendarDay]
) -> None:
    """Append a version and what it says of days."""
    session.add(added)
    session.flush()
    for one in special_days:
        one.version_id = added.id
        session.add(one)
    session.flush()
