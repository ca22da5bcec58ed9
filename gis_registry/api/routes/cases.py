"""Cases: listed, shown, closed."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases import service
from gis_registry.cases.schemas import CasePage, CaseSummary
from gis_registry.errors import Conflict, NotFound, RequestTooLarge
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/cases", tags=["cases"], route_class=CheckedRoute)


class CaseClosing(BaseModel):
    """Why a case is closed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        min_length=1, max_length=4000, description="What was done", examples=["已更换灯具"]
    )


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded())
def list_cases(
    session: DatabaseSession,
    only_open: Annotated[
        bool, Query(alias="open", description="Only those that are still open")
    ] = False,
    before: Before = None,
    limit: Limit = 100,
) -> CasePage:
    """List cases, the newest first, without their events."""
    return service.page(session, only_open=only_open, before=before, limit=limit)


@router.get("/{number}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_case(session: DatabaseSession, number: Number) -> CaseSummary:
    """Show a case with what happened to it."""
    return service.show(session, number)


@router.post(
    "/{number}/close",
    dependencies=[requires(Permission.HANDLE)],
    responses=guarded(NotFound, Conflict, RequestTooLarge),
)
def close_case(
    session: DatabaseSession, actor: CurrentActor, number: Number, closing: CaseClosing
) -> CaseSummary:
    """Close an open case."""
    return service.close_case(session, number, actor=actor.name, reason=closing.reason)
