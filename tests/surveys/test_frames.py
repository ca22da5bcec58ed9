"""Rows of a survey as a GeoDataFrame."""

from pathlib import Path

import pytest
from delivered import frame, load, place_near, places, stage
from sqlalchemy.orm import Session

from gis_registry import surveys
from gis_registry.errors import NotFound
from gis_registry.surveys.schemas import SurveyRowEntry


def test_rows_come_as_a_frame_with_the_place_before(session: Session, tmp_path: Path) -> None:
    known = places(4)
    frame(known).to_file(tmp_path / "first.gpkg")
    load(session, tmp_path / "first.gpkg", accuracy_m=0.5)
    again = [known[0], place_near(known[1], 2), known[3]]
    frame(again, name=["灯1", "灯2", "灯4"]).to_file(tmp_path / "again.gpkg")
    survey = stage(session, tmp_path / "again.gpkg", accuracy_m=0.5).survey
    rows = surveys.rows_frame(session, survey)
    assert rows.crs.to_epsg() == 4490
    assert list(rows.columns)[:5] == ["row", "verdict", "code", "distance_m", "reason"]
    assert set(SurveyRowEntry.model_fields) < set(rows.columns)
    assert rows["verdict"].tolist() == ["unchanged", "moved", "unchanged", "missing"]
    assert rows["row"].isna().tolist() == [False, False, False, True]
    moved = rows[rows["verdict"] == "moved"].iloc[0]
    assert moved.attributes == {"name": "灯2"}
    assert (moved.geometry.x, moved.geometry.y) == pytest.approx(again[1])
    assert (moved.registered.x, moved.registered.y) == pytest.approx(known[1])
    surveys.apply(session, survey, actor="a")
    after = surveys.rows_frame(session, survey, verdicts=["moved"]).iloc[0]
    assert (after.registered.x, after.registered.y) == pytest.approx(known[1])


def test_a_frame_of_no_rows_has_all_columns(session: Session, tmp_path: Path) -> None:
    frame(places(1)).to_file(tmp_path / "one.gpkg")
    survey = stage(session, tmp_path / "one.gpkg").survey
    empty = surveys.rows_frame(session, survey, verdicts=["moved"])
    assert len(empty) == 0
    assert {"geometry", "registered", "attributes"} <= set(empty.columns)
    with pytest.raises(NotFound, match="There is no survey 987654321"):
        surveys.rows_frame(session, 987654321)


def test_the_package_offers_what_it_names() -> None:
    for name in surveys.__all__:
        assert getattr(surveys, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = surveys.nothing
