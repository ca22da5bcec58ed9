"""Every route of the API, called once as it is meant to be."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from making import claim
from running_api import COVER, LAMP, POSITIONS, Api

from gis_registry.roles import Role
from gis_registry.startup import open_registry

REPORT = {"lon": POSITIONS[1][0], "lat": POSITIONS[1][1], "accuracy_m": 5, "matter": LAMP}
DETECTION = {
    "lon": 120.39,
    "lat": 36.07,
    "matter": "06001",
    "image": "DJI_0001.jpg",
    "taken_at": datetime(2026, 3, 1, 2, tzinfo=UTC).isoformat(),
    "confidence": 0.8,
}


def test_components_are_listed_in_pages(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    first = client.get("/api/components", params={"class": LAMP, "limit": 3}).json()
    assert [one["code"] for one in first["components"]] == shared_api.codes[:3]
    rest = client.get(
        "/api/components", params={"class": LAMP, "limit": 3, "after": first["next_after"]}
    ).json()
    assert [one["code"] for one in rest["components"]] == shared_api.codes[3:4]
    assert rest["next_after"] is None
    of_division = client.get("/api/components", params={"division": shared_api.codes[0][:6]}).json()
    assert len(of_division["components"]) == 5


def test_the_nearest_components_come_in_metres(shared_api: Api) -> None:
    lon, lat = POSITIONS[4]
    found = (
        shared_api.as_(Role.READER)
        .get("/api/components/nearest", params={"lon": lon, "lat": lat, "limit": 2})
        .json()
    )
    assert [one["class"]["code"] for one in found] == [COVER, LAMP]
    assert found[0]["distance_m"] == 0
    assert found[1]["distance_m"] == pytest.approx(30, abs=0.1)
    within = {"lon": lon, "lat": lat, "class": LAMP, "radius_m": 20}
    assert shared_api.as_(Role.READER).get("/api/components/nearest", params=within).json() == []


def test_a_component_is_shown_however_its_identifier_is_written(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    code = shared_api.codes[0]
    shown = client.get(f"/api/components/{code}")
    spaced = client.get(f"/api/components/{code[:6]} {code[6:10]}-{code[10:]}")
    assert shown.json() == spaced.json()
    assert shown.json()["maintainer"]["name_zh"]
    assert shown.headers["etag"] == '"1"'
    assert len(client.get(f"/api/components/{code}/history").json()) == 1


def test_an_edit_counts_for_the_version_that_was_read(api: Api) -> None:
    client = api.as_(Role.ANALYST)
    url = f"/api/components/{api.codes[0]}"
    lon, lat = POSITIONS[0][0] + 0.0001, POSITIONS[0][1]
    edit = {"reason": "moved to the kerb", "position": {"lon": lon, "lat": lat}}
    edited = client.patch(url, json=edit, headers={"If-Match": '"1"'})
    assert (edited.status_code, edited.headers["etag"]) == (200, '"2"')
    assert edited.json()["lon"] == pytest.approx(lon)
    late = client.patch(
        url, json={"reason": "gone", "state": "retired"}, headers={"If-Match": '"1"'}
    )
    assert (late.status_code, late.json()["type"]) == (412, "/problems/outdated")
    assert client.patch(url, json={"reason": "gone", "state": "retired"}).json()["version"] == 3
    history = client.get(f"{url}/history").json()
    assert [one["operation"] for one in history] == ["registered", "moved", "retired"]
    assert {one["actor"] for one in history[1:]} == {"analyst-1"}
    nonsense = client.patch(url, json={"reason": "x"}, headers={"If-Match": "three"})
    assert nonsense.status_code == 422


def test_a_position_in_another_datum_is_taken_to_ours(api: Api) -> None:
    client = api.as_(Role.ANALYST)
    gcj = {"lon": POSITIONS[0][0], "lat": POSITIONS[0][1], "datum": "gcj02"}
    edited = client.patch(
        f"/api/components/{api.codes[0]}", json={"reason": "phone", "position": gcj}
    ).json()
    assert 0.003 < POSITIONS[0][0] - edited["lon"] < 0.008


def test_a_report_is_answered_and_kept(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    answered = client.post("/api/reports", json=REPORT)
    assert answered.status_code == 201
    body = answered.json()
    assert body["answer"]["component_code"] == api.codes[1]
    assert body["answer"]["responsible"]["claim"]
    assert body["reported_by"] == "inspector-1"
    shown = client.get(answered.headers["location"]).json()
    assert shown["answer"] == body["answer"]
    assert client.get("/api/reports").json()["reports"][0]["id"] == body["id"]


def test_the_same_client_key_is_one_report(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    report = REPORT | {"client_key": "phone-7:0001"}
    first, second = (client.post("/api/reports", json=report) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["location"] == first.headers["location"]
    assert (first.json()["is_repeat"], second.json()["is_repeat"]) == (False, True)
    assert second.json()["answer"] == first.json()["answer"]
    assert len(client.get("/api/reports").json()["reports"]) == 1


def test_the_same_client_key_at_the_same_time_is_one_report(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    report = REPORT | {"client_key": "phone-7:0002"}
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda _: client.post("/api/reports", json=report), range(60)))
    assert sorted(answer.status_code for answer in answers) == [200] * 59 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(client.get("/api/reports").json()["reports"]) == 1
    assert len(client.get("/api/cases").json()["cases"]) == 1


def test_a_detection_is_answered_once(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    first, second = (client.post("/api/detections", json=DETECTION) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["report"]["answer"]["outcome"] == "place"
    shown = client.get(second.headers["location"]).json()
    assert shown["id"] == first.json()["id"]
    assert shown["report"]["answer"] == first.json()["report"]["answer"]


def test_an_answer_is_explained(api: Api) -> None:
    client = api.as_(Role.READER)
    number = api.as_(Role.INSPECTOR).post("/api/reports", json=REPORT).json()["id"]
    told = client.get(f"/api/reports/{number}/explanation").json()
    assert told["report_id"] == number
    assert [one["step"] for one in told["steps"]][:3] == ["report", "datum", "place"]
    assert all(one["zh"] and one["en"] for one in told["steps"])
    assert (told["replay"]["is_same"], told["replay"]["differences"]) == (True, [])
    in_english = client.get(f"/api/reports/{number}/explanation", params={"lang": "en"}).json()
    assert {one["zh"] for one in in_english["steps"]} == {None}
    assert [one["en"] for one in in_english["steps"]] == [one["en"] for one in told["steps"]]
    unknown = client.get("/api/reports/987654/explanation")
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "There is no report 987654.")
    french = client.get(f"/api/reports/{number}/explanation", params={"lang": "fr"})
    assert french.status_code == 422


def test_responsibilities_are_checked_for_gaps_and_ties(api: Api) -> None:
    client = api.as_(Role.READER)
    sound = client.get("/api/units/check", params={"on": "2026-07-01"})
    assert sound.status_code == 200
    assert (sound.json()["gaps"], sound.json()["conflicts"]) == ([], [])
    with open_registry(api.settings) as database, database.session() as session:
        for unit in ("QD-E-01", "QD-E-02"):
            claim(session, unit, class_code=LAMP, division="370202001")
    tied = client.get("/api/units/check", params={"on": "2026-07-01"}).json()
    (conflict,) = tied["conflicts"]
    assert [one["unit"]["code"] for one in conflict["facts"]] == ["QD-E-01", "QD-E-02"]
    assert {one["class"]["code"] for one in conflict["matters"]} == {LAMP}
    assert [one["code"] for one in conflict["matters"][0]["places"]] == ["370202001"]
    before = client.get("/api/units/check", params={"on": "2019-12-31"}).json()
    assert len(before["gaps"]) == before["matter_count"]
    assert client.get("/api/units/check", params={"on": "someday"}).status_code == 422


def test_a_case_is_closed_once_and_with_a_reason(api: Api) -> None:
    number = api.as_(Role.DISPATCHER).post("/api/reports", json=REPORT).json()["case_id"]
    client = api.as_(Role.DISPATCHER)
    assert client.get("/api/cases", params={"open": True}).json()["cases"][0]["id"] == number
    assert client.post(f"/api/cases/{number}/close", json={"reason": " "}).status_code == 422
    closed = client.post(f"/api/cases/{number}/close", json={"reason": "已更换灯具"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    assert client.get(f"/api/cases/{number}").json()["events"][-1]["actor"] == "dispatcher-1"
    again = client.post(f"/api/cases/{number}/close", json={"reason": "again"})
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")
    assert client.get("/api/cases", params={"open": True}).json()["cases"] == []
    assert client.get(f"/api/cases/{number}").json()["state"] == "closed"


def test_a_case_is_returned_counted_and_assigned(api: Api) -> None:
    dispatcher = unit = api.as_(Role.DISPATCHER)
    number = dispatcher.post("/api/reports", json=REPORT).json()["case_id"]
    path = f"/api/cases/{number}"
    holder = unit.get(path).json()["unit_code"]
    assert unit.get("/api/units/returns").json() == {
        "since": None,
        "count": 0,
        "stood": 0,
        "units": [],
        "facts": [],
    }
    reason = {"unit_code": holder, "reason": "不属我单位"}
    for body, status in (
        (reason | {"reason": " "}, 422),
        (reason | {"more": 1}, 422),
        (reason | {"unit_code": "QD-X"}, 404),
        (reason | {"unit_code": "QD-CC"}, 409),
    ):
        assert unit.post(f"{path}/return", json=body).status_code == status
    assert api.as_(Role.INSPECTOR).post(f"{path}/return", json=reason).status_code == 403
    assert unit.post("/api/cases/4711/return", json=reason).status_code == 404
    returned = unit.post(f"{path}/return", json=reason)
    assert returned.status_code == 200
    assert returned.json()["unit_code"] not in (holder, None)
    assert returned.json()["events"][-1]["note"]["reason"] == "不属我单位"
    assert returned.json()["responsible"]["returned"][0]["unit"]["code"] == holder
    found = unit.get("/api/units/returns", params={"since": "2026-01-01"}).json()
    assert (found["count"], found["stood"], found["units"][0]["unit"]["code"]) == (1, 1, holder)
    assert found["units"][0]["returns"][0]["class"]["code"] == LAMP
    assert unit.get("/api/units/returns", params={"since": "someday"}).status_code == 422
    given = {"unit_code": holder, "reason": "现场核实"}
    assert api.as_(Role.UNIT).post(f"{path}/assign", json=given).status_code == 403
    assigned = dispatcher.post(f"{path}/assign", json=given).json()
    assert (assigned["unit_code"], assigned["events"][-1]["kind"]) == (holder, "assigned")
    assert assigned["responsible"]["claim"]["basis"] == "by_hand"
    assert dispatcher.post(f"{path}/assign", json=given).status_code == 409
    assert unit.get("/api/units/returns").json()["stood"] == 0


def test_responders_are_listed_found_and_moved(api: Api) -> None:
    client = api.as_(Role.DISPATCHER)
    lon, lat = POSITIONS[0]
    code = client.get("/api/responders").json()[-1]["code"]
    moved = client.patch(
        f"/api/responders/{code}",
        json={"position": {"lon": lon, "lat": lat}, "is_available": True},
    ).json()
    assert (moved["lon"], moved["lat"]) == (pytest.approx(lon), pytest.approx(lat))
    near = client.get("/api/responders/nearest", params={"lon": lon, "lat": lat}).json()
    assert (near[0]["code"], near[0]["distance_m"], len(near)) == (code, 0, 3)
    client.patch(f"/api/responders/{code}", json={"is_available": False})
    free = client.get("/api/responders", params={"available": True}).json()
    assert code not in {one["code"] for one in free}
    of_unit = client.get("/api/responders", params={"unit": moved["unit_code"]}).json()
    assert {one["unit_code"] for one in of_unit} == {moved["unit_code"]}
    assert client.patch(f"/api/responders/{code}", json={}).status_code == 422
    assert client.patch("/api/responders/nobody", json={"is_available": True}).status_code == 404


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/api/editions", {"key": "gbt30428-2013", "class_digits": 4}),
        ("/api/classes?edition=gbt30428-2013", {"code": LAMP, "name_en": "street light"}),
        ("/api/matter-types?kind=place", {"kind": "place"}),
        ("/api/units?kind=city_centre", {"kind": "city_centre", "parent_code": None}),
        ("/api/divisions?level=district", {"level": "district", "code": "370202"}),
        ("/api/divisions?parent=370202", {"level": "subdistrict", "parent_code": "370202"}),
    ],
)
def test_lists(shared_api: Api, url: str, expected: dict[str, Any]) -> None:
    entries = shared_api.as_(Role.READER).get(url).json()
    assert any(expected.items() <= entry.items() for entry in entries)


@pytest.mark.parametrize(
    "url",
    ["/api/classes?edition=none", "/api/divisions?parent=1", "/api/responders?unit=nobody"],
)
def test_what_does_not_exist_is_not_an_empty_list(shared_api: Api, url: str) -> None:
    assert shared_api.as_(Role.READER).get(url).status_code == 404


def test_the_city_and_where_a_point_lies(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    city = client.get("/api/city").json()
    assert city["edition"] == "gbt30428-2013"
    lon, lat = POSITIONS[0]
    place = client.get("/api/places/locate", params={"lon": lon, "lat": lat}).json()
    assert place["division"]["code"] == shared_api.codes[0][:6]
    assert place["subdistrict"]["parent_code"] == place["division"]["code"]
    swapped = client.get("/api/places/locate", params={"lon": lat, "lat": lon})
    assert (swapped.status_code, swapped.json()["type"]) == (422, "/problems/invalid-position")
    assert "swapped" in swapped.json()["detail"]


def test_everybody_can_see_who_they_are(shared_api: Api) -> None:
    me = shared_api.as_(Role.UNIT).get("/api/me").json()
    assert me == {
        "name": "unit-1",
        "role": "unit",
        "unit_code": None,
        "permissions": ["handle", "read"],
    }


def test_ready_says_what_there_is(shared_api: Api) -> None:
    ready = shared_api.as_(None).get("/ready")
    assert ready.status_code == 200
    assert ready.json()["counts"]["components"] == {"count": 5, "is_exact": True}
    assert ready.json()["counts"]["units"]["count"] > 100
    assert shared_api.as_(None).get("/health").json()["status"] == "alive"
