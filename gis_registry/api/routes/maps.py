"""Rendered maps."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from gis_registry.api.access import requires
from gis_registry.api.routes.parameters import LARGEST
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.maps import service
from gis_registry.maps.service import LARGEST_UPDATE, OverviewUpdate
from gis_registry.roles import Permission

router = APIRouter(prefix="/maps", tags=["maps"], route_class=CheckedRoute, include_in_schema=False)

#: The map's library writes scripts and styles into the page; other hosts stay shut out.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@router.get("/overview", dependencies=[requires(Permission.READ)])
def overview(session: DatabaseSession) -> HTMLResponse:
    """Show the city with its components and open cases on a map."""
    return HTMLResponse(
        service.overview_page(session), headers={"Content-Security-Policy": _POLICY}
    )


@router.get("/overview/cases", dependencies=[requires(Permission.READ)])
def overview_cases(
    session: DatabaseSession,
    number: Annotated[
        list[Annotated[int, Query(ge=1, le=LARGEST)]] | None, Query(max_length=LARGEST_UPDATE)
    ] = None,
) -> OverviewUpdate:
    """Show cases that changed, or all, for a map that is open; those closed are left out."""
    return service.overview_update(session, number)
