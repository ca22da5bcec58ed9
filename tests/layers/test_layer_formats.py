"""Files of every kind become layers: their text, types, positions and names; and what cannot."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pytest
import shapely
from delivered import frame, point, write_geojson
from publishing import LAT, LON, features, publish, types
from shapely.geometry import LineString, Polygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, MissingCrs, UnreadableFile
from gis_registry.layers import showing
from gis_registry.layers.checking import Surroundings, check
from gis_registry.layers.columns import ColumnReader
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.surveys.reading import Batch

PLACES = [(LON, LAT), (LON + 0.001, LAT)]
NAMES = ["栈桥公园", "中山公园"]


def _csv(path: Path, header: list[str], rows: list[list[object]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def test_geojson_keeps_types_and_says_where_features_lie(session: Session, tmp_path: Path) -> None:
    properties = {"id": "a7", "name": "园", "beds": 3, "share": 0.5, "open": True}
    path = write_geojson(tmp_path / "parks.geojson", [(point(LON, LAT), properties)])
    entry = publish(session, path)
    assert types(entry) == {
        "id": "string", "name": "string", "beds": "integer", "share": "number", "open": "boolean",
    }  # fmt: skip
    (row,) = features(session, entry)
    assert (row["id"], row["id_2"], row["name"], row["beds"]) == (1, "a7", "园", 3)
    assert (row["share"], row["open"]) == (0.5, True)
    place = session.execute(
        text(
            "SELECT min(d.code) FROM division_pieces p JOIN division_areas a ON a.id = p.area_id"
            " JOIN divisions d ON d.code = a.division_code AND d.level = 'subdistrict'"
            " WHERE ST_Intersects(p.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))"
        ),
        {"lon": LON, "lat": LAT},
    ).scalar_one()
    assert place is not None
    assert (row["division_code"], row["subdistrict_code"]) == (place[:6], place)


def test_one_layer_of_a_geopackage(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "city.gpkg"
    areas = [shapely.box(LON, LAT, LON + 0.01, LAT + 0.01)]
    frame(PLACES, name=NAMES).to_file(path, layer="benches")
    frame(areas, name=["湖"], opened=[pd.Timestamp("2020-05-01")]).to_file(path, layer="lakes")
    with pytest.raises(InvalidInput, match=r"several layers \(benches, lakes\)"):
        publish(session, path)
    entry = publish(session, path, mapping={"layer": "lakes"})
    assert entry.quality.geometry_types == {"polygon": 1}
    assert features(session, entry)[0]["name"] == "湖"
    assert types(entry)["opened"] in {"date", "datetime"}


def test_a_zipped_shapefile_in_gbk(session: Session, tmp_path: Path) -> None:
    table = gpd.GeoDataFrame({"名称": NAMES}, geometry=frame(PLACES).geometry, crs=4490)
    table.to_crs(4549).to_file(tmp_path / "parks.shp", encoding="GBK")
    with zipfile.ZipFile(tmp_path / "parks.zip", "w") as archive:
        for part in ("shp", "shx", "dbf", "prj"):
            archive.write(tmp_path / f"parks.{part}", f"parks.{part}")
    entry = publish(session, tmp_path / "parks.zip")
    assert types(entry) == {"名称": "string"}
    assert [one["名称"] for one in features(session, entry)] == NAMES
    assert entry.quality.box == pytest.approx((LON, LAT, LON + 0.001, LAT), abs=1e-7)


def test_gcj02_positions_of_a_csv_are_taken_to_the_ground(session: Session, tmp_path: Path) -> None:
    lon, lat = from_cgcs2000(np.array([LON]), np.array([LAT]), Datum.GCJ02)
    path = _csv(
        tmp_path / "shops.csv",
        ["name", "经度", "纬度", "code", "staff", "rent", "since", "closed"],
        [["店", lon[0], lat[0], "0071", "12", "3.5", "2024-05-01", ""]],
        encoding="gb18030",
    )
    with pytest.raises(MissingCrs):
        publish(session, path)
    entry = publish(session, path, mapping={"crs": "gcj02"})
    assert entry.quality.box is not None
    assert entry.quality.box[:2] == pytest.approx((LON, LAT), abs=1e-6)
    found = types(entry)
    assert {one: found[one] for one in ("code", "staff", "rent", "since", "closed")} == {
        "code": "string", "staff": "integer", "rent": "number", "since": "date", "closed": "string",
    }  # fmt: skip
    assert features(session, entry)[0]["code"] == "0071"
    assert entry.quality.empty_columns == ["closed"]
    staff = next(one for one in entry.columns if one.name == "staff")
    assert (staff.filled, staff.least, staff.greatest) == (1, "12", "12")


def test_a_packed_csv_has_types_too(session: Session, tmp_path: Path) -> None:
    _csv(tmp_path / "a.csv", ["lon", "lat", "n"], [[LON, LAT, 7]])
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(tmp_path / "a.csv", "a.csv")
    entry = publish(session, tmp_path / "a.zip", mapping={"crs": "wgs84"})
    assert (entry.facts.format, types(entry)["n"]) == ("CSV", "integer")


def test_a_column_is_of_the_type_that_all_its_values_have(session: Session, tmp_path: Path) -> None:
    rows: list[list[object]] = [[LON, LAT, "1", "2024-02-29"], [LON, LAT, "x", "2023-02-29"]]
    path = _csv(tmp_path / "mixed.csv", ["lon", "lat", "n", "day"], rows)
    entry = publish(session, path, mapping={"crs": "wgs84"})
    assert (types(entry)["n"], types(entry)["day"]) == ("string", "string")
    assert [one["n"] for one in features(session, entry)] == ["1", "x"]


def test_few_values_that_make_a_column_text_are_told(session: Session, tmp_path: Path) -> None:
    """Columns of words and of codes have none, nor has one that is text for a good part."""
    rows: list[list[object]] = [
        [LON, LAT, n, f"2024-02-{n % 28 + 1:02}", f"园{n}", f"{n + 5:04}", "x" if n % 8 else n, n]
        for n in range(100)
    ]
    rows[41][2], rows[77][2], rows[5][3], rows[9][3] = "n/a", "?", "2023-02-29", ""
    header = ["lon", "lat", "staff", "since", "name", "code", "half", "no"]
    path = _csv(tmp_path / "staff.csv", header, rows)
    entry = publish(session, path, mapping={"crs": "wgs84"})
    assert [one.model_dump(mode="json") for one in entry.quality.stray_values] == [
        {"name": "staff", "like": "number", "values": 100, "strays": 2, "first": "n/a",
         "first_row": 42},
        {"name": "since", "like": "date", "values": 99, "strays": 1, "first": "2023-02-29",
         "first_row": 6},
    ]  # fmt: skip
    assert (types(entry)["staff"], types(entry)["no"]) == ("string", "integer")


def test_few_words_among_the_numbers_of_geojson_are_told(session: Session, tmp_path: Path) -> None:
    values: list[object] = [*range(19), "unknown"]
    rows = [(point(LON, LAT), {"beds": one, "name": "园"}) for one in values]
    entry = publish(session, write_geojson(tmp_path / "beds.geojson", rows))
    (found,) = entry.quality.stray_values
    assert (found.name, found.like, found.values, found.strays) == ("beds", "number", 20, 1)
    assert (found.first, found.first_row) == ("unknown", 20)


def test_strays_are_counted_across_batches_up_to_one_in_ten() -> None:
    reader = ColumnReader(is_plain=True)
    for start in (0, 50):
        texts = ["-" if n % 10 == 7 else str(n) for n in range(start, start + 50)]
        reader.read(pa.chunked_array([texts[:20], texts[20:]]), start + 1)
    assert reader.strays is not None
    assert (reader.strays.values, reader.strays.count, reader.strays.first_row) == (100, 10, 8)
    reader.read(pa.chunked_array([["-"]]), 101)
    assert reader.strays is None


def test_every_row_is_a_feature_or_listed_with_a_reason(session: Session, tmp_path: Path) -> None:
    bow_tie = [[LON, LAT], [LON + 0.01, LAT + 0.01], [LON + 0.01, LAT], [LON, LAT + 0.01]]
    spike = shapely.Polygon(
        [(LON, LAT), (LON + 0.01, LAT), (LON + 0.02, LAT), (LON + 0.01, LAT),
         (LON + 0.01, LAT + 0.01), (LON, LAT + 0.01)]
    )  # fmt: skip
    mixed = shapely.GeometryCollection([shapely.Point(LON, LAT), LineString(PLACES)])
    lakes = shapely.GeometryCollection([Polygon(spike.exterior.coords[-3:])])
    shapes: list[dict[str, Any] | None] = [
        point(LON, LAT),
        None,
        point(0, 0),
        point(116.4, 39.9),
        point(LAT, LON),
        {"type": "Polygon", "coordinates": [[*bow_tie, bow_tie[0]]]},
        json.loads(shapely.to_geojson(spike)),
        json.loads(shapely.to_geojson(mixed)),
        json.loads(shapely.to_geojson(lakes)),
        point(LON, LAT),
    ]
    rows = [(shape, {"name": f"n{number % 9}"}) for number, shape in enumerate(shapes)]
    entry = publish(session, write_geojson(tmp_path / "all.geojson", rows))
    quality = entry.quality
    assert (quality.rows, quality.features, quality.far_from_city) == (10, 5, 1)
    assert quality.refused == {
        "empty-geometry": 1, "invalid-geometry": 1, "invalid-position": 2,
        "wrong-geometry-type": 1,
    }  # fmt: skip
    assert (quality.repaired, quality.duplicates) == (1, 1)
    listed = list(showing.rows(session, entry.name))
    refused = {one.row: one for one in listed if one.outcome == "refused"}
    assert set(refused) == {2, 3, 5, 6, 8}
    assert refused[3].attributes == {"name": "n2", "geometry": "POINT (0 0)"}
    assert "a collection of 1 Point, 1 LineString, and a feature is of one kind" in (
        refused[8].sentence
    )
    noted = {one.row: one.sentence for one in listed if one.outcome == "noted"}
    assert set(noted) == {4, 7}
    assert noted[4] == "It lies at 116.400000, 39.900000, far from Qingdao."


def test_a_ring_of_one_vertex_does_not_stop_the_rest(session: Session, tmp_path: Path) -> None:
    ring = {"type": "Polygon", "coordinates": [[[LON, LAT]] * 4]}
    rows = [(ring, {"n": 1}), (point(LON, LAT), {"n": 2}), (ring, {"n": 3})]
    lake = json.loads(shapely.to_geojson(shapely.box(LON, LAT, LON + 0.01, LAT + 0.01)))
    path = write_geojson(tmp_path / "rings.geojson", [*rows, (lake, {"n": 4})])
    entry = publish(session, path)
    assert [one["n"] for one in features(session, entry)] == [2, 4]
    listed = {one.row: (one.reason, one.sentence) for one in showing.rows(session, entry.name)}
    assert set(listed) == {1, 3}
    assert listed[1][0] == "invalid-geometry"
    assert "Too few points in geometry component at 120.3826 36.0671." in listed[1][1]


@pytest.mark.parametrize(
    ("crs", "far", "said"),
    [
        ("gcj02", "190", "190, 36"),
        ("bd09", "190", "190, 36"),
        ("EPSG:4549", "1e30", "1e+30, 36"),
    ],
)
def test_positions_are_judged_and_told_as_the_file_has_them(
    session: Session, tmp_path: Path, crs: str, far: str, said: str
) -> None:
    good = [540000, 3995000] if crs.startswith("EPSG") else [LON, LAT]
    rows: list[list[object]] = [["a", 0, 0], ["b", far, 36], ["c", *good]]
    path = _csv(tmp_path / "raw.csv", ["name", "x", "y"], rows)
    coordinates = {"x": "x", "y": "y"}
    entry = publish(session, path, mapping={"crs": crs, "coordinates": coordinates})
    assert entry.quality.refused == {"invalid-position": 2}
    zero, beyond = list(showing.rows(session, entry.name))
    assert zero.sentence == "The position is 0, 0, which stands for a missing one."
    assert zero.attributes == {"name": "a", "geometry": "POINT (0 0)"}
    assert said in beyond.sentence


def test_rows_are_refused_if_exchanged_coordinates_would_be_near() -> None:
    """That can only be told where both could be a latitude."""
    at = np.array([[42.37, -71.1], [2.35, 48.85]])
    batch = Batch(1, shapely.points(at), pa.table({}), *at.T)
    checked = check(batch, Surroundings(-71.3, 42.2, -70.9, 42.5, city_name="Cambridge"))
    assert checked.refusal.tolist() == ["outside-city", None]
    assert "exchanged it would be near" in checked.reason[0]


def test_ids_of_a_field_that_repeats_or_lacks_them(session: Session, tmp_path: Path) -> None:
    keys = ("b", "a", "b", None, "c")
    rows = [(point(LON, LAT), {"key": key, "n": n}) for n, key in enumerate(keys)]
    rows[4] = (point(0, 0), rows[4][1])
    rows[0], rows[1] = rows[1], rows[0]
    entry = publish(session, write_geojson(tmp_path / "keyed.geojson", rows), id_field="key")
    assert [one["id"] for one in features(session, entry)] == ["a", "b"]
    assert entry.quality.refused == {"duplicate-id": 1, "invalid-position": 1, "missing-id": 1}
    listed = list(showing.rows(session, entry.name))
    assert [one.row for one in listed] == [3, 4, 5]
    assert listed[0].sentence == "key is 'b', as in row 2."
    assert [one.attributes for one in listed] == [
        {"key": "b", "n": "2", "geometry": f"POINT ({LON} {LAT})"},
        {"key": None, "n": "3", "geometry": f"POINT ({LON} {LAT})"},
        {"key": "c", "n": "4", "geometry": "POINT (0 0)"},
    ]


HOSTILE = [
    'a"; DROP TABLE components; --',
    "100%",
    "%(id)s",
    "名称 (米)",
    "geom",
    "division_code",
    "xmin",
    "1st",
    "'",
    ":bound",
    "x" * 200,
    "长" * 60,
]


def test_names_of_columns_do_no_harm(session: Session, tmp_path: Path) -> None:
    before = session.scalar(text("SELECT count(*) FROM information_schema.tables"))
    path = write_geojson(
        tmp_path / "hostile.geojson", [(point(LON, LAT), {one: one for one in HOSTILE})]
    )
    entry = publish(session, path)
    assert [one.title for one in entry.columns] == HOSTILE
    (row,) = features(session, entry)
    assert [row[one.column] for one in entry.columns] == HOSTILE
    assert len({one.name for one in entry.columns}) == len(HOSTILE)
    assert {one.name for one in entry.columns} >= {"名称_米", "division_code_2", "field_1st"}
    assert session.scalar(text("SELECT count(*) FROM information_schema.tables")) == before + 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("lon,lat\n", "no rows"),
        ("name,size\na,1\n", "no coordinates"),
        ("lon,lat\nx,y\n", "No row of bad.csv can be published"),
        (",".join([f"c{n}" for n in range(5000)]) + ",lon,lat\n" + "1," * 5000 + "120.38,36.06\n",
         "5,000 fields"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_layer_is_refused(
    session: Session, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=said):
        publish(session, path, mapping={"crs": "wgs84"})


def test_a_picture_and_a_table_without_geometry_are_no_layers(
    session: Session, tmp_path: Path
) -> None:
    picture = tmp_path / "air.tif"
    picture.write_bytes(b"II*\x00\x08\x00\x00\x00\x00\x00\x00\x00")
    with pytest.raises(UnreadableFile, match="no vector file"):
        publish(session, picture)
    table = tmp_path / "table.gpkg"
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), table)
    with pytest.raises(UnreadableFile, match="has no geometry"):
        publish(session, table)
    with pytest.raises(UnreadableFile, match="There is no file nowhere"):
        publish(session, "nowhere.shp")
    assert showing.layers(session) == []


@pytest.mark.parametrize(
    "name", ["components", "Divisions", "grid_cells", "components-0137", "a b", 'x"y', "公园", "1a"]
)
def test_names_that_are_taken_or_none(session: Session, tmp_path: Path, name: str) -> None:
    path = write_geojson(tmp_path / "a.geojson", [(point(LON, LAT), {})])
    with pytest.raises(InvalidInput):
        publish(session, path, name)
