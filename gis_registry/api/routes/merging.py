"""Reports of one incident: asked for beforehand, put into one case, taken out of it again."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import LARGEST, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import (
    Conflict,
    InvalidPosition,
    NotFound,
    RequestTooLarge,
    UnknownMatterType,
)
from gis_registry.reports import merging
from gis_registry.reports.schemas import AnsweredReport, NewReport, SimilarReports
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/reports", tags=["reports"], route_class=CheckedRoute)

Reason = Annotated[str, Field(min_length=1, max_length=4000, description="How it is known")]


class Separating(BaseModel):
    """Why a report is taken out of its case."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class Merging(BaseModel):
    """Which case a report is put into, and why."""

    model_config = ConfigDict(extra="forbid")

    case_id: int = Field(ge=1, le=LARGEST, description="An open case")
    reason: Reason


@router.post(
    "/similar",
    dependencies=[requires(Permission.REPORT)],
    responses=guarded(UnknownMatterType, InvalidPosition, RequestTooLarge),
)
def suggest_similar(session: DatabaseSession, report: NewReport) -> SimilarReports:
    """Ask, before a report is sent, which open cases it may repeat; nothing is kept."""
    return merging.similar_to(session, report)


@router.post(
    "/{number}/separate",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound, Conflict, RequestTooLarge),
)
def separate_report(
    session: DatabaseSession, actor: CurrentActor, number: Number, separating: Separating
) -> AnsweredReport:
    """Take a report out of the case that it joined, into one of its own."""
    return merging.separate(session, number, reason=separating.reason, actor=actor.name)


@router.post(
    "/{number}/merge",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound, Conflict, RequestTooLarge),
)
def merge_report(
    session: DatabaseSession, actor: CurrentActor, number: Number, into: Merging
) -> AnsweredReport:
    """Put a report into another open case; its own is closed if nothing is left in it."""
    return merging.merge(session, number, into.case_id, reason=into.reason, actor=actor.name)
