"""From the registry into a file and back: every row stands for the component that it came from."""

from pathlib import Path

import pytest
from delivered import LIGHT, place_near, places
from making import register
from sqlalchemy.orm import Session

from gis_registry.components import exporting
from gis_registry.surveys import service
from gis_registry.surveys.service import SurveyFile
from gis_registry.surveys.tables import Verdict

STOP = "0204"


@pytest.mark.parametrize(
    "name", ["a.gpkg", "a.geojson", "a.geojsonl", "a.fgb", "a.shp", "a.zip", "a.csv"]
)
def test_an_export_is_unchanged_when_it_is_loaded(
    session: Session, tmp_path: Path, name: str
) -> None:
    codes = []
    for place in places(12):
        codes.append(register(session, *place, class_code=LIGHT, maintainer="QD-CC"))
        codes.append(register(session, *place_near(place, 0.4), class_code=LIGHT))
        codes.append(register(session, *place, class_code=STOP, owner="QD-CC"))
    exporting.write(session, tmp_path / name)
    crs = "EPSG:4490" if name == "a.csv" else None
    staged = service.stage(
        session,
        SurveyFile(path=tmp_path / name, class_field="class_code", crs=crs),
        actor="test",
    )
    assert staged.verdicts == {Verdict.UNCHANGED: len(codes)}
    found = list(service.rows(session, staged.survey))
    if name != "a.fgb":  # its rows are in the order of their places
        assert [row.code for row in found] == sorted(codes)
    assert sorted(row.code or "" for row in found) == sorted(codes)
    assert max(row.distance_m or 0 for row in found) == 0
