"""Every format and system that a delivery may be in arrives where it belongs."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from delivered import frame, load, places, rows_of
from making import GEOD
from pyproj import Transformer
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.components.tables import Component
from gis_registry.errors import InvalidInput
from gis_registry.places.datums import Datum, from_cgcs2000

PLACES = places(3)
NAMES = ["路灯甲", "路灯乙", "路灯丙"]
SHAPEFILE_PARTS = ("shp", "shx", "dbf", "prj", "cpg")


def _written(name: str, **options: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        frame(PLACES, name=NAMES).to_file(folder / name, **options)
        return folder / name

    return write


def _gzipped(folder: Path) -> Path:
    plain = _written("lights.geojson", driver="GeoJSON")(folder)
    path = folder / "lights.geojson.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def _zipped(within: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        _written("lights.shp", encoding="GBK")(folder)
        path = folder / "lights.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for part in SHAPEFILE_PARTS:
                archive.write(folder / f"lights.{part}", f"{within}lights.{part}")
        return path

    return write


def _csv(header: str, encoding: str = "utf-8", separator: str = ",") -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        lines = [header] + [
            separator.join((name, repr(lon), repr(lat)))
            for name, (lon, lat) in zip(NAMES, PLACES, strict=True)
        ]
        path = folder / "lights.csv"
        path.write_text("\n".join(lines) + "\n", encoding=encoding)
        return path

    return write


def _without_cpg(folder: Path) -> Path:
    path = _written("lights.shp", encoding="GBK")(folder)
    path.with_suffix(".cpg").unlink()
    return path


def _parquet(folder: Path) -> Path:
    frame(PLACES, name=NAMES).to_parquet(folder / "lights.parquet")
    return folder / "lights.parquet"


def _workbook(folder: Path) -> Path:
    rows = [(name, *at) for name, at in zip(NAMES, PLACES, strict=True)]
    table = pd.DataFrame(rows, columns=["name", "经度", "纬度"])
    table.to_excel(folder / "lights.xlsx", index=False)
    return folder / "lights.xlsx"


FORMATS = {
    "GeoJSON": (_written("lights.geojson", driver="GeoJSON"), None),
    "GeoJSON, gzipped": (_gzipped, None),
    "GeoPackage": (_written("lights.gpkg"), None),
    "GeoPackage named in Chinese": (_written("青岛 '路灯'.gpkg"), None),
    "FlatGeobuf": (_written("lights.fgb", SPATIAL_INDEX="NO"), None),  # an index reorders rows
    "Shapefile in GBK with .cpg": (_written("lights.shp", encoding="GBK"), None),
    "Shapefile in UTF-8 with .cpg": (_written("lights.shp", encoding="UTF-8"), None),
    "Shapefile in GBK without .cpg": (_without_cpg, None),
    "GeoJSONSeq": (_written("lights.geojsonl", driver="GeoJSONSeq"), None),
    "FileGDB": (_written("lights.gdb", driver="OpenFileGDB"), None),
    "GeoParquet": (_parquet, None),
    "XLSX": (_workbook, "wgs84"),
    "CSV in GBK": (_csv("name,经度,纬度", "gbk"), "wgs84"),
    "Shapefile, zipped": (_zipped(""), None),
    "Shapefile in a folder, zipped": (_zipped("delivery of May/"), None),
    "CSV": (_csv("name,lon,lat"), "wgs84"),
    "CSV as Excel saves it": (_csv("name,LON,LAT", "utf-8-sig"), "cgcs2000"),
    "CSV in Chinese": (_csv("name,经度,纬度"), "EPSG:4490"),
    "CSV with semicolons": (_csv("name;lon;lat", separator=";"), "wgs84"),
}


def assert_arrived(session: Session, survey: int, expected: list[tuple[float, float]]) -> None:
    """Assert that each row is registered within 1 cm of its place, with its name."""
    rows = rows_of(session, survey)
    assert [row.verdict for row in rows] == ["new"] * len(expected)
    for row, (lon, lat), name in zip(rows, expected, NAMES, strict=True):
        assert row.lon is not None
        assert row.lat is not None
        _, _, metres = GEOD.inv(row.lon, row.lat, lon, lat)
        assert metres < 0.01
        component = session.scalars(select(Component).where(Component.code == row.code)).one()
        assert component.attributes["name"] == name


@pytest.mark.parametrize("delivery", FORMATS)
def test_every_format_arrives(session: Session, tmp_path: Path, delivery: str) -> None:
    write, crs = FORMATS[delivery]
    assert_arrived(session, load(session, write(tmp_path), crs=crs).survey, PLACES)


@pytest.mark.parametrize("epsg", [4490, 4326, 4549, 4528, 2437, 32651, 3857])
@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_a_file_in_any_system_arrives(
    session: Session, tmp_path: Path, epsg: int, suffix: str
) -> None:
    path = tmp_path / f"lights.{suffix}"
    frame(PLACES, name=NAMES).to_crs(epsg).to_file(path)
    back = frame(PLACES).to_crs(epsg).to_crs(4490).geometry
    assert_arrived(session, load(session, path).survey, [(one.x, one.y) for one in back])


@pytest.mark.parametrize("epsg", [4549, 4528])
def test_a_projected_table_has_easting_first_whatever_the_system_says(
    session: Session, tmp_path: Path, epsg: int
) -> None:
    """EPSG:4528 is defined with northing first; x is the easting all the same."""
    project = Transformer.from_crs(4490, epsg, always_xy=True).transform
    lines = ["name,x,y"]
    for name, place in zip(NAMES, PLACES, strict=True):
        easting, northing = project(*place)
        assert easting > 500_000
        assert 3_900_000 < northing < 4_100_000
        lines.append(f"{name},{easting:.4f},{northing:.4f}")
    path = tmp_path / "lights.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert_arrived(session, load(session, path, crs=f"EPSG:{epsg}").survey, PLACES)


@pytest.mark.parametrize("datum", Datum)
@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "csv"])
def test_a_declared_datum_is_taken_back(
    session: Session, tmp_path: Path, datum: Datum, suffix: str
) -> None:
    shifted = [
        (float(lon), float(lat))
        for lon, lat in (from_cgcs2000(*place, datum=datum) for place in PLACES)
    ]
    path = tmp_path / f"lights.{suffix}"
    if suffix == "csv":
        rows = [f"{name},{lon!r},{lat!r}" for name, (lon, lat) in zip(NAMES, shifted, strict=True)]
        path.write_text("\n".join(["name,lon,lat", *rows]), encoding="utf-8")
    else:
        frame(shifted, name=NAMES).to_file(path)
    summary = load(session, path, crs=datum.value.upper())
    assert summary.crs == datum.value
    assert_arrived(session, summary.survey, PLACES)


def test_heights_are_dropped_and_single_parts_taken_out(session: Session, tmp_path: Path) -> None:
    high = frame(PLACES, name=NAMES)
    high["geometry"] = high.geometry.force_3d(12.5)
    high.to_file(tmp_path / "high.gpkg")
    assert_arrived(session, load(session, tmp_path / "high.gpkg").survey, PLACES)


def test_a_layer_is_chosen_by_name(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "delivery.gpkg"
    frame(places(9)).to_file(path, layer="bins")
    frame(PLACES, name=NAMES).to_file(path, layer="lights")
    assert_arrived(session, load(session, path, layer="lights").survey, PLACES)


def test_a_geojson_that_says_its_system_is_believed(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "projected.geojson"
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}},
                "features": [
                    {
                        "type": "Feature",
                        "properties": {},
                        "geometry": {"type": "Point", "coordinates": [534457.0, 3993000.0]},
                    }
                ],
            }
        )
    )
    assert load(session, path).accepted == 1
    with pytest.raises(InvalidInput, match="says it is in"):
        load(session, path, crs="gcj02")


def test_the_two_names_of_one_system_do_not_contradict(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "lights.gpkg"
    frame(places(1)).to_file(path)
    assert load(session, path, crs="EPSG:4490").accepted == 1
