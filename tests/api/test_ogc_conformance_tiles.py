"""The abstract tests of OGC API Tiles Part 1 (OGC 20-057), each by the name that it has there."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import mapbox_vector_tile
import pytest
from morecantile import tms
from running_api import POSITIONS, Api, got

from gis_registry.maps.tiles import MEDIA_TYPE
from gis_registry.roles import Role

STANDARDS = ("ogcapi-tiles-1/1.0",)
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
GRID = tms.get("WebMercatorQuad")
CRS = "http://www.opengis.net/def/crs/EPSG/0/3857"
URI = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad"
Z = 15
conforms = pytest.mark.conformance


@pytest.fixture(scope="module")
def client(shared_api: Api) -> Iterator[httpx.Client]:
    with shared_api.as_(Role.READER) as client:
        yield client


def link(document: dict[str, Any], rel: str) -> dict[str, Any]:
    return next(one for one in document["links"] if one["rel"] == rel)


def filled(template: str, z: int, place: tuple[float, float] = POSITIONS[0]) -> str:
    """Return the address of the tile that a place is in."""
    tile = GRID.tile(*place, z)
    found = {"tileMatrix": z, "tileRow": tile.y, "tileCol": tile.x}
    return re.sub(r"{(\w+)}", lambda one: str(found[one[1]]), template)


@pytest.fixture(scope="module")
def landing(client: httpx.Client) -> dict[str, Any]:
    return got(client, "/ogc")


@pytest.fixture(scope="module")
def definition(client: httpx.Client, landing: dict[str, Any]) -> dict[str, Any]:
    return got(client, link(landing, "service-desc")["href"])


@pytest.fixture(scope="module")
def collection(client: httpx.Client, landing: dict[str, Any]) -> dict[str, Any]:
    found = got(client, link(landing, "data")["href"])["collections"]
    return next(one for one in found if one["id"] == "components")


@pytest.fixture(scope="module")
def listed(client: httpx.Client, collection: dict[str, Any]) -> dict[str, Any]:
    (one,) = got(client, link(collection, f"{REL}tilesets-vector")["href"])["tilesets"]
    return dict(one)


@pytest.fixture(scope="module")
def tileset(client: httpx.Client, listed: dict[str, Any]) -> dict[str, Any]:
    return got(client, link(listed, "self")["href"])


@pytest.fixture(scope="module")
def template(tileset: dict[str, Any]) -> str:
    return str(link(tileset, "item")["href"])


@conforms("/conf/core/tc-op")
def test_tiles_are_found_by_a_template(client: httpx.Client, template: str) -> None:
    assert set(re.findall(r"{(\w+)}", template)) == {"tileMatrix", "tileRow", "tileCol"}
    for z in (0, 10, 20):
        assert client.get(filled(template, z)).status_code == 200


@conforms(
    "/conf/core/tc-tilematrix-definition /conf/core/tc-tilerow-definition "
    "/conf/core/tc-tilecol-definition"
)
def test_parts_of_a_tile_are_defined(definition: dict[str, Any]) -> None:
    of_tiles = [one for path, one in definition["paths"].items() if path.endswith("{tileCol}")]
    assert len(of_tiles) == 2
    for operations in of_tiles:
        told = {one["name"]: one for one in operations["get"]["parameters"]}
        for name in ("tileMatrix", "tileRow", "tileCol"):
            assert (told[name]["in"], told[name]["required"]) == ("path", True)
            assert told[name]["schema"]["type"] in ("string", "integer")


@conforms("/conf/core/tc-success")
def test_a_tile_has_what_lies_in_it(client: httpx.Client, template: str, shared_api: Api) -> None:
    z = 18
    for place, code in zip(POSITIONS, shared_api.codes, strict=True):
        answer = client.get(filled(template, z, place), headers={"Accept": MEDIA_TYPE})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == MEDIA_TYPE
        (layer,) = mapbox_vector_tile.decode(answer.content).values()
        there = {
            each
            for each, other in zip(shared_api.codes, POSITIONS, strict=True)
            if GRID.tile(*other, z) == GRID.tile(*place, z)
        }
        assert code in there
        assert {one["properties"]["code"] for one in layer["features"]} == there


@conforms("/conf/core/tc-error")
def test_a_tile_beyond_the_set_is_an_error_and_an_empty_one_is_none(
    client: httpx.Client, template: str
) -> None:
    base = template.partition("/{")[0]
    for beyond in ("/21/0/0", "/3/8/0", "/3/0/8", "/3/-1/0", "/x/0/0"):
        assert client.get(base + beyond).status_code in (400, 404)
    empty = client.get(filled(template, 20, (120.39, 36.08)))
    assert (empty.status_code, empty.content) == (204, b"")


@conforms(
    "/conf/core/conformance-success /conf/tileset/conformance-success "
    "/conf/tilesets-list/conformance-success /conf/dataset-tilesets/conformance-success "
    "/conf/geodata-tilesets/conformance-success"
)
def test_classes_are_declared(client: httpx.Client, landing: dict[str, Any]) -> None:
    declared = got(client, link(landing, "conformance")["href"])["conformsTo"]
    for name in ("core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets"):
        assert f"http://www.opengis.net/spec/{STANDARDS[0]}/conf/{name}" in declared


@conforms("/conf/tileset/description")
def test_a_tileset_is_described(client: httpx.Client, tileset: dict[str, Any]) -> None:
    assert (tileset["dataType"], tileset["crs"]) == ("vector", CRS)
    assert tileset["tileMatrixSetURI"] == URI
    definition = got(client, link(tileset, f"{REL}tiling-scheme")["href"])
    assert definition["uri"] == URI
    registered = {one.id: one for one in GRID.tileMatrices}
    assert definition["tileMatrices"]
    for one in definition["tileMatrices"]:
        assert one["scaleDenominator"] == pytest.approx(registered[one["id"]].scaleDenominator)
        assert one["matrixWidth"] == registered[one["id"]].matrixWidth
    item = link(tileset, "item")
    assert item["templated"] is True
    assert item["type"] == MEDIA_TYPE
    assert tileset["tileMatrixSetLimits"]
    for limit in tileset["tileMatrixSetLimits"]:
        tile = GRID.tile(*POSITIONS[0], int(limit["tileMatrix"]))
        assert limit["minTileRow"] <= tile.y <= limit["maxTileRow"]
        assert limit["minTileCol"] <= tile.x <= limit["maxTileCol"]


@conforms("/conf/tilesets-list/tileset-links")
def test_tilesets_are_listed(listed: dict[str, Any], landing: dict[str, Any]) -> None:
    assert (listed["dataType"], listed["crs"]) == ("vector", CRS)
    assert listed["tileMatrixSetURI"] == URI
    assert link(listed, f"{REL}tiling-scheme")["href"].endswith("/tileMatrixSets/WebMercatorQuad")
    assert link(listed, "self")["href"].endswith("/tiles/WebMercatorQuad")
    assert link(landing, f"{REL}tiling-schemes")["href"].endswith("/tileMatrixSets")


@conforms("/conf/dataset-tilesets/landingpage /conf/dataset-tilesets/operation")
def test_the_dataset_leads_to_its_tilesets(client: httpx.Client, landing: dict[str, Any]) -> None:
    place = link(landing, f"{REL}tilesets-vector")["href"]
    assert place == f"{link(landing, 'self')['href'].partition('?')[0]}/tiles"
    (listed,) = got(client, place)["tilesets"]
    tileset = got(client, link(listed, "self")["href"])
    answer = client.get(filled(link(tileset, "item")["href"], 0))
    assert set(mapbox_vector_tile.decode(answer.content)) == {"components", "divisions"}


@conforms(
    "/conf/collections-selection/query-collections /conf/collections-selection/collections-response"
)
@pytest.mark.parametrize(
    "names",
    [["components"], ["divisions"], ["divisions", "components"], ["components", "divisions"]],
)
def test_collections_are_chosen(client: httpx.Client, names: list[str]) -> None:
    place = "/ogc/tiles/WebMercatorQuad"
    asked = {"collections": ",".join(names)}
    tileset = got(client, place, **asked)
    assert [one["id"] for one in tileset["layers"]] == names
    for z in (0, 9, Z):
        answer = client.get(filled(link(tileset, "item")["href"], z))
        assert list(mapbox_vector_tile.decode(answer.content)) == names
    told = got(client, place, **asked, f="tilejson")
    assert [one["id"] for one in told["vector_layers"]] == names


@conforms("/conf/geodata-tilesets/desc-links /conf/geodata-tilesets/operation")
def test_every_collection_leads_to_its_tilesets(
    client: httpx.Client, landing: dict[str, Any]
) -> None:
    for one in got(client, link(landing, "data")["href"])["collections"]:
        place = link(one, f"{REL}tilesets-vector")["href"]
        assert place == f"{link(one, 'self')['href'].partition('?')[0]}/tiles"
    assert got(client, place)["tilesets"]


@conforms("/conf/mvt/content")
def test_a_vector_tile_is_one_whose_grid_is_that_of_the_tile(
    client: httpx.Client, template: str, shared_api: Api
) -> None:
    answer = client.get(filled(template, Z), headers={"Accept": MEDIA_TYPE})
    assert answer.headers["content-type"] == MEDIA_TYPE
    down = {"default_options": {"y_coord_down": True}}
    (layer,) = mapbox_vector_tile.decode(answer.content, **down).values()
    box = GRID.xy_bounds(GRID.tile(*POSITIONS[0], Z))
    places = dict(zip(shared_api.codes, POSITIONS, strict=True))
    assert layer["features"]
    for one in layer["features"]:
        assert one["geometry"]["type"] == "Point"
        x, y = GRID.xy(*places[one["properties"]["code"]])
        step = (box.right - box.left) / layer["extent"]
        right, below = one["geometry"]["coordinates"]
        assert right == pytest.approx((x - box.left) / step, abs=1)
        assert below == pytest.approx((box.top - y) / step, abs=1)


@conforms("/conf/oas30/completeness")
def test_openapi_describes_what_links_lead_to(
    definition: dict[str, Any], listed: dict[str, Any], template: str
) -> None:
    (server,) = definition["servers"]
    paths = [re.sub(r"{\w+}", "[^/]+", one) for one in definition["paths"]]
    for address in (template, link(listed, "self")["href"]):
        place = address.partition(server["url"])[2].partition("?")[0]
        assert any(re.fullmatch(one, place) for one in paths)
    tile = definition["paths"][
        "/collections/{collection}/tiles/{tileMatrixSet}/{tileMatrix}/{tileRow}/{tileCol}"
    ]["get"]
    assert {"200", "204", "304", "404"} <= set(tile["responses"])
    assert set(tile["responses"]["200"]["content"]) == {MEDIA_TYPE}
    asked = {one["name"] for one in tile["parameters"] if one["in"] == "query"}
    assert {"class", "state", "unit"} <= asked


@conforms("/conf/oas30/operation-id")
def test_operations_are_found_by_the_ends_of_their_names(definition: dict[str, Any]) -> None:
    names = [one["operationId"] for ops in definition["paths"].values() for one in ops.values()]
    for end in (
        "getTileMatrixSetsList",
        "getTileMatrixSet",
        *(
            f".{kind}.vector.{end}"
            for kind in ("dataset", "collection")
            for end in ("getTileSetsList", "getTileSet", "getTile")
        ),
    ):
        assert sum(name.endswith(end) for name in names) == 1, end
