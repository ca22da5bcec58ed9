"""Reading layers again by the clock, and which of them are late."""

from datetime import timedelta

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.layers import queries
from gis_registry.layers.schemas import LateLayer
from gis_registry.layers.service import refresh
from gis_registry.notifications.periodic import PeriodicTask, periodic

ACTOR = "worker"
#: A worker looks every minute, and may be busy with another layer.
_PATIENCE = timedelta(minutes=15)


def refresh_due(session: Session, *, kept: int) -> bool:
    """Read the layer again that waits longest and that nobody else loads; return if there was one.

    Whoever had the name may just have read the layer again: what is due is asked for again.
    """
    now = clock.now()
    for name in queries.due(session, now):
        if queries.try_lock_name(session, name) and name in queries.due(session, now):
            refresh(session, name, actor=ACTOR, kept=kept)
            return True
    return False


def refreshing(kept: int) -> PeriodicTask:
    """Return the task of the worker that reads layers again when it is time."""

    @periodic("* * * * *")
    def refresh_layers(session: Session) -> bool:
        return refresh_due(session, kept=kept)

    return refresh_layers


def late_layers(session: Session) -> list[LateLayer]:
    """Return layers whose last refresh failed, or that nobody read again when it was time."""
    overdue = "It was not read again when it was time: does `gis-registry worker` run?"
    return [
        LateLayer.model_validate({**row, "problem": row["problem"] or overdue})
        for row in queries.late(session, clock.now() - _PATIENCE)
    ]
