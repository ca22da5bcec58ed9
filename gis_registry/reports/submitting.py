"""Submitting what a device found: a report, or why there can be none."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.reports import service
from gis_registry.reports.schemas import AnsweredReport, NewReport

_CLOCK_SKEW = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def time_fault(at: datetime) -> str | None:
    """Return why nothing can have been seen or measured at a time, or None if it can."""
    if at > clock.now() + _CLOCK_SKEW:
        return f"it is from the future: {at.isoformat()}"
    if at < _EARLIEST:
        return f"it is from before 2000: {at.isoformat()}"
    return None


def submit(
    session: Session, new: NewReport, *, reported_by: str
) -> tuple[AnsweredReport | None, str | None]:
    """Submit a report; return it, or why it was refused, which leaves what was seen in place."""
    try:
        with session.begin_nested():
            return service.submit(session, new, reported_by=reported_by), None
    except (InvalidInput, NotFound, Conflict) as error:
        return None, str(error)
