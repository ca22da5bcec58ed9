"""Components: listed, found, shown with their history, edited."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.preconditions import expected_version, version_tag
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Lat, Limit, Lon
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.components import service
from gis_registry.components.schemas import (
    ComponentDetail,
    ComponentEdit,
    ComponentPage,
    HistoryEntry,
    NearComponent,
)
from gis_registry.errors import Outdated, RequestTooLarge, UnknownClass, UnknownIdentifier
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/components", tags=["components"], route_class=CheckedRoute)

Code = Annotated[
    str,
    Path(
        description="Identifier of 16 or 17 digits; spaces and hyphens are forgiven",
        examples=["3702020137000123"],
        max_length=100,
    ),
]
ClassCode = Annotated[
    str | None,
    Query(alias="class", description="Only this class of the city's edition", max_length=20),
]


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded(UnknownClass))
def list_components(
    session: DatabaseSession,
    class_code: ClassCode = None,
    division: Annotated[
        str | None,
        Query(description="Only this district or subdistrict, by its code", max_length=20),
    ] = None,
    after: Annotated[
        str | None,
        Query(description="Only identifiers after this: `next_after` of a page", max_length=100),
    ] = None,
    limit: Limit = 100,
) -> ComponentPage:
    """List components in use, by identifier."""
    return service.page(
        session, class_code=class_code, division_code=division, after=after, limit=limit
    )


@router.get("/nearest", dependencies=[requires(Permission.READ)], responses=guarded(UnknownClass))
def nearest_components(
    session: DatabaseSession,
    lon: Lon,
    lat: Lat,
    class_code: ClassCode = None,
    radius_m: Annotated[
        float | None, Query(description="Only within this many metres", gt=0, le=1_000_000)
    ] = None,
    limit: Limit = 5,
) -> list[NearComponent]:
    """List the components nearest to a point, by metres on the ground."""
    return service.nearest(
        session, lon=lon, lat=lat, class_code=class_code, radius_m=radius_m, count=limit
    )


@router.get(
    "/{code}", dependencies=[requires(Permission.READ)], responses=guarded(UnknownIdentifier)
)
def show_component(session: DatabaseSession, code: Code, response: Response) -> ComponentDetail:
    """Show everything about a component; ETag is its version."""
    detail = service.show(session, code)
    response.headers["ETag"] = version_tag(detail.version)
    return detail


@router.get(
    "/{code}/history",
    dependencies=[requires(Permission.READ)],
    responses=guarded(UnknownIdentifier),
)
def component_history(session: DatabaseSession, code: Code) -> list[HistoryEntry]:
    """List every state that a component had, the first one first."""
    return service.history(session, code)


@router.patch(
    "/{code}",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(UnknownIdentifier, Outdated, RequestTooLarge),
)
def edit_component(
    session: DatabaseSession,
    actor: CurrentActor,
    code: Code,
    edit: ComponentEdit,
    response: Response,
    if_match: Annotated[
        str | None,
        Header(description="ETag that the change was made for: refused if it changed since"),
    ] = None,
) -> ComponentDetail:
    """Change a component; what it was before stays in its history."""
    detail = service.apply_edit(
        session, code, edit, actor=actor.name, expected_version=expected_version(if_match)
    )
    response.headers["ETag"] = version_tag(detail.version)
    return detail
