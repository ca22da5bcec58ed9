"""The city, its divisions, where a point lies, and when the city works."""

from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import LARGEST, Lat, Lon
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import InvalidPosition, NotFound
from gis_registry.places import calendars, service
from gis_registry.places.schemas import CalendarEntry, CityEntry, DivisionEntry, LocatedPlace
from gis_registry.places.tables import Level
from gis_registry.roles import Permission

router = APIRouter(prefix="/api", tags=["places"], route_class=CheckedRoute)


@router.get("/city", dependencies=[requires(Permission.READ)], responses=guarded())
def show_city(session: DatabaseSession) -> CityEntry:
    """Show the city of this registry."""
    return service.show_city(session)


@router.get("/divisions", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def list_divisions(
    session: DatabaseSession,
    level: Annotated[Level | None, Query(description="Only of this level")] = None,
    parent: Annotated[
        str | None, Query(description="Only those right below this code", max_length=20)
    ] = None,
) -> list[DivisionEntry]:
    """List divisions by code."""
    return service.list_divisions(session, level=level, parent_code=parent)


@router.get(
    "/places/locate",
    dependencies=[requires(Permission.READ)],
    responses=guarded(InvalidPosition),
)
def locate(session: DatabaseSession, lon: Lon, lat: Lat) -> LocatedPlace:
    """Tell in which district, subdistrict and grid cell a point lies today."""
    return service.locate_today(session, lon=lon, lat=lat)


@router.get(
    "/places/calendar", dependencies=[requires(Permission.READ)], responses=guarded(NotFound)
)
def show_calendar(
    session: DatabaseSession,
    year: Annotated[int | None, Query(ge=1900, le=9000, description="Left out: this year")] = None,
    month: Annotated[int | None, Query(ge=1, le=12, description="Only this month")] = None,
    version: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="As this version had it; else the newest")
    ] = None,
) -> CalendarEntry:
    """Show each day of a year or a month: what it is, and its hours of working time."""
    return calendars.show_calendar(session, year=year, month=month, version=version)
