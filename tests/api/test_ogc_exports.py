"""Features as files over HTTP: read back by others, compared with the pages, broken off."""

import json
from collections.abc import AsyncGenerator, Iterator
from io import BytesIO
from pathlib import Path
from time import sleep
from typing import Any, Literal

import geopandas as gpd
import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import shapely
from pyproj import CRS
from running_api import COVER, LAMP, Api
from sqlalchemy import create_engine, make_url, text

from gis_registry.api.ogc import exports
from gis_registry.db.reading import Reading
from gis_registry.maps import exporting
from gis_registry.maps.exporting import Wanted
from gis_registry.roles import Role

ITEMS = "/ogc/collections/components/items"
FORMATS = ("geojsonseq", "csv", "fgb", "parquet")
CITY_CRS = "http://www.opengis.net/def/crs/EPSG/0/4549"


@pytest.fixture
def reader(shared_api: Api) -> Iterator[httpx.Client]:
    with shared_api.as_(Role.READER) as client:
        yield client


def export(client: httpx.Client, form: str, collection: str = "components", **asked: Any) -> bytes:
    answer = client.get(f"/ogc/collections/{collection}/items", params={"f": form, **asked})
    assert answer.status_code == 200, answer.text
    disposition = answer.headers["content-disposition"]
    assert disposition == f'attachment; filename="{collection}.{form}"'
    return answer.content


def sequence(content: bytes) -> list[dict[str, Any]]:
    """Read a GeoJSON text sequence as RFC 8142 says."""
    texts = content.decode().split("\x1e")
    assert texts[0] == ""
    assert all(one.endswith("\n") for one in texts[1:])
    return [json.loads(one) for one in texts[1:]]


def frame(form: str, content: bytes, folder: Path) -> gpd.GeoDataFrame:
    """Read a file as an analyst would."""
    if form == "parquet":
        return gpd.read_parquet(BytesIO(content))
    if form == "csv":
        assert content.startswith(b"\xef\xbb\xbf")
        texts = {"code": str, "class_code": str, "cell_code": str, "division_code": str}
        texts |= {"subdistrict_code": str, "parent_code": str}
        table = pd.read_csv(BytesIO(content), encoding="utf-8-sig", dtype=texts)
        points = gpd.points_from_xy(*(table[name] for name in _axes(table)))
        written = table["wkt"] if "wkt" in table else pd.Series([None] * len(table))
        shapes = [
            shapely.from_wkt(wkt) if isinstance(wkt, str) else point
            for wkt, point in zip(written, points, strict=True)
        ]
        return gpd.GeoDataFrame(table.drop(columns=list(_axes(table))), geometry=shapes)
    path = folder / f"export.{form}"
    path.write_bytes(content)
    return gpd.read_file(path)


def _axes(table: pd.DataFrame) -> list[str]:
    if "lon" not in table and "x" not in table:
        table["lon"] = table["lat"] = np.nan
    return ["lon", "lat"] if "lon" in table else ["x", "y"]


def pages(client: httpx.Client, collection: str = "components", **asked: Any) -> list[Any]:
    page = client.get(f"/ogc/collections/{collection}/items", params={"limit": 1000, **asked})
    assert page.status_code == 200, page.text
    return list(page.json()["features"])


@pytest.mark.parametrize("crs", [None, CITY_CRS])
@pytest.mark.parametrize("form", FORMATS)
def test_a_file_has_what_the_pages_have(
    reader: httpx.Client, form: str, crs: str | None, tmp_path: Path
) -> None:
    asked = {} if crs is None else {"crs": crs}
    told = pages(reader, **asked)
    assert told
    content = export(reader, form, **asked)
    if form == "geojsonseq":
        assert sequence(content) == told
        return
    found = frame(form, content, tmp_path).set_index("code")
    assert len(found) == len(told)
    if form != "csv":
        assert found.crs == CRS.from_epsg(4490 if crs is None else 4549)
    for one in told:
        row = found.loc[one["id"]]
        x, y = one["geometry"]["coordinates"]
        if crs is not None:  # in files x is before y
            x, y = y, x
        at = np.array([row.geometry.x, row.geometry.y])
        assert at == pytest.approx([x, y], abs=1e-8 if crs is None else 1e-3)
        for name, said in one["properties"].items():
            if name == "code":
                continue
            value = row[name]
            if said is None:
                assert pd.isna(value)
            elif name == "surveyed_on":
                assert str(value)[:10] == said
            else:
                assert value == said


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_holds_what_is_asked_for(
    reader: httpx.Client, shared_api: Api, form: str, tmp_path: Path
) -> None:
    def codes(**asked: Any) -> list[str]:
        content = export(reader, form, **asked)
        if form == "geojsonseq":
            return [one["id"] for one in sequence(content)]
        return sorted(frame(form, content, tmp_path)["code"])

    api = shared_api
    cover = [one for one in api.codes if one[6:10] == COVER]
    assert codes(filter=f"class_code = '{COVER}'") == cover
    assert codes(limit=2) == sorted(api.codes)[:2]
    if form in ("fgb", "parquet"):  # they ask as the others do, and take long to begin
        return
    assert codes(class_code=COVER) == cover
    assert codes(bbox="120.38,36.06,120.3828,36.07") == [api.codes[0]]
    assert codes(datetime="2025-01-01/..") == sorted(api.codes)
    first = reader.get(ITEMS, params={"limit": 2}).json()
    (following,) = (one["href"] for one in first["links"] if one["rel"] == "next")
    token = httpx.URL(following).params["token"]
    assert codes(token=token) == sorted(api.codes)[2:]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("collection", ["components", "divisions"])
def test_a_file_of_nothing_is_a_file(
    reader: httpx.Client, form: str, collection: str, tmp_path: Path
) -> None:
    content = export(reader, form, collection, bbox="0,0,1,1")
    if form == "geojsonseq":
        assert content == b""
        return
    found = frame(form, content, tmp_path)
    assert len(found) == 0
    assert "code" in found


@pytest.mark.parametrize("form", FORMATS)
def test_areas_are_whole(reader: httpx.Client, form: str, tmp_path: Path) -> None:
    told = {one["id"]: one for one in pages(reader, "divisions")}
    content = export(reader, form, "divisions")
    if form == "geojsonseq":
        assert {one["id"]: one for one in sequence(content)} == told
        return
    found = frame(form, content, tmp_path)
    assert set(found["code"]) == set(told)
    for code, shape in zip(found["code"], found.geometry, strict=True):
        expected = shapely.from_geojson(json.dumps(told[code]["geometry"]))
        assert shape.area == pytest.approx(expected.area, rel=1e-6)


def test_geoparquet_has_lists(reader: httpx.Client) -> None:
    asked = {"limit": 1000, "count": "none"}
    pages = reader.get("/ogc/collections/unit-areas/items", params=asked).json()["features"]
    told = {one["id"]: one["properties"]["class_codes"] for one in pages}
    read = gpd.read_parquet(BytesIO(export(reader, "parquet", "unit-areas", limit=1000)))
    found = dict(zip(read["id"], read["class_codes"].map(list), strict=True))
    assert any(told.values())
    assert {one: found[one] for one in told} == told  # a page ends before the file does


def test_geoparquet_says_what_it_is(reader: httpx.Client) -> None:
    file = pyarrow.parquet.ParquetFile(BytesIO(export(reader, "parquet")))
    told = json.loads(file.metadata.metadata[b"geo"])
    column = told["columns"][told["primary_column"]]
    assert told["version"] == "1.1.0"
    assert column["encoding"] == "WKB"
    assert column["geometry_types"] == ["Point"]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 4490}
    assert column["covering"]["bbox"]["xmax"] == ["bbox", "xmax"]
    boxes = file.read(["bbox"]).column("bbox").to_pylist()
    assert min(one["xmin"] for one in boxes) == column["bbox"][0] == pytest.approx(120.3826)
    near = gpd.read_parquet(BytesIO(export(reader, "parquet")), bbox=(120.38, 36, 120.3827, 37))
    assert len(near) == 1


def test_formats_have_their_types(reader: httpx.Client) -> None:
    types = {
        "geojsonseq": "application/geo+json-seq",
        "csv": "text/csv; charset=utf-8",
        "fgb": "application/flatgeobuf",
        "parquet": "application/vnd.apache.parquet",
    }
    for form, media_type in types.items():
        head = reader.head(ITEMS, params={"f": form})
        assert (head.status_code, head.headers["content-type"]) == (200, media_type)
        with reader.stream("GET", ITEMS, headers={"Accept": media_type}) as answer:
            assert answer.headers["content-type"] == media_type


@pytest.mark.parametrize("form", FORMATS)
def test_what_cannot_be_exported_is_refused(
    reader: httpx.Client, shared_api: Api, form: str
) -> None:
    for asked in ({"limit": "0"}, {"colour": "red"}, {"filter": "state ="}, {"token": "abc"}):
        answer = reader.get(ITEMS, params={"f": form, **asked})
        assert answer.status_code == 400
        assert answer.json()["type"] == "/problems/bad-request"
    with shared_api.as_(None) as nobody:
        assert nobody.get(ITEMS, params={"f": form}).status_code == 401


def test_marks_in_texts_survive(reader: httpx.Client) -> None:
    said = sequence(export(reader, "geojsonseq", f"components-{LAMP}"))
    assert {one["properties"]["class_code"] for one in said} == {LAMP}


@pytest.fixture
def endless(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Let every export of text go on until somebody ends it."""

    def whole(
        reading: Reading, wanted: Wanted, _told: str, form: Literal["csv", "text"]
    ) -> AsyncGenerator[bytes]:
        columns = "repeat('x', 10000)"
        if form == "csv":
            empty = ", NULL" * (len(wanted.collection.properties) - 1)
            columns += f"{empty}, encode(ST_AsBinary(ST_MakePoint(120, 36)), 'hex')"
        rows = f"SELECT {columns} FROM (SELECT generate_series(1, 100000000)) AS n"
        return reading.whole(rows, {}, form=form)

    monkeypatch.setattr(exporting, "_whole", whole)
    with api.as_(Role.READER) as client:
        client.headers["Accept-Encoding"] = "identity"  # or it would wait for much to be one byte
        yield client


def copying(api: Api, then: str = "count(*)") -> int:
    """Return how many exports the database is busy with, after doing something to each."""
    url = api.settings.database_url
    assert url is not None
    engine = create_engine(make_url(url.get_secret_value()), isolation_level="AUTOCOMMIT")
    query = f"SELECT {then} FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY (%'"
    with engine.connect() as connection:
        found = connection.execute(text(query)).scalar()
    engine.dispose()
    return int(found or 0)


def ended(api: Api) -> bool:
    for _ in range(200):
        if copying(api) == 0:
            return True
        sleep(0.05)
    return False


@pytest.mark.parametrize("form", ["geojsonseq", "csv"])
def test_what_fails_half_way_is_a_broken_transfer(
    endless: httpx.Client, api: Api, form: str
) -> None:
    with endless.stream("GET", ITEMS, params={"f": form}) as answer:
        assert answer.status_code == 200
        parts = answer.iter_raw()
        next(parts)
        copying(api, "count(pg_terminate_backend(pid))")
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in parts:
                pass
    assert endless.get(ITEMS).status_code == 200


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_ends_when_nobody_reads_it(endless: httpx.Client, api: Api, form: str) -> None:
    waiting_s = 3 if form in ("fgb", "parquet") else 60
    with httpx.Client(headers=endless.headers, base_url=api.url, trust_env=False) as client:
        try:
            with client.stream("GET", ITEMS, params={"f": form}, timeout=waiting_s) as answer:
                parts = answer.iter_raw()
                next(parts)
                assert copying(api) == 1
                assert endless.get(ITEMS).status_code == 200
        except httpx.ReadTimeout:  # a file is sent when it is whole, and this one never is
            assert form in ("fgb", "parquet")
    assert ended(api)


def test_a_client_that_stops_reading_holds_nothing(
    endless: httpx.Client, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "LONGEST_PAUSE_S", 0.5)
    with endless.stream("GET", ITEMS, params={"f": "csv"}) as answer:
        parts = answer.iter_raw()
        next(parts)
        assert ended(api)
        with pytest.raises(httpx.RemoteProtocolError):
            for _ in parts:
                pass


def test_a_file_that_cannot_be_written_is_no_file(
    shared_api: Api, reader: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_WRITER", "gis_registry.no_such_module")
    answer = reader.get(ITEMS, params={"f": "fgb"})
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/registry-error"
    assert ended(shared_api)
