"""Components out again: every format gives back what the registry has, or says why it cannot."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from making import CORNER, moved, register
from shapely.geometry import LineString, MultiLineString, Polygon
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import GeometryType
from gis_registry.components import exporting, service
from gis_registry.components.export_columns import Column, names_in
from gis_registry.components.export_formats import FileFormat
from gis_registry.components.tables import ComponentState
from gis_registry.errors import InvalidInput, NotFound, UnknownClass

LIGHT, STOP, GUARDRAIL, WATER = "0137", "0204", "0507", "0509"

#: Names and values of every kind, as they come in real deliveries.
ATTRIBUTES: list[dict[str, Any]] = [
    {
        "灯杆编号": "灯杆㐀𠀀-1",
        "height": 8.1,
        "lamps": 2,
        "is_lit": True,
        "parts": {"a": [1, "臂"]},
    },
    {"灯杆编号": "a,\"b\"\n'c'", "height": 12.0, "lamps": 2**53 + 1, "is_lit": False},
    {"height": 1 / 3, "note": "=1+1", "Version": "v2"},
]


def _set(session: Session, code: str, attributes: dict[str, Any], geometry: object = None) -> None:
    session.execute(
        text(
            "UPDATE components SET attributes = CAST(:attributes AS jsonb),"
            " geom = coalesce(ST_GeomFromText(:wkt, 4490), geom) WHERE code = :code"
        ),
        {
            "code": code,
            "attributes": json.dumps(attributes),
            "wkt": shapely.to_wkt(geometry, rounding_precision=-1) if geometry else None,
        },
    )


@pytest.fixture
def lights(session: Session) -> list[str]:
    """Register three street lights with attributes of every kind."""
    codes = []
    for number, attributes in enumerate(ATTRIBUTES):
        lon, lat = moved(*CORNER, azimuth=33, metres=7.7 * number)
        codes.append(register(session, lon, lat, class_code=LIGHT, maintainer="QD-CC"))
        _set(session, codes[-1], attributes)
    return codes


@pytest.fixture
def fences(session: Session) -> list[str]:
    """Register a line, a line of two parts, and a polygon with a hole."""
    lon, lat = CORNER
    geometries = [
        (GUARDRAIL, LineString([(lon, lat), (lon + 1e-4 / 3, lat + 1e-4 / 7)])),
        (
            GUARDRAIL,
            MultiLineString(
                [[(lon, lat), (lon + 1e-4, lat)], [(lon, lat + 1e-4), (lon + 1e-4, lat + 1e-4)]]
            ),
        ),
        (
            WATER,
            Polygon(
                shapely.box(lon, lat, lon + 3e-4, lat + 3e-4).exterior,
                [shapely.box(lon + 1e-4, lat + 1e-4, lon + 2e-4, lat + 2e-4).exterior],
            ),
        ),
    ]
    codes = []
    for class_code, geometry in geometries:
        codes.append(register(session, lon, lat, class_code=class_code))
        _set(session, codes[-1], {"material": "钢"}, geometry)
    return codes


def _read(path: Path, layer: str | None = None) -> gpd.GeoDataFrame:
    """Read a file as somebody with GeoPandas does, in the order of the identifiers."""
    if path.suffix == ".parquet":
        frame = gpd.read_parquet(path, to_pandas_kwargs={"types_mapper": pd.ArrowDtype})
    elif path.suffix == ".csv":
        plain = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        geometry = (
            shapely.from_wkt(plain.pop("wkt"))
            if "wkt" in plain
            else shapely.points(plain.pop("lon").astype(float), plain.pop("lat").astype(float))
        )
        frame = gpd.GeoDataFrame(plain, geometry=geometry, crs=4490)
    else:
        source = f"/vsizip/{path}" if path.suffix == ".zip" else path
        frame = pyogrio.read_dataframe(
            source,
            use_arrow=True,
            layer=layer,
            arrow_to_pandas_kwargs={"types_mapper": pd.ArrowDtype},
        )
    return frame.sort_values("identifier", ignore_index=True)


def _registered(session: Session, codes: list[str]) -> list[tuple[dict[str, Any], Any]]:
    found = []
    for code in codes:
        attributes, wkb = session.execute(
            text("SELECT attributes, ST_AsBinary(geom) FROM components WHERE code = :code"),
            {"code": code},
        ).one()
        found.append((attributes, shapely.from_wkb(bytes(wkb))))
    return found


def _plain(value: object) -> object:
    if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA:
        return None
    return value.item() if isinstance(value, np.generic) else value


FILES = ("a.gpkg", "a.parquet", "a.geojson", "a.geojsonl", "a.fgb", "a.shp", "a.zip", "a.csv")


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_back_what_is_registered(
    session: Session, lights: list[str], tmp_path: Path, name: str
) -> None:
    exported = exporting.write(session, tmp_path / name)
    assert exported.components == 3
    assert [one.file for one in exported.files] == [str(tmp_path / name)]
    frame = _read(tmp_path / name)
    is_short = name in {"a.shp", "a.zip"}
    assert list(frame["identifier"]) == lights
    assert list(frame["class_code"]) == [LIGHT] * 3
    assert set(frame["class_name"]) == {"路灯"}
    assert set(frame["maintainer" if is_short else "maintainer_code"]) == {"QD-CC"}
    surveyed = pd.to_datetime(frame["surveyed" if is_short else "surveyed_on"])
    assert set(surveyed.dt.date) == {date(2026, 7, 1)}
    assert set(frame["synthetic" if is_short else "is_synthetic"].map(str)) <= {"True", "true"}
    names = {
        attribute: exported.renamed.get(attribute, attribute)
        for one in ATTRIBUTES
        for attribute in one
    }
    for row, (attributes, geometry) in enumerate(_registered(session, lights)):
        assert shapely.equals_exact(frame.geometry[row], geometry), "to the last digit"
        for attribute, column in names.items():
            value, expected = _plain(frame[column][row]), attributes.get(attribute)
            is_text = name == "a.csv" and not isinstance(expected, str | None)
            if is_text or isinstance(expected, dict):
                assert (value if isinstance(value, dict) else json.loads(str(value))) == expected
            elif is_short and isinstance(expected, float):
                assert value == pytest.approx(expected, abs=1e-15)
            else:
                assert value == expected, attribute
                assert expected is None or type(value) is type(expected)


def test_a_workbook_holds_the_same_values(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    exported = exporting.write(session, tmp_path / "a.xlsx")
    (sheet,) = openpyxl.load_workbook(tmp_path / "a.xlsx").worksheets
    header, *rows = sheet.iter_rows(values_only=True)
    assert [row[0] for row in rows] == lights
    for row, (attributes, geometry) in zip(rows, _registered(session, lights), strict=True):
        values = dict(zip(header, row, strict=True))
        assert (values["lon"], values["lat"]) == (geometry.x, geometry.y)
        assert values["surveyed_on"] == datetime(2026, 7, 1)  # noqa: DTZ001  Excel knows no zones
        for name in ("灯杆编号", "height", "is_lit", "note", "Version"):
            assert values[exported.renamed.get(name, name)] == attributes.get(name)
        assert values["lamps"] in (attributes.get("lamps"), 2**53)  # Excel's numbers are doubles


def test_a_shapefile_is_in_gb18030_and_says_so(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    exporting.write(session, tmp_path / "a.shp")
    assert (tmp_path / "a.cpg").read_text() == "GB18030"
    assert "灯杆㐀𠀀-1".encode("gb18030") in (tmp_path / "a.dbf").read_bytes()
    exporting.write(session, tmp_path / "a.shp.zip")
    with ZipFile(tmp_path / "a.shp.zip") as archive:
        assert {"a.shp", "a.shx", "a.dbf", "a.prj", "a.cpg"} <= set(archive.namelist())


def test_a_shapefile_refuses_text_that_it_would_cut(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    _set(session, lights[0], {"note": "长" * 127})
    exporting.write(session, tmp_path / "a.shp")
    assert _read(tmp_path / "a.shp")["note"][0] == "长" * 127
    _set(session, lights[0], {"note": "长" * 128})
    with pytest.raises(InvalidInput, match="note has a text of 256 bytes"):
        exporting.write(session, tmp_path / "b.shp")
    assert not list(tmp_path.glob("*b.shp*"))


def test_short_names_are_ten_bytes_and_never_the_same() -> None:
    texts = ["installation_date", "installation_by", "INSTALLATION", "灯杆编号说明", "version"]
    columns = [Column("version", pa.int32())]
    columns += [Column(one, pa.string(), is_attribute=True) for one in texts]
    short = names_in(columns, FileFormat.SHAPEFILE)
    assert short == ["version", "installati", "installa_1", "INSTALLA_2", "灯杆编号说", "version_1"]
    assert all(len(one.encode("gb18030")) <= 10 for one in short)


def test_an_attribute_with_a_name_of_ours_gets_a_prefix(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    _set(session, lights[0], {"version": "7", "fid": "x", "Type": "A", "TYPE": "B", "lon": "1"})
    gpkg = exporting.write(session, tmp_path / "a.gpkg")
    assert gpkg.renamed == {
        "Type": "attribute_Type",  # to a GeoPackage the same as TYPE
        "Version": "attribute_Version",
        "fid": "attribute_fid",
        "version": "attribute_version_2",
    }
    frame = _read(tmp_path / "a.gpkg")
    assert frame[gpkg.renamed["version"]][0] == "7"
    assert frame[gpkg.renamed["fid"]][0] == "x"
    assert exporting.write(session, tmp_path / "a.csv").renamed == {
        "lon": "attribute_lon",
        "version": "attribute_version",
    }


def test_geoparquet_says_what_it_holds(session: Session, lights: list[str], tmp_path: Path) -> None:
    exporting.write(session, tmp_path / "a.parquet", crs="EPSG:4549")
    described = json.loads(pq.read_schema(tmp_path / "a.parquet").metadata[b"geo"])
    column = described["columns"]["geometry"]
    assert described["version"] == "1.1.0"
    assert described["primary_column"] == "geometry"
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4549}
    frame = gpd.read_parquet(tmp_path / "a.parquet")
    assert frame.crs.to_epsg() == 4549
    assert column["bbox"] == pytest.approx(frame.total_bounds.tolist(), abs=0)


@pytest.mark.parametrize("name", ["a.gpkg", "a.shp", "a.parquet", "a.geojson", "a.fgb"])
def test_projected_coordinates_have_the_easting_first(
    session: Session, lights: list[str], tmp_path: Path, name: str
) -> None:
    exporting.write(session, tmp_path / name, crs="EPSG:4549")
    frame = _read(tmp_path / name)
    assert frame.crs.to_epsg() == 4549
    expected = gpd.GeoSeries.from_xy([CORNER[0]], [CORNER[1]], crs=4490).to_crs(4549)
    assert frame.geometry[0].distance(expected[0]) < 1e-6
    assert frame.geometry[0].x < 1_000_000 < frame.geometry[0].y


def test_a_datum_of_map_services_is_written_without_a_system(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    exporting.write(session, tmp_path / "a.gpkg", crs="gcj02")
    frame = _read(tmp_path / "a.gpkg")
    assert frame.crs is None
    assert 0.004 < frame.geometry[0].x - CORNER[0] < 0.006
    assert exporting.frame(session, crs="gcj02").crs is None
    exporting.write(session, tmp_path / "a.csv", crs="EPSG:4549")
    assert {"x", "y"} <= set(pd.read_csv(tmp_path / "a.csv").columns)


@pytest.mark.parametrize("crs", ["EPSG:999999", "Beijing", "EPSG:5703", ""])
def test_a_system_that_is_none_is_refused(session: Session, tmp_path: Path, crs: str) -> None:
    with pytest.raises(InvalidInput, match="no coordinate reference system"):
        exporting.write(session, tmp_path / "a.gpkg", crs=crs)


def test_a_sequence_of_features_cannot_be_projected(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match="cannot say that it is in EPSG:4549"):
        exporting.write(session, tmp_path / "a.geojsonl", crs="EPSG:4549")
    assert list(tmp_path.iterdir()) == []


def test_several_types_of_geometry_are_layers_or_files(
    session: Session, lights: list[str], fences: list[str], tmp_path: Path
) -> None:
    gpkg = exporting.write(session, tmp_path / "all.gpkg")
    assert [(one.layer, one.components) for one in gpkg.files] == [
        ("point", 3),
        ("line", 2),
        ("polygon", 1),
    ]
    lines = _read(tmp_path / "all.gpkg", "line")
    assert set(lines.geom_type) == {"MultiLineString"}, "a layer has one type"
    (_, single), (_, double), (_, polygon) = _registered(session, fences)
    assert lines.geometry[0].geoms[0].equals_exact(single, 0)
    assert lines.geometry[1].equals_exact(double, 0)
    assert _read(tmp_path / "all.gpkg", "polygon").geometry[0].equals_exact(polygon, 0)
    for name in ("all.csv", "all.shp", "all.parquet"):
        files = exporting.write(session, tmp_path / name).files
        stem, suffix = name.split(".")
        assert [Path(one.file).name for one in files] == [
            f"{stem}_{kind}.{suffix}" for kind in ("point", "line", "polygon")
        ]
        assert _read(tmp_path / f"all_polygon.{suffix}").geometry[0].equals(polygon)
        assert set(_read(tmp_path / f"all_line.{suffix}")["material"]) == {"钢"}
    exporting.write(session, tmp_path / "all.xlsx")
    assert openpyxl.load_workbook(tmp_path / "all.xlsx").sheetnames == ["point", "line", "polygon"]
    only = exporting.Selection(geometry_type=GeometryType.LINE)
    assert exporting.write(session, tmp_path / "l.fgb", only).components == 2


def test_a_selection_is_by_class_division_and_state(
    session: Session, lights: list[str], fences: list[str]
) -> None:
    stop = register(session, *CORNER, class_code=STOP, state=ComponentState.RETIRED)

    def chosen(**described: Any) -> list[str]:
        return list(exporting.frame(session, exporting.Selection(**described))["identifier"])

    assert chosen(class_codes=[LIGHT]) == lights
    assert chosen(class_codes=[LIGHT, GUARDRAIL]) == sorted([*lights, *fences[:2]])
    assert chosen(state=ComponentState.RETIRED) == [stop]
    assert chosen(state=None) == sorted([*lights, *fences, stop])
    assert chosen(division_code="370202") == sorted([*lights, *fences])
    assert chosen(division_code="370203") == []
    subdistrict = service.show(session, lights[0]).subdistrict
    assert subdistrict is not None
    assert chosen(division_code=subdistrict.code, class_codes=[LIGHT]) == lights
    with pytest.raises(UnknownClass):
        chosen(class_codes=["9999"])
    with pytest.raises(InvalidInput, match="no district or subdistrict"):
        chosen(division_code="110101")


def test_the_registry_of_a_day_is_that_at_its_end_in_the_city(
    session: Session, lights: list[str]
) -> None:
    code = lights[0]
    service.edit(
        session, code, actor="t", reason="t", on_date=date(2026, 7, 2), attributes={"height": 9.5}
    )
    service.edit(
        session, code, actor="t", reason="t", on_date=date(2026, 7, 2), state=ComponentState.RETIRED
    )
    at = datetime(2025, 3, 10, 15, 59, 59, tzinfo=UTC)  # a second before midnight in Qingdao
    changes = session.execute(
        text(
            "SELECT change_id FROM component_history WHERE code = :code UNION ALL"
            " SELECT change_id FROM components WHERE code = :code ORDER BY 1"
        ),
        {"code": code},
    ).scalars()
    for change, moment in zip(
        changes, (at, at + timedelta(seconds=1), at + timedelta(days=3)), strict=True
    ):
        session.execute(
            text("UPDATE changes SET made_at = :at WHERE id = :id"), {"at": moment, "id": change}
        )

    def height(day: date) -> list[float]:
        selection = exporting.Selection(class_codes=[LIGHT], as_of=day)
        found = exporting.frame(session, selection)
        return [row["height"] for row in found.to_dict("records") if row["identifier"] == code]

    assert height(date(2025, 3, 9)) == []
    assert height(date(2025, 3, 10)) == [8.1]
    assert height(date(2025, 3, 11)) == [9.5]
    assert height(date(2025, 3, 14)) == []
    with pytest.raises(InvalidInput, match="still to come"):
        height(date(2999, 1, 1))


def test_a_frame_keeps_types_and_missing_values(session: Session, lights: list[str]) -> None:
    frame = exporting.frame(session)
    assert frame.crs.to_epsg() == 4490
    assert frame["lamps"].dtype == pd.Int64Dtype()
    assert list(frame["lamps"].isna()) == [False, False, True]
    assert frame["lamps"][1] == 2**53 + 1
    assert frame["is_lit"].dtype == pd.BooleanDtype()
    assert frame["height"].dtype == np.float64
    assert exporting.frame(session, exporting.Selection(class_codes=[STOP])).empty


def test_an_attribute_of_several_types_becomes_text(session: Session, lights: list[str]) -> None:
    for code, value in zip(lights, (5, "five", True), strict=True):
        _set(session, code, {"mixed": value, "none": None})
    frame = exporting.frame(session)
    assert list(frame["mixed"]) == ["5", "five", "true"]
    assert "none" not in frame


def test_nothing_is_written_where_there_is_nothing(session: Session, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing was written"):
        exporting.write(session, tmp_path / "a.gpkg")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_replaced_only_when_asked(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "a.shp"
    path.write_text("mine")
    (tmp_path / "a.qix").write_text("an index of the old one")
    with pytest.raises(InvalidInput, match="there already"):
        exporting.write(session, path)
    assert path.read_text() == "mine"
    exporting.write(session, path, is_overwriting=True)
    assert len(_read(path)) == 3
    assert not (tmp_path / "a.qix").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("name", ["a.gpkg", "a.csv", "a.parquet", "a.zip"])
def test_what_is_interrupted_leaves_nothing_and_frees_the_connection(
    session: Session, lights: list[str], tmp_path: Path, name: str, error: Any
) -> None:
    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "Writing" and done:
            raise error

    (tmp_path / name).write_text("old")
    with pytest.raises((KeyboardInterrupt, InvalidInput)) as raised:
        exporting.write(
            session, tmp_path / name, is_overwriting=True, progress=interrupt, crs="EPSG:4549"
        )
    assert raised.type is KeyboardInterrupt or "full" in str(raised.value)
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "old"


def test_a_batch_never_cuts_a_row(
    session: Session, lights: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gis_registry.components.export_queries.BATCH_ROWS", 2)
    told: list[int] = []
    exporting.write(
        session, tmp_path / "a.csv", progress=lambda _stage, done, _total: told.append(done)
    )
    assert told == [0, 0, 2, 3]
    assert list(_read(tmp_path / "a.csv")["identifier"]) == lights


def test_a_workbook_refuses_what_a_cell_cannot_hold(
    session: Session, lights: list[str], tmp_path: Path
) -> None:
    for note, reason in (("x" * 32_768, "32,767 characters"), ("a\u0007b", "control character")):
        _set(session, lights[0], {"note": note})
        with pytest.raises(InvalidInput, match=reason):
            exporting.write(session, tmp_path / "a.xlsx")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.docx", "a", "a.gpkg.gz"])
def test_an_unknown_ending_lists_those_that_work(
    session: Session, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInput, match=r"\.gpkg, \.parquet"):
        exporting.write(session, tmp_path / name)
