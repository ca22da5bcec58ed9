"""Cases: listed, shown, returned, assigned, identified."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.preconditions import IfMatch, expected_versions, version_tag
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import LARGEST, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases import identifying, listing, returning, service, wording
from gis_registry.cases.schemas import CaseFilter, CaseOrder, CasePage, CaseSummary, LifeCycle
from gis_registry.catalogue.time_limits import Condition
from gis_registry.errors import (
    Ambiguous,
    Conflict,
    InvalidInput,
    NotFound,
    Outdated,
    RequestTooLarge,
    UnknownIdentifier,
)
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/cases", tags=["cases"], route_class=CheckedRoute)


class CaseReturn(BaseModel):
    """Why a case is not the job of the unit that has it."""

    model_config = ConfigDict(extra="forbid")

    unit_code: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The unit that returns it; a unit's own users may leave it out",
        examples=["QD-E-01"],
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


class CaseListing(CaseFilter):
    """Which cases are meant, in which order, and where a page begins."""

    order: CaseOrder = Field(default=CaseOrder.NEWEST, description="Newest, or due, first")
    before: int | None = Field(
        default=None, ge=1, le=LARGEST, description="`next_before` of a page, the newest first"
    )
    after: str | None = Field(
        default=None, max_length=100, description="`next_after` of a page, those due first"
    )
    limit: int = Field(default=100, ge=1, le=1000, description="How many at most")


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def list_cases(
    session: DatabaseSession, actor: CurrentActor, listing_: Annotated[CaseListing, Query()]
) -> CasePage:
    """List cases without their events: the newest first, or those that are due first."""
    return listing.page(
        session,
        where=listing_,
        order=listing_.order,
        own_unit=actor.unit_code,
        before=listing_.before,
        after=listing_.after,
        limit=listing_.limit,
    )


@router.get("/life-cycle", dependencies=[requires(Permission.READ)], responses=guarded())
def show_life_cycle() -> LifeCycle:
    """Show the states of a case, and all that can be done with one: when, by whom, with what."""
    return wording.life_cycle()


@router.get("/{number}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_case(
    response: Response, session: DatabaseSession, actor: CurrentActor, number: Number
) -> CaseSummary:
    """Show a case with what happened to it, and what you can do with it; ETag is its version."""
    found = service.show(session, number, actor=actor)
    response.headers["ETag"] = version_tag(found.version)
    return found


@router.get(
    "/{number}/conditions",
    dependencies=[requires(Permission.READ)],
    responses=guarded(NotFound),
)
def list_conditions(session: DatabaseSession, number: Number) -> list[Condition]:
    """List what a case can turn out to be, each with how long handling may take then."""
    return service.conditions(session, number)


@router.post(
    "/{number}/return",
    dependencies=[requires(Permission.DISPATCH, Permission.HANDLE)],
    responses=guarded(NotFound, Conflict, Outdated, RequestTooLarge),
)
def return_case(
    response: Response,
    session: DatabaseSession,
    actor: CurrentActor,
    number: Number,
    returned: CaseReturn,
    if_match: IfMatch = None,
) -> CaseSummary:
    """Return a case as not the unit's own; it is decided again without that unit.

    Who may only handle returns cases of their own unit alone, and may leave the unit out.
    """
    service.require_own(session, number, actor, expected_versions=expected_versions(if_match))
    unit_code = returned.unit_code or actor.unit_code
    if unit_code is None:
        raise InvalidInput("Say by `unit_code` which unit returns it.")
    found = returning.return_case(
        session, number, unit_code=unit_code, reason=returned.reason, actor=actor.name
    )
    response.headers["ETag"] = version_tag(found.version)
    return found


@router.post(
    "/{number}/assign",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound, Conflict, Outdated, RequestTooLarge),
)
def assign_case(
    response: Response,
    session: DatabaseSession,
    actor: CurrentActor,
    number: Number,
    assignment: CaseAssignment,
    if_match: IfMatch = None,
) -> CaseSummary:
    """Give a case to a unit by hand, with a reason."""
    service.require_own(session, number, actor, expected_versions=expected_versions(if_match))
    found = returning.assign_case(
        session, number, unit_code=assignment.unit_code, reason=assignment.reason, actor=actor.name
    )
    response.headers["ETag"] = version_tag(found.version)
    return found


@router.post(
    "/{number}/component",
    dependencies=[requires(Permission.DISPATCH, Permission.HANDLE)],
    responses=guarded(NotFound, UnknownIdentifier, Conflict, Outdated, Ambiguous, RequestTooLarge),
)
def identify_case(
    response: Response,
    session: DatabaseSession,
    actor: CurrentActor,
    number: Number,
    named: CaseIdentification,
    if_match: IfMatch = None,
) -> CaseSummary:
    """Say which component a case is about; whose job it is, is decided again.

    Who may only handle says so of cases of their own unit alone.
    """
    service.require_own(session, number, actor, expected_versions=expected_versions(if_match))
    found = identifying.identify_case(
        session, number, component=named.component, reason=named.reason, actor=actor.name
    )
    response.headers["ETag"] = version_tag(found.version)
    return found
