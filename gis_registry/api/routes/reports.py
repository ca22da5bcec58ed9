"""Reports: taken in and answered, listed, shown, explained."""

from typing import Annotated

from fastapi import APIRouter, Query, Response, status

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import LARGEST, Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import (
    InvalidPosition,
    NotFound,
    RequestTooLarge,
    UnknownMatterType,
)
from gis_registry.reports import explaining, service
from gis_registry.reports.explaining import Language
from gis_registry.reports.schemas import AnsweredReport, Explanation, NewReport, ReportPage
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/reports", tags=["reports"], route_class=CheckedRoute)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    dependencies=[requires(Permission.REPORT)],
    responses={
        200: {"model": AnsweredReport, "description": "The client key was known: the first answer"},
        **guarded(UnknownMatterType, InvalidPosition, RequestTooLarge),
    },
)
def submit_report(
    session: DatabaseSession, actor: CurrentActor, report: NewReport, response: Response
) -> AnsweredReport:
    """Answer a report: the component meant, the responsible unit, who is nearest, and why."""
    answered = service.submit(session, report, reported_by=actor.name)
    response.headers["Location"] = f"{router.prefix}/{answered.id}"
    if answered.is_repeat:
        response.status_code = status.HTTP_200_OK
    return answered


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded())
def list_reports(
    session: DatabaseSession,
    case: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="Only those of the case with this number")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> ReportPage:
    """List reports, the newest first."""
    return service.page(session, before=before, limit=limit, case_id=case)


@router.get("/{number}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_report(session: DatabaseSession, number: Number) -> AnsweredReport:
    """Show a report as it was answered."""
    return service.show(session, number)


@router.get(
    "/{number}/explanation",
    dependencies=[requires(Permission.READ)],
    responses=guarded(NotFound),
)
def explain_report(
    session: DatabaseSession,
    number: Number,
    lang: Annotated[
        Language | None, Query(description="Sentences in this language only; else in both")
    ] = None,
) -> Explanation:
    """Tell step by step how a report came to its answer, and whether it would again."""
    return explaining.explain(session, number, language=lang)
