"""Surveys: listed, shown, with what became of each row."""

from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import NotFound
from gis_registry.roles import Permission
from gis_registry.surveys import service
from gis_registry.surveys.schemas import SurveyRowPage, SurveySummary
from gis_registry.surveys.tables import Verdict

router = APIRouter(prefix="/api/surveys", tags=["surveys"], route_class=CheckedRoute)


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded())
def list_surveys(session: DatabaseSession) -> list[SurveySummary]:
    """List surveys, the newest first."""
    return service.surveys(session)


@router.get("/{number}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_survey(session: DatabaseSession, number: Number) -> SurveySummary:
    """Show a survey and how many of its rows came to what."""
    return service.show(session, number)


@router.get("/{number}/rows", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def survey_rows(
    session: DatabaseSession,
    number: Number,
    verdict: Annotated[Verdict | None, Query(description="Only rows of this verdict")] = None,
    after: Annotated[
        int, Query(ge=0, le=2**31 - 1, description="Only those after this row: `next_after`")
    ] = 0,
    limit: Limit = 100,
) -> SurveyRowPage:
    """List what became of each row of a survey's file, in the file's order."""
    return service.rows_page(session, number, verdict=verdict, after=after, limit=limit)
