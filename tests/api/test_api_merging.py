"""Duplicates over HTTP: asked for beforehand, joined, separated, merged, and who may."""

import pytest
from running_api import LAMP, POSITIONS, Api

from gis_registry.roles import Role

REPORT = {
    "lon": POSITIONS[1][0],
    "lat": POSITIONS[1][1],
    "accuracy_m": 5,
    "matter": LAMP,
    "text": "路灯不亮",
}
FAR = {"lon": 120.39, "lat": 36.07, "matter": "06010"}


def test_a_duplicate_is_suggested_joined_and_taken_out_again(api: Api) -> None:
    client = api.as_(Role.DISPATCHER)
    assert client.post("/api/reports/similar", json=REPORT).json()["similar"] == []
    first = client.post("/api/reports", json=REPORT).json()
    suggested = client.post("/api/reports/similar", json=REPORT)
    assert suggested.status_code == 200
    assert suggested.json()["joins_case_id"] == first["case_id"]
    (one,) = suggested.json()["similar"]
    assert {"case_id", "distance_m", "age_s", "text", "state"} <= set(one)
    assert (one["case_id"], one["text"], one["state"]) == (first["case_id"], "路灯不亮", "open")
    again = client.post("/api/reports", json=REPORT).json()
    assert (again["is_duplicate"], again["case_id"]) == (True, first["case_id"])
    of_case = client.get("/api/reports", params={"case": first["case_id"]}).json()
    assert [one["id"] for one in of_case["reports"]] == [again["id"], first["id"]]
    requests = client.get(f"/open311/v2/requests/{again['id']}.json").json()
    assert requests[0]["status"] == "open"

    separated = client.post(f"/api/reports/{again['id']}/separate", json={"reason": "另一盏"})
    assert separated.status_code == 200
    number = separated.json()["case_id"]
    assert number != first["case_id"]
    assert separated.json()["is_duplicate"] is False
    back = {"case_id": first["case_id"], "reason": "还是同一盏"}
    merged = client.post(f"/api/reports/{again['id']}/merge", json=back)
    assert (merged.status_code, merged.json()["case_id"]) == (200, first["case_id"])
    assert client.get(f"/api/cases/{number}").json()["state"] == "merged"
    kinds = [e["kind"] for e in client.get(f"/api/cases/{first['case_id']}").json()["events"]]
    assert kinds == ["reported", "joined", "separated", "joined"]
    assert client.post(f"/api/reports/{again['id']}/merge", json=back).status_code == 409


def test_what_cannot_be_done_is_said(api: Api) -> None:
    client = api.as_(Role.DISPATCHER)
    number = client.post("/api/reports", json=FAR).json()["id"]
    reason = {"reason": "x"}
    alone = client.post(f"/api/reports/{number}/separate", json=reason)
    assert (alone.status_code, alone.json()["type"]) == (409, "/problems/conflict")
    assert client.post("/api/reports/987654/separate", json=reason).status_code == 404
    into = {"case_id": 987654, "reason": "x"}
    assert client.post(f"/api/reports/{number}/merge", json=into).status_code == 404
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": "x", "other": 1}):
        assert client.post(f"/api/reports/{number}/separate", json=body).status_code == 422
    for case_id in (0, 2**63, "x"):
        into = {"case_id": case_id, "reason": "x"}
        assert client.post(f"/api/reports/{number}/merge", json=into).status_code == 422
    nowhere = client.post("/api/reports/similar", json=FAR | {"lon": 0})
    assert nowhere.json()["type"] == "/problems/invalid-position"
    assert client.post("/api/reports/similar", json=FAR | {"matter": "x"}).status_code == 404
    assert client.get("/api/reports", params={"case": 0}).status_code == 422
    assert client.get("/api/reports", params={"case": 987654}).json()["reports"] == []


@pytest.mark.parametrize("what", ["separate", "merge"])
def test_moving_reports_is_for_dispatchers(shared_api: Api, what: str) -> None:
    body = {"reason": "x"} if what == "separate" else {"reason": "x", "case_id": 1}
    for role, status in ((None, 401), (Role.INSPECTOR, 403), (Role.READER, 403)):
        answer = shared_api.as_(role).post(f"/api/reports/1/{what}", json=body)
        assert answer.status_code == status


def test_suggestions_are_for_who_reports(shared_api: Api) -> None:
    for role, status in ((None, 401), (Role.READER, 403), (Role.INSPECTOR, 200)):
        answer = shared_api.as_(role).post("/api/reports/similar", json=REPORT)
        assert answer.status_code == status
