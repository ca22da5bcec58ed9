"""Sending a delivery: signed after Standard Webhooks, tried again for a day, then kept as dead.

At least once: a receiver can get the same ``webhook-id`` again, and must not mind.
"""

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter

import httpx
from sqlalchemy import RowMapping
from standardwebhooks import Webhook as Signer

from gis_registry import __version__
from gis_registry.db.engine import Database
from gis_registry.notifications import queries
from gis_registry.notifications.addresses import PrivateAddress, addresses_of
from gis_registry.notifications.tables import DeliveryStatus
from gis_registry.settings import Settings

#: Seconds before the second, third … try; each is varied by a fifth. After the last it is dead.
RETRY_AFTER_S = (10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 15 * 3600)
_VARIATION = 0.2
_GONE = 410
#: How long after the longest send an attempt of which nothing was heard counts as lost.
_GRACE_S = 5.0
_KEPT_OF_ANSWER = 200


@dataclass(frozen=True)
class Sent:
    """What came of one try: an answer's status, or why there was none."""

    status_code: int | None
    error: str | None


@dataclass(frozen=True)
class Tried:
    """One try, and what the delivery is now."""

    webhook_id: int
    notice_id: str
    attempts: int
    status: DeliveryStatus
    sent: Sent
    duration_s: float


@asynccontextmanager
async def http_client() -> AsyncIterator[httpx.AsyncClient]:
    """Open a client that goes straight to a receiver and nowhere else.

    It trusts the authorities that the system trusts. Connections are not kept: they are made to an
    address, and two names can share one.
    """
    async with httpx.AsyncClient(
        verify=ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        limits=httpx.Limits(max_keepalive_connections=0),
        headers={"User-Agent": f"gis-registry/{__version__}", "Accept-Encoding": "identity"},
    ) as client:
        yield client


async def deliver(
    database: Database, settings: Settings, client: httpx.AsyncClient, delivery_id: int
) -> Tried | None:
    """Try a delivery once, if its time has come, and note what came of it.

    A program that is killed at any point leaves it pending, and it is taken up again.

    Returns:
        What came of it; None: it is not pending, or somebody else is at it.
    """
    lease_s = settings.webhook_timeout_s + _GRACE_S
    claimed = await asyncio.to_thread(_claim, database, delivery_id, lease_s)
    if claimed is None:
        return None
    started = perf_counter()
    if claimed["is_active"]:
        sent = await _send(client, settings, claimed)
    else:
        sent = Sent(None, queries.NOT_ACTIVE)
    status = _judged(claimed, sent)
    await asyncio.to_thread(_settle, database, claimed, sent, status)
    return Tried(
        webhook_id=claimed["webhook_id"],
        notice_id=claimed["notice_id"],
        attempts=claimed["attempts"],
        status=status,
        sent=sent,
        duration_s=perf_counter() - started,
    )


def signed_headers(
    notice_id: str, body: str, *, secrets: list[str], sent_at: datetime
) -> dict[str, str]:
    """Return the headers of a message, with a signature by each secret."""
    signatures = (Signer(secret).sign(notice_id, sent_at, body) for secret in secrets)
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _claim(database: Database, delivery_id: int, lease_s: float) -> RowMapping | None:
    with database.session() as session:
        claimed = queries.claim(session, delivery_id, lease=timedelta(seconds=lease_s))
        if claimed is None:
            # Somebody is at it: should they be lost, its job is there when the attempt counts so.
            queries.queue(session, [delivery_id])
        return claimed


async def _send(client: httpx.AsyncClient, settings: Settings, claimed: RowMapping) -> Sent:
    body = json.dumps({**claimed["payload"], "sequence": claimed["id"]}, ensure_ascii=False)
    secrets = [one for one in (claimed["secret"], claimed["previous_secret"]) if one]
    try:
        async with asyncio.timeout(settings.webhook_timeout_s):
            return await _post(client, settings, claimed, body, secrets)
    except TimeoutError:
        return Sent(None, f"No answer within {settings.webhook_timeout_s:g} s.")
    except (PrivateAddress, httpx.HTTPError, OSError, UnicodeError) as error:
        return Sent(None, _readable(f"{type(error).__name__}: {error}")[:_KEPT_OF_ANSWER])


async def _post(
    client: httpx.AsyncClient,
    settings: Settings,
    claimed: RowMapping,
    body: str,
    secrets: list[str],
) -> Sent:
    url = httpx.URL(claimed["url"])
    allow_private = settings.webhook_private_addresses
    addresses = await addresses_of(url, allow_private=allow_private)
    headers = {
        "Content-Type": "application/json",
        "Host": url.netloc.decode("ascii"),
        **signed_headers(claimed["notice_id"], body, secrets=secrets, sent_at=datetime.now(tz=UTC)),
    }
    # To the very address that was checked, under its name.
    for address in addresses:
        request = client.build_request(
            "POST",
            url.copy_with(host=address),
            content=body.encode(),
            headers=headers,
            timeout=settings.webhook_timeout_s,
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        try:
            answer = await client.send(request, stream=True)
        except httpx.ConnectError:
            if address == addresses[-1]:
                raise
            continue
        try:
            if answer.is_success:
                return Sent(answer.status_code, None)
            return Sent(answer.status_code, await _said(answer))
        finally:
            await answer.aclose()
    raise OSError("The name stands for no address")


async def _said(answer: httpx.Response) -> str:
    """Return what an answer that is no success says, as far as it fits."""
    if answer.is_redirect:
        return "Redirects are not followed: register the address that it leads to."
    said = _readable(f"{answer.status_code} {answer.reason_phrase}")
    # As it comes: what is packed can be a thousand times as much, and hold everything up.
    async for part in answer.aiter_raw(_KEPT_OF_ANSWER):
        return f"{said}: {_readable(part.decode(errors='replace').strip())}"
    return said


def _readable(text: str) -> str:
    """Return a text of a receiver's without what databases and terminals choke on."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def _judged(claimed: RowMapping, sent: Sent) -> DeliveryStatus:
    if sent.status_code is not None and sent.error is None:
        return DeliveryStatus.DELIVERED
    is_last = claimed["attempts"] > len(RETRY_AFTER_S)
    if is_last or sent.status_code == _GONE or not claimed["is_active"]:
        return DeliveryStatus.DEAD
    return DeliveryStatus.PENDING


def _settle(database: Database, claimed: RowMapping, sent: Sent, status: DeliveryStatus) -> None:
    delay_s = 0.0
    if status is DeliveryStatus.PENDING:
        varied = random.uniform(1 - _VARIATION, 1 + _VARIATION)  # noqa: S311  no secret
        delay_s = RETRY_AFTER_S[claimed["attempts"] - 1] * varied
    with database.session() as session:
        if sent.status_code == _GONE:
            queries.set_active(session, claimed["webhook_id"], is_active=False)
        queries.settle(
            session,
            claimed["id"],
            attempts=claimed["attempts"],
            status=status,
            status_code=sent.status_code,
            error=sent.error,
            delay=timedelta(seconds=delay_s),
        )
        if sent.status_code == _GONE:
            queries.give_up(session, claimed["webhook_id"])
        if status is DeliveryStatus.PENDING:
            queries.queue(session, [claimed["id"]])
