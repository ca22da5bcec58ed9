"""Surveys over HTTP: what was delivered, and what became of each row."""

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from delivered import delivery, load, stage
from running_api import Api, running

from gis_registry.db.engine import Database
from gis_registry.roles import Role
from gis_registry.settings import Settings
from gis_registry.surveys import loading

CLASS = "0140"
OTHER_CLASS = "0142"


@pytest.fixture(scope="module")
def api(module_settings: Settings) -> Iterator[Api]:
    """Return an API whose registry surveys may change."""
    with running(module_settings) as api:
        yield api


def test_surveys_are_listed_and_shown_row_by_row(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "kiosks.gpkg"
    points = [*(shapely.Point(120.39 + n * 1e-4, 36.07) for n in range(3)), shapely.Point(0, 0)]
    gpd.GeoDataFrame(geometry=points, crs=4490).to_file(path)
    with Database(api.settings) as database, database.session() as session:
        staged = stage(session, path, class_code=CLASS)
    client = api.as_(Role.READER)
    listed = client.get("/api/surveys").json()
    assert listed[0]["survey"] == staged.survey
    shown = client.get(f"/api/surveys/{staged.survey}").json()
    assert shown == listed[0]
    assert (shown["rows"], shown["accepted"], shown["refused"]) == (4, 3, 1)
    assert shown["verdicts"] == {"new": 3, "refused": 1}
    url = f"/api/surveys/{staged.survey}/rows"
    first = client.get(url, params={"limit": 3}).json()
    rest = client.get(url, params={"limit": 3, "after": first["next_after"]}).json()
    assert [one["row"] for one in first["rows"] + rest["rows"]] == [1, 2, 3, 4]
    assert rest["next_after"] is None
    refused = client.get(url, params={"verdict": "refused"}).json()["rows"]
    assert [(one["row"], one["refusal"]) for one in refused] == [(4, "invalid-position")]
    assert client.get("/api/surveys/999/rows").status_code == 404


def test_rows_of_a_survey_are_decided(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "kiosks.gpkg"
    points = [shapely.Point(120.395 + n * 1e-4, 36.072) for n in range(3)]
    gpd.GeoDataFrame(geometry=points, crs=4490).to_file(path)
    with Database(api.settings) as database, database.session() as session:
        staged = stage(session, path, class_code=CLASS)
    url = f"/api/surveys/{staged.survey}/decisions"
    rejecting = {"decision": "rejected", "reason": "不是", "rows": [2]}
    assert api.as_(Role.READER).post(url, json=rejecting).status_code == 403
    analyst = api.as_(Role.ANALYST)
    done = analyst.post(url, json=rejecting).json()
    assert (done["decision"], done["rows"]) == ("rejected", 1)
    rows = analyst.get(f"/api/surveys/{staged.survey}/rows").json()["rows"]
    assert [row["decision"] for row in rows] == [None, "rejected", None]
    undoing = {"decision": "undone", "reason": "doch"}
    told = analyst.post(url, json=undoing)
    assert (told.status_code, "Say which rows" in told.json()["detail"]) == (422, True)
    undone = analyst.post(url, json=undoing | {"everything": True}).json()
    assert undone["verdicts"] == {"new": 1}
    (first, second) = analyst.get(url).json()
    assert (first["decision"], first["selection"], first["row_count"]) == (
        "rejected",
        {"rows": [2]},
        1,
    )
    assert second["decision"] == "undone"
    choosing = {"decision": "accepted", "reason": "neu", "choices": [{"row": 1}]}
    told = analyst.post(url, json=choosing)
    assert told.status_code == 422
    assert "is new, not ambiguous" in told.json()["detail"]
    mixed = choosing | {"rows": [1]}
    assert "by themselves" in analyst.post(url, json=mixed).json()["detail"]


def test_rows_of_a_survey_are_corrected(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "kiosks.gpkg"
    points = [shapely.Point(120.397, 36.073), shapely.Point(120.398, 36.073), shapely.Point(0, 0)]
    gpd.GeoDataFrame(geometry=points, crs=4490).to_file(path)
    with Database(api.settings) as database, database.session() as session:
        staged = stage(session, path, class_code=CLASS)
    url = f"/api/surveys/{staged.survey}/rows"
    placing = {"geometry": {"type": "Point", "coordinates": [120.399, 36.073]}, "reason": "核对"}
    assert api.as_(Role.READER).patch(f"{url}/3", json=placing).status_code == 403
    analyst = api.as_(Role.ANALYST)
    still = analyst.patch(f"{url}/3", json={"values": {"name": "亭"}, "reason": "核对"}).json()
    assert (still["verdict"], still["is_matched"]) == ("refused", False)
    done = analyst.patch(f"{url}/3", json=placing).json()
    assert (done["verdict"], done["is_matched"]) == ("new", True)
    edited = analyst.patch(f"{url}/1", json={"class": OTHER_CLASS, "reason": "核对"}).json()
    assert edited["edits"]["after"] == {"class_code": OTHER_CLASS}
    (*_, kept) = analyst.get(f"/api/surveys/{staged.survey}/decisions").json()
    assert (kept["decision"], kept["actor"], kept["reason"]) == ("corrected", "analyst-1", "核对")
    rows = analyst.get(url).json()["rows"]
    outside = {"geometry": {"type": "Point", "coordinates": [11, 50]}, "reason": "核对"}
    for row, wrong, words in (
        (1, outside, "Row 1 stays as it is"),
        (1, {"geometry": {"type": "Dot"}, "reason": "核对"}, "no geometry of GeoJSON"),
        (1, {"reason": "核对"}, "Say what the row should be"),
    ):
        told = analyst.patch(f"{url}/{row}", json=wrong)
        assert (told.status_code, words in told.json()["detail"]) == (422, True)
    assert analyst.patch(f"{url}/4", json=placing).status_code == 404
    assert analyst.get(url).json()["rows"] == rows


def test_static_files_may_be_kept_and_answers_not(api: Api) -> None:
    client = api.as_(Role.READER)
    assert client.get("/static/style.css").headers["cache-control"] == "max-age=3600"
    assert client.get("/api/city").headers["cache-control"] == "no-store"


def test_a_stopped_survey_tells_why_and_missing_components_have_no_row(
    api: Api, tmp_path: Path
) -> None:
    """The second file lacks too much of its class; forced, it lists what it lacks."""
    points = [shapely.Point(120.35 + n % 8 * 5e-4, 36.08 + n // 8 * 5e-4) for n in range(40)]
    for name, some in (("whole", points), ("half", points[::2])):
        gpd.GeoDataFrame(geometry=some, crs=4490).to_file(tmp_path / f"{name}.gpkg")
    half = delivery(tmp_path / "half.gpkg", class_code=OTHER_CLASS)
    with Database(api.settings) as database, database.session() as session:
        applied = load(session, tmp_path / "whole.gpkg", class_code=OTHER_CLASS)
        stopped = stage(session, tmp_path / "half.gpkg", class_code=OTHER_CLASS)
        forced = loading.stage(session, half, actor="test", forced_reason="拆除")
    client = api.as_(Role.READER)
    shown = client.get(f"/api/surveys/{stopped.survey}").json()
    assert (shown["state"], shown["accepted"], shown["refused"]) == ("stopped", 0, 20)
    assert shown["forced_reason"] is None
    (finding,) = [one for one in shown["findings"] if one["severity"] == "error"]
    assert set(finding) == {"check", "severity", "sentence", "remedy", "figures"}
    assert (finding["check"], finding["figures"]["missing"]) == ("many-missing", 20)
    rows = client.get(f"/api/surveys/{stopped.survey}/rows").json()["rows"]
    assert [one["row"] for one in rows] == list(range(1, 21))
    assert {one["refusal"] for one in rows} == {"batch-stopped"}
    assert all(finding["sentence"] in one["reason"] for one in rows)

    assert client.get(f"/api/surveys/{forced.survey}").json()["forced_reason"] == "拆除"
    url, found, after = f"/api/surveys/{forced.survey}/rows", [], 0
    while after is not None:  # pages go on beyond the rows of the file
        page = client.get(url, params={"limit": 15, "after": after}).json()
        found += page["rows"]
        after = page["next_after"]
    assert [one["row"] for one in found] == [*range(1, 21), *[None] * 20]
    assert {one["verdict"] for one in found[:20]} == {"unchanged"}
    lacking = client.get(url, params={"verdict": "missing"}).json()["rows"]
    assert lacking == found[20:]
    codes = {one["code"] for one in found}
    registered = client.get(f"/api/surveys/{applied.survey}/rows").json()["rows"]
    assert codes == {one["code"] for one in registered}
