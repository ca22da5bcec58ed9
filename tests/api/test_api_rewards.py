"""Rewards and survey tasks over HTTP: decided, listed, refused, and who may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from running_api import LAMP, POSITIONS, Api

from gis_registry.roles import Role

#: Far from every component of the API.
NOWHERE = (120.3926, 36.0771)


def send(client: httpx.Client, account: str | None = "wx-1", **values: object) -> int:
    lon, lat = POSITIONS[0]
    new = {"lon": lon, "lat": lat, "accuracy_m": 5, "matter": LAMP, "channel": "citizen"}
    sender = {"account": account, "phone": "13900000000"} if account else None
    answered = client.post("/api/reports", json=new | {"sender": sender} | values)
    assert answered.status_code == 201, answered.text
    return int(answered.json()["id"])


def decide(client: httpx.Client, number: int, **decision: object) -> httpx.Response:
    return client.post(f"/api/reports/{number}/reward", json=decision)


def test_a_reward_is_accepted_paid_and_reclaimed(shared_api: Api) -> None:
    client = shared_api.as_(Role.DISPATCHER)
    number = send(client, "wx-http")
    shown = client.get(f"/api/reports/{number}/reward").json()
    assert (shown["state"], shown["can_be_accepted"], shown["amount_yuan"]) == (None, True, 5)
    assert [one["step"] for one in shown["grounds"]] == ["sender", "rule", "first", "limit"]
    assert decide(client, number, decision="accept").json()["state"] == "due"
    again = decide(client, number, decision="accept")
    assert (again.status_code, again.json()["type"]) == (409, "/problems/conflict")
    paid = decide(client, number, decision="paid", reference="A1").json()
    assert [one["state"] for one in paid["events"]] == ["due", "paid"]
    back = decide(client, number, decision="refuse", reason="假的").json()
    assert back["events"][-1] | {"decided_at": None} == {
        "state": "reclaimed",
        "case_id": back["case_id"],
        "amount_yuan": 5,
        "decided_at": None,
        "actor": "dispatcher-1",
        "reason": "假的",
        "reference": None,
    }
    listed = client.get("/api/rewards", params={"account": "wx-http"}).json()
    assert [one["report_id"] for one in listed["rewards"]] == [number]
    assert listed["totals"] == [{"state": "reclaimed", "count": 1, "amount_yuan": 5}]
    page = client.get("/api/rewards", params={"account": "wx-http", "until": "2026-01-01"})
    assert page.json() == {"rewards": [], "totals": [], "next_before": None}


def test_who_a_report_comes_from_is_for_dispatchers(shared_api: Api) -> None:
    number = send(shared_api.as_(Role.DISPATCHER), "wx-secret")
    said = shared_api.as_(Role.DISPATCHER).get(f"/api/reports/{number}/sender").json()
    assert (said["account"], said["phone"]) == ("wx-secret", "13900000000")
    for role in (Role.READER, Role.INSPECTOR, Role.UNIT):
        client = shared_api.as_(role)
        for path in (f"/api/reports/{number}/sender", f"/api/reports/{number}/reward"):
            assert client.get(path).status_code == 403
        assert client.get("/api/rewards").status_code == 403
        assert "wx-secret" not in client.get(f"/api/reports/{number}").text


@pytest.mark.parametrize(
    "decision",
    [
        {},
        {"decision": "maybe"},
        {"decision": "refuse"},
        {"decision": "paid"},
        {"decision": "accept", "reference": "A1"},
        {"decision": "refuse", "reason": "x" * 1001},
        {"decision": "refuse", "reason": "a\u0000b"},
        {"decision": "accept", "amount_yuan": 100},
    ],
)
def test_a_bad_decision_is_refused(shared_api: Api, decision: dict[str, Any]) -> None:
    client = shared_api.as_(Role.DISPATCHER)
    number = send(client)
    refused = decide(client, number, **decision)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-input")
    assert client.get(f"/api/reports/{number}/reward").json()["events"] == []


def test_a_report_that_is_none_is_not_found(shared_api: Api) -> None:
    client = shared_api.as_(Role.DISPATCHER)
    assert client.get("/api/reports/999999999/reward").status_code == 404
    assert client.get("/api/reports/999999999/sender").status_code == 404
    assert decide(client, 999999999, decision="accept").status_code == 404


def test_the_rules_are_listed(shared_api: Api) -> None:
    found = shared_api.as_(Role.READER).get("/api/rewards/rules").json()
    assert len(found) == 7
    assert (found[0]["matter_code"], found[0]["amount_yuan"], found[0]["needs_photo"]) == (
        "06001",
        50,
        True,
    )


def test_survey_tasks_are_listed_and_closed(api: Api) -> None:
    for day in (1, 2, 3):
        moment = (datetime.now(UTC) - timedelta(days=day)).isoformat()
        send(api.as_(Role.DISPATCHER), lon=NOWHERE[0], lat=NOWHERE[1], reported_at=moment)
    client = api.as_(Role.ANALYST)
    found = client.get("/api/surveys/tasks").json()
    (task,) = found["tasks"]
    assert (found["total"], task["class"]["code"], task["none_count"]) == (1, LAMP, 3)
    assert task["geometry"]["type"] == "Polygon"
    closing = {"place": task["place"], "class": LAMP, "state": "done", "reason": "看过了"}
    assert api.as_(Role.READER).post("/api/surveys/tasks/close", json=closing).status_code == 403
    for bad in ({"state": "open"}, {"state": "lost"}, {"reason": " "}, {"reason": ""}):
        refused = client.post("/api/surveys/tasks/close", json=closing | bad)
        assert refused.status_code == 422, bad
    closed = client.post("/api/surveys/tasks/close", json=closing).json()
    assert (closed["state"], closed["closing"]["actor"]) == ("done", "analyst-1")
    assert client.post("/api/surveys/tasks/close", json=closing).status_code == 404
    assert client.get("/api/surveys/tasks").json() == {"tasks": [], "total": 0}
    done = client.get("/api/surveys/tasks", params={"state": "done", "cell": task["place"]})
    assert done.json()["tasks"] == [closed]
    for bad_query in ({"days": 0}, {"incidents": "x"}, {"limit": 1001}):
        assert client.get("/api/surveys/tasks", params=bad_query).status_code == 422
