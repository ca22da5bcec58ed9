"""The abstract tests of OGC API Features Parts 1 to 3, each by the name that it has there.

OGC 17-069r4, 18-058r1 and 19-079r2. The server is asked as a client does that knows nothing of it:
addresses come from links, parameters from the OpenAPI document.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from pyproj import CRS, Transformer
from running_api import Api

from gis_registry.roles import Role

STANDARDS = ("ogcapi-features-1/1.0", "ogcapi-features-2/1.0", "ogcapi-features-3/1.0")
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
BOX = [120.38, 36.06, 120.3828, 36.07]


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[httpx.Client]:
    with api.as_(Role.READER) as client:
        yield client


def conforms(name: str) -> pytest.MarkDecorator:
    """Mark a test by the identifier of what it tests."""
    return pytest.mark.conformance(name)


def get(client: httpx.Client, address: str, **asked: object) -> httpx.Response:
    return client.get(address, params=asked or None)  # type: ignore[arg-type]


def said(client: httpx.Client, address: str, **asked: object) -> dict[str, Any]:
    answer = get(client, address, **asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def links(document: dict[str, Any], rel: str) -> list[dict[str, str]]:
    return [one for one in document["links"] if one["rel"] == rel]


def link(document: dict[str, Any], rel: str) -> str:
    return links(document, rel)[0]["href"]


@pytest.fixture(scope="module")
def landing(client: httpx.Client) -> dict[str, Any]:
    return said(client, "/ogc")


@pytest.fixture(scope="module")
def definition(client: httpx.Client, landing: dict[str, Any]) -> dict[str, Any]:
    return said(client, link(landing, "service-desc"))


@pytest.fixture(scope="module")
def collections(client: httpx.Client, landing: dict[str, Any]) -> dict[str, Any]:
    found = said(client, link(landing, "data"))
    assert len(found["collections"]) > 100
    return found


@pytest.fixture(scope="module")
def components(collections: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in collections["collections"] if one["id"] == "components")


@pytest.fixture(scope="module")
def items(components: dict[str, Any]) -> str:
    return next(
        one["href"] for one in links(components, "items") if one["type"] == "application/geo+json"
    )


@pytest.fixture(scope="module")
def parameters(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    operation = definition["paths"]["/collections/{collection}/items"]["get"]
    return {one["name"]: one for one in operation["parameters"]}


# --- Part 1, core ---------------------------------------------------------------------------------


@conforms("/conf/core/http")
def test_http_statuses_are_used_as_http_has_them(client: httpx.Client, items: str) -> None:
    assert client.request("DELETE", "/ogc/conformance").status_code == 405
    assert client.head(items).status_code == 200
    assert client.head(items).content == b""


@conforms("/conf/core/root-op /conf/core/root-success")
def test_landing_page(landing: dict[str, Any]) -> None:
    for rel in ("service-desc", "service-doc", "conformance", "data", "self", "alternate"):
        assert links(landing, rel), rel
    assert landing["title"]


@conforms("/conf/core/api-definition-op /conf/core/api-definition-success")
def test_api_definition(client: httpx.Client, landing: dict[str, Any]) -> None:
    for rel in ("service-desc", "service-doc"):
        (one,) = links(landing, rel)
        answer = client.get(one["href"], headers={"Accept": one["type"]})
        assert answer.status_code == 200
        assert answer.headers["content-type"].split(";")[0] == one["type"].split(";")[0]


@conforms("/conf/core/conformance-op /conf/core/conformance-success")
def test_conformance_declaration(client: httpx.Client, landing: dict[str, Any]) -> None:
    declared = said(client, link(landing, "conformance"))["conformsTo"]
    assert len(declared) == len(set(declared))
    for name in ("core", "geojson", "html", "oas30"):
        assert f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" in declared


@conforms("/conf/core/fc-md-op /conf/core/fc-md-success /conf/core/fc-md-links")
def test_collections(collections: dict[str, Any]) -> None:
    types = {one["type"] for rel in ("self", "alternate") for one in links(collections, rel)}
    assert {"application/json", "text/html"} <= types
    assert all("rel" in one and "type" in one for one in collections["links"])


@conforms("/conf/core/fc-md-items /conf/core/fc-md-items-links /conf/core/fc-md-extent")
def test_collections_are_described(collections: dict[str, Any]) -> None:
    for one in collections["collections"]:
        types = {link["type"] for link in links(one, "items")}
        assert {"application/geo+json", "text/html"} <= types
        ((west, south, east, north),) = one["extent"]["spatial"]["bbox"]
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90
        assert one["extent"]["spatial"].get("crs", CRS84) == CRS84


@conforms("/conf/core/sfc-md-op /conf/core/sfc-md-success")
def test_each_collection_says_the_same_of_itself(
    client: httpx.Client, collections: dict[str, Any]
) -> None:
    for one in collections["collections"][:3] + collections["collections"][-3:]:
        alone = said(client, f"/ogc/collections/{one['id']}")
        for name in ("id", "title", "description", "extent", "links"):
            assert alone[name] == one[name]


@conforms("/conf/core/fc-op /conf/core/fc-response")
def test_features_of_every_collection(client: httpx.Client, collections: dict[str, Any]) -> None:
    for one in collections["collections"]:
        page = said(client, link(one, "items"), limit=3)
        assert page["type"] == "FeatureCollection"
        assert isinstance(page["features"], list)


@conforms("/conf/core/fc-limit-definition")
def test_limit_is_defined(parameters: dict[str, dict[str, Any]]) -> None:
    limit = parameters["limit"]
    assert (limit["in"], limit.get("required", False)) == ("query", False)
    assert limit["schema"]["type"] == "integer"
    assert limit["schema"]["minimum"] == 1
    assert {"maximum", "default"} <= set(limit["schema"])


@conforms("/conf/core/fc-limit-response")
def test_limit_is_kept(client: httpx.Client, items: str) -> None:
    assert [len(said(client, items, limit=n)["features"]) for n in (1, 2, 3)] == [1, 2, 3]
    assert len(said(client, items, limit=1_000_000)["features"]) > 3


@conforms("/conf/core/fc-bbox-definition")
def test_bbox_is_defined(parameters: dict[str, dict[str, Any]]) -> None:
    box = parameters["bbox"]
    assert (box["in"], box["style"], box["explode"]) == ("query", "form", False)
    assert box["schema"]["type"] == "array"
    assert box["schema"]["items"]["type"] == "number"
    assert (box["schema"]["minItems"], box["schema"]["maxItems"]) == (4, 6)


@conforms("/conf/core/fc-bbox-response")
def test_bbox_chooses(client: httpx.Client, items: str) -> None:
    west, south, east, north = BOX
    everything = said(client, items, limit=100)["features"]
    inside = [
        one["id"]
        for one in everything
        if west <= one["geometry"]["coordinates"][0] <= east
        and south <= one["geometry"]["coordinates"][1] <= north
    ]
    assert 0 < len(inside) < len(everything)
    for box in (BOX, [west, south, -100, east, north, 9000]):
        found = said(client, items, limit=100, bbox=",".join(map(str, box)))["features"]
        assert [one["id"] for one in found] == inside
    assert said(client, items, bbox="170,30,-170,40")["features"] == []
    around = f"{west},{south},-170,{north}"  # across the antimeridian
    assert len(said(client, items, limit=100, bbox=around)["features"]) == len(everything)


@conforms("/conf/core/fc-time-definition")
def test_datetime_is_defined(parameters: dict[str, dict[str, Any]]) -> None:
    when = parameters["datetime"]
    assert (when["in"], when["style"], when["explode"]) == ("query", "form", False)
    assert when["schema"]["type"] == "string"


@conforms("/conf/core/fc-time-response")
@pytest.mark.parametrize(
    ("when", "is_found"),
    [
        ("2026-01-01", True),
        ("2026-01-01T12:00:00Z", True),
        ("2026-01-02", False),
        ("../2026-01-01", True),
        ("2026-01-01/..", True),
        ("/2025-12-31", False),
        ("2025-12-31T00:00:00Z/2026-01-01T00:00:00Z", True),
        ("2025-01-01/2025-12-31", False),
    ],
)
def test_datetime_chooses(client: httpx.Client, items: str, when: str, is_found: bool) -> None:
    assert bool(said(client, items, datetime=when)["features"]) is is_found


@conforms("/conf/core/fc-links")
def test_pages_link(client: httpx.Client, items: str) -> None:
    page = said(client, items, limit=2)
    assert {"self", "alternate", "next"} <= {one["rel"] for one in page["links"]}
    assert all(one["type"] for one in page["links"])


@conforms("/conf/core/fc-timeStamp")
def test_pages_say_when(client: httpx.Client, items: str) -> None:
    stamp = said(client, items)["timeStamp"]
    assert stamp.endswith("Z")
    assert datetime.fromisoformat(stamp).tzinfo is not None


@conforms("/conf/core/fc-numberMatched /conf/core/fc-numberReturned")
def test_pages_say_how_many(client: httpx.Client, items: str) -> None:
    everything = said(client, items, limit=100)
    page = said(client, items, limit=2)
    assert page["numberReturned"] == len(page["features"]) == 2
    assert page["numberMatched"] == len(everything["features"])
    assert "numberMatched" not in said(client, items, count="none")


@conforms("/conf/core/query-param-unknown /conf/core/query-param-invalid")
@pytest.mark.parametrize("asked", ["nothing=1", "limit=many", "bbox=1,2,3", "datetime=now"])
def test_what_is_no_parameter_is_refused(client: httpx.Client, items: str, asked: str) -> None:
    assert client.get(f"{items}?{asked}").status_code == 400
    if asked == "nothing=1":
        for path in ("", "/conformance", "/collections", "/collections/components", "/api"):
            assert client.get(f"/ogc{path}?{asked}").status_code == 400


@conforms("/conf/core/f-op /conf/core/f-success /conf/core/f-links")
def test_single_features(client: httpx.Client, items: str) -> None:
    features = said(client, items, limit=3)["features"]
    assert len(features) == 3
    for feature in features:
        alone = said(client, f"{items}/{feature['id']}")
        assert {name: alone[name] for name in feature} == feature
        assert {"self", "alternate", "collection"} <= {one["rel"] for one in alone["links"]}
        assert said(client, link(alone, "collection"), f="json")["id"] == "components"


@conforms("/conf/core/crs84")
def test_positions_are_longitude_and_latitude(client: httpx.Client, items: str) -> None:
    answer = get(client, items)
    assert answer.headers["content-crs"] == f"<{CRS84}>"
    lon, lat = answer.json()["features"][0]["geometry"]["coordinates"]
    assert (round(lon), round(lat)) == (120, 36)


# --- Part 1, GeoJSON, HTML, OpenAPI ---------------------------------------------------------------


@conforms("/conf/geojson/definition /conf/geojson/content")
def test_geojson(client: httpx.Client, items: str) -> None:
    answer = client.get(items, headers={"Accept": "application/geo+json"})
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    assert features
    for feature in features:
        assert feature["type"] == "Feature"
        assert {"id", "geometry", "properties"} <= set(feature)


@conforms("/conf/html/definition /conf/html/content")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/conformance",
        "/collections",
        "/collections/components",
        "/collections/components/items",
        "/collections/components/queryables",
        "/collections/components/items/{code}",
        "/api",
    ],
)
def test_html(client: httpx.Client, api: Api, path: str) -> None:
    address = f"/ogc{path.format(code=api.codes[0])}"
    for answer in (
        client.get(address, headers={"Accept": "text/html"}),
        client.get(address, params={"f": "html"}),
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.text.lstrip().lower().startswith("<!doctype html>")


@conforms("/conf/oas30/completeness /conf/oas30/definition-1 /conf/oas30/definition-2")
def test_openapi_describes_every_path(
    client: httpx.Client, api: Api, definition: dict[str, Any]
) -> None:
    assert re.fullmatch(r"3\.0\.\d", definition["openapi"])
    paths = {
        path: operations
        for path, operations in definition["paths"].items()
        if "get" in operations and "tile" not in path.lower()
    }
    assert {"/", "/collections", "/collections/{collection}/items"} <= set(paths)
    for path, operations in paths.items():
        asked = path.format(collection="components", feature=api.codes[0]) if "{" in path else path
        answer = client.get(f"/ogc{asked}".rstrip("/"))
        told = operations["get"]["responses"][str(answer.status_code)]
        media_types = {one.split(";")[0] for one in told["content"]}
        assert answer.headers["content-type"].split(";")[0] in media_types


@conforms("/conf/oas30/exceptions-codes /conf/oas30/security /conf/oas30/oas-impl")
def test_openapi_tells_of_refusals_and_keys(definition: dict[str, Any]) -> None:
    for operations in definition["paths"].values():
        for operation in operations.values():
            assert {"400", "401", "403", "404"} <= set(operation["responses"])
    assert definition["components"]["securitySchemes"]
    names = [one["operationId"] for ops in definition["paths"].values() for one in ops.values()]
    assert "getFeatures" in names
    assert len(names) == len(set(names))


# --- Part 2, systems of coordinates ---------------------------------------------------------------


@conforms("/conf/crs/crs-uri /conf/crs/fc-md-crs-list /conf/crs/fc-md-crs-list-global")
def test_systems_are_listed(client: httpx.Client, collections: dict[str, Any]) -> None:
    for one in collections["collections"]:
        named = [uri for uri in one["crs"] if uri != "#/crs"]
        named += collections["crs"] if "#/crs" in one["crs"] else []
        assert CRS84 in named
        assert {EPSG.format(srid) for srid in (4326, 4490, 3857, 4549)} <= set(named)
    assert CRS84 in said(client, "/ogc/collections/components")["crs"]


@conforms("/conf/crs/fc-md-storageCrs /conf/crs/fc-md-storageCrs-valid-value")
def test_storage_system_is_one_of_them(collections: dict[str, Any]) -> None:
    for one in collections["collections"]:
        assert one["storageCrs"] in collections["crs"]


@conforms(
    "/conf/crs/fc-crs-definition /conf/crs/fc-bbox-crs-definition /conf/crs/fc-crs-valid-value "
    "/conf/crs/fc-bbox-crs-valid-value"
)
@pytest.mark.parametrize("parameter", ["crs", "bbox-crs"])
def test_systems_may_be_asked_for(
    client: httpx.Client, items: str, parameters: dict[str, dict[str, Any]], parameter: str
) -> None:
    assert parameters[parameter]["schema"] == {"type": "string", "format": "uri"}
    box = {"bbox": ",".join(map(str, BOX))}
    assert get(client, items, **box, **{parameter: "urn:nothing"}).status_code == 400
    assert get(client, items, **box, **{parameter: CRS84}).status_code == 200


@conforms(
    "/conf/crs/fc-crs-action /conf/crs/fc-crs-valid-defaultValue /conf/crs/ogc-crs-header "
    "/conf/crs/ogc-crs-header-value /conf/crs/geojson /conf/crs/fc-bbox-crs-action "
    "/conf/crs/fc-bbox-crs-valid-defaultValue"
)
def test_positions_come_in_every_system_with_its_order_of_axes(
    client: httpx.Client, items: str, collections: dict[str, Any]
) -> None:
    stored = {one["id"]: one for one in said(client, items, limit=100)["features"]}
    inside = {one["id"] for one in said(client, items, bbox=",".join(map(str, BOX)))["features"]}
    assert 0 < len(inside) < len(stored)
    assert CRS84 in collections["crs"]
    for uri in collections["crs"]:
        answer = get(client, items, limit=100, crs=uri)
        assert answer.headers["content-crs"] == f"<{uri}>"
        authority = CRS.from_user_input(
            "OGC:CRS84" if uri == CRS84 else int(uri.rpartition("/")[2])
        )
        transformer = Transformer.from_crs("OGC:CRS84", authority)
        assert {one["id"] for one in answer.json()["features"]} == set(stored)
        for one in answer.json()["features"]:
            expected = transformer.transform(*stored[one["id"]]["geometry"]["coordinates"])
            tolerance = 1e-5 if authority.is_geographic else 1.5
            assert one["geometry"]["coordinates"] == pytest.approx(expected, abs=tolerance)
            alone = said(client, f"{items}/{one['id']}", crs=uri)
            assert alone["geometry"] == one["geometry"]
        corners = transformer.transform([BOX[0], BOX[2]], [BOX[1], BOX[3]])
        box = ",".join(str(axis[n]) for n in (0, 1) for axis in corners)
        found = said(client, items, **{"bbox": box, "bbox-crs": uri})["features"]
        assert {one["id"] for one in found} == inside


# --- Part 3, queryables and filters ---------------------------------------------------------------


@conforms("/conf/queryables/queryables-link /conf/queryables/get-queryables-op")
def test_every_collection_links_its_queryables(
    client: httpx.Client, collections: dict[str, Any]
) -> None:
    for one in collections["collections"]:
        (found,) = links(one, QUERYABLES)
        answer = client.get(found["href"])
        assert answer.headers["content-type"] == found["type"] == "application/schema+json"


@conforms("/conf/queryables/get-queryables-response /conf/queryables/expression-construction")
def test_queryables_are_a_schema(client: httpx.Client, components: dict[str, Any]) -> None:
    schema = said(client, link(components, QUERYABLES))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == link(components, QUERYABLES)
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert schema["properties"]["geometry"]["format"].startswith("geometry-")
    assert all("type" in one or "format" in one for one in schema["properties"].values())


@conforms("/conf/queryables-query-parameters/parameters")
def test_queryables_are_parameters(
    client: httpx.Client, components: dict[str, Any], items: str
) -> None:
    schema = said(client, link(components, QUERYABLES))["properties"]
    feature = said(client, items, limit=1)["features"][0]
    known = {name: one for name, one in feature["properties"].items() if one is not None}
    asked = {name: known[name] for name, one in schema.items() if "type" in one and name in known}
    assert {"code", "class_code", "state"} <= set(asked)
    for name, value in asked.items():
        told = value if isinstance(value, str) else json.dumps(value)
        found = said(client, items, limit=100, **{name: told})["features"]
        assert feature["id"] in [each["id"] for each in found]
        assert all(each["properties"][name] == value for each in found)


@conforms("/conf/filter/filter-param /conf/filter/filter-lang-param /conf/filter/filter-crs-param")
def test_filters_are_defined(parameters: dict[str, dict[str, Any]]) -> None:
    assert parameters["filter"]["schema"]["type"] == "string"
    assert set(parameters["filter-lang"]["schema"]["enum"]) == {"cql2-text", "cql2-json"}
    assert parameters["filter-crs"]["schema"] == {"type": "string", "format": "uri"}


@conforms("/conf/features-filter/features-filter /conf/filter/response")
def test_filters_choose_in_both_languages(client: httpx.Client, items: str) -> None:
    everything = said(client, items, limit=100)["features"]
    code = everything[0]["properties"]["class_code"]
    expected = [one["id"] for one in everything if one["properties"]["class_code"] != code]
    assert 0 < len(expected) < len(everything)
    tree = {"op": "<>", "args": [{"property": "class_code"}, code]}
    for asked in (
        {"filter": f"class_code <> '{code}'"},
        {"filter": f"class_code <> '{code}'", "filter-lang": "cql2-text"},
        {"filter": json.dumps(tree), "filter-lang": "cql2-json"},
    ):
        found = said(client, items, limit=100, **asked)["features"]
        assert [one["id"] for one in found] == expected
    assert get(client, items, filter="nothing = 1").status_code == 400


@conforms("/conf/filter/filter-crs-wgs84")
def test_coordinates_of_a_filter_are_longitude_and_latitude_unless_it_says(
    client: httpx.Client, items: str
) -> None:
    west, south, east, north = BOX
    inside = said(client, items, limit=100, bbox=",".join(map(str, BOX)))["features"]
    assert inside
    asked = f"S_INTERSECTS(geometry,BBOX({west},{south},{east},{north}))"
    assert said(client, items, limit=100, filter=asked)["features"] == inside
    other = f"S_INTERSECTS(geometry,BBOX({south},{west},{north},{east}))"
    in_4326 = {"filter": other, "filter-crs": EPSG.format(4326)}
    assert said(client, items, limit=100, **in_4326)["features"] == inside


@conforms("/conf/filter/mixing-expressions")
def test_filters_hold_beside_other_parameters(client: httpx.Client, items: str) -> None:
    box = ",".join(map(str, BOX))
    feature = said(client, items, limit=1, bbox=box)["features"][0]
    code = feature["properties"]["class_code"]
    both = said(client, items, bbox=box, filter=f"class_code = '{code}'", state="active")
    assert both["features"]
    for one in both["features"]:
        assert one["properties"]["class_code"] == code
        assert BOX[0] <= one["geometry"]["coordinates"][0] <= BOX[2]
    neither = said(client, items, bbox=box, filter=f"class_code = '{code}'", state="retired")
    assert neither["features"] == []
