"""Batches of reports over HTTP: each is kept and answered, or refused with its own problem."""

from datetime import UTC, datetime, timedelta

import pytest
from running_api import COVER, LAMP, POSITIONS, Api

from gis_registry.roles import Role


def said(n: int, **others: object) -> dict[str, object]:
    lon, lat = POSITIONS[n]
    return {"lon": lon, "lat": lat, "accuracy_m": 3, "matter": LAMP, "client_key": f"b{n}"} | others


def test_each_report_of_a_batch_is_answered_as_if_it_came_alone(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    alone = [client.post("/api/reports", json=said(n)).json() for n in (0, 1)]
    batch = client.post(
        "/api/reports", json=[said(n, client_key=f"again{n}") for n in (0, 1)]
    ).json()
    assert batch["accepted"] == 2
    for one, entry in zip(alone, batch["results"], strict=True):
        for part in ("outcome", "component_code", "candidates", "place", "responsible"):
            assert entry["report"]["answer"][part] == one["answer"][part]


def test_what_is_wrong_in_a_batch_is_refused_by_itself_and_the_rest_is_kept(api: Api) -> None:
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    batch = [
        said(0),
        said(1, matter="99999"),
        said(2, lon=0.0, lat=0.0),
        said(3, lon=2.35, lat=48.85),
        said(0, client_key="late", reported_at=future),
        said(0, client_key="typo", matters=LAMP),
        said(0, client_key="text", text="x" * 1_000_000),
        said(0, client_key="datum", datum="wgs48"),
        said(1, client_key="kept"),
    ]
    client = api.as_(Role.INSPECTOR)
    found = client.post("/api/reports", json=batch)
    assert found.status_code == 200
    results = found.json()["results"]
    assert [one["index"] for one in results] == list(range(len(batch)))
    codes = [one["problem"]["type"].rsplit("/")[-1] if one["problem"] else None for one in results]
    assert codes == [
        None,
        "unknown-matter-type",
        "invalid-position",
        "invalid-position",
        *["invalid-input"] * 4,
        None,
    ]
    assert found.json()["refused"] == 7
    kept = {one["id"] for one in client.get("/api/reports").json()["reports"]}
    assert kept == {one["report"]["id"] for one in results if one["report"]}


def test_the_same_key_twice_in_a_batch_or_after_it_is_one_report(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    batch = [said(0), said(0), said(1), said(0, text="没有亮 dark")]
    results = client.post("/api/reports", json=batch).json()["results"]
    first, same, other, changed = results
    assert same["report"]["id"] == first["report"]["id"] != other["report"]["id"]
    assert (first["report"]["is_repeat"], same["report"]["is_repeat"]) == (False, True)
    assert changed["problem"]["status"] == 409
    assert str(first["report"]["id"]) in changed["problem"]["detail"]
    again = client.post("/api/reports", json=said(0))
    assert (again.status_code, again.json()["id"]) == (200, first["report"]["id"])
    assert client.post("/api/reports", json=said(0, matter=COVER)).status_code == 409
    assert len(client.get("/api/reports").json()["reports"]) == 2


def test_a_key_whose_report_was_refused_is_free_for_a_better_one(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)
    wrong = said(0, lon=0.0, lat=0.0)
    results = client.post("/api/reports", json=[wrong, wrong]).json()["results"]
    assert [one["problem"]["status"] for one in results] == [422, 422]
    assert client.post("/api/reports", json=said(0)).status_code == 201


@pytest.mark.parametrize("batch", [[], [1], ["x"], [[said(0)]], [said(0)] * 10_001])
def test_what_is_no_batch_is_refused_whole(api: Api, batch: list[object]) -> None:
    client = api.as_(Role.INSPECTOR)
    found = client.post("/api/reports", json=batch)
    assert (found.status_code, found.json()["type"]) == (422, "/problems/invalid-input")
    assert client.get("/api/reports").json()["reports"] == []


def test_reading_is_not_enough_for_a_batch(api: Api) -> None:
    assert api.as_(Role.READER).post("/api/reports", json=[said(0)]).status_code == 403
