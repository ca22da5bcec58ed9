"""Webhooks: added, listed, tested, removed; their secrets; their deliveries listed and retried."""

import secrets
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.notifications import queries
from gis_registry.notifications.addresses import checked_url
from gis_registry.notifications.schemas import (
    DeliveryPage,
    DeliverySummary,
    NewWebhook,
    WebhookSummary,
    WebhookWithSecret,
)
from gis_registry.notifications.tables import Delivery, DeliveryStatus, Webhook

#: How long a secret that was replaced signs beside the new one.
ROTATION = timedelta(days=1)
_SECRET_BYTES = 32


def add(
    session: Session, new: NewWebhook, *, created_by: str, allow_private: bool
) -> WebhookWithSecret:
    """Add a webhook; its secret is not shown again.

    Raises:
        InvalidInput: its URL cannot be, or is private and may not be.
    """
    url = checked_url(new.url, allow_private=allow_private)
    webhook = Webhook(
        url=str(url),
        kinds=sorted(set(new.kinds)) if new.kinds else None,
        division_code=new.division_code,
        description=new.description.strip(),
        secret=_new_secret(),
        created_by=created_by,
    )
    session.add(webhook)
    session.flush()
    return _with_secret(session, webhook)


def webhooks(session: Session) -> list[WebhookSummary]:
    """Return all webhooks."""
    return [WebhookSummary.model_validate(dict(row)) for row in queries.webhooks(session)]


def show(session: Session, webhook_id: int) -> WebhookSummary:
    """Return a webhook.

    Raises:
        NotFound: there is none of this number.
    """
    _find(session, webhook_id)
    (row,) = queries.webhooks(session, webhook_id=webhook_id)
    return WebhookSummary.model_validate(dict(row))


def rotate(session: Session, webhook_id: int) -> WebhookWithSecret:
    """Give a webhook a new secret; for a day messages are signed with the previous one as well.

    Raises:
        NotFound: there is none of this number.
    """
    webhook = _find(session, webhook_id)
    webhook.previous_secret, webhook.secret = webhook.secret, _new_secret()
    webhook.previous_until = datetime.now(UTC) + ROTATION
    session.flush()
    return _with_secret(session, webhook)


def set_active(session: Session, webhook_id: int, *, is_active: bool) -> WebhookSummary:
    """Let a webhook be told what happens from now on, or no more; what waits is dead then.

    Raises:
        NotFound: there is none of this number.
    """
    _find(session, webhook_id).is_active = is_active
    session.flush()
    if not is_active:
        queries.give_up(session, webhook_id)
    return show(session, webhook_id)


def remove(session: Session, webhook_id: int) -> None:
    """Remove a webhook with its deliveries, also those that wait.

    Raises:
        NotFound: there is none of this number.
    """
    _find(session, webhook_id)
    session.execute(delete(Webhook).where(Webhook.id == webhook_id))


def send_test(session: Session, webhook_id: int) -> DeliverySummary:
    """Queue a message of the kind ``webhook.test`` for one webhook.

    Raises:
        NotFound: there is none of this number.
        Conflict: it is not active.
    """
    _require_active(session, webhook_id)
    now = datetime.now(UTC)
    notice_id = f"test-{webhook_id}-{secrets.token_hex(8)}"
    made = Delivery(
        webhook_id=webhook_id,
        notice_id=notice_id,
        payload={
            "id": notice_id,
            "type": "webhook.test",
            "timestamp": now,
            "data": {"webhook_id": webhook_id},
        },
    )
    session.add(made)
    session.flush()
    queries.queue(session, [made.id])
    return show_delivery(session, made.id)


def show_delivery(session: Session, delivery_id: int) -> DeliverySummary:
    """Return a delivery.

    Raises:
        NotFound: there is none of this number.
    """
    rows = queries.deliveries(session, delivery_id=delivery_id)
    if not rows:
        raise NotFound(f"There is no delivery {delivery_id}.")
    return DeliverySummary.model_validate(dict(rows[0]))


def deliveries(
    session: Session,
    *,
    webhook_id: int | None = None,
    status: DeliveryStatus | None = None,
    before: int | None = None,
    limit: int = 100,
) -> DeliveryPage:
    """Return deliveries, the newest first.

    Raises:
        NotFound: there is no such webhook.
        InvalidInput: the limit is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    if webhook_id is not None:
        _find(session, webhook_id)
    rows = queries.deliveries(
        session, webhook_id=webhook_id, status=status, before=before, limit=limit + 1
    )
    found = [DeliverySummary.model_validate(dict(row)) for row in rows[:limit]]
    return DeliveryPage(deliveries=found, next_before=found[-1].id if len(rows) > limit else None)


def retry(session: Session, delivery_id: int) -> DeliverySummary:
    """Try a dead delivery again, with all its tries.

    Raises:
        NotFound: there is none of this number.
        Conflict: it is not dead, or its webhook not active.
    """
    found = show_delivery(session, delivery_id)
    status = found.status
    if status is DeliveryStatus.DEAD:
        _require_active(session, found.webhook_id)
    if status is not DeliveryStatus.DEAD or not queries.revive(session, delivery_id=delivery_id):
        raise Conflict(f"Delivery {delivery_id} is {status}; only dead ones are retried by hand.")
    queries.queue(session, [delivery_id])
    return show_delivery(session, delivery_id)


def retry_dead(session: Session, *, webhook_id: int | None = None) -> int:
    """Try all dead deliveries to active webhooks again, or those of one; return how many they are.

    Raises:
        NotFound: there is no such webhook.
        Conflict: it is not active.
    """
    if webhook_id is not None:
        _require_active(session, webhook_id)
    revived = queries.revive(session, webhook_id=webhook_id)
    queries.queue(session, revived)
    return len(revived)


def _find(session: Session, webhook_id: int) -> Webhook:
    webhook = session.get(Webhook, webhook_id) if webhook_id < 2**31 else None
    if webhook is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return webhook


def _require_active(session: Session, webhook_id: int) -> None:
    if not _find(session, webhook_id).is_active:
        raise Conflict(f"Webhook {webhook_id} is not active: activate it first.")


def _new_secret() -> str:
    return "whsec_" + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _with_secret(session: Session, webhook: Webhook) -> WebhookWithSecret:
    is_open = webhook.url.startswith("http://")
    return WebhookWithSecret(
        **show(session, webhook.id).model_dump(),
        secret=webhook.secret,
        warning="Anybody on the way can read what is sent by http: use https." if is_open else None,
    )
