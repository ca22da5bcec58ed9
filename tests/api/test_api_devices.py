"""Video, sensors and kinds of citizen reports over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from running_api import Api
from sqlalchemy import text

from gis_registry.reports.tables import Channel
from gis_registry.roles import Role
from gis_registry.startup import open_registry

AT = "2026-07-08T09:32:00+08:00"
FRAME = {
    "camera": "CAM-001",
    "frame_at": AT,
    "frame_id": "f-1",
    "kind": "street_stall",
    "box": [900, 600, 1010, 810],
    "box_unit": "pixels",
    "confidence": 0.9,
}


def place_sensor(api: Api, device: str, code: str) -> None:
    """Put a sample sensor onto a component of the test."""
    with open_registry(api.settings) as database, database.session() as session:
        session.execute(
            text("UPDATE sensors SET component_code = :code WHERE code = :device"),
            {"device": device, "code": code},
        )


def reading(device: str, value: object, minute: int = 0, **more: object) -> dict[str, object]:
    at = datetime(2026, 7, 8, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return {"device": device, "quantity": "tilt", "value": value, "at": at.isoformat()} | more


def test_a_frame_becomes_a_report_and_following_ones_its_sighting(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    first = client.post("/api/reports/video", json=FRAME)
    assert first.status_code == 201, first.text
    answer = first.json()
    assert answer["report"]["channel"] == Channel.VIDEO
    assert answer["report"]["matter"]["code"] == "09006"
    assert first.headers["Location"] == f"/api/reports/video/{answer['sighting']['id']}"
    shown = client.get(first.headers["Location"])
    assert shown.json() == answer["sighting"]
    report = client.get(f"/api/reports/{answer['report']['id']}")
    assert report.json() == answer["report"]

    again = client.post("/api/reports/video", json=FRAME)
    assert (again.status_code, again.json()["is_repeat"]) == (200, True)
    later = FRAME | {"frame_at": "2026-07-08T09:40:00+08:00", "frame_id": "f-2"}
    second = client.post("/api/reports/video", json=later)
    assert (second.status_code, second.json()["sighting"]["frame_count"]) == (200, 2)
    assert second.json()["report"]["id"] == answer["report"]["id"]


def test_what_is_not_reported_is_no_error_and_is_listed(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    unsure = client.post("/api/reports/video", json=FRAME | {"confidence": 0.2})
    assert unsure.status_code == 201
    assert unsure.json()["report"] is None
    assert unsure.json()["sighting"]["not_reported"]["code"] == "low_confidence"
    client.post("/api/reports/video", json=FRAME | {"kind": "parked_bikes"})
    listed = client.get("/api/reports/video", params={"reported": False}).json()
    assert [one["kind"] for one in listed["sightings"]] == ["street_stall"]
    every = client.get("/api/reports/video", params={"limit": 1}).json()
    assert [one["kind"] for one in every["sightings"]] == ["parked_bikes"]
    assert every["next_before"] == every["sightings"][0]["id"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"camera": "NOWHERE"}, 404),
        ({"box": [900, 600, 800, 810]}, 422),
        ({"box": [900, 600, 3000, 810]}, 422),
        ({"box": [-1, 600, 300, 810]}, 422),
        ({"box": [1, 2, 3]}, 422),
        ({"box_unit": "metres"}, 422),
        ({"confidence": 90}, 422),
        ({"frame_at": "2026-07-08T09:32:00"}, 422),
        ({"frame_at": "0001-01-01T00:00:00+08:00"}, 422),
        ({"frame_at": "2999-07-08T09:32:00Z"}, 422),
        ({"surprise": 1}, 422),
    ],
)
def test_a_frame_that_cannot_be_is_refused(
    shared_api: Api, change: dict[str, object], status: int
) -> None:
    answer = shared_api.as_(Role.INSPECTOR).post("/api/reports/video", json=FRAME | change)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_readings_raise_update_and_clear_one_by_one_and_in_batches(api: Api) -> None:
    place_sensor(api, "COVER-001", api.codes[4])
    client = api.as_(Role.INSPECTOR)

    def send(body: object) -> list[dict[str, Any]]:
        answer = client.post("/api/reports/sensor", json=body)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["readings"]
        return found

    (raised,) = send(reading("COVER-001", 32.5))
    alarm = raised["alarms"][0]
    assert (alarm["event"], alarm["rule"]) == ("raised", "cover-tilt")
    assert alarm["report"]["answer"]["component_code"] == api.codes[4]
    batch = [
        reading("COVER-001", 40, 1),
        reading("COVER-001", 3, 2),
        reading("NOBODY", 3, 2),
    ]
    updated, cleared, refused = send(batch)
    assert [one["event"] for one in updated["alarms"]] == ["updated"]
    assert [one["event"] for one in cleared["alarms"]] == ["cleared"]
    assert (refused["outcome"], refused["why"]["code"]) == ("refused", "unknown_device")
    assert [one["outcome"] for one in send(batch)] == ["repeat", "repeat", "refused"]

    shown = client.get("/api/sensors/COVER-001").json()
    assert (shown["alarms"], shown["readings"][0]["value"]) == ([], 3)
    (listed,) = client.get("/api/reports/sensor").json()["alarms"]
    assert (listed["peak"], listed["report_id"]) == (40, alarm["report"]["id"])
    assert client.get("/api/reports/sensor", params={"open": True}).json()["alarms"] == []
    waiting = client.get("/api/reports/sensor", params={"reported": False}).json()
    assert waiting["alarms"] == []
    case = client.get(f"/api/cases/{alarm['report']['case_id']}").json()
    assert case["is_open"]


def test_a_value_that_is_no_finite_number_is_refused_alone(shared_api: Api) -> None:
    body = '[{"device": "COVER-002", "quantity": "tilt", "at": "' + AT + '", "value": 1e999}]'
    client = shared_api.as_(Role.INSPECTOR)
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/reports/sensor", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["readings"][0]["why"]["code"] == "not_finite"


@pytest.mark.parametrize(
    "body",
    [
        [],
        [reading("COVER-001", 1, n) for n in range(1001)],
        reading("COVER-001", "steep"),
        reading("COVER-001", 1, lon=120.3),
        reading("COVER-001", 1) | {"at": "2026-07-08T09:32:00"},
        {"device": "COVER-001"},
    ],
    ids=["none", "too many", "no number", "half a position", "no zone", "incomplete"],
)
def test_readings_that_cannot_be_read_are_refused(shared_api: Api, body: object) -> None:
    answer = shared_api.as_(Role.INSPECTOR).post("/api/reports/sensor", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_thousand_readings_are_one_request(shared_api: Api) -> None:
    body = [reading("COVER-003", 3, n) for n in range(1000)]
    answer = shared_api.as_(Role.INSPECTOR).post("/api/reports/sensor", json=body)
    assert {one["outcome"] for one in answer.json()["readings"]} == {"kept"}


def test_devices_and_kinds_are_listed(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    cameras = client.get("/api/cameras").json()
    assert [one["code"] for one in cameras][:2] == ["CAM-001", "CAM-002"]
    lamps = client.get("/api/sensors", params={"kind": "lamp"}).json()["sensors"]
    assert {one["kind"] for one in lamps} == {"lamp"}
    assert client.get("/api/sensors/NOBODY").status_code == 404
    majors = client.get("/api/reports/kinds").json()
    assert [len(one["kinds"]) for one in majors] == [3, 4, 3, 2, 2]


def test_the_matter_of_a_citizens_kind_can_be_reported(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    majors = client.get("/api/reports/kinds").json()
    kinds = [kind for major in majors for kind in major["kinds"]]
    assert len(kinds) == 14
    for kind in kinds:
        report = {"lon": 120.3826, "lat": 36.0671, "matter": kind["matter"]}
        answer = client.post("/api/reports", json=report | {"channel": "citizen"})
        assert answer.status_code == 201, kind


def test_who_may_only_read_cannot_send(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    assert client.post("/api/reports/video", json=FRAME).status_code == 403
    assert client.post("/api/reports/sensor", json=[reading("C", 1)]).status_code == 403


def test_what_is_wrong_with_readings_is_said_of_their_fields(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    one = client.post("/api/reports/sensor", json=reading("COVER-001", "high"))
    assert one.status_code == 422
    assert [fault["where"] for fault in one.json()["errors"]] == ["body.value"]
    two = client.post(
        "/api/reports/sensor", json=[reading("COVER-001", 1), reading("COVER-001", None)]
    )
    assert [fault["where"] for fault in two.json()["errors"]] == ["body.1.value"]
    none = client.post("/api/reports/sensor", json=[])
    assert [fault["where"] for fault in none.json()["errors"]] == ["body"]
