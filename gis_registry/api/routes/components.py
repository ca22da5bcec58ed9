"""Components: listed, found, shown as they are and were, edited; what else they are known by."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Response

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.preconditions import IfMatch, expected_versions, version_tag
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Lat, Limit, Lon
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.components import ledger, lineage, lookup, service
from gis_registry.components.as_of import moment_of
from gis_registry.components.schemas import (
    Alias,
    Candidate,
    ComponentDetail,
    ComponentEdit,
    ComponentPage,
    EndedAlias,
    HistoryEntry,
    NearComponent,
    NewAlias,
    Succession,
)
from gis_registry.errors import (
    Ambiguous,
    Conflict,
    NotFound,
    Outdated,
    RequestTooLarge,
    UnknownClass,
    UnknownIdentifier,
)
from gis_registry.places.service import the_city
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/components", tags=["components"], route_class=CheckedRoute)

Code = Annotated[
    str,
    Path(
        description="Identifier of 16 or 17 digits, or a tag or key that stands for it; spaces and "
        "hyphens are forgiven",
        examples=["3702020137000123"],
        max_length=100,
    ),
]
AsOf = Annotated[
    str | None,
    Query(
        description="As the registry had it at the end of this day, or at this time (ISO 8601; "
        "without a zone, the city's)",
        examples=["2026-06-30"],
        max_length=40,
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
    as_of: AsOf = None,
) -> ComponentPage:
    """List components in use, by identifier."""
    return service.page(
        session,
        class_code=class_code,
        division_code=division,
        after=after,
        limit=limit,
        moment=_moment(session, as_of),
    )


@router.get("/find", dependencies=[requires(Permission.READ)], responses=guarded())
def find_components(
    session: DatabaseSession,
    value: Annotated[
        str,
        Query(
            description="Anything ever issued or printed: an identifier, a tag, a key, the address "
            "in a QR code",
            min_length=1,
            max_length=500,
        ),
    ],
) -> list[Candidate]:
    """List the components that something stands or stood for, those that have it now first."""
    return lookup.candidates(session, value)


@router.post(
    "/succession",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(UnknownIdentifier, Ambiguous, Conflict, RequestTooLarge),
)
def record_succession(
    session: DatabaseSession, actor: CurrentActor, new: Succession
) -> list[ComponentDetail]:
    """Record what took the place of components, which are retired; nothing of them is lost."""
    return lineage.succeed(
        session,
        new.relation,
        predecessors=new.predecessors,
        successors=new.successors,
        actor=actor.name,
        reason=new.reason,
        on_date=new.on_date,
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
    "/{code}",
    dependencies=[requires(Permission.READ)],
    responses=guarded(UnknownIdentifier, NotFound, Ambiguous),
)
def show_component(
    session: DatabaseSession, code: Code, response: Response, as_of: AsOf = None
) -> ComponentDetail:
    """Show everything about a component; ETag is its version."""
    detail = service.show(session, code, moment=_moment(session, as_of))
    response.headers["ETag"] = version_tag(detail.version)
    return detail


@router.get(
    "/{code}/history",
    dependencies=[requires(Permission.READ)],
    responses=guarded(UnknownIdentifier, Ambiguous),
)
def component_history(session: DatabaseSession, code: Code) -> list[HistoryEntry]:
    """List every state that a component had, the first one first."""
    return service.history(session, code)


@router.get(
    "/{code}/aliases",
    dependencies=[requires(Permission.READ)],
    responses=guarded(UnknownIdentifier, Ambiguous),
)
def list_aliases(session: DatabaseSession, code: Code) -> list[Alias]:
    """List everything that a component is or was known by."""
    return ledger.aliases(session, code)


@router.post(
    "/{code}/aliases",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(UnknownIdentifier, Ambiguous, Conflict, RequestTooLarge),
)
def add_alias(
    session: DatabaseSession, actor: CurrentActor, code: Code, new: NewAlias
) -> list[Alias]:
    """Make a component known by something else; answers all that it is known by."""
    return ledger.add_alias(session, code, actor=actor.name, **dict(new))


@router.post(
    "/{code}/aliases/end",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(UnknownIdentifier, NotFound, Ambiguous, Conflict, RequestTooLarge),
)
def end_alias(
    session: DatabaseSession, actor: CurrentActor, code: Code, ended: EndedAlias
) -> list[Alias]:
    """End what a component is known by; it still resolves, with the day of its end."""
    return ledger.end_alias(session, code, actor=actor.name, **dict(ended))


@router.patch(
    "/{code}",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(UnknownIdentifier, UnknownClass, Ambiguous, Outdated, RequestTooLarge),
)
def edit_component(
    session: DatabaseSession,
    actor: CurrentActor,
    code: Code,
    edit: ComponentEdit,
    response: Response,
    if_match: IfMatch = None,
) -> ComponentDetail:
    """Change a component; what it was before stays in its history."""
    detail = service.apply_edit(
        session, code, edit, actor=actor.name, expected_versions=expected_versions(if_match)
    )
    response.headers["ETag"] = version_tag(detail.version)
    return detail


def _moment(session: DatabaseSession, as_of: str | None) -> datetime | None:
    if as_of is None:
        return None
    return moment_of(as_of, ZoneInfo(the_city(session).time_zone))
