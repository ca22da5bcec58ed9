"""What deliveries need by the clock."""

from datetime import timedelta

from sqlalchemy.orm import Session

from gis_registry.notifications import queries
from gis_registry.notifications.periodic import periodic

#: How long it can be looked up what was delivered. What is dead stays.
KEEP_DELIVERED = timedelta(days=30)


@periodic("* * * * *")
def take_up_overdue(session: Session) -> None:
    """Queue deliveries that are overdue without a job, whatever happened to it."""
    queries.queue(session, None)


@periodic("17 3 * * *")
def forget_delivered(session: Session) -> None:
    """Remove what was delivered long ago."""
    queries.forget_delivered(session, older_than=KEEP_DELIVERED)


TASKS = (take_up_overdue, forget_delivered)
