"""The routes below ``/ogc``, made from the operations, and what they share in a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL
from starlette.routing import BaseRoute, Route

from gis_registry.api.ogc import CONFORMANCE_CLASSES, OPERATIONS
from gis_registry.api.ogc.asking import Endpoint, Service
from gis_registry.api.ogc.fairness import Shares
from gis_registry.api.ogc.operations import PREFIX
from gis_registry.db.reading import WHOLE_AT_ONCE, Reading
from gis_registry.maps.published import Published
from gis_registry.maps.signing import signing_key
from gis_registry.settings import Settings


def routes() -> list[BaseRoute]:
    """Return the routes."""
    found = [
        Route(PREFIX + one.path, Endpoint(one), methods=[one.method], name=one.name)
        for one in OPERATIONS
    ]
    return [*found, Route(f"{PREFIX}/", Endpoint(OPERATIONS[0]))]


@asynccontextmanager
async def service(url: URL, settings: Settings) -> AsyncIterator[Service]:
    """Hold what the answers of a process share."""
    reading = Reading(
        url,
        connections=settings.pool_size,
        longest_s=settings.statement_timeout_s,
        share=Shares(settings.pool_size).share,
        share_whole=Shares(WHOLE_AT_ONCE).share,
    )
    await reading.open()
    try:
        yield Service(
            reading=reading,
            published=Published(reading),
            secret=await signing_key(reading),
            settings=settings,
            operations=OPERATIONS,
            conformance_classes=CONFORMANCE_CLASSES,
        )
    finally:
        await reading.close()
