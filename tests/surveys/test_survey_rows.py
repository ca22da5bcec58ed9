"""Every row that cannot be registered is refused with its reason, and only that row."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from delivered import GUARDRAIL, LIGHT, WATER, frame, load, places, point, rows_of, write_geojson
from shapely.geometry import LineString, MultiLineString, MultiPolygon, Point, Polygon, box
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.components.tables import Component

LON, LAT = 120.36, 36.09


def _line(*at: tuple[float, float]) -> dict[str, Any]:
    return {"type": "LineString", "coordinates": at}


GOOD = None
#: geometry, what becomes of the row, and a piece of the reason
GEOMETRIES: list[tuple[dict[str, Any] | None, str | None, str]] = [
    (point(LON, LAT), GOOD, ""),
    ({"type": "MultiPoint", "coordinates": [[LON, LAT + 0.001]]}, GOOD, ""),
    ({"type": "Point", "coordinates": [LON, LAT + 0.002, 12.5]}, GOOD, ""),
    (point(LAT, LON), "invalid-position", "36.09, 120.36 is beyond 180 degrees of longitude"),
    (point(0, 0), "invalid-position", "stands for a missing one"),
    (point(1e300, 36), "invalid-position", "beyond 180 degrees"),
    (point(540123.5, 3995589), "invalid-position", "540123.5, 3995589 is beyond"),
    (point(2.35, 48.85), "outside-city", "2.350000, 48.850000 is not in Qingdao."),
    (None, "empty-geometry", "has no geometry"),
    ({"type": "Point", "coordinates": []}, "empty-geometry", "has no geometry"),
    ({"type": "Point", "coordinates": ["120.3", "36"]}, "empty-geometry", "are not numbers"),
    ({"type": "Polygon", "coordinates": []}, "empty-geometry", "has no geometry"),
    (
        _line((LON, LAT), (LON + 0.001, LAT)),
        "wrong-geometry-type",
        "The geometry is a LineString; 0137 (street light) is a point.",
    ),
    (
        {"type": "MultiPoint", "coordinates": [[LON, LAT], [LON + 0.001, LAT]]},
        "wrong-geometry-type",
        "MultiPoint",
    ),
    (
        {"type": "GeometryCollection", "geometries": [point(LON, LAT)]},
        "wrong-geometry-type",
        "GeometryCollection",
    ),
    (point(LON, LAT), "duplicate-in-file", "Row 1 has the same class and the same geometry."),
]


def _check(session: Session, survey: int, expected: list[tuple[str | None, str]]) -> None:
    rows = rows_of(session, survey)
    assert [row.row for row in rows] == list(range(1, len(expected) + 1))
    assert [row.refusal for row in rows] == [refusal for refusal, _ in expected]
    for row, (refusal, words) in zip(rows, expected, strict=True):
        assert (row.code is None) == (refusal is not None)
        assert words in (row.reason or "")


def test_geometries(session: Session, tmp_path: Path) -> None:
    path = write_geojson(
        tmp_path / "rows.geojson", [(one, {"n": n}) for n, (one, _, _) in enumerate(GEOMETRIES)]
    )
    summary = load(session, path)
    _check(session, summary.survey, [(refusal, words) for _, refusal, words in GEOMETRIES])
    assert summary.rows == len(GEOMETRIES) == summary.accepted + summary.refused
    assert summary.accepted == summary.verdicts["new"] == 3
    assert sum(summary.refusals.values()) == summary.refused


def test_coordinates_that_are_no_numbers_leave_no_position(
    session: Session, tmp_path: Path
) -> None:
    at = [Point(float("nan"), 36), Point(float("inf"), 36), Point(LON, float("-inf")), Point()]
    frame([*at, Point(LON, LAT)]).to_file(tmp_path / "rows.gpkg")
    rows = rows_of(session, load(session, tmp_path / "rows.gpkg").survey)
    assert [row.refusal for row in rows] == [
        *("invalid-position", "invalid-position", "invalid-position", "empty-geometry", GOOD)
    ]
    assert {(row.lon, row.lat) for row in rows[:4]} == {(None, None)}


def test_northing_for_easting_is_refused_row_by_row(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "swapped.csv"
    path.write_text("x,y\n3995589,40532422\n", encoding="utf-8")
    (row,) = rows_of(session, load(session, path, crs="EPSG:4528").survey)
    assert row.refusal == "invalid-position"


@pytest.mark.parametrize("crs", ["gcj02", "bd09", "EPSG:4549"])
def test_0_0_is_missing_in_every_system(session: Session, tmp_path: Path, crs: str) -> None:
    path = tmp_path / "zero.csv"
    path.write_text("x,y\n0,0\n", encoding="utf-8")
    (row,) = rows_of(session, load(session, path, crs=crs).survey)
    assert (row.refusal, "0, 0" in (row.reason or "")) == ("invalid-position", True)


def test_swapped_coordinates_are_recognised_where_both_are_degrees(
    cambridge_settings: Any, tmp_path: Path
) -> None:
    from gis_registry.db.engine import Database

    path = write_geojson(tmp_path / "swapped.geojson", [(point(42.37, -71.11), {})])
    with Database(cambridge_settings) as database, database.session() as session:
        (row,) = rows_of(session, load(session, path).survey)
    assert row.reason == (
        "42.370000, -71.110000 is not in Cambridge; with longitude and latitude exchanged it "
        "would be."
    )


def test_polygons(session: Session, tmp_path: Path) -> None:
    square = box(LON, LAT, LON + 0.0005, LAT + 0.0005)
    bow_tie = Polygon(
        [(LON, LAT), (LON + 0.001, LAT + 0.001), (LON + 0.001, LAT), (LON, LAT + 0.001)]
    )
    apart = MultiPolygon([square, box(LON + 0.01, LAT, LON + 0.011, LAT + 0.001)])
    frame([square, apart, MultiPolygon([square]), bow_tie, Point(LON, LAT)]).to_file(
        tmp_path / "water.gpkg"
    )
    summary = load(session, tmp_path / "water.gpkg", class_code=WATER)
    _check(
        session,
        summary.survey,
        [
            (GOOD, ""),
            (GOOD, ""),
            ("duplicate-in-file", "Row 1"),
            ("invalid-geometry", "Self-intersection at 120.3605 36.0905."),
            ("wrong-geometry-type", "The geometry is a Point; 0509"),
        ],
    )


def test_a_ring_of_one_vertex_is_refused_and_others_go_on(session: Session, tmp_path: Path) -> None:
    nothing = Polygon([(LON, LAT)] * 4)
    repeated = Polygon(
        [(LON, LAT), (LON, LAT), (LON + 0.001, LAT), (LON + 0.001, LAT + 0.001), (LON, LAT)]
    )
    frame([nothing, repeated, nothing]).to_file(tmp_path / "water.gpkg")
    summary = load(session, tmp_path / "water.gpkg", class_code=WATER)
    too_few = "The geometry is not valid: Too few points in geometry component at"
    _check(
        session,
        summary.survey,
        [("invalid-geometry", too_few), (GOOD, ""), ("invalid-geometry", too_few)],
    )


def test_lines(session: Session, tmp_path: Path) -> None:
    line = LineString([(LON, LAT), (LON + 0.001, LAT)])
    nowhere = LineString([(LON, LAT), (LON, LAT)])
    parts = MultiLineString(
        [[(LON, LAT), (LON, LAT + 0.001)], [(LON, LAT + 0.002), (LON, LAT + 0.003)]]
    )
    frame([line, parts, nowhere]).to_file(tmp_path / "rails.gpkg")
    summary = load(session, tmp_path / "rails.gpkg", class_code=GUARDRAIL)
    _check(
        session, summary.survey, [(GOOD, ""), (GOOD, ""), ("invalid-geometry", "Too few points")]
    )


#: field, value, refusal, a piece of the reason
VALUES = [
    ("accuracy_m", "0.5", GOOD, ""),
    ("accuracy_m", "", GOOD, ""),
    ("accuracy_m", "0", "invalid-value", "accuracy_m is '0', not metres above 0 and up to 1,000."),
    ("accuracy_m", "-1", "invalid-value", "'-1'"),
    ("accuracy_m", "abc", "invalid-value", "'abc'"),
    ("accuracy_m", "1e9", "invalid-value", "'1e9'"),
    ("accuracy_m", "inf", "invalid-value", "'inf'"),
    ("accuracy_m", "nan", "invalid-value", "'nan'"),
    ("surveyed_on", "2020-01-31", GOOD, ""),
    ("surveyed_on", "2020/01/31", GOOD, ""),
    ("surveyed_on", "20200131", GOOD, ""),
    ("surveyed_on", "2020-01-31T00:00:00+08:00", GOOD, ""),
    ("surveyed_on", "2020-01-31 12:00", GOOD, ""),
    ("surveyed_on", " ", GOOD, ""),
    ("surveyed_on", "2020-02-30", "invalid-value", "no date such as 2026-06-30"),
    ("surveyed_on", "31.01.2020", "invalid-value", "no date such as 2026-06-30"),
    ("surveyed_on", "2020", "invalid-value", "no date such as 2026-06-30"),
    ("surveyed_on", "昨天", "invalid-value", "surveyed_on is '昨天'"),
    ("surveyed_on", "2999-01-01", "invalid-value", "in the future or before 1900"),
    ("surveyed_on", "0001-01-01", "invalid-value", "in the future or before 1900"),
    ("owner_code", "QD-CC", GOOD, ""),
    ("owner_code", " QD-CC ", GOOD, ""),
    ("owner_code", "", GOOD, ""),
    ("owner_code", "nobody", "unknown-unit", "owner_code is 'nobody', no unit's code."),
    ("supervisor_code", "5", "unknown-unit", "supervisor_code is '5'"),
]


def test_values(session: Session, tmp_path: Path) -> None:
    fields = ["accuracy_m", "surveyed_on", "owner_code", "supervisor_code", "maintainer_code"]
    empty = dict.fromkeys(fields)
    path = write_geojson(
        tmp_path / "rows.geojson",
        [
            (point(*place), empty | {field: value})
            for place, (field, value, _, _) in zip(places(len(VALUES)), VALUES, strict=True)
        ],
    )
    survey = load(session, path).survey
    _check(session, survey, [(refusal, words) for _, _, refusal, words in VALUES])
    stored = {
        row.row: session.scalars(select(Component).where(Component.code == row.code)).one()
        for row in rows_of(session, survey)
        if row.code
    }
    assert stored[1].accuracy_m == 0.5
    assert {stored[n].surveyed_on for n in range(9, 14)} == {date(2020, 1, 31)}
    assert stored[21].owner_id == stored[22].owner_id is not None
    assert all(not set(one.attributes) & set(fields) for one in stored.values())


def test_a_day_is_the_citys_day(session: Session, tmp_path: Path) -> None:
    """A GeoPackage keeps midnight in Qingdao as 16:00 of the day before, in UTC."""
    midnight = pd.to_datetime(["2020-01-31T00:00:00+08:00"])
    frame(places(1), surveyed_on=midnight).to_file(tmp_path / "rows.gpkg")
    (row,) = rows_of(session, load(session, tmp_path / "rows.gpkg").survey)
    component = session.scalars(select(Component).where(Component.code == row.code)).one()
    assert component.surveyed_on == date(2020, 1, 31)


CLASSES = [
    ("0137", GOOD, ""),
    ("137", GOOD, ""),
    ("137.0", GOOD, ""),
    (" 0137 ", GOOD, ""),
    ("０１３７", GOOD, ""),
    ("9999", "unknown-class", "kind is '9999', no class of the city's edition."),
    ("1.5", "unknown-class", "'1.5'"),
    ("-137", "unknown-class", "'-137'"),
    ("路灯", GOOD, ""),
    ("Street Light", GOOD, ""),
    ("不是类", "unknown-class", "kind is '不是类', no class of the city's edition."),
    ("", "unknown-class", "kind is empty."),
]


def test_class_codes_as_text(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [
        f"{lon},{lat},{code}"
        for (lon, lat), (code, _, _) in zip(places(len(CLASSES)), CLASSES, strict=True)
    ]
    path.write_text("\n".join(["lon,lat,kind", *rows]), encoding="utf-8")
    survey = load(session, path, crs="wgs84", class_field="kind").survey
    _check(session, survey, [(refusal, words) for _, refusal, words in CLASSES])
    assert {row.class_code for row in rows_of(session, survey) if row.code} == {LIGHT}


@pytest.mark.parametrize("numbers", [[137, 113, 99999], [137.0, float("nan"), 113.5]])
def test_class_codes_that_became_numbers_get_their_zeros_back(
    session: Session, tmp_path: Path, numbers: list[float]
) -> None:
    frame(places(3), kind=numbers).to_file(tmp_path / "rows.gpkg")
    rows = rows_of(session, load(session, tmp_path / "rows.gpkg", class_field="kind").survey)
    assert rows[0].class_code == LIGHT
    assert rows[2].refusal == "unknown-class"


def test_attributes_are_kept_whatever_they_hold(session: Session, tmp_path: Path) -> None:
    attributes: dict[str, Any] = {
        **{name: f"own {name}" for name in ("id", "geom", "geometry", "row", "code", "fid")},
        "wkb_geometry": "GDAL's own name",
        "verdict": "refused",
        "emoji": "😀 灯杆",
        "quotes": 'a "b", c\nd\t\\N \\. \'; DROP TABLE components',
        "long": "长" * 500_000,
        "nul": "a\x00b",
        "number": 2**62,
        "yes": True,
        "list": [1, 2],
        "nested": {"a": [1, {"b": None}]},
        "é'\";": 1,
    }
    path = write_geojson(tmp_path / "rows.geojson", [(point(LON, LAT), attributes)])
    (row,) = rows_of(session, load(session, path).survey)
    stored = session.scalars(select(Component).where(Component.code == row.code)).one().attributes
    expected = attributes | {"nul": stored["nul"]}
    nested = {name: stored.pop(name) for name in ("list", "nested")}
    assert stored == {name: value for name, value in expected.items() if name not in nested}
    assert "\x00" not in stored["nul"]
    assert json.loads(nested["nested"]) == attributes["nested"]


def test_ten_thousand_columns_are_kept(session: Session, tmp_path: Path) -> None:
    wide = {f"column {n}": n for n in range(10_000)}
    path = write_geojson(tmp_path / "wide.geojson", [(point(LON, LAT), wide)])
    (row,) = rows_of(session, load(session, path).survey)
    stored = session.scalars(select(Component).where(Component.code == row.code)).one()
    assert stored.attributes == wide


def test_rows_that_a_table_cannot_place(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        f"lon,lat,name\n{LON},{LAT},a\nabc,{LAT},b\n,,c\n{LON},,d\n{LON},{LAT + 0.001}\n"
        f"{LON},{LAT + 0.002},f,more\n",
        encoding="utf-8",
    )
    survey = load(session, path, crs="wgs84").survey
    ragged = "values for 3 columns, so that none can be told"
    _check(
        session,
        survey,
        [
            (GOOD, ""),
            ("empty-geometry", "lon is 'abc', not a number."),
            ("empty-geometry", "has no geometry"),
            ("empty-geometry", "has no geometry"),
            ("empty-geometry", f"The line has 2 {ragged}"),
            ("empty-geometry", f"The line has 4 {ragged}"),
        ],
    )
