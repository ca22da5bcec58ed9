"""Whether the program is alive, and whether it can serve."""

from fastapi import APIRouter
from pydantic import BaseModel

from gis_registry import __version__
from gis_registry.api.problems import problems
from gis_registry.api.sessions import DatabaseSession
from gis_registry.errors import DatabaseUnsuitable
from gis_registry.readiness import Readiness, readiness

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The program is alive."""

    status: str = "alive"
    version: str = __version__


@router.get("/health", responses=problems())
async def health() -> Health:
    """Tell that the program is alive, whether or not its database is."""
    return Health()


@router.get("/ready", responses=problems(DatabaseUnsuitable))
def ready(session: DatabaseSession) -> Readiness:
    """Tell that the database answers and holds a city, and how much there is."""
    return readiness(session)
