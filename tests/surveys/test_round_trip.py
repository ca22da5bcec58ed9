"""From the registry into a file and back: every row stands for the component that it came from."""

import json
from pathlib import Path
from typing import Any

import pytest
from delivered import GUARDRAIL, LIGHT, WATER, Place, place_near, places
from making import register
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.components import exporting
from gis_registry.surveys import loading, service
from gis_registry.surveys.loading import SurveyFile
from gis_registry.surveys.mapping import Mapping, read_mapping
from gis_registry.surveys.tables import Verdict

STOP = "0204"
ATTRIBUTES: list[dict[str, Any]] = [
    {"灯杆编号": "灯杆㐀-1", "height": 8.1, "lamps": 2, "is_lit": True, "version": "b"},
    {"灯杆编号": 'a,"b"', "height": 12.0, "is_lit": False, "installation_date": "2020-02-29"},
    {"height": 0.25, "lamps": 1, "installation_by": "市政", "note": "0137"},
]


def _describe(session: Session, code: str, number: int, shape: str | None = None) -> None:
    session.execute(
        text(
            "UPDATE components SET attributes = CAST(:attributes AS jsonb),"
            " geom = coalesce(ST_GeomFromText(:shape, 4490), geom) WHERE code = :code"
        ),
        {
            "code": code,
            "shape": shape,
            "attributes": json.dumps(ATTRIBUTES[number % len(ATTRIBUTES)]),
        },
    )


def _load_again(session: Session, path: Path, mapping_path: Path) -> dict[str, int]:
    file = SurveyFile(path=path, mapping=read_mapping(mapping_path))
    staged = loading.stage(session, file, actor="test")
    reasons = {row.reason for row in service.rows(session, staged.survey)}
    assert set(staged.verdicts) == {Verdict.UNCHANGED}, reasons
    return staged.verdicts


@pytest.mark.parametrize(
    "name",
    [
        "a.gpkg",
        "a.parquet",
        "a.geojson",
        "a.geojsonl",
        "a.fgb",
        "a.shp",
        "a.zip",
        "a.csv",
        "a.xlsx",
    ],
)
def test_an_export_of_points_is_unchanged_when_it_is_loaded(
    session: Session, tmp_path: Path, name: str
) -> None:
    codes = []
    for place in places(12):
        codes.append(register(session, *place, class_code=LIGHT, maintainer="QD-CC"))
        codes.append(register(session, *place_near(place, 0.4), class_code=LIGHT))
        codes.append(register(session, *place, class_code=STOP, owner="QD-CC"))
    for number, code in enumerate(codes):
        _describe(session, code, number)
    exporting.write(session, tmp_path / name, mapping_path=tmp_path / "a.toml")
    verdicts = _load_again(session, tmp_path / name, tmp_path / "a.toml")
    assert verdicts == {Verdict.UNCHANGED: len(codes)}


@pytest.mark.parametrize("name", ["a.gpkg", "a.parquet", "a.geojson", "a.csv", "a.xlsx"])
def test_an_export_is_understood_without_a_mapping(
    session: Session, tmp_path: Path, name: str
) -> None:
    for number, place in enumerate(places(3)):
        _describe(session, register(session, *place, class_code=LIGHT), number)
    exporting.write(session, tmp_path / name)
    crs = "EPSG:4490" if name.endswith(("csv", "xlsx")) else None
    staged = loading.stage(session, SurveyFile(tmp_path / name, Mapping(crs=crs)), actor="test")
    assert staged.verdicts == {Verdict.UNCHANGED: 3}


def _line(place: Place) -> str:
    lon, lat = place
    return f"LINESTRING ({lon} {lat}, {lon + 1e-4 / 3} {lat + 1e-4 / 7})"


def _ring(place: Place) -> str:
    lon, lat = place
    corners = [(0, 0), (1e-4, 0), (1e-4, 1e-4), (0, 1e-4), (0, 0)]
    return f"POLYGON (({', '.join(f'{lon + x} {lat + y}' for x, y in corners)}))"


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4549", "gcj02"])
@pytest.mark.parametrize("name", ["a.parquet", "a.fgb", "a.zip", "a.csv"])
def test_lines_and_polygons_are_unchanged_in_every_system(
    session: Session, tmp_path: Path, name: str, crs: str
) -> None:
    for number, place in enumerate(places(4)):
        line = register(session, *place, class_code=GUARDRAIL)
        _describe(session, line, number, _line(place))
        _describe(session, register(session, *place, class_code=WATER), number, _ring(place))
    exported = exporting.write(session, tmp_path / name, crs=crs, mapping_path=tmp_path / "a.toml")
    assert len(exported.files) == 2
    for one in exported.files:
        verdicts = _load_again(session, Path(one.file), tmp_path / "a.toml")
        assert verdicts == {Verdict.UNCHANGED: 4}
