"""Submitting what a device found: a report, or why there can be none."""

from sqlalchemy.orm import Session

from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.reports import service
from gis_registry.reports.schemas import AnsweredReport, NewReport

#: Why a report cannot be taken in, which is kept with what was seen.
REFUSALS = (InvalidInput, NotFound, Conflict)


def submit(
    session: Session, new: NewReport, *, reported_by: str
) -> tuple[AnsweredReport | None, str | None]:
    """Submit a report; return it, or why it was refused, which leaves what was seen in place."""
    try:
        with session.begin_nested():
            return service.submit(session, new, reported_by=reported_by), None
    except REFUSALS as error:
        return None, str(error)
