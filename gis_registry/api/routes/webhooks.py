"""Webhooks, for administrators: added, listed, tested, removed; their deliveries, and retrying."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, status

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import LARGEST, Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import Conflict, NotFound, RequestTooLarge
from gis_registry.notifications import service
from gis_registry.notifications.schemas import (
    DeliveryPage,
    DeliverySummary,
    NewWebhook,
    Retried,
    WebhookSummary,
    WebhookWithSecret,
)
from gis_registry.notifications.tables import DeliveryStatus
from gis_registry.roles import Permission
from gis_registry.settings import Settings

router = APIRouter(
    prefix="/api/webhooks",
    tags=["webhooks"],
    route_class=CheckedRoute,
    dependencies=[requires(Permission.ADMINISTER)],
)

Webhook = Annotated[
    int | None, Query(ge=1, le=LARGEST, description="Only those of the webhook of this number")
]


@router.post("", status_code=status.HTTP_201_CREATED, responses=guarded(RequestTooLarge))
def add_webhook(
    request: Request, session: DatabaseSession, actor: CurrentActor, new: NewWebhook
) -> WebhookWithSecret:
    """Add a webhook; its secret is part of this answer alone."""
    settings: Settings = request.app.state.settings
    allow_private = settings.webhook_private_addresses
    return service.add(session, new, created_by=actor.name, allow_private=allow_private)


@router.get("", responses=guarded())
def list_webhooks(session: DatabaseSession) -> list[WebhookSummary]:
    """List webhooks, with how many deliveries wait and how many were given up."""
    return service.webhooks(session)


@router.get("/deliveries", responses=guarded(NotFound))
def list_deliveries(
    session: DatabaseSession,
    webhook: Webhook = None,
    status: Annotated[
        DeliveryStatus | None, Query(description="Only those of which this became")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> DeliveryPage:
    """List deliveries, the newest first."""
    return service.deliveries(
        session, webhook_id=webhook, status=status, before=before, limit=limit
    )


@router.post("/deliveries/retry", responses=guarded(NotFound, Conflict))
def retry_dead(session: DatabaseSession, webhook: Webhook = None) -> Retried:
    """Try all dead deliveries to active webhooks again, or those of one."""
    return Retried(retried=service.retry_dead(session, webhook_id=webhook))


@router.post("/deliveries/{number}/retry", responses=guarded(NotFound, Conflict))
def retry_delivery(session: DatabaseSession, number: Number) -> DeliverySummary:
    """Try a dead delivery again."""
    return service.retry(session, number)


@router.get("/{number}", responses=guarded(NotFound))
def show_webhook(session: DatabaseSession, number: Number) -> WebhookSummary:
    """Show a webhook."""
    return service.show(session, number)


@router.delete("/{number}", status_code=status.HTTP_204_NO_CONTENT, responses=guarded(NotFound))
def remove_webhook(session: DatabaseSession, number: Number) -> None:
    """Remove a webhook with its deliveries, also those that wait."""
    service.remove(session, number)


@router.post(
    "/{number}/test", status_code=status.HTTP_202_ACCEPTED, responses=guarded(NotFound, Conflict)
)
def test_webhook(session: DatabaseSession, number: Number) -> DeliverySummary:
    """Queue a message of the kind `webhook.test`; its delivery says what came of it."""
    return service.send_test(session, number)


@router.post("/{number}/rotate", responses=guarded(NotFound))
def rotate_webhook_secret(session: DatabaseSession, number: Number) -> WebhookWithSecret:
    """Give a webhook a new secret; for a day messages carry both signatures."""
    return service.rotate(session, number)


@router.post("/{number}/activate", responses=guarded(NotFound))
def activate_webhook(session: DatabaseSession, number: Number) -> WebhookSummary:
    """Let a webhook be told what happens from now on."""
    return service.set_active(session, number, is_active=True)


@router.post("/{number}/deactivate", responses=guarded(NotFound))
def deactivate_webhook(session: DatabaseSession, number: Number) -> WebhookSummary:
    """Let a webhook be told nothing more; what waits for it is kept as dead."""
    return service.set_active(session, number, is_active=False)
