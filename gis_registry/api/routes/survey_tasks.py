"""Survey tasks that reports raise: listed, closed."""

from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Limit
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import InvalidInput, NotFound, RequestTooLarge
from gis_registry.reports import survey_tasks
from gis_registry.reports.survey_task_schemas import NewTaskClosing, SurveyTask, SurveyTaskList
from gis_registry.reports.survey_task_tables import TaskState
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/surveys/tasks", tags=["surveys"], route_class=CheckedRoute)


@router.get("", dependencies=[requires(Permission.READ)], responses=guarded())
def list_survey_tasks(
    session: DatabaseSession,
    state: Annotated[TaskState, Query(description="Open, done or dismissed")] = TaskState.OPEN,
    cell: Annotated[
        str | None, Query(description="Only of this grid cell or square", max_length=50)
    ] = None,
    class_code: Annotated[
        str | None, Query(alias="class", description="Only of this class", max_length=20)
    ] = None,
    incidents: Annotated[
        int, Query(ge=1, le=1000, description="How many make a task; a case counts once a day")
    ] = survey_tasks.DEFAULT_INCIDENTS,
    days: Annotated[
        int, Query(ge=1, le=3650, description="How many days back reports count")
    ] = survey_tasks.DEFAULT_DAYS,
    limit: Limit = 100,
) -> SurveyTaskList:
    """List where reports did not find what they are about, those with most incidents first."""
    return survey_tasks.tasks(
        session,
        state=state,
        place=cell,
        class_code=class_code,
        incidents=incidents,
        days=days,
        limit=limit,
    )


@router.post(
    "/close",
    dependencies=[requires(Permission.SURVEY)],
    responses=guarded(NotFound, InvalidInput, RequestTooLarge),
)
def close_survey_task(
    session: DatabaseSession, actor: CurrentActor, new: NewTaskClosing
) -> SurveyTask:
    """Close a survey task as done or dismissed; reports that come later can raise it again."""
    return survey_tasks.close(session, new, actor=actor.name)
