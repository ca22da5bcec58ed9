"""Drone detections: each becomes a report of its own channel, once."""

from datetime import UTC, datetime, timedelta

import pytest
from making import CORNER, GEOD
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.drones import service
from gis_registry.drones.schemas import AnsweredDetection, NewDetection
from gis_registry.drones.tables import Detection
from gis_registry.errors import InvalidInput, InvalidPosition, NotFound, UnknownMatterType
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.reports.tables import Report

TAKEN_AT = datetime(2026, 7, 8, 1, 32, tzinfo=UTC)


def submit(session: Session, **values: object) -> AnsweredDetection:
    new = NewDetection.model_validate(
        {
            "lon": CORNER[0],
            "lat": CORNER[1],
            "matter": "06001",
            "image": "flight1_0001.jpg",
            "confidence": 0.87,
            "taken_at": TAKEN_AT,
            "note": "屋顶疑似加建",
        }
        | values
    )
    return service.submit(session, new, reported_by="drone")


def count(session: Session, table: type[Detection] | type[Report]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_detection_is_answered_by_area_unit_and_responders(session: Session) -> None:
    detection = submit(session)
    report = detection.report
    assert (report.channel, report.text, report.reported_at) == (
        "drone",
        "屋顶疑似加建",
        TAKEN_AT,
    )
    answer = report.answer
    assert answer.outcome == "place"
    assert answer.place.division is not None
    assert answer.place.division.code == "370202"
    assert answer.responsible.claim is not None
    assert answer.responsible.claim.basis == "matter_and_area"
    assert len(answer.responders) == 3
    assert cases.show(session, report.case_id).unit_code == answer.responsible.claim.unit.code


def test_a_detection_is_kept_and_comes_back_as_it_was_answered(session: Session) -> None:
    detection = submit(session)
    session.expire_all()
    shown = service.show(session, detection.id)
    assert shown == detection
    assert (shown.image, shown.confidence, shown.is_repeat) == ("flight1_0001.jpg", 0.87, False)


def test_the_same_detection_twice_is_one(session: Session) -> None:
    first = submit(session)
    again = submit(session)
    assert again.is_repeat is True
    assert (again.id, again.report.id) == (first.id, first.report.id)
    assert (count(session, Detection), count(session, Report)) == (1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"image": "flight1_0002.jpg"},
        {"matter": "08004"},
        {"lon": CORNER[0] + 0.00001},
        {"taken_at": TAKEN_AT + timedelta(days=15)},
    ],
    ids=["another image", "another matter", "another place", "another flight"],
)
def test_another_detection_is_another_one(session: Session, other: dict[str, object]) -> None:
    assert submit(session).id != submit(session, **other).id
    assert count(session, Report) == 2


def test_images_whose_names_end_alike_are_different_images(session: Session) -> None:
    end = "x" * 150
    assert submit(session, image=f"flight1/{end}").id != submit(session, image=f"flight2/{end}").id


def test_a_detection_in_gcj_02_lands_at_the_right_place(session: Session) -> None:
    lon, lat = from_cgcs2000(*CORNER, Datum.GCJ02)
    report = submit(session, lon=float(lon), lat=float(lat), datum=Datum.GCJ02).report
    assert GEOD.inv(*CORNER, report.lon, report.lat)[2] < 0.001


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"matter": "99999"}, UnknownMatterType),
        ({"lon": 0, "lat": 0}, InvalidPosition),
        ({"lon": 116.39, "lat": 39.9}, InvalidPosition),
        ({"taken_at": datetime.now(UTC) + timedelta(days=1)}, InvalidInput),
        ({"taken_at": datetime(1999, 1, 1, tzinfo=UTC)}, InvalidInput),
    ],
    ids=["matter", "0, 0", "Beijing", "future", "long ago"],
)
def test_a_detection_that_cannot_be_is_refused_and_leaves_no_trace(
    session: Session, values: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error), session.begin_nested():
        submit(session, **values)
    assert (count(session, Detection), count(session, Report)) == (0, 0)


def test_a_detection_that_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no detection 4711"):
        service.show(session, 4711)
