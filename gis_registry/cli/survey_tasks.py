"""Commands of ``gis-registry survey`` about what reports say of the registry: tasks, task close.

They are registered in :mod:`gis_registry.cli.survey`.
"""

import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from gis_registry.cli.context import AsJson, actor, checked_options, city_zone, transaction
from gis_registry.cli.output import (
    print_csv,
    print_json,
    print_json_items,
    print_sentence,
    print_table,
    tell,
)
from gis_registry.cli.survey_options import Reason
from gis_registry.db.base import SRID
from gis_registry.reports import survey_tasks
from gis_registry.reports.survey_task_schemas import NewTaskClosing, SurveyTask, SurveyTaskList
from gis_registry.reports.survey_task_tables import TaskState

app = typer.Typer(help="Close survey tasks.", no_args_is_help=True)

_COLUMNS = (
    "place",
    "class",
    "class_name_zh",
    "class_name_en",
    "area",
    "area_name_zh",
    "area_name_en",
    "state",
    "priority",
    "incidents",
    "none",
    "ambiguous",
    "far_off",
    "first_at",
    "last_at",
    "reports",
    "reason",
)
_WORDS = {"class_name_zh", "class_name_en", "area_name_zh", "area_name_en", "reason"}


class TaskFormat(StrEnum):
    """How tasks are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    GEOJSON = "geojson"


Incidents = Annotated[
    int, typer.Option(help="How many make a task; a case counts once a day.", min=1, max=1000)
]
Days = Annotated[int, typer.Option(help="How many days back reports count.", min=1, max=3650)]


def tasks(
    cell: Annotated[str | None, typer.Option(help="Only of this grid cell or square.")] = None,
    class_code: Annotated[str | None, typer.Option("--class", help="Only of this class.")] = None,
    state: Annotated[TaskState, typer.Option(help="Which tasks.")] = TaskState.OPEN,
    incidents: Incidents = survey_tasks.DEFAULT_INCIDENTS,
    days: Days = survey_tasks.DEFAULT_DAYS,
    form: Annotated[
        TaskFormat | None, typer.Option("--format", help="How to write them; else as a table.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List where reports did not find what they are about, those with most incidents first."""
    if as_json and form not in (None, TaskFormat.JSON):
        raise typer.BadParameter(f"--json is --format json; leave it out for --format {form}.")
    with transaction() as session:
        found = survey_tasks.tasks(
            session,
            state=state,
            place=cell,
            class_code=class_code,
            incidents=incidents,
            days=days,
        )
        zone = city_zone(session)
    if as_json or form is TaskFormat.JSON:
        print_json(found)
    elif form is TaskFormat.GEOJSON:
        crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{SRID}"}}
        head = f'{{"type": "FeatureCollection", "crs": {json.dumps(crs)}, "features": ['
        print_json_items(_features(found.tasks), head=head, tail="]}")
    elif form is TaskFormat.CSV:
        print_csv(_COLUMNS, (_values(one).values() for one in found.tasks), words=_WORDS)
    else:
        _print(found, zone)


@app.command("close")
def close(
    place: Annotated[str, typer.Argument(help="The grid cell or square, as listed.")],
    class_code: Annotated[str, typer.Argument(metavar="CLASS", help="Code of the class.")],
    reason: Reason,
    done: Annotated[bool, typer.Option("--done", help="It was surveyed.")] = False,
    dismiss: Annotated[bool, typer.Option("--dismiss", help="There is nothing to survey.")] = False,
    incidents: Incidents = survey_tasks.DEFAULT_INCIDENTS,
    days: Days = survey_tasks.DEFAULT_DAYS,
    as_json: AsJson = False,
) -> None:
    """Close a survey task as done or dismissed; reports that come later can raise it again."""
    if done == dismiss:
        raise typer.BadParameter("Give --done or --dismiss.")
    with checked_options():
        new = NewTaskClosing(
            place=place,
            class_code=class_code,
            state=TaskState.DONE if done else TaskState.DISMISSED,
            reason=reason,
        )
    with transaction() as session:
        closed = survey_tasks.close(session, new, actor=actor(), incidents=incidents, days=days)
    if as_json:
        print_json(closed)
        return
    print_sentence(
        f"The survey task for class {class_code} in {closed.place} is {closed.state}; it had "
        f"{closed.incident_count} incidents."
    )


def _print(found: SurveyTaskList, zone: ZoneInfo) -> None:
    why = ["why closed"] if any(one.closing for one in found.tasks) else []
    print_table(
        ["place", "area", "class", "incidents", "reports", "last", *why],
        (
            (
                one.place,
                one.area.name_zh,
                f"{one.component_class.code} {one.component_class.name_zh}",
                f"{one.incident_count}, {one.priority}",
                _outcomes(one),
                f"{one.last_at.astimezone(zone):%Y-%m-%d}",
                *([one.closing.reason] if one.closing else []),
            )
            for one in found.tasks
        ),
    )
    if found.total:
        tell(f"{found.total} in all.")


def _outcomes(one: SurveyTask) -> str:
    """Return how many reports came to what."""
    counts = (
        (one.none_count, "none"),
        (one.ambiguous_count, "ambiguous"),
        (one.far_off_count, "far off"),
    )
    return ", ".join(f"{count} {name}" for count, name in counts if count)


def _values(one: SurveyTask) -> dict[str, object]:
    """Return what a task says, by column."""
    about, area = one.component_class, one.area
    values: Sequence[object] = (
        one.place,
        about.code,
        about.name_zh,
        about.name_en,
        area.code,
        area.name_zh,
        area.name_en,
        one.state,
        one.priority,
        one.incident_count,
        one.none_count,
        one.ambiguous_count,
        one.far_off_count,
        one.first_at.isoformat(timespec="seconds"),
        one.last_at.isoformat(timespec="seconds"),
        " ".join(map(str, one.report_ids)),
        one.closing.reason if one.closing else None,
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _features(found: Sequence[SurveyTask]) -> Iterator[dict[str, object]]:
    for one in found:
        yield {"type": "Feature", "geometry": one.geometry, "properties": _values(one)}
