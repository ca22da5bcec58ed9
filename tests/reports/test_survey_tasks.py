"""Survey tasks: raised by enough incidents, closed by hand or by a survey, raised again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import shapely
from delivered import load, point, write_geojson
from living import close_case
from making import CORNER, moved, register
from pydantic import ValidationError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places.tables import GridCell
from gis_registry.reports import service, survey_tasks
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.survey_task_schemas import NewTaskClosing, SurveyTask
from gis_registry.reports.survey_task_tables import TaskState
from gis_registry.reports.tables import Report

LIGHT, LIGHT_MATTER, PLACE_MATTER = "0137", "01037", "06001"
#: Where no grid cell is known.
OPEN_GROUND = CORNER
#: What is reported without a moment is reported now, all on one day.
NOW = datetime.now(UTC)


@pytest.fixture
def cell(session: Session) -> tuple[str, float, float]:
    """Return a grid cell and its middle: code, lon, lat."""
    middle = func.ST_Centroid(GridCell.geom)
    found = session.execute(
        select(GridCell.code, func.ST_X(middle), func.ST_Y(middle)).order_by(GridCell.code).limit(1)
    ).one()
    return found[0], found[1], found[2]


def report(session: Session, lon: float, lat: float, **values: object) -> int:
    """Submit a report an hour ago, of an incident of its own: its case is closed."""
    number, case_id = submit(session, lon, lat, **values)
    close_case(session, case_id)
    return number


def submit(session: Session, lon: float, lat: float, **values: object) -> tuple[int, int]:
    """Submit a report an hour ago; return its number and that of its case."""
    new = {"lon": lon, "lat": lat, "matter": LIGHT_MATTER, "accuracy_m": 5, "reported_at": NOW}
    answered = service.submit(session, NewReport.model_validate(new | values), reported_by="app")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    session.execute(update(Report).where(Report.id == answered.id).values(received_at=hour_ago))
    return answered.id, answered.case_id


def put_in_one_case(session: Session, numbers: list[int]) -> None:
    case = session.execute(
        select(Report.case_division_code, Report.case_id).where(Report.id == numbers[0])
    ).one()
    session.execute(
        update(Report)
        .where(Report.id.in_(numbers))
        .values(case_division_code=case.case_division_code, case_id=case.case_id)
    )


def open_tasks(session: Session, **values: object) -> list[SurveyTask]:
    return survey_tasks.tasks(session, **values).tasks  # type: ignore[arg-type]


def close(session: Session, task: SurveyTask, state: TaskState, reason: str) -> SurveyTask:
    new = NewTaskClosing(
        place=task.place, class_code=task.component_class.code, state=state, reason=reason
    )
    return survey_tasks.close(session, new, actor="李分析")


def test_three_incidents_in_a_cell_raise_a_task(
    session: Session, cell: tuple[str, float, float]
) -> None:
    code, lon, lat = cell
    numbers = [report(session, lon, lat) for _ in range(2)]
    assert open_tasks(session) == []
    for azimuth in (90, 270):
        register(session, *moved(lon, lat, azimuth=azimuth, metres=3))
    numbers.append(report(session, lon, lat, matter=LIGHT))
    (task,) = open_tasks(session)
    assert (task.place, task.cell_code, task.component_class.code) == (code, code, LIGHT)
    assert (task.area.code, task.area.name_zh != "") == (code[:9], True)
    assert (task.incident_count, task.none_count, task.ambiguous_count) == (3, 2, 1)
    assert (task.report_ids, task.priority, task.state) == (numbers, "normal", "open")
    assert shapely.geometry.shape(task.geometry).contains(shapely.Point(lon, lat))
    for _ in range(3):
        report(session, lon, lat)
    (urgent,) = open_tasks(session)
    assert (urgent.incident_count, urgent.priority) == (6, "high")
    assert open_tasks(session, incidents=7) == []


def test_reports_of_one_incident_count_once(
    session: Session, cell: tuple[str, float, float]
) -> None:
    _, lon, lat = cell
    numbers = [report(session, lon, lat) for _ in range(4)]
    put_in_one_case(session, numbers[1:])
    assert open_tasks(session) == []
    report(session, lon, lat)
    (task,) = open_tasks(session)
    assert (task.incident_count, task.none_count) == (3, 5)


def test_a_case_counts_once_for_each_day_of_the_city_on_which_it_is_reported(
    session: Session, cell: tuple[str, float, float]
) -> None:
    _, lon, lat = cell
    midnight = (NOW - timedelta(days=20)).replace(hour=16, minute=0, second=0, microsecond=0)
    moments = [midnight + timedelta(minutes=minutes) for minutes in (1, 2, 60)]
    moments += [midnight + timedelta(days=1, minutes=-1), midnight + timedelta(days=7)]
    sent = [
        submit(session, lon, lat, reported_at=moment, sender={"account": f"wx-{n}"})
        for n, moment in enumerate(moments)
    ]
    assert len({case_id for _, case_id in sent}) == 1
    assert open_tasks(session) == []
    assert [one.incident_count for one in open_tasks(session, incidents=2)] == [2]
    sent.append(submit(session, lon, lat, reported_at=midnight - timedelta(minutes=1)))
    assert sent[-1][1] == sent[0][1]
    (task,) = open_tasks(session)
    assert (task.incident_count, task.none_count) == (3, 6)
    assert task.report_ids == [number for number, _ in sent]


def test_other_classes_places_matters_and_times_count_apart(
    session: Session, cell: tuple[str, float, float]
) -> None:
    _, lon, lat = cell
    long_ago = (datetime.now(UTC) - timedelta(days=181)).isoformat()
    for _ in range(2):
        report(session, lon, lat)
        report(session, lon, lat, matter="0305")
        report(session, *OPEN_GROUND)
    for _ in range(3):
        report(session, lon, lat, matter=PLACE_MATTER)
    report(session, lon, lat, reported_at=long_ago)
    assert open_tasks(session) == []
    assert [one.incident_count for one in open_tasks(session, days=182)] == [3]


def test_without_grid_cells_a_square_of_100_m_is_the_place(session: Session) -> None:
    for azimuth in (0, 120, 240):
        report(session, *moved(*OPEN_GROUND, azimuth=azimuth, metres=3))
    (task,) = open_tasks(session)
    assert task.cell_code is None
    assert task.place.startswith("370202")
    area = shapely.geometry.shape(task.geometry)
    assert area.contains(shapely.Point(*OPEN_GROUND))
    size = session.scalar(
        select(func.ST_Area(func.geography(func.ST_GeomFromText(area.wkt, 4490))))
    )
    assert size == pytest.approx(10_000, rel=0.01)
    assert open_tasks(session, place=task.place) == [task]
    assert open_tasks(session, place="370202-1-1") == []


def test_scans_of_what_is_registered_elsewhere_count_until_it_is_moved(
    session: Session, cell: tuple[str, float, float]
) -> None:
    _, lon, lat = cell
    code = register(session, *moved(lon, lat, azimuth=0, metres=4))
    near = [report(session, lon, lat, scanned=code) for _ in range(3)]
    assert open_tasks(session) == []
    far = moved(lon, lat, azimuth=0, metres=40)
    session.execute(
        update(Report)
        .where(Report.id.in_(near))
        .values(geom=f"SRID=4490;POINT({far[0]} {far[1]})", component_code=code)
    )
    (task,) = open_tasks(session)
    assert (task.far_off_count, task.none_count, task.incident_count) == (3, 0, 3)
    session.execute(update(Report).where(Report.id.in_(near)).values(accuracy_m=40))
    assert open_tasks(session) == []


def test_a_closed_task_is_kept_and_comes_back_with_newer_reports(
    session: Session, cell: tuple[str, float, float]
) -> None:
    code, lon, lat = cell
    numbers = [report(session, lon, lat) for _ in range(3)]
    (task,) = open_tasks(session)
    closed = close(session, task, TaskState.DISMISSED, " 工地围挡 ")
    assert closed.closing is not None
    assert (closed.state, closed.closing.reason, closed.closing.actor) == (
        "dismissed",
        "工地围挡",
        "李分析",
    )
    assert open_tasks(session) == []
    with pytest.raises(NotFound, match=f"No survey task is open for class {LIGHT} in {code}"):
        close(session, task, TaskState.DONE, "again")
    (kept,) = open_tasks(session, state=TaskState.DISMISSED, place=code, class_code=LIGHT)
    assert (kept, kept.report_ids) == (closed, numbers)
    assert open_tasks(session, state=TaskState.DONE) == []
    fresh = [report(session, lon, lat) for _ in range(3)]
    session.execute(
        update(Report).where(Report.id.in_(fresh[:2])).values(received_at=datetime.now(UTC))
    )
    assert open_tasks(session) == []
    session.execute(
        update(Report).where(Report.id.in_(fresh)).values(received_at=datetime.now(UTC))
    )
    (again,) = open_tasks(session)
    assert again.report_ids == fresh
    assert close(session, again, TaskState.DONE, "普查完").state == "done"


@pytest.mark.parametrize("place", ["cell", "square"])
def test_a_survey_of_the_place_and_class_closes_its_task(
    session: Session, cell: tuple[str, float, float], tmp_path: Path, place: str
) -> None:
    lon, lat = cell[1:] if place == "cell" else OPEN_GROUND
    for _ in range(3):
        report(session, lon, lat)
    assert len(open_tasks(session)) == 1
    elsewhere = write_geojson(
        tmp_path / "elsewhere.geojson",
        [(point(*moved(lon, lat, azimuth=90, metres=400)), {"name": "b"})],
    )
    other = write_geojson(tmp_path / "other.geojson", [(point(lon, lat), {"name": "c"})])
    load(session, elsewhere)
    load(session, other, class_code="0305")
    assert len(open_tasks(session)) == 1
    lights = write_geojson(tmp_path / "lights.geojson", [(point(lon, lat), {"name": "a"})])
    load(session, lights)
    assert open_tasks(session) == []


def test_the_most_incidents_come_first_and_a_limit_says_how_many_there_are(
    session: Session, cell: tuple[str, float, float]
) -> None:
    _, lon, lat = cell
    for matter, count in ((LIGHT_MATTER, 3), ("0305", 4)):
        for _ in range(count):
            report(session, lon, lat, matter=matter)
    found = survey_tasks.tasks(session, limit=1)
    assert ([one.component_class.code for one in found.tasks], found.total) == (["0305"], 2)
    assert [one.component_class.code for one in open_tasks(session, class_code=LIGHT)] == [LIGHT]
    assert open_tasks(session, class_code="9999") == []


@pytest.mark.parametrize("values", [{"incidents": 0}, {"days": 0}, {"days": 3651}, {"limit": 1001}])
def test_a_range_that_cannot_be_is_refused(session: Session, values: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="must be 1 to "):
        open_tasks(session, **values)


def test_closing_needs_a_reason_and_an_end(session: Session) -> None:
    with pytest.raises(ValidationError):
        NewTaskClosing(place="1", class_code=LIGHT, state=TaskState.DONE, reason="")
    for state, reason, message in (
        (TaskState.DONE, " ", "needs a reason"),
        (TaskState.OPEN, "why", "as done or as dismissed"),
    ):
        new = NewTaskClosing(place="1", class_code=LIGHT, state=state, reason=reason)
        with pytest.raises(InvalidInput, match=message):
            survey_tasks.close(session, new, actor="x")
