"""The catalogue: editions, component classes, matter types, time limits."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.catalogue import service, time_limit_asking, time_limit_loading
from gis_registry.catalogue.schemas import ClassEntry, EditionEntry, MatterTypeEntry
from gis_registry.catalogue.tables import LimitStage, MatterKind
from gis_registry.catalogue.time_limit_asking import LimitAnswer
from gis_registry.catalogue.time_limit_loading import LimitVersionEntry
from gis_registry.errors import InvalidInput, NotFound, UnknownClass, UnknownMatterType
from gis_registry.places.service import code_editions, today
from gis_registry.roles import Permission

router = APIRouter(prefix="/api", tags=["catalogue"], route_class=CheckedRoute)

EditionKey = Annotated[str | None, Query(description="Only of this edition", max_length=50)]


@router.get("/editions", dependencies=[requires(Permission.READ)], responses=guarded())
def list_editions(session: DatabaseSession) -> list[EditionEntry]:
    """List the editions of the standard."""
    return service.list_editions(session)


@router.get("/classes", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def list_classes(
    session: DatabaseSession,
    edition: EditionKey = None,
    in_profile: Annotated[
        bool, Query(description="Only those that the city keeps components of")
    ] = False,
) -> list[ClassEntry]:
    """List component classes by edition and code."""
    return service.list_classes(session, edition_key=edition, in_profile=in_profile)


@router.get("/matter-types", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def list_matter_types(
    session: DatabaseSession,
    edition: EditionKey = None,
    kind: Annotated[
        MatterKind | None, Query(description="Only about components, or about places")
    ] = None,
) -> list[MatterTypeEntry]:
    """List what can be wrong, with a component or in a place."""
    return service.list_matter_types(session, edition_key=edition, kind=kind)


@router.get(
    "/catalogue/limits",
    dependencies=[requires(Permission.READ)],
    responses=guarded(UnknownClass, UnknownMatterType, InvalidInput),
)
def find_time_limits(
    session: DatabaseSession,
    class_code: Annotated[
        str | None, Query(alias="class", description="Code of a component class", max_length=20)
    ] = None,
    matter: Annotated[
        str | None,
        Query(
            description="Code of a matter, or of a class of whose components something is wrong",
            max_length=20,
        ),
    ] = None,
    condition: Annotated[
        str | None,
        Query(
            description="What was found, such as `missing`; the default if not given",
            max_length=50,
        ),
    ] = None,
    stage: Annotated[LimitStage | None, Query(description="Only this stage")] = None,
    on: Annotated[
        date | None,
        Query(description="The day on which the stage begins; the city's today if not given"),
    ] = None,
) -> LimitAnswer:
    """Say how long each stage of a case may take for a class or a matter, and why."""
    return time_limit_asking.answer(
        session,
        editions=code_editions(session),
        on_date=on or today(session),
        class_code=class_code,
        matter_code=matter,
        condition=condition,
        stage=stage,
    )


@router.get(
    "/catalogue/limits/versions", dependencies=[requires(Permission.READ)], responses=guarded()
)
def list_time_limit_versions(session: DatabaseSession) -> list[LimitVersionEntry]:
    """List the versions of the time limits, the latest first."""
    return time_limit_loading.list_versions(session, on_date=today(session))
