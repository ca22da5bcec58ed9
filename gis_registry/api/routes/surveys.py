"""Surveys: listed, shown, with what became of each row and what was decided of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import Conflict, InvalidInput, NotFound, RequestTooLarge, UnknownClass
from gis_registry.roles import Permission
from gis_registry.surveys import correcting, deciding, service
from gis_registry.surveys.schemas import (
    Corrected,
    Decided,
    DecisionEntry,
    NewCorrection,
    NewDecision,
    SurveyRowPage,
    SurveySummary,
)
from gis_registry.surveys.tables import Verdict

router = APIRouter(prefix="/api/surveys", tags=["surveys"], route_class=CheckedRoute)

Row = Annotated[int, Path(ge=1, le=2**31 - 1, description="Row of the file, from 1")]


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


@router.patch(
    "/{number}/rows/{row}",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(NotFound, Conflict, InvalidInput, RequestTooLarge),
)
def correct_row(
    session: DatabaseSession, actor: CurrentActor, number: Number, row: Row, new: NewCorrection
) -> Corrected:
    """Change what a row says; it is checked again and, if it is good, matched again.

    A row that was refused may be refused again: see its verdict.
    """
    return correcting.take(session, number, row, new, actor=actor.name)


@router.get(
    "/{number}/decisions",
    dependencies=[requires(Permission.READ)],
    responses=guarded(NotFound),
)
def survey_decisions(session: DatabaseSession, number: Number) -> list[DecisionEntry]:
    """List what was decided about a survey's rows, the oldest first."""
    return deciding.decisions(session, number)


@router.post(
    "/{number}/decisions",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(NotFound, UnknownClass, Conflict, InvalidInput, RequestTooLarge),
)
def decide(
    session: DatabaseSession, actor: CurrentActor, number: Number, new: NewDecision
) -> Decided:
    """Accept, reject or drop rows of a survey, say what ambiguous ones are, or take that back."""
    return deciding.take(session, number, new, actor=actor.name)
