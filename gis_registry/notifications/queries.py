"""Everything of notifications that talks to the database."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from pydantic_core import to_json
from sqlalchemy import RowMapping, update
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries
from gis_registry.notifications.tables import DeliveryStatus, Webhook

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
#: The channel on which processes with live streams listen.
CHANNEL = "gis_registry_notices"
#: Why nothing was sent.
NOT_ACTIVE = "The webhook is not active."


def announce(session: Session, notices: Sequence[Mapping[str, object]]) -> None:
    """Add deliveries and their jobs, and notify those who listen."""
    values = {"channel": CHANNEL, "notices": to_json(notices).decode()}
    session.execute(_QUERIES["announce"], values)


def webhooks(session: Session, *, webhook_id: int | None = None) -> Sequence[RowMapping]:
    """Return webhooks with how many deliveries are pending and dead."""
    return session.execute(_QUERIES["webhooks"], {"webhook_id": webhook_id}).mappings().all()


def deliveries(
    session: Session,
    *,
    delivery_id: int | None = None,
    webhook_id: int | None = None,
    status: DeliveryStatus | None = None,
    before: int | None = None,
    limit: int = 1,
) -> Sequence[RowMapping]:
    """Return deliveries, the newest first."""
    values = {
        "delivery_id": delivery_id,
        "webhook_id": webhook_id,
        "status": status,
        "before": before,
        "limit": limit,
    }
    return session.execute(_QUERIES["deliveries"], values).mappings().all()


def claim(session: Session, delivery_id: int, *, lease: timedelta) -> RowMapping | None:
    """Take a delivery whose time has come, for as long as the lease; None: it is not to be had."""
    values = {"delivery_id": delivery_id, "lease": lease}
    return session.execute(_QUERIES["claim"], values).mappings().one_or_none()


def settle(
    session: Session,
    delivery_id: int,
    *,
    attempts: int,
    status: DeliveryStatus,
    status_code: int | None,
    error: str | None,
    delay: timedelta,
) -> None:
    """Note what came of the attempt of this number, unless a later one is under way."""
    values = {
        "delivery_id": delivery_id,
        "attempts": attempts,
        "status": status,
        "status_code": status_code,
        "error": error,
        "delay": delay,
    }
    session.execute(_QUERIES["settle"], values)


def set_active(session: Session, webhook_id: int, *, is_active: bool) -> None:
    """Let a webhook be told what happens, or no more."""
    session.execute(update(Webhook).where(Webhook.id == webhook_id).values(is_active=is_active))


def give_up(session: Session, webhook_id: int) -> None:
    """Keep as dead what waits for a webhook that is not active.

    Deactivate it first: who locks what waits for it before the webhook can wait for each other.
    """
    session.execute(_QUERIES["give_up"], {"webhook_id": webhook_id, "error": NOT_ACTIVE})


def revive(
    session: Session, *, delivery_id: int | None = None, webhook_id: int | None = None
) -> Sequence[int]:
    """Make dead deliveries pending again: one, those of a webhook, or all; return which.

    Those to webhooks that are not active stay dead.
    """
    values = {"delivery_id": delivery_id, "webhook_id": webhook_id}
    return session.scalars(_QUERIES["revive"], values).all()


def queue(session: Session, delivery_ids: Sequence[int] | None) -> int:
    """Add the job of each of these deliveries that is pending without one.

    Args:
        session: open transaction.
        delivery_ids: None: all that are overdue by a minute.
    """
    values = {"delivery_ids": None if delivery_ids is None else list(delivery_ids)}
    return len(session.scalars(_QUERIES["queue"], values).one() or [])


def forget_delivered(session: Session, *, older_than: timedelta) -> None:
    """Remove what was delivered so long ago."""
    session.execute(_QUERIES["forget_delivered"], {"older_than": older_than})
