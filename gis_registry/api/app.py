"""The HTTP application: made by a call, with nothing shared between two of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from gis_registry import __version__, clock
from gis_registry.api import problems
from gis_registry.api.changes import take_changes
from gis_registry.api.compression import Compression
from gis_registry.api.intake import Intake
from gis_registry.api.middleware import BodyLimit, Envelope
from gis_registry.api.ogc import router as ogc
from gis_registry.api.openapi import RegistryAPI
from gis_registry.api.routes import ROUTERS, photos, report_card
from gis_registry.api.sessions import connections
from gis_registry.cases import service as cases
from gis_registry.db.engine import Database
from gis_registry.notifications.live import LiveNotices
from gis_registry.photos.store import open_store
from gis_registry.settings import Settings
from gis_registry.startup import open_registry
from gis_registry.web.rendering import STATIC

_DESCRIPTION = """
Every component of a city (manhole covers, street lights, trees …) with an identifier for ever, and
an answer to every report: which component it is about, whose job it is, who is nearest.

Send your key as `Authorization: Bearer KEY`. Positions are longitude and latitude in degrees in
CGCS2000 (EPSG:4490, the same as WGS 84 within centimetres) unless a field `datum` says otherwise;
distances are metres on the ground; times carry their zone. Lists come in pages: give `next_after`
or `next_before` of one page to get the next. Errors are `application/problem+json` (RFC 9457);
`type` leads to an explanation, and `instance` is the request's id in the log.
"""


def create_app(settings: Settings, *, database: Database | None = None) -> FastAPI:
    """Make the application.

    Args:
        settings: every setting.
        database: an open registry, which stays the caller's to close; without one the application
            opens the registry that the settings name, and closes it when it ends.

    Raises:
        InvalidInput: the settings name a store of photos that cannot be.
    """
    app = RegistryAPI(
        title="Component one-map",
        description=_DESCRIPTION.strip(),
        version=__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        redoc_url=None,
        lifespan=partial(_lifespan, settings=settings, database=database),
        generate_unique_id_function=_operation_id,
        middleware=[
            Middleware(Envelope),
            *_for_other_sites((settings.allowed_origins or "").split()),
            Middleware(Compression),
            Middleware(
                BodyLimit,
                max_bytes=settings.max_request_bytes,
                by_path={photos.PATH: settings.max_photo_bytes + photos.FORM_BYTES},
            ),
        ],
    )
    app.state.photo_store = open_store(settings)
    problems.install(app)
    app.router.routes.extend(ogc.routes())  # the first are found soonest
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _for_other_sites(origins: list[str]) -> list[Middleware]:
    """Return what lets pages of other sites read; they send no cookies."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "OPTIONS"),
            allow_headers=("Authorization", "X-API-Key", "If-None-Match"),
            expose_headers=("ETag", "Link", "Content-Crs", "X-Request-ID"),
        )
    ]


@asynccontextmanager
async def _lifespan(
    app: FastAPI, *, settings: Settings, database: Database | None
) -> AsyncIterator[None]:
    app.state.settings = settings
    app.state.turns = anyio.Semaphore(connections(settings))
    app.state.photo_turns = anyio.Semaphore(photos.TURNS)
    app.state.card_turns = anyio.Semaphore(report_card.TURNS)
    log = structlog.get_logger("gis_registry.api")
    opened = database
    if opened is None:
        opened = await anyio.to_thread.run_sync(
            lambda: open_registry(settings, tell=lambda what: log.info("opening", what=what))
        )
    if clock.is_simulated():
        log.warning("simulated clock", shows=clock.now().isoformat(), warning=clock.WARNING)
    app.state.database = opened
    app.state.intake = Intake(opened, settings, app.state.turns)
    app.state.live = LiveNotices(
        opened.url, most_streams=settings.event_streams, replay=cases.notices_since
    )
    app.state.changes = take_changes(opened, settings, app.state.turns)
    try:
        async with ogc.service(opened.url, settings) as app.state.ogc:
            yield
    finally:
        app.state.live.close()
        if database is None:
            await anyio.to_thread.run_sync(opened.close)


def _operation_id(route: APIRoute) -> str:
    return route.name
