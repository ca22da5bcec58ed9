"""Cases: listed, shown, returned, assigned, identified, closed."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases import identifying, returning, service
from gis_registry.cases.schemas import CasePage, CaseSummary
from gis_registry.errors import (
    Ambiguous,
    Conflict,
    NotFound,
    RequestTooLarge,
    UnknownIdentifier,
)
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/cases", tags=["cases"], route_class=CheckedRoute)


class CaseClosing(BaseModel):
    """Why a case is closed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(
        min_length=1, max_length=4000, description="What was done", examples=["已更换灯具"]
    )


class CaseReturn(BaseModel):
    """Why a case is not the job of the unit that has it."""

    model_config = ConfigDict(extra="forbid")

    unit_code: str = Field(
        min_length=1, max_length=100, description="The unit that returns it", examples=["QD-E-01"]
    )
    reason: str = Field(
        min_length=1, max_length=4000, description="Why it is not theirs", examples=["不属我单位"]
    )


class CaseAssignment(BaseModel):
    """Which unit a case is given to by hand."""

    model_config = ConfigDict(extra="forbid")

    unit_code: str = Field(
        min_length=1, max_length=100, description="The unit that gets it", examples=["QD-E-01"]
    )
    reason: str = Field(
        min_length=1, max_length=4000, description="Why that unit", examples=["现场核实"]
    )


class CaseIdentification(BaseModel):
    """Which component a case is about."""

    model_config = ConfigDict(extra="forbid")

    component: str = Field(
        min_length=1, max_length=500, description="Its identifier, tag or QR code"
    )
    reason: str = Field(
        min_length=1, max_length=4000, description="How it is known", examples=["现场核实"]
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


@router.post(
    "/{number}/return",
    dependencies=[requires(Permission.DISPATCH, Permission.HANDLE)],
    responses=guarded(NotFound, Conflict, RequestTooLarge),
)
def return_case(
    session: DatabaseSession, actor: CurrentActor, number: Number, returned: CaseReturn
) -> CaseSummary:
    """Return a case as not the unit's own; it is decided again without that unit."""
    return returning.return_case(
        session, number, unit_code=returned.unit_code, reason=returned.reason, actor=actor.name
    )


@router.post(
    "/{number}/assign",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound, Conflict, RequestTooLarge),
)
def assign_case(
    session: DatabaseSession, actor: CurrentActor, number: Number, assignment: CaseAssignment
) -> CaseSummary:
    """Give a case to a unit by hand, with a reason."""
    return returning.assign_case(
        session, number, unit_code=assignment.unit_code, reason=assignment.reason, actor=actor.name
    )


@router.post(
    "/{number}/component",
    dependencies=[requires(Permission.DISPATCH, Permission.HANDLE)],
    responses=guarded(NotFound, UnknownIdentifier, Conflict, Ambiguous, RequestTooLarge),
)
def identify_case(
    session: DatabaseSession, actor: CurrentActor, number: Number, named: CaseIdentification
) -> CaseSummary:
    """Say which component a case is about; whose job it is, is decided again."""
    return identifying.identify_case(
        session, number, component=named.component, reason=named.reason, actor=actor.name
    )
