"""Files of every format are read as they are: in order, with their words, numbers and places."""

import gzip
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pyogrio
import pytest
import shapely
from delivered import Place, frame, places
from pyproj import Transformer
from shapely.geometry import LineString, MultiPoint, Point, Polygon

from gis_registry.errors import InvalidInput, MissingCrs, RegistryError, UnreadableFile
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.surveys.mapping import AxisOrder, Coordinates, Mapping
from gis_registry.surveys.reading import BATCH_ROWS, open_source, sha256_of

PLACES = places(3)
MIDNIGHT = datetime.combine(date(2026, 7, 1), time())
MORNING = datetime.combine(date(2026, 6, 30), time(8))
NAMES = ["路灯甲", "路灯乙", "路灯丙"]
#: CGCS2000 / 3-degree Gauss-Kruger CM 120E as Esri's programs write it into a .prj.
ESRI_4549 = (
    'PROJCS["CGCS2000_3_Degree_GK_CM_120E",GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",'
    'DATUM["D_China_2000",SPHEROID["CGCS2000",6378137.0,298.257222101]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],'
    'PARAMETER["Central_Meridian",120.0],PARAMETER["Scale_Factor",1.0],'
    'PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


@dataclass(frozen=True)
class Read:
    """All of a file."""

    geometries: Sequence[shapely.Geometry | None]
    fields: pa.Table
    raw: list[tuple[float, float]]
    notes: dict[int, str]
    crs: str

    @property
    def places(self) -> list[Place | None]:
        return [None if one is None else (one.x, one.y) for one in self.geometries]


def read(path: Path, mapping: Mapping | None = None) -> Read:
    source = open_source(path, mapping or Mapping())
    batches = list(source.batches())
    notes: dict[int, str] = {}
    for batch in batches:
        assert len(batch.fields) == len(batch.geometries) == len(batch.raw_x) == len(batch.raw_y)
        assert len(batch.geometries) <= BATCH_ROWS
        assert tuple(batch.fields.column_names) == source.columns
        notes |= {batch.first_row + row: note for row, note in batch.notes.items()}
    assert [batch.first_row for batch in batches] == [
        1 + sum(len(one.geometries) for one in batches[:n]) for n in range(len(batches))
    ]
    return Read(
        geometries=[one for batch in batches for one in batch.geometries],
        fields=pa.concat_tables([batch.fields for batch in batches]),
        raw=[
            (float(x), float(y))
            for batch in batches
            for x, y in zip(batch.raw_x, batch.raw_y, strict=True)
        ],
        notes=notes,
        crs=source.crs,
    )


def written(folder: Path, name: str, *, driver: str | None = None, **options: str) -> Path:
    path = folder / name
    frame(PLACES, name=NAMES).to_file(path, driver=driver, **options)
    return path


def zipped(path: Path, *parts: Path, below: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            archive.write(part, f"{below}{part.name}")
    return path


def bare_shapefile(folder: Path, encoding: str, ldid: int = 0) -> Path:
    """Write a shapefile without .cpg, as most programs in China do, with an LDID."""
    path = folder / "lights.shp"
    frame(PLACES, 名称=NAMES).to_file(path, encoding=encoding)
    path.with_suffix(".cpg").unlink()
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = ldid
    path.with_suffix(".dbf").write_bytes(table)
    return path


def geodatabase(folder: Path) -> Path:
    return written(folder, "lights.gdb", driver="OpenFileGDB")


def zipped_geodatabase(folder: Path) -> Path:
    path = geodatabase(folder)
    return zipped(folder / "delivery.zip", *path.iterdir(), below="五月/lights.gdb/")


def keyhole(folder: Path) -> Path:
    path = folder / "lights.kml"
    marks = "".join(
        f"<Placemark><name>{name}</name>"
        f"<Point><coordinates>{lon!r},{lat!r},0</coordinates></Point></Placemark>"
        for name, (lon, lat) in zip(NAMES, PLACES, strict=True)
    )
    path.write_text(
        "<?xml version='1.0' encoding='UTF-8'?><kml xmlns='http://www.opengis.net/kml/2.2'>"
        f"<Document><Folder><name>lights</name>{marks}</Folder></Document></kml>",
        encoding="utf-8",
    )
    return path


def zipped_keyhole(folder: Path) -> Path:
    keyhole(folder).rename(folder / "doc.kml")
    return zipped(folder / "lights.kmz", folder / "doc.kml")


def geoparquet(folder: Path) -> Path:
    path = folder / "lights.parquet"
    frame(PLACES, name=NAMES).to_parquet(path, write_covering_bbox=True)
    return path


def workbook(
    folder: Path, rows: Sequence[Sequence[object]], *, title: str = "Sheet", blank: int = 0
) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for _ in range(blank):
        sheet.append([])
    for row in rows:
        sheet.append(list(row))
    path = folder / "lights.xlsx"
    book.save(path)
    return path


def table_of(header: Sequence[str]) -> list[Sequence[object]]:
    return [header, *((n, *at) for n, at in zip(NAMES, PLACES, strict=True))]


def delimited(folder: Path, header: str, encoding: str = "utf-8", separator: str = ",") -> Path:
    lines = [header] + [
        separator.join((name, repr(lon), repr(lat)))
        for name, (lon, lat) in zip(NAMES, PLACES, strict=True)
    ]
    path = folder / "lights.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


WGS84 = Mapping(crs="wgs84")
FORMATS: dict[str, tuple[Callable[[Path], Path], Mapping]] = {
    "GeoPackage": (lambda folder: written(folder, "lights.gpkg"), Mapping()),
    "GeoPackage, zipped": (
        lambda folder: zipped(folder / "a.zip", written(folder, "lights.gpkg"), below="a/"),
        Mapping(),
    ),
    "GeoJSON": (lambda folder: written(folder, "lights.geojson"), Mapping()),
    "GeoJSONSeq": (
        lambda folder: written(folder, "lights.geojsonl", driver="GeoJSONSeq"),
        Mapping(),
    ),
    "FlatGeobuf": (lambda folder: written(folder, "lights.fgb", SPATIAL_INDEX="NO"), Mapping()),
    "FileGDB": (geodatabase, Mapping()),
    "FileGDB, zipped": (zipped_geodatabase, Mapping()),
    "KML": (keyhole, Mapping(attributes={"rename": {"Name": "name"}})),
    "KMZ": (zipped_keyhole, Mapping(attributes={"rename": {"Name": "name"}})),
    "GeoParquet": (geoparquet, Mapping()),
    "XLSX": (lambda folder: workbook(folder, table_of(["name", "lon", "lat"])), WGS84),
    "XLSX in Chinese, below blank rows": (
        lambda folder: workbook(folder, table_of(["name", "经度", "纬度"]), blank=2, title="路灯"),
        WGS84,
    ),
    "CSV in GBK": (lambda folder: delimited(folder, "name,经度,纬度", "gbk"), WGS84),
    "CSV in UTF-16": (lambda folder: delimited(folder, "name,经度,纬度", "utf-16"), WGS84),
    "CSV with tabs": (
        lambda folder: delimited(folder, "name\tX坐标\tY坐标", separator="\t"),
        WGS84,
    ),
}


@pytest.mark.parametrize("delivery", FORMATS)
def test_every_format_is_read(tmp_path: Path, delivery: str) -> None:
    write, mapping = FORMATS[delivery]
    found = read(write(tmp_path), mapping)
    assert found.fields["name"].to_pylist() == NAMES
    assert found.fields.column_names == ["name"] or delivery.startswith("KM")
    assert found.places == [pytest.approx(one, abs=1e-9) for one in PLACES]
    assert found.raw == [pytest.approx(one, abs=1e-9) for one in PLACES]
    assert found.notes == {}


@pytest.mark.parametrize(
    ("encoding", "ldid"),
    [("gbk", 0x4D), ("gbk", 0), ("gbk", 0x57), ("utf-8", 0), ("gb18030", 0), ("big5", 0x4F)],
)
def test_a_shapefile_without_cpg_is_decoded(tmp_path: Path, encoding: str, ldid: int) -> None:
    title, names = "名称", NAMES
    if encoding == "big5":
        title, names = "名稱", ["路燈甲", "路燈乙", "路燈丙"]
    if encoding == "gb18030":
        names = ["𠮷野路", "路灯乙", "路灯丙"]  # a character that GBK has not
    path = tmp_path / "lights.shp"
    frame(PLACES, **{title: names}).to_file(path, encoding="utf-8")
    raw = path.with_suffix(".dbf").read_bytes()
    for one in [title, *names]:  # GDAL cannot write all of them
        old, new = one.encode(), one.encode(encoding)
        raw = raw.replace(old, new.ljust(len(old), b" " if one != title else b"\x00"))
    path.with_suffix(".dbf").write_bytes(raw[:29] + bytes([ldid]) + raw[30:])
    path.with_suffix(".cpg").unlink()
    assert read(path).fields.to_pydict() == {title: names}


def test_what_the_cpg_says_comes_before_the_ldid(tmp_path: Path) -> None:
    path = bare_shapefile(tmp_path, "utf-8", ldid=0x4D)
    path.with_suffix(".cpg").write_text("UTF-8")
    assert read(path).fields["名称"].to_pylist() == NAMES
    path.with_suffix(".cpg").write_text("936")
    with pytest.raises(InvalidInput, match=r"not gb18030, though its \.cpg says 936"):
        read(path)
    assert read(path, Mapping(encoding="UTF-8")).fields["名称"].to_pylist() == NAMES
    with pytest.raises(InvalidInput, match="'klingon' is no encoding"):
        read(path, Mapping(encoding="klingon"))


def test_a_name_and_a_value_that_a_width_cut_lose_only_the_piece(tmp_path: Path) -> None:
    path = tmp_path / "lights.shp"
    frame(PLACES[:1], name=["灯" * 10]).to_file(path, encoding="utf-8")
    raw = bytearray(path.with_suffix(".dbf").read_bytes())
    raw[32:43] = "名称长长".encode()[:10] + b"\x00"
    path.with_suffix(".dbf").write_bytes(raw)
    path.with_suffix(".cpg").unlink()
    assert read(path).fields.to_pydict() == {"名称长": ["灯" * 10]}


def test_text_in_no_known_encoding_is_sent_back(tmp_path: Path) -> None:
    path = bare_shapefile(tmp_path, "gbk")
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace("路灯甲".encode("gbk"), b"\xff\xff\x80ab\xff"))
    with pytest.raises(InvalidInput, match="neither UTF-8 nor GB18030"):
        read(path)


@pytest.mark.parametrize(("suffix", "words"), [("dbf", "the attributes"), ("shx", "the index")])
def test_a_shapefile_that_lacks_a_part_is_sent_back(
    tmp_path: Path, suffix: str, words: str
) -> None:
    path = bare_shapefile(tmp_path, "gbk")
    path.with_suffix(f".{suffix}").unlink()
    with pytest.raises(UnreadableFile, match=rf"without its \.{suffix}, which holds {words}"):
        read(path)


def test_a_shapefile_whose_parts_have_other_suffixes_is_whole(tmp_path: Path) -> None:
    path = bare_shapefile(tmp_path, "gbk")
    for part in list(tmp_path.iterdir()):
        part.rename(part.with_suffix(part.suffix.upper()))
    assert read(path.with_suffix(".SHP")).fields["名称"].to_pylist() == NAMES


def test_a_table_that_is_cut_short_is_said_to_be(tmp_path: Path) -> None:
    path = bare_shapefile(tmp_path, "gbk")
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:-100])
    with pytest.raises(UnreadableFile, match="announces 3 rows, but holds only 1"):
        read(path)


def test_each_row_of_a_geometry_file_that_is_cut_short_is_there(tmp_path: Path) -> None:
    path = bare_shapefile(tmp_path, "gbk")
    path.write_bytes(path.read_bytes()[:-28])
    found = read(path)
    assert [one is None for one in found.geometries] == [False, False, True]


def test_the_hash_of_a_shapefile_is_of_all_its_parts(tmp_path: Path) -> None:
    path = bare_shapefile(tmp_path, "gbk")
    before = sha256_of(path)
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes().replace("甲".encode("gbk"), "丁".encode("gbk")))
    assert sha256_of(path) != before


def test_esris_and_epsgs_definitions_are_one_system(tmp_path: Path) -> None:
    path = tmp_path / "lights.shp"
    frame(PLACES, name=NAMES).to_crs(4549).to_file(path)
    path.with_suffix(".prj").write_text(ESRI_4549)
    for declared in (None, "EPSG:4549", ESRI_4549):
        found = read(path, Mapping(crs=declared))
        assert found.places == [pytest.approx(one, abs=1e-8) for one in PLACES]
    for other in ("EPSG:4528", "EPSG:2437", "gcj02"):
        with pytest.raises(InvalidInput, match="says it is in"):
            read(path, Mapping(crs=other))


def test_a_system_of_a_citys_own_is_declared_in_wkt(tmp_path: Path) -> None:
    own = ESRI_4549.replace("120.0]", "120.3333333]").replace("500000.0", "150000.0")
    project = Transformer.from_crs(4490, own, always_xy=True)
    lines = [",".join(map(repr, project.transform(*one))) for one in PLACES]
    path = tmp_path / "lights.csv"
    path.write_text("\n".join(["东坐标,北坐标", *lines]), encoding="utf-8")
    found = read(path, Mapping(crs=own))
    assert found.places == [pytest.approx(one, abs=1e-8) for one in PLACES]
    with pytest.raises(InvalidInput, match="is no coordinate reference system"):
        read(path, Mapping(crs='LOCAL_CS["site",UNIT["Meter",1.0]]'))
    with pytest.raises(MissingCrs, match="Declare it: --crs"):
        read(path)


@pytest.mark.parametrize("epsg", [4490, 4549, 4528, 2437])
def test_northing_comes_first_where_it_is_declared(tmp_path: Path, epsg: int) -> None:
    project = Transformer.from_crs(4490, epsg, always_xy=True)
    given = [project.transform(*one)[::-1] for one in PLACES]
    path = tmp_path / "lights.csv"
    path.write_text("\n".join(["X坐标,Y坐标", *(f"{x!r},{y!r}" for x, y in given)]))
    declared = Mapping(crs=f"EPSG:{epsg}", axis_order=AxisOrder.NORTHING_EASTING)
    found = read(path, declared)
    back = Transformer.from_crs(epsg, 4490, always_xy=True)
    assert found.places == [pytest.approx(back.transform(y, x), abs=1e-9) for x, y in given]
    assert found.raw == given
    assert given[0][0] > 1_000_000 or epsg == 4490
    # Undeclared, nothing is turned round: whoever looks at the whole file says so.
    assert read(path, Mapping(crs=f"EPSG:{epsg}")).raw == given


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_what_is_raw_is_from_before_the_datum(tmp_path: Path, datum: Datum) -> None:
    shifted = [tuple(map(float, from_cgcs2000(lon, lat, datum))) for lon, lat in PLACES]
    frame(shifted, name=NAMES).to_parquet(tmp_path / "lights.parquet")
    found = read(tmp_path / "lights.parquet", Mapping(crs=datum.value))
    assert found.raw == shifted
    assert found.places == [pytest.approx(one, abs=1e-8) for one in PLACES]


def test_heights_and_measures_are_dropped_and_parts_are_kept(tmp_path: Path) -> None:
    geometries = [
        shapely.from_wkt("POINT Z (120 36 5)"),
        MultiPoint([(120, 36), (121, 36)]),
        LineString([(120, 36, 1), (120.1, 36, 2)]),
        Polygon([(120, 36), (120.1, 36), (120, 36.1)]),
        Point(),
        None,
    ]
    path = tmp_path / "mixed.gpkg"
    gpd.GeoDataFrame({"n": range(6)}, geometry=geometries, crs=4490).to_file(path)
    found = read(path)
    assert [None if one is None else one.geom_type for one in found.geometries] == [
        *("Point", "MultiPoint", "LineString", "Polygon"),
        *("Point", None),
    ]
    assert not any(one.has_z for one in found.geometries if one is not None)
    assert found.raw[:4] == [(120, 36)] * 4
    assert np.isnan(found.raw[4:]).all()


def test_points_with_gaps_stay_beside_their_fields(tmp_path: Path) -> None:
    geometries = [None if n % 3 == 0 else Point(120 + n / 1000, 36, n) for n in range(1000)]
    path = tmp_path / "gaps.gpkg"
    gpd.GeoDataFrame({"n": range(1000)}, geometry=geometries, crs=4490).to_file(path)
    found = read(path)
    for n, geometry in zip(found.fields["n"].to_pylist(), found.geometries, strict=True):
        assert geometry == (None if n % 3 == 0 else Point(120 + n / 1000, 36))


CURVES = {
    "CIRCULARSTRING (0 0, 1 1, 2 0)": 3.14159,
    "COMPOUNDCURVE ((-1 0, 0 0), CIRCULARSTRING (0 0, 1 1, 2 0))": 4.14159,
    "CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))": 6.28318,
    "MULTISURFACE (CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0)))": 6.28318,
    "MULTICURVE ((0 0, 1 0), CIRCULARSTRING (0 0, 1 1, 2 0))": 4.14159,
    "LINESTRING (0 0, 1 0)": 1,
}


def test_curves_become_lines_of_small_steps_with_a_note(tmp_path: Path) -> None:
    table = tmp_path / "curves.csv"
    table.write_text("\n".join(["id,WKT", *(f'{n},"{wkt}"' for n, wkt in enumerate(CURVES))]))
    # GDAL's CSV driver reads curves from WKT; its Arrow stream hands them over as they are.
    path = tmp_path / "curves.vrt"
    path.write_text(
        f"<OGRVRTDataSource><OGRVRTLayer name='curves'><SrcDataSource>{table}</SrcDataSource>"
        "<LayerSRS>EPSG:4490</LayerSRS></OGRVRTLayer></OGRVRTDataSource>"
    )
    found = read(path)
    for geometry, length in zip(found.geometries, CURVES.values(), strict=True):
        assert geometry is not None
        assert geometry.length == pytest.approx(length, rel=2e-3)
    note = "A curve has been replaced by a line of small steps."
    assert found.notes == dict.fromkeys(range(1, 6), note)


def test_geometries_that_cannot_be_read_are_none_with_a_note(tmp_path: Path) -> None:
    wkb = [
        shapely.to_wkb(Point(120, 36)),
        b"\x01\x02",
        shapely.to_wkb(LineString([(120, 36), (121, 36)]))[:-5],
        bytes.fromhex("0110000000" + "00000000"),
        shapely.to_wkb(Polygon([(0, 0), (1, 0), (1, 1)]))[:-16] + b"\x00" * 16,
        shapely.to_wkb(Polygon([(0, 0), (1, 0), (1, 1)]))[:-8] + np.float64(0.5).tobytes(),
    ]
    geo = {"version": "1.0.0", "primary_column": "g", "columns": {"g": {"encoding": "WKB"}}}
    table = pa.table({"n": range(len(wkb)), "g": pa.array(wkb, pa.binary())})
    path = tmp_path / "bad.parquet"
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    found = read(path)
    assert [one and one.geom_type for one in found.geometries] == [
        *("Point", None, None, None),
        *("Polygon", "Polygon"),
    ]
    assert found.notes[2].startswith("The geometry cannot be read: ")
    assert found.notes[3].startswith("The geometry cannot be read: ")
    assert found.notes[4] == "The geometry is a TIN, which is not read."
    assert found.notes[6] == "A ring that was not closed has been closed."
    assert sorted(found.notes) == [2, 3, 4, 6]


def test_types_of_parquet_arrive_as_the_plain_ones(tmp_path: Path) -> None:
    data = frame(PLACES, name=NAMES, kind=["a", "b", "a"])
    data["kind"] = data["kind"].astype("category")
    data["photo"] = [b"x", None, b"y"]
    data.to_parquet(tmp_path / "lights.parquet")
    found = read(tmp_path / "lights.parquet")
    assert found.fields.schema == pa.schema([("name", pa.string()), ("kind", pa.string())])
    assert found.fields["kind"].to_pylist() == ["a", "b", "a"]


def test_long_files_come_in_batches(tmp_path: Path) -> None:
    count = 2 * BATCH_ROWS + 3
    lines = [f"{n},{120 + n * 1e-6:.6f},36.1" for n in range(count)]
    lines[BATCH_ROWS - 1 : BATCH_ROWS + 1] = ["ragged", "ragged,1,2,3"]
    path = tmp_path / "long.csv"
    path.write_text("\n".join(["n,lon,lat", *lines]))
    found = read(path, WGS84)
    assert len(found.geometries) == count
    assert sorted(found.notes) == [BATCH_ROWS, BATCH_ROWS + 1]
    kept = [str(n) for n in range(count)]
    kept[BATCH_ROWS - 1 : BATCH_ROWS + 1] = [None, None]  # type: ignore[list-item]
    assert found.fields["n"].to_pylist() == kept
    assert found.places[-1] == (pytest.approx(120 + (count - 1) * 1e-6), 36.1)


def test_a_ragged_line_shifts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text(
        "ragged\n\nname,lon,lat\n一,120.1,36.1\n二,120,2,36.2\n\n三,120.3\n"
        '"四\n四",120.4,36.4\n五,"120.5",36.5\n六\n',
        encoding="utf-8",
    )
    found = read(path, WGS84.model_copy(update={"header_row": 3}))
    assert found.fields["name"].to_pylist() == ["一", None, None, "四\n四", "五", None]
    assert found.places == [(120.1, 36.1), None, None, (120.4, 36.4), (120.5, 36.5), None]
    assert "4 values for 3 columns" in found.notes[2]
    assert "'二,120,2,36.2'" in found.notes[2]
    assert "2 values for 3 columns" in found.notes[3]
    assert sorted(found.notes) == [2, 3, 6]


def test_decimal_commas_are_declared(tmp_path: Path) -> None:
    path = tmp_path / "commas.csv"
    path.write_text('name,lon,lat\na,"120,35","36,08"\nb,120.36,36.09\n')
    found = read(path, WGS84)
    assert found.places == [None, (120.36, 36.09)]
    assert 'say decimal = ","' in found.notes[1]
    path.write_text("name;x;y\na;4.001.234,5;36,08\n")
    found = read(path, WGS84.model_copy(update={"decimal": ","}))
    assert found.raw == [(4001234.5, 36.08)]


@pytest.mark.parametrize("text", ["120°21'", "NaN", "inf", "1e", "0x78", "一二〇", "-"])
def test_what_is_no_number_is_no_coordinate(tmp_path: Path, text: str) -> None:
    path = tmp_path / "words.csv"
    path.write_text(f"lon,lat\n{text},36\n１２０．５,36\n,36\n", encoding="utf-8")
    found = read(path, WGS84)
    assert found.places == [None, (120.5, 36.0), None]
    assert found.notes == {1: f"lon is {text!r}, not a number."}


def test_geometries_in_wkt_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text('id,WKT\n1,"LINESTRING Z (120 36 1, 121 36 2)"\n2,nonsense\n3,\n')
    found = read(path, WGS84)
    assert [one and one.wkt for one in found.geometries] == [
        "LINESTRING (120 36, 121 36)",
        None,
        None,
    ]
    assert found.notes == {2: "WKT is 'nonsense', no geometry in WKT."}
    assert found.fields.column_names == ["id"]


def test_columns_of_coordinates_are_named_when_names_do_not_say(tmp_path: Path) -> None:
    path = tmp_path / "lights.csv"
    path.write_text("a,b,lon,lat,x,y\n120.1,36.1,1,2,3,4\n")
    with pytest.raises(InvalidInput, match=r"several pairs of coordinates \(lon, lat; x, y\)"):
        read(path, WGS84)
    named = WGS84.model_copy(update={"coordinates": Coordinates(x="a", y="b")})
    found = read(path, named)
    assert found.places == [(120.1, 36.1)]
    assert found.fields.column_names == ["lon", "lat", "x", "y"]
    absent = WGS84.model_copy(update={"coordinates": Coordinates(x="a", y="c")})
    with pytest.raises(InvalidInput, match="has no column c"):
        read(path, absent)


def test_cells_of_a_workbook_keep_their_kind(tmp_path: Path) -> None:
    rows = [
        [
            "name",
            "lon",
            "lat",
            None,
            "count",
            "height",
            "day",
            "moment",
            "mixed",
            "is_lit",
            "empty",
        ],
        ["a", 120.1, 36.1, None, 3, 2, date(2026, 6, 30), MORNING, 137, True],
        [None] * 11,
        ["b", "120.2", 36.2, "beside", None, 2.5, None, None, "0137", None],
        [
            "c",
            "#REF!",
            36.3,
            None,
            5,
            "#N/A",
            MIDNIGHT,
            None,
            1.5,
            False,
        ],
    ]
    found = read(workbook(tmp_path, rows), WGS84)
    assert found.fields.to_pydict() == {
        "name": ["a", "b", "c"],
        "column 4": [None, "beside", None],
        "count": [3, None, 5],
        "height": [2.0, 2.5, None],
        "day": [date(2026, 6, 30), None, date(2026, 7, 1)],
        "moment": ["2026-06-30T08:00:00", None, None],
        "mixed": ["137", "0137", "1.5"],
        "is_lit": [True, None, False],
        "empty": [None, None, None],
    }
    assert found.places == [(120.1, 36.1), (120.2, 36.2), None]
    assert found.notes == {3: "lon is the fault #REF! of a formula."}


def test_a_sheet_is_chosen_and_empty_ones_do_not_count(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    lights, bins = book.create_sheet("灯"), book.create_sheet("箱")
    for sheet in (lights, bins):
        sheet.append(["lon", "lat"])
    lights.append([120.1, 36.1])
    book.save(tmp_path / "two.xlsx")
    with pytest.raises(InvalidInput, match=r"several layers \(灯, 箱\); choose one with --layer"):
        read(tmp_path / "two.xlsx", WGS84)
    assert read(tmp_path / "two.xlsx", WGS84.overridden(layer="灯")).places == [(120.1, 36.1)]
    with pytest.raises(InvalidInput, match="no rows"):
        read(tmp_path / "two.xlsx", WGS84.overridden(layer="箱"))


def test_a_header_below_a_merged_title_is_found_when_it_is_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["路灯普查表"])
    sheet.merge_cells("A1:C1")
    for row in table_of(["name", "经度", "纬度"]):
        sheet.append(list(row))
    book.save(tmp_path / "titled.xlsx")
    with pytest.raises(UnreadableFile, match="header_row, if the names stand further down"):
        read(tmp_path / "titled.xlsx", WGS84)
    found = read(tmp_path / "titled.xlsx", WGS84.model_copy(update={"header_row": 2}))
    assert found.places == PLACES


def test_formulas_count_by_their_value_and_must_have_one(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["lon", "lat"], ["=120+0.1", 36.1]])
    with pytest.raises(InvalidInput, match="formulas without values: open it"):
        read(path, WGS84)
    within = tmp_path / "within"
    with zipfile.ZipFile(path) as archive:
        archive.extractall(within)
    sheet = within / "xl/worksheets/sheet1.xml"
    text = sheet.read_text()
    assert "<v></v>" in text or "<v />" in text or "<v/>" in text
    for empty in ("<v></v>", "<v />", "<v/>"):
        text = text.replace(empty, "<v>120.1</v>", 1)
    sheet.write_text(text)
    shutil.make_archive(str(tmp_path / "calculated"), "zip", within)
    (tmp_path / "calculated.zip").rename(tmp_path / "calculated.xlsx")
    assert read(tmp_path / "calculated.xlsx", WGS84).places == [(120.1, 36.1)]


def _plain_parquet(folder: Path) -> Path:
    parquet.write_table(pa.table({"a": [1]}), folder / "plain.parquet")
    return folder / "plain.parquet"


def _cut(write: Callable[[Path], Path], share: float) -> Callable[[Path], Path]:
    def cut(folder: Path) -> Path:
        path = write(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        return path

    return cut


def _text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def _zip(*names: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "odd.zip", "w") as archive:
            for name in names:
                archive.writestr(name, b"x")
        return folder / "odd.zip"

    return write


def _empty_layer(folder: Path) -> Path:
    frame(PLACES, name=NAMES).iloc[:0].to_file(folder / "none.gpkg")
    return folder / "none.gpkg"


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "absent.gpkg", "There is no file"),
    "empty CSV": (_text("a.csv", ""), "is empty"),
    "empty XLSX": (_text("a.xlsx", ""), "a.xlsx is empty"),
    "empty Parquet": (_text("a.parquet", ""), "a.parquet is empty"),
    "empty GeoPackage": (_text("a.gpkg", ""), "a.gpkg is empty"),
    "empty zip": (_text("a.zip", ""), "a.zip is empty"),
    "CSV of blank lines": (_text("a.csv", "\n\n \n"), "no line with the names"),
    "CSV with only a header": (_text("a.csv", "lon,lat\n"), "has no rows"),
    "CSV without coordinates": (_text("a.csv", "a,b\n1,2\n"), "no coordinates .* It has: a, b"),
    "CSV with columns of one name": (_text("a.csv", "lon,lat,a,a\n1,2,3,4\n"), "fields named a"),
    "CSV with an open quotation": (_text("a.csv", 'lon,lat\n1,"2\n3,4\n'), "never closed"),
    "CSV that is none": (_text("a.csv", b"\x00\x01\x02lon,lat\n"), "no table of text"),
    "CSV in no encoding": (
        _text("a.csv", b"lon,lat\n\xff\xff,\x80\n"),
        "neither UTF-8 nor GB18030",
    ),
    "XLSX that is none": (_text("a.xlsx", "lon,lat\n1,2\n"), "no XLSX workbook"),
    "XLSX cut short": (_cut(FORMATS["XLSX"][0], 0.7), "no XLSX workbook"),
    "XLSX without a sheet in it": (lambda folder: workbook(folder, []), "no layer with anything"),
    "zip as XLSX": (lambda folder: _zip("a.txt")(folder).rename(folder / "a.xlsx"), "no XLSX"),
    "Parquet without places": (_plain_parquet, "without geometries"),
    "Parquet cut short": (_cut(geoparquet, 0.6), "cannot be read"),
    "GeoPackage cut short": (_cut(FORMATS["GeoPackage"][0], 0.3), "lights.gpkg"),
    "FlatGeobuf cut short": (_cut(FORMATS["FlatGeobuf"][0], 0.8), "lights.fgb"),
    "GeoJSON cut short": (_cut(FORMATS["GeoJSON"][0], 0.5), "lights.geojson"),
    "KML cut short": (_cut(keyhole, 0.5), "lights.kml"),
    "no vector file": (_text("a.pdf", "%PDF-1.4"), "no vector file"),
    "RAR": (_text("a.rar", "Rar!"), "pack it as .zip"),
    "gz that is none": (_text("a.geojson.gz", "{}"), "is not compressed"),
    "zip that is none": (_text("a.zip", "PK"), "no zip archive"),
    "zip of nothing": (_zip(), "but: nothing"),
    "zip of something else": (_zip("a.doc"), "but: a.doc"),
    "zip of two": (_zip("a/x.shp", "b/y.shp"), r"several shapefiles \(a/x.shp, b/y.shp\)"),
    "zip that leads outside": (_zip("../x.shp"), "holds nothing that is read"),
    "zip of a zip": (_zip("a.zip"), "holds nothing that is read"),
    "zip of a shapefile alone": (_zip("a.shp"), "without its .shx"),
    "no rows": (_empty_layer, "no rows"),
}


@pytest.mark.parametrize("fault", BAD)
def test_what_cannot_be_read_is_said_in_a_sentence(tmp_path: Path, fault: str) -> None:
    write, words = BAD[fault]
    with pytest.raises(RegistryError, match=words) as raised:
        read(write(tmp_path), Mapping(crs="wgs84"))
    assert str(tmp_path.parent) not in str(raised.value) or fault == "missing"
    assert raised.value.status == 422


def test_names_in_a_zip_that_are_not_utf_8_are_read(tmp_path: Path) -> None:
    bare_shapefile(tmp_path, "gbk")
    archive = tmp_path / "delivery.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for part in sorted(tmp_path.glob("lights.*")):
            packed.write(part, "QQ/" + part.name)
    # A Chinese Windows writes names in GBK and does not say so.
    archive.write_bytes(archive.read_bytes().replace(b"QQ/lights", "青/lights".encode("gbk")))
    assert read(archive).fields["名称"].to_pylist() == NAMES


def test_a_zip_that_unpacks_to_more_than_it_says_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gis_registry import archives

    monkeypatch.setattr(archives, "MAX_UNPACKED_BYTES", 1000)
    path = zipped(tmp_path / "a.zip", written(tmp_path, "lights.gpkg"))
    with pytest.raises(InvalidInput, match="more than a delivery has"):
        read(path)
    packed = tmp_path / "lights.gpkg.gz"
    packed.write_bytes(gzip.compress((tmp_path / "lights.gpkg").read_bytes()))
    with pytest.raises(UnreadableFile, match="more than can be read"):
        read(packed)


def test_what_was_unpacked_goes_away_with_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = zipped(tmp_path / "a.zip", written(tmp_path, "lights.gpkg"))
    source = open_source(path, Mapping())
    assert list(tmp_path.glob("gis-registry-*"))
    assert len(list(source.batches())) == 1
    del source
    assert not list(tmp_path.glob("gis-registry-*"))


def test_layers_without_geometry_do_not_count(tmp_path: Path) -> None:
    path = written(tmp_path, "lights.gpkg")
    pyogrio.write_dataframe(
        frame(PLACES, name=NAMES).drop(columns="geometry"), path, layer="notes", append=True
    )
    assert len(read(path).geometries) == 3


def dated_shapefile(folder: Path) -> Path:
    path = folder / "dated.shp"
    days = pa.array([date(2026, 6, 30), date(1970, 1, 1), None, date(2026, 7, 1)], pa.date32())
    table = pa.table({"day": days, "g": pa.array(shapely.to_wkb([Point(n, 36) for n in range(4)]))})
    pyogrio.write_arrow(table, path, geometry_name="g", geometry_type="Point", crs="EPSG:4490")
    return path


@pytest.mark.parametrize("text", ["20261399", "99999999", "2026063", "unknown"])
def test_what_is_no_date_does_not_become_1970(tmp_path: Path, text: str) -> None:
    path = dated_shapefile(tmp_path)
    table = path.with_suffix(".dbf")
    content = table.read_bytes()
    assert read(path).fields["day"].to_pylist()[:2] == [date(2026, 6, 30), date(1970, 1, 1)]
    table.write_bytes(content.replace(b"20260701", text.ljust(8).encode()))
    days = ["2026-06-30", "1970-01-01", None, text]
    assert read(path).fields["day"].to_pylist() == days


def test_a_geopackage_with_what_is_no_date(tmp_path: Path) -> None:
    path = tmp_path / "dated.gpkg"
    gpd.read_file(dated_shapefile(tmp_path)).to_file(path)
    with sqlite3.connect(path) as database:
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE dated SET day = '2026-13-99' WHERE fid = 4")
    database.close()
    *_, last = read(path).fields["day"].to_pylist()
    assert last == "no date that can be read"


def test_rows_that_are_marked_as_deleted_do_not_count(tmp_path: Path) -> None:
    path = dated_shapefile(tmp_path)
    table = path.with_suffix(".dbf")
    content = bytearray(table.read_bytes())
    content[int.from_bytes(content[8:10], "little")] = ord("*")
    table.write_bytes(bytes(content).replace(b"20260701", b"20261399"))
    found = read(path)
    assert found.fields["day"].to_pylist() == ["1970-01-01", None, "20261399"]
    assert found.places == [(1, 36), (2, 36), (3, 36)]
