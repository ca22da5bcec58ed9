"""Live events: what happens to cases, told as it happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.exc import OperationalError

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.sessions import limit_statements, take_turn
from gis_registry.api.text import CheckedRoute
from gis_registry.db.engine import Database
from gis_registry.errors import DatabaseUnavailable, TooManyStreams
from gis_registry.notifications import live
from gis_registry.notifications.live import LiveNotices, Subscription
from gis_registry.notifications.schemas import LiveNotice
from gis_registry.roles import Permission

router = APIRouter(prefix="/api", tags=["events"], route_class=CheckedRoute)

_RECONNECT_MS = 2000


async def _subscribed(request: Request) -> AsyncIterator[Subscription]:
    notices: LiveNotices = request.app.state.live
    async with notices.subscribed() as subscription:
        yield subscription


@router.get(
    "/events",
    dependencies=[requires(Permission.READ)],
    response_class=EventSourceResponse,
    responses=guarded(TooManyStreams),
)
async def stream_events(
    request: Request,
    subscription: Annotated[Subscription, Depends(_subscribed)],
    kind: Annotated[
        list[str] | None, Query(description="Only these kinds", examples=[["case.closed"]])
    ] = None,
    division: Annotated[
        str | None, Query(description="Only cases of this district", examples=["370202"])
    ] = None,
    last_event_id: Annotated[
        str | None, Header(description="Where a stream that resumes was; browsers send it")
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Tell what happens to cases, as Server-Sent Events.

    Each event's data is a JSON object with `id`, `kind`, `case_id`, `division_code` and
    `happened_at`; `GET /api/cases/{number}` has the rest. An event can be told twice. The event
    `missed` says that some may not have been told: load afresh what you show. A comment comes every
    15 seconds while nothing happens.
    """

    def is_wanted(notice: LiveNotice) -> bool:
        return (not kind or notice.kind in kind) and division in (None, notice.division_code)

    told = set()
    if last_event_id is None:
        yield ServerSentEvent(comment="listening", id=live.position_now(), retry=_RECONNECT_MS)
    else:
        replayed = await _replayed(request, live.since(last_event_id))
        if replayed is None:
            yield ServerSentEvent(
                event="missed", data={}, id=live.position_now(), retry=_RECONNECT_MS
            )
        for notice in replayed or []:
            told.add(notice.id)
            if is_wanted(notice):
                yield _event(notice)
    async for notice in subscription.notices():
        if is_wanted(notice) and notice.id not in told:
            yield _event(notice)
    yield ServerSentEvent(comment=f"connect again: {subscription.why_ended}")


def _event(notice: LiveNotice) -> ServerSentEvent:
    return ServerSentEvent(raw_data=notice.text, id=notice.position)


async def _replayed(request: Request, moment: datetime | None) -> list[LiveNotice] | None:
    """Return what a stream that resumes is told first; None: that cannot be said."""
    notices: LiveNotices = request.app.state.live
    replay = notices.replay
    if replay is None or moment is None:
        return None
    database: Database = request.app.state.database

    def read() -> list[LiveNotice] | None:
        with database.session() as session:
            limit_statements(session, request.app.state.settings)
            return live.missed(session, replay, moment)

    try:
        async with asynccontextmanager(take_turn)(request):
            return await anyio.to_thread.run_sync(read)
    except (DatabaseUnavailable, OperationalError):  # too busy: the stream goes on all the same
        return None
