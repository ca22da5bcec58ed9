"""Clients that people use read `/ogc` as it stands: GDAL's OAPIF driver and OWSLib."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from owslib.ogcapi.features import Features
from running_api import COVER, LAMP, Api
from sqlalchemy import text

from gis_registry.db.engine import Database
from gis_registry.roles import Role

#: GDAL waits for answers without letting Python go on, so it does not run where the server does.
_GDAL = """
import json, sys
import pyogrio
address, key, asked = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
pyogrio.set_gdal_config_options({"GDAL_HTTP_USERPWD": "reader:" + key, "GDAL_HTTP_AUTH": "BASIC"})
if asked is None:
    told = [name for name, _ in pyogrio.list_layers(address)]
else:
    told = {}
    for name, options in asked.items():
        if "bbox" in options:
            options["bbox"] = tuple(options["bbox"])
        read = pyogrio.read_dataframe(address, layer=name, **options)
        assert read.geometry.notna().all()
        told[name] = list(read["code"])
print(json.dumps(told))
"""
Gdal = Callable[[dict[str, dict[str, object]] | None], Any]


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def gdal(api: Api) -> Gdal:
    """Return what GDAL reads of layers with options, or without a question what layers it sees."""

    def read(asked: dict[str, dict[str, object]] | None) -> Any:
        address, key = f"OAPIF:{api.url}/ogc", api.keys[Role.READER]
        done = subprocess.run(
            [sys.executable, "-c", _GDAL, address, key, json.dumps(asked)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.fixture
def owslib(api: Api) -> Features:
    return Features(f"{api.url}/ogc", headers={"X-API-Key": api.keys[Role.READER]})


def expected(api: Api) -> dict[str, int]:
    """Return how many features collections have."""
    with Database(api.settings) as database, database.session() as session:
        places = {
            "divisions": "SELECT count(DISTINCT division_code) FROM division_areas",
            "grid-cells": "SELECT count(*) FROM grid_cells",
        }
        counts = {name: session.scalar(text(sql)) or 0 for name, sql in places.items()}
    return {
        **counts,
        "components": len(api.codes),
        f"components-{LAMP}": len([one for one in api.codes if one[6:10] == LAMP]),
        f"components-{COVER}": len([one for one in api.codes if one[6:10] == COVER]),
    }


def test_gdal_lists_every_collection(api: Api, gdal: Gdal) -> None:
    listed = set(gdal(None))
    assert set(expected(api)) <= listed
    assert len([one for one in listed if one.startswith("components-")]) >= 115


@pytest.mark.parametrize("page_size", [2, 100])
def test_gdal_reads_every_collection_whole(api: Api, gdal: Gdal, page_size: int) -> None:
    counts = {name: count for name, count in expected(api).items() if count < 100 * page_size}
    read = gdal({name: {"PAGE_SIZE": str(page_size)} for name in counts})
    assert {name: len(codes) for name, codes in read.items()} == counts
    assert all(len(set(codes)) == len(codes) for codes in read.values())


def test_gdal_asks_for_a_part(api: Api, gdal: Gdal) -> None:
    read = gdal({"components": {"bbox": [120.38, 36.06, 120.3828, 36.07]}})
    assert read["components"] == [api.codes[0]]
    read = gdal({"components": {"where": f"class_code = '{LAMP}'"}})
    assert len(read["components"]) == expected(api)[f"components-{LAMP}"]


def test_owslib_reads_collections_and_pages(api: Api, owslib: Features) -> None:
    counts = expected(api)
    assert set(counts) <= set(owslib.feature_collections())
    page = owslib.collection_items("components", limit=2)
    assert page["numberMatched"] == counts["components"]
    found = list(page["features"])
    while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
        token = parse_qs(urlsplit(following[0]).query)["token"][0]
        page = owslib.collection_items("components", limit=2, token=token)
        found += page["features"]
    assert sorted(one["id"] for one in found) == sorted(api.codes)


def test_owslib_asks_with_a_filter(api: Api, owslib: Features) -> None:
    names = owslib.collection_queryables("components")["properties"]
    assert {"code", "class_code", "geometry"} <= set(names)
    found = owslib.collection_items("components", filter=f"class_code = '{LAMP}'", limit=100)
    assert len(found["features"]) == expected(api)[f"components-{LAMP}"]
    one = owslib.collection_item("components", api.codes[0])
    assert one["properties"]["code"] == api.codes[0]


def test_owslib_understands_what_is_conformed_to(owslib: Features) -> None:
    conforms = owslib.conformance()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in conforms
    assert owslib.api()["openapi"].startswith("3.0")
