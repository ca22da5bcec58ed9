"""Who asks."""

from fastapi import APIRouter
from pydantic import BaseModel

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.text import CheckedRoute
from gis_registry.roles import PERMISSIONS, Permission, Role

router = APIRouter(prefix="/api", tags=["users"], route_class=CheckedRoute)


class Me(BaseModel):
    """Whom the registry takes the sender of a request for."""

    name: str
    role: Role | None
    unit_code: str | None
    permissions: list[Permission]


@router.get("/me", dependencies=[requires(Permission.READ)], responses=guarded())
def show_me(actor: CurrentActor) -> Me:
    """Show whose key was sent, and what it may do."""
    permissions = PERMISSIONS[actor.role] if actor.role is not None else frozenset()
    return Me(
        name=actor.name,
        role=actor.role,
        unit_code=actor.unit_code,
        permissions=sorted(permissions),
    )
