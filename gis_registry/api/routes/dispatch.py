"""Who can be sent."""

from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Lat, Lon
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.dispatch import service
from gis_registry.dispatch.schemas import NearResponder
from gis_registry.errors import InvalidPosition
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/responders", tags=["dispatch"], route_class=CheckedRoute)


@router.get(
    "/nearest", dependencies=[requires(Permission.READ)], responses=guarded(InvalidPosition)
)
def nearest_responders(
    session: DatabaseSession,
    lon: Lon,
    lat: Lat,
    unit: Annotated[
        str | None, Query(description="Mark the responders of this unit", max_length=100)
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many at most")] = 3,
) -> list[NearResponder]:
    """List those who are free to go and nearest to a point, by metres on the ground."""
    return service.nearest_responders(session, lon=lon, lat=lat, unit_code=unit, count=limit)
