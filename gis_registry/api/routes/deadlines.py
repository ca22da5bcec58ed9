"""Why the deadlines of a case are when they are."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases.deadline_schemas import CaseDeadlines
from gis_registry.cases.explaining_deadlines import MOST_LINES, explain_deadlines
from gis_registry.errors import NotFound
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/cases", tags=["cases"], route_class=CheckedRoute)


@router.get(
    "/{number}/deadline", dependencies=[requires(Permission.READ)], responses=guarded(NotFound)
)
def show_deadlines(
    session: DatabaseSession,
    number: Number,
    stage: Annotated[
        int | None, Query(ge=1, le=1_000_000, description="Only this stage, counted from 1")
    ] = None,
    minutes: Annotated[bool, Query(description="A line of the ledger for each minute")] = False,
    since: Annotated[
        AwareDatetime | None,
        Query(description="Leave out what ended before: `next_since` of an answer"),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=MOST_LINES, description="At most so many lines of each ledger")
    ] = MOST_LINES,
) -> CaseDeadlines:
    """Explain each stage's deadline: its limit and why, what counted and what did not."""
    return explain_deadlines(
        session, number, stage=stage, by_minute=minutes, since=since, limit=limit
    )
