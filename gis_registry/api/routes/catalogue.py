"""The catalogue: editions, component classes, matter types."""

from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.catalogue import service
from gis_registry.catalogue.schemas import ClassEntry, EditionEntry, MatterTypeEntry
from gis_registry.catalogue.tables import MatterKind
from gis_registry.errors import NotFound
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
