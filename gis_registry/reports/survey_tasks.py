"""What reports tell about the registry: where somebody should survey again.

A report that found no component, or several alike, or scanned one that is registered elsewhere,
says that the registry may be wrong there. Enough incidents of one place and class are a survey
task; a case that is reported on several days counts once for each of them. Tasks are derived from
the reports each time; only that one was closed is kept.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components.lookup import class_name
from gis_registry.components.schemas import Named
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places.service import the_city
from gis_registry.reports import survey_task_queries as queries
from gis_registry.reports.survey_task_schemas import (
    NewTaskClosing,
    SurveyTask,
    SurveyTaskList,
    TaskClosing,
    TaskPriority,
)
from gis_registry.reports.survey_task_tables import SurveyTaskClosing, TaskState

#: One report may have a bad position, and two may come from one phone: three incidents are a
#: pattern. Half a year is long enough for them to come together, and short enough that the street
#: has not been rebuilt in between.
DEFAULT_INCIDENTS = 3
DEFAULT_DAYS = 180

_LONGEST_DAYS = 3650
_MOST_INCIDENTS = 1000


def tasks(
    session: Session,
    *,
    state: TaskState = TaskState.OPEN,
    place: str | None = None,
    class_code: str | None = None,
    incidents: int = DEFAULT_INCIDENTS,
    days: int = DEFAULT_DAYS,
    limit: int | None = None,
) -> SurveyTaskList:
    """Return survey tasks: open ones with most incidents first, or closed ones, the last first.

    Args:
        session: open transaction.
        state: open, done or dismissed.
        place: only those of this grid cell or square.
        class_code: only those of this class.
        incidents: how many make a task; a case counts once for each day of its reports.
        days: how many days back reports count.
        limit: at most so many.

    Raises:
        InvalidInput: incidents, days or limit are out of range.
    """
    _check_range("The incidents that make a task", incidents, _MOST_INCIDENTS)
    _check_range("The days back", days, _LONGEST_DAYS)
    if limit is not None:
        _check_range("The limit", limit, 1000)
    class_ids = None if class_code is None else queries.class_ids(session, class_code.strip())
    if state is not TaskState.OPEN:
        rows = queries.closed_tasks(
            session, state=state, place=place, class_ids=class_ids, limit=limit
        )
        return SurveyTaskList(
            tasks=[
                _ended(
                    row["task"],
                    state=row["state"],
                    closed_at=row["closed_at"],
                    actor=row["actor"],
                    reason=row["reason"],
                )
                for row in rows
            ],
            total=_total(rows),
        )
    rows = _open(session, place, class_ids, incidents=incidents, days=days, limit=limit)
    return SurveyTaskList(tasks=[_task(row, incidents) for row in rows], total=_total(rows))


def close(
    session: Session,
    new: NewTaskClosing,
    *,
    actor: str,
    incidents: int = DEFAULT_INCIDENTS,
    days: int = DEFAULT_DAYS,
) -> SurveyTask:
    """Close a survey task; reports that come later can raise it again.

    Raises:
        InvalidInput: there is no reason, or it would stay open.
        NotFound: no such task is open.
    """
    if new.state is TaskState.OPEN:
        raise InvalidInput("A task is closed as done or as dismissed.")
    if not new.reason.strip():
        raise InvalidInput("Closing a survey task needs a reason.")
    place, class_code = new.place.strip(), new.class_code.strip()
    queries.lock_task(session, place)
    class_ids = queries.class_ids(session, class_code)
    rows = _open(session, place, class_ids, incidents=incidents, days=days, limit=None)
    if not rows:
        raise NotFound(
            f"No survey task is open for class {class_code} in {place}; `gis-registry survey "
            "tasks` lists those that are."
        )
    closed_at, reason = datetime.now(UTC), new.reason.strip()
    found = [_task(row, incidents).model_dump(mode="json", by_alias=True) for row in rows]
    # A code that stands for classes of two editions closes the tasks of both.
    session.add_all(
        SurveyTaskClosing(
            place=place,
            class_id=row["class_id"],
            state=new.state,
            closed_at=closed_at,
            actor=actor,
            reason=reason,
            task=task,
        )
        for row, task in zip(rows, found, strict=True)
    )
    session.flush()
    return _ended(found[0], state=new.state, closed_at=closed_at, actor=actor, reason=reason)


def _check_range(what: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidInput(f"{what} must be 1 to {most}.")


def _open(
    session: Session,
    place: str | None,
    class_ids: list[int] | None,
    *,
    incidents: int,
    days: int,
    limit: int | None,
) -> Sequence[RowMapping]:
    city = the_city(session)
    return queries.open_tasks(
        session,
        edition_key=city.edition_key,
        epsg=city.projected_epsg,
        zone=city.time_zone,
        since=datetime.now(UTC) - timedelta(days=days),
        least_incidents=incidents,
        place=place,
        class_ids=class_ids,
        limit=limit,
    )


def _total(rows: Sequence[RowMapping]) -> int:
    return int(rows[0]["total"]) if rows else 0


def _task(row: RowMapping, least_incidents: int) -> SurveyTask:
    is_high = row["incident_count"] >= 2 * least_incidents
    return SurveyTask(
        place=row["place"],
        cell_code=row["cell_code"],
        area=Named(
            code=row["area_code"],
            name_zh=row["area_name_zh"] or row["area_code"],
            name_en=row["area_name_en"] or row["area_name_zh"] or row["area_code"],
        ),
        component_class=class_name(row),
        priority=TaskPriority.HIGH if is_high else TaskPriority.NORMAL,
        incident_count=row["incident_count"],
        none_count=row["none_count"],
        ambiguous_count=row["ambiguous_count"],
        far_off_count=row["far_off_count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        report_ids=row["report_ids"],
        geometry=json.loads(row["geometry"]),
    )


def _ended(
    task: dict[str, Any], *, state: str, closed_at: datetime, actor: str, reason: str
) -> SurveyTask:
    """Return a task as it was when it was closed, with its closing."""
    closing = TaskClosing(closed_at=closed_at, actor=actor, reason=reason)
    return SurveyTask.model_validate(task | {"state": state, "closing": closing})
