"""Surveys over HTTP: what was delivered, and what became of each row."""

from pathlib import Path

import geopandas as gpd
import shapely
from delivered import stage
from running_api import Api

from gis_registry.db.engine import Database
from gis_registry.roles import Role

CLASS = "0140"


def test_surveys_are_listed_and_shown_row_by_row(shared_api: Api, tmp_path: Path) -> None:
    path = tmp_path / "kiosks.gpkg"
    points = [*(shapely.Point(120.39 + n * 1e-4, 36.07) for n in range(3)), shapely.Point(0, 0)]
    gpd.GeoDataFrame(geometry=points, crs=4490).to_file(path)
    with Database(shared_api.settings) as database, database.session() as session:
        staged = stage(session, path, class_code=CLASS)
    client = shared_api.as_(Role.READER)
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


def test_rows_of_a_survey_are_decided(shared_api: Api, tmp_path: Path) -> None:
    path = tmp_path / "kiosks.gpkg"
    points = [shapely.Point(120.395 + n * 1e-4, 36.072) for n in range(3)]
    gpd.GeoDataFrame(geometry=points, crs=4490).to_file(path)
    with Database(shared_api.settings) as database, database.session() as session:
        staged = stage(session, path, class_code=CLASS)
    url = f"/api/surveys/{staged.survey}/decisions"
    rejecting = {"decision": "rejected", "reason": "不是", "rows": [2]}
    assert shared_api.as_(Role.READER).post(url, json=rejecting).status_code == 403
    analyst = shared_api.as_(Role.ANALYST)
    done = analyst.post(url, json=rejecting).json()
    assert (done["decision"], done["rows"]) == ("rejected", 1)
    rows = analyst.get(f"/api/surveys/{staged.survey}/rows").json()["rows"]
    assert [row["decision"] for row in rows] == [None, "rejected", None]
    undone = analyst.post(url, json={"decision": "undone", "reason": "doch"}).json()
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


def test_static_files_may_be_kept_and_answers_not(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    assert client.get("/static/style.css").headers["cache-control"] == "max-age=3600"
    assert client.get("/api/city").headers["cache-control"] == "no-store"
