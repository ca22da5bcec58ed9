"""Units and responders: listed, checked, what they returned, and where responders are."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases import counting
from gis_registry.cases.schemas import Returns
from gis_registry.dispatch import checking
from gis_registry.dispatch.schemas import ResponsibilityCheck
from gis_registry.errors import InvalidPosition, NotFound, RequestTooLarge
from gis_registry.roles import Permission
from gis_registry.units import service
from gis_registry.units.schemas import ResponderEntry, ResponderUpdate, UnitEntry
from gis_registry.units.tables import UnitKind

router = APIRouter(prefix="/api", tags=["units"], route_class=CheckedRoute)


@router.get("/units", dependencies=[requires(Permission.READ)], responses=guarded())
def list_units(
    session: DatabaseSession,
    kind: Annotated[UnitKind | None, Query(description="Only of this kind")] = None,
) -> list[UnitEntry]:
    """List units by code."""
    return service.list_units(session, kind=kind)


@router.get("/units/check", dependencies=[requires(Permission.READ)], responses=guarded())
def check_units(
    session: DatabaseSession,
    on: Annotated[
        date | None, Query(description="The day whose facts count; the city's today if not given")
    ] = None,
) -> ResponsibilityCheck:
    """List what nobody is responsible for, and where claims of several units weigh the same."""
    return checking.check_responsibilities(session, on_date=on)


@router.get("/units/returns", dependencies=[requires(Permission.READ)], responses=guarded())
def count_returns(
    session: DatabaseSession,
    since: Annotated[
        date | None, Query(description="Only from this day of the city on; all if not given")
    ] = None,
) -> Returns:
    """Count what units returned as not theirs, and by which responsibilities they had it."""
    return counting.count_returns(session, since=since)


@router.get("/responders", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def list_responders(
    session: DatabaseSession,
    available: Annotated[bool, Query(description="Only those who are free to go")] = False,
    unit: Annotated[
        str | None, Query(description="Only of this unit, by its code", max_length=100)
    ] = None,
) -> list[ResponderEntry]:
    """List responders by code."""
    return service.list_responders(session, only_available=available, unit_code=unit)


@router.patch(
    "/responders/{code}",
    dependencies=[requires(Permission.DISPATCH, Permission.HANDLE)],
    responses=guarded(NotFound, InvalidPosition, RequestTooLarge),
)
def update_responder(
    session: DatabaseSession,
    code: Annotated[str, Path(description="The responder's code", max_length=100)],
    update: ResponderUpdate,
) -> ResponderEntry:
    """Keep where a responder is now, and whether it is free to go."""
    return service.update_responder(session, code, update)
