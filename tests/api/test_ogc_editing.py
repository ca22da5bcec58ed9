"""OGC API Features, Part 4, over HTTP: the draft's conformance tests, and what is refused."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import httpx
import pytest
from owslib.ogcapi.features import Features
from pyproj import Transformer
from running_api import COVER, LAMP, POSITIONS, Api, running

from gis_registry.maps.receiving import RECEIVABLE
from gis_registry.roles import Role
from gis_registry.settings import Settings

ITEMS = "/ogc/collections/components/items"
LAMPS = f"/ogc/collections/components-{LAMP}/items"
GEOJSON = {"Content-Type": "application/geo+json"}
MERGE = {"Content-Type": "application/merge-patch+json"}
LON, LAT = 120.3836, 36.0674
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"


@pytest.fixture(scope="module")
def api(module_settings: Settings) -> Iterator[Api]:
    """Return an API of this module's own."""
    with running(module_settings) as api:
        yield api


@pytest.fixture(scope="module")
def analyst(api: Api) -> httpx.Client:
    return api.as_(Role.ANALYST)


@pytest.fixture
def code(analyst: httpx.Client) -> str:
    """Register a light of the test's own, at the first position."""
    said = {"maintainer_code": "QD-G-370202-T07", "attributes": {"材质": "球墨铸铁"}}
    answer = create(analyst, feature(*POSITIONS[0], **said))
    return str(answer.headers["location"].rpartition("/")[2])


def feature(lon: float = LON, lat: float = LAT, **properties: object) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": {"class_code": LAMP, **properties},
    }


def create(client: httpx.Client, body: object, **headers: str) -> httpx.Response:
    return client.post(ITEMS, json=body, headers={**GEOJSON, **headers})


def patch(client: httpx.Client, code: str, body: object, **headers: str) -> httpx.Response:
    return client.patch(f"{ITEMS}/{code}", json=body, headers={**MERGE, **headers})


def told(client: httpx.Client, code: str, **asked: str) -> dict[str, Any]:
    answer = client.get(f"{ITEMS}/{code}", params=asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def history(client: httpx.Client, code: str) -> list[dict[str, Any]]:
    return list(client.get(f"/api/components/{code}/history").json())


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def test_conf_create_replace_delete_options(api: Api) -> None:
    with api.as_(Role.ANALYST) as client:
        items, item = client.options(ITEMS), client.options(f"{ITEMS}/{api.codes[0]}")
        assert (items.status_code, item.status_code) == (200, 200)
        assert "POST" in items.headers["allow"].split(", ")
        assert "application/geo+json" in items.headers["accept-post"]
        assert {"PUT", "PATCH", "DELETE"} <= set(item.headers["allow"].split(", "))
        assert "application/merge-patch+json" in item.headers["accept-patch"]
        divisions = client.options("/ogc/collections/divisions/items")
        assert divisions.headers["allow"] == "GET, HEAD, OPTIONS"
        refused = client.post("/ogc/collections/divisions/items", json=feature(), headers=GEOJSON)
        assert problem(refused, 405)
        assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    with api.as_(Role.READER) as client:
        assert client.options(ITEMS).headers["allow"] == "GET, HEAD, OPTIONS"
        assert problem(create(client, feature()), 403)
    with api.as_(None) as client:
        assert problem(create(client, feature()), 401)


def test_conf_create_replace_delete_create(analyst: httpx.Client, api: Api) -> None:
    before = analyst.get(ITEMS).json()["numberMatched"]
    answer = create(analyst, feature(accuracy_m=0.3, surveyed_on="2026-02-01", code=None))
    assert (answer.status_code, answer.content) == (201, b"")
    code = answer.headers["location"].rpartition("/")[2]
    assert code not in api.codes
    assert answer.headers["location"] == f"{api.url}{ITEMS}/{code}"
    made = analyst.get(answer.headers["location"]).json()
    assert made["geometry"] == {"type": "Point", "coordinates": [LON, LAT]}
    assert made["properties"]["surveyed_on"] == "2026-02-01"
    assert (made["properties"]["accuracy_m"], made["properties"]["version"]) == (0.3, 1)
    assert analyst.get(ITEMS).json()["numberMatched"] == before + 1
    (state,) = history(analyst, code)
    assert state["actor"] == "analyst-1"
    assert state["reason"].startswith("OGC API Features: POST by python-httpx/")


def test_identifiers_are_issued_and_never_chosen_or_used_again(
    analyst: httpx.Client, api: Api
) -> None:
    for chosen in ({"id": "3702020137000999"}, {"properties": {"code": "3702020137000999"}}):
        assert problem(create(analyst, feature() | chosen), 400)
    first = create(analyst, feature()).headers["location"].rpartition("/")[2]
    assert analyst.delete(f"{ITEMS}/{first}").status_code == 204
    second = create(analyst, feature()).headers["location"].rpartition("/")[2]
    assert int(second) == int(first) + 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_conf_create_replace_delete_content_type(
    analyst: httpx.Client, api: Api, method: str
) -> None:
    address = ITEMS if method == "POST" else f"{ITEMS}/{api.codes[0]}"
    content = b'{"type": "Feature"}'
    assert problem(analyst.request(method, address, content=content), 400)
    other = {"Content-Type": "application/gml+xml"}
    said = problem(analyst.request(method, address, content=content, headers=other), 415)
    assert "json" in said


def test_conf_create_replace_delete_replace(code: str, analyst: httpx.Client, api: Api) -> None:
    assert told(analyst, code)["properties"]["maintainer_code"] is not None
    body = told(analyst, code)
    body["properties"] |= {"owner_code": "QD-E-31", "maintainer_code": None}
    body["geometry"]["coordinates"] = [LON, LAT]
    answer = analyst.put(f"{ITEMS}/{code}", json=body, headers=GEOJSON, params={"reason": "换灯"})
    assert (answer.status_code, answer.headers["etag"]) == (204, '"2"')
    now = told(analyst, code)
    assert now["geometry"]["coordinates"] == [LON, LAT]
    assert now["properties"]["owner_code"] == "QD-E-31"
    assert now["properties"]["maintainer_code"] is None
    assert [one["reason"] for one in history(analyst, code)][1:] == ["换灯"]
    plain = {key: now[key] for key in ("type", "geometry")}
    again = analyst.put(f"{ITEMS}/{code}", json=plain, headers=GEOJSON)
    assert (again.status_code, again.headers["etag"]) == (204, '"3"')
    assert told(analyst, code)["properties"]["owner_code"] is None
    same = analyst.put(f"{ITEMS}/{code}", json=plain, headers=GEOJSON)
    assert (same.status_code, same.headers["etag"]) == (204, '"3"')
    assert len(history(analyst, code)) == 3


def test_conf_create_replace_delete_replace_rid(code: str, analyst: httpx.Client, api: Api) -> None:
    first, second = api.codes[:2]
    for body in ({**feature(), "id": second}, feature(code=second)):
        answer = analyst.put(f"{ITEMS}/{first}", json=body, headers=GEOJSON)
        assert problem(answer, 400)
    assert told(analyst, first)["properties"]["version"] == 1


def test_conf_create_replace_delete_replace_exceptions(analyst: httpx.Client) -> None:
    address = f"{ITEMS}/3702020137999999"
    assert problem(analyst.put(address, json=feature(), headers=GEOJSON), 404)
    matched = {**GEOJSON, "If-Match": '"xyz"'}
    assert problem(analyst.put(address, json=feature(), headers=matched), 404)
    assert problem(analyst.delete(address), 404)


def test_conf_create_replace_delete_delete_retires(
    code: str, analyst: httpx.Client, api: Api
) -> None:
    """What is removed stays to be read, as retired: an identifier resolves for ever."""
    for _ in range(2):
        assert analyst.delete(f"{ITEMS}/{code}", params={"reason": "已拆除"}).status_code == 204
    assert told(analyst, code)["properties"]["state"] == "retired"
    declared = analyst.get("/ogc/conformance").json()["conformsTo"]
    assert not any(one.endswith("/create-replace-delete") for one in declared)
    assert [one["reason"] for one in history(analyst, code)][1:] == ["已拆除"]
    assert "is retired" in problem(patch(analyst, code, {"properties": {"accuracy_m": 1.5}}), 409)
    back = {"properties": {"state": "active", "accuracy_m": 1.5}}
    assert patch(analyst, code, back).status_code == 204
    assert history(analyst, code)[-1]["operation"] == "restored"


def test_conf_update_and_json_merge_patch(code: str, analyst: httpx.Client, api: Api) -> None:
    before = told(analyst, code)
    change = {
        "geometry": {"type": "Point", "coordinates": [LON, LAT]},
        "properties": {"owner_code": "QD-E-31", "maintainer_code": None, "attributes": {"灯": 3}},
    }
    assert patch(analyst, code, change).headers["etag"] == '"2"'
    now = told(analyst, code)
    assert now["geometry"]["coordinates"] == [LON, LAT]
    changed = {"owner_code", "maintainer_code", "version", "cell_code"}
    assert {k for k, one in now["properties"].items() if one != before["properties"][k]} <= changed
    detail = analyst.get(f"/api/components/{code}").json()
    assert detail["attributes"] == {"材质": "球墨铸铁", "灯": 3}
    assert problem(patch(analyst, code, {"properties": {"code": api.codes[1]}}), 400)
    assert problem(patch(analyst, code, {"id": api.codes[1]}), 400)
    assert patch(analyst, code, {"geometry": {"coordinates": [LON, LAT]}}).headers["etag"] == '"2"'
    assert patch(analyst, code, {"properties": {"class_code": "0138"}}).status_code == 204
    assert analyst.get(f"{LAMPS}/{code}").status_code == 404
    assert history(analyst, code)[-1]["operation"] == "reclassified"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_conf_optimistic_locking_etags(
    code: str, analyst: httpx.Client, api: Api, method: str
) -> None:
    address = f"{ITEMS}/{code}"
    etag = analyst.get(address).headers["etag"]
    body = {"PUT": feature(), "PATCH": {"properties": {"accuracy_m": 0.7}}, "DELETE": None}[method]
    kind = {"PUT": GEOJSON, "PATCH": MERGE, "DELETE": {}}[method]

    def ask(**headers: str) -> httpx.Response:
        return analyst.request(method, address, json=body, headers={**kind, **headers})

    for wrong in ('"0"', '"xyz"', '"99999999999"', "garbage"):
        answer = ask(**{"If-Match": wrong})
        assert problem(answer, 412)
        assert answer.json()["type"] == "/problems/outdated"
    assert told(analyst, code)["properties"]["version"] == 1
    done = ask(**{"If-Match": etag})
    assert (done.status_code, done.headers["etag"]) == (204, '"2"')
    assert ask(**{"If-Match": etag}).status_code == 412
    assert ask(**{"If-Match": 'W/"2"'}).status_code == ask().status_code == 204


def test_a_version_that_is_sent_is_the_one_that_is_changed(
    code: str, analyst: httpx.Client, api: Api
) -> None:
    assert patch(analyst, code, {"properties": {"accuracy_m": 0.7}}).status_code == 204
    assert problem(patch(analyst, code, {"properties": {"accuracy_m": 0.8, "version": 1}}), 412)
    late = analyst.put(f"{ITEMS}/{code}", json=feature(version=1), headers=GEOJSON)
    assert problem(late, 412)


def test_conf_return_resource_representation_in_response(analyst: httpx.Client, api: Api) -> None:
    prefer = {"Prefer": "return=representation", "Accept": "application/geo+json"}
    made = create(analyst, feature(), **prefer)
    assert made.status_code == 201
    assert made.headers["preference-applied"] == "return=representation"
    assert made.headers["content-type"] == "application/geo+json"
    code = made.json()["id"]
    change = {"properties": {"class_code": COVER}}
    answer = analyst.patch(f"{LAMPS}/{code}", json=change, headers={**MERGE, **prefer})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json()["properties"]["class_code"] == COVER
    minimal = patch(analyst, code, {"properties": {"accuracy_m": 0.9}}, Prefer="return=minimal")
    assert (minimal.status_code, minimal.content) == (204, b"")


@pytest.mark.parametrize(
    ("srid", "northing_first"),
    [(4326, True), (4490, True), (3857, False), (4549, True), (32651, False)],
)
def test_conf_features_crs(analyst: httpx.Client, srid: int, northing_first: bool) -> None:
    offered = analyst.get("/ogc/collections/components").json()["crs"]
    uri = EPSG.format(srid)
    x, y = Transformer.from_crs(4490, srid, always_xy=True).transform(LON, LAT)
    body = feature()
    body["geometry"]["coordinates"] = [y, x] if northing_first else [x, y]
    answer = create(analyst, body, **{"Content-Crs": f"<{uri}>"})
    if uri not in offered:
        assert "`Content-Crs` must be one of" in problem(answer, 400)
        return
    assert answer.status_code == 201, answer.text
    code = answer.headers["location"].rpartition("/")[2]
    assert told(analyst, code)["geometry"]["coordinates"] == pytest.approx([LON, LAT], abs=1e-8)
    again = told(analyst, code, crs=uri)["geometry"]["coordinates"]
    assert again == pytest.approx(body["geometry"]["coordinates"], abs=1e-3)
    bare = {"geometry": {"type": "Point", "coordinates": again}}
    assert patch(analyst, code, bare, **{"Content-Crs": uri}).status_code == 204


def test_conf_features_schema(analyst: httpx.Client) -> None:
    answer = analyst.get(f"/ogc/collections/components-{LAMP}/schema")
    assert answer.headers["content-type"] == "application/schema+json"
    schema = answer.json()
    properties = schema["properties"]
    assert properties["geometry"]["format"] == "geometry-point"
    assert properties["code"]["x-ogc-role"] == "id"
    read_only = {name for name, one in properties.items() if one.get("readOnly")}
    assert read_only & set(RECEIVABLE) == set()
    assert set(properties) - read_only == {*RECEIVABLE, "geometry"}
    for name in read_only:
        sent = create(analyst, feature(**{name: 7 if name == "version" else "7"}))
        assert problem(sent, 400)
    assert schema["additionalProperties"] is False
    assert "There is no property 'colour'" in problem(create(analyst, feature(colour="red")), 400)
    whole = analyst.get("/ogc/collections/components/schema").json()
    assert whole["required"] == ["geometry", "class_code"]
    assert whole["properties"]["geometry"]["format"] == "geometry-any"
    divisions = analyst.get("/ogc/collections/divisions/schema").json()["properties"]
    assert all(one.get("readOnly") for name, one in divisions.items() if name != "geometry")


def test_a_class_takes_components_of_its_own(analyst: httpx.Client, api: Api) -> None:
    body = feature()
    del body["properties"]["class_code"]
    made = analyst.post(LAMPS, json=body, headers=GEOJSON)
    assert made.status_code == 201
    assert made.headers["location"].startswith(f"{api.url}{LAMPS}/3702020137")
    assert problem(create(analyst, body), 400)
    other = analyst.post(LAMPS, json=feature(class_code=COVER), headers=GEOJSON)
    assert "holds components of the class 0137 only" in problem(other, 400)
    cover = api.codes[4]
    assert problem(analyst.delete(f"{LAMPS}/{cover}"), 404)


POINT = {"type": "Point", "coordinates": [LON, LAT]}
LINE = {"type": "LineString", "coordinates": [[LON, LAT], [LON, LAT + 0.0001]]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "FeatureCollection", "features": []}, "`type` is Feature"),
        ({"geometry": None}, "A component is somewhere"),
        ({"geometry": []}, "A component is somewhere"),
        ({"geometry": {"type": "Circle", "coordinates": [1, 2]}}, "type of a geometry"),
        ({"geometry": {"type": ["Point"], "coordinates": [1, 2]}}, "type of a geometry"),
        ({"geometry": {**POINT, "coordinates": []}}, "not those of a Point"),
        ({"geometry": {**POINT, "coordinates": ["120", "36"]}}, "not those of a Point"),
        ({"geometry": {**POINT, "coordinates": [True, False]}}, "not those of a Point"),
        ({"geometry": {**POINT, "coordinates": [10**400, 1]}}, "not those of a Point"),
        ({"geometry": {**POINT, "coordinates": [[LON, LAT]]}}, "not those of a Point"),
        ({"geometry": {**POINT, "coordinates": [LAT, LON]}}, "beyond 90 degrees"),
        ({"geometry": {**POINT, "coordinates": [116.4, 39.9]}}, "is not in Qingdao"),
        ({"geometry": {**POINT, "coordinates": [0, 0]}}, "stands for a missing one"),
        ({"geometry": LINE}, "those of class 0137"),
        ({"geometry": {"type": "LineString", "coordinates": [[LON, LAT]]}}, "The geometry is none"),
        ({"geometry": {"type": "Polygon", "coordinates": [[]]}}, "not those of a Polygon"),
        ({"properties": {"class_code": "9999"}}, "There is no class '9999'"),
        ({"properties": {"class_code": 137}}, "`class_code`"),
        ({"properties": []}, "`properties` must be an object"),
        ({"properties": {}}, "give its geometry and class"),
        ({"properties": {"class_code": LAMP, "accuracy_m": "1"}}, "`accuracy_m`"),
        ({"properties": {"class_code": LAMP, "accuracy_m": -1}}, "`accuracy_m`"),
        ({"properties": {"class_code": LAMP, "surveyed_on": "soon"}}, "`surveyed_on`"),
        ({"properties": {"class_code": LAMP, "surveyed_on": "2999-01-01"}}, "still to come"),
        ({"properties": {"class_code": LAMP, "state": "withdrawn"}}, "stands"),
        ({"properties": {"class_code": LAMP, "state": "lost"}}, "`state`"),
        ({"properties": {"class_code": LAMP, "owner_code": "x'; --"}}, "There is no unit"),
        ({"properties": {"class_code": LAMP, "attributes": [1]}}, "`attributes`"),
        ({"properties": {"class_code": LAMP, "attributes": {"a": "\0"}}}, "character"),
        ({"crs": {"type": "name"}}, "Content-Crs"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_no_trace(
    analyst: httpx.Client, change: dict[str, object], said: str
) -> None:
    before = analyst.get(ITEMS).json()["numberMatched"]
    assert said in problem(create(analyst, feature() | change), 400)
    assert analyst.get(ITEMS).json()["numberMatched"] == before


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"type": NaN}', 400),
        (json.dumps(feature(attributes={"a": 0})).replace("0}}", "1e400}}").encode(), 400),
        (json.dumps(feature(attributes={"a": 0})).replace("0}}", "9" * 5000 + "}}").encode(), 400),
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, 400),
        (b'{"type": "Feature", "x": "' + b"x" * 10_000_000 + b'"}', 413),
    ],
)
def test_a_body_that_is_none_is_refused(analyst: httpx.Client, content: bytes, status: int) -> None:
    assert problem(analyst.post(ITEMS, content=content, headers=GEOJSON), status)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"geometry": None}, "A component is somewhere"),
        ({"properties": None}, "`properties` must be an object"),
        ({"properties": {"class_code": None}}, "`class_code` cannot be empty"),
        ({"properties": {"state": None}}, "`state` cannot be empty"),
        ({"properties": {"attributes": None}}, "`attributes` cannot be empty"),
        ({"properties": {"version": "1"}}, "`version` must be the number"),
        ({"properties": {"division_code": None}}, "`division_code`"),
        ({"links": []}, "no member 'links'"),
        ({"type": "Point"}, "`type` is Feature"),
        ({"properties": {"class_code": "0507"}}, "is no line"),
        ({"geometry": {**POINT, "coordinates": [120.447, 36.389]}}, "in district 370215"),
    ],
)
def test_changes_that_cannot_be_are_refused(
    analyst: httpx.Client, api: Api, change: dict[str, object], said: str
) -> None:
    code = api.codes[1]
    assert said in problem(patch(analyst, code, change), 400)
    assert told(analyst, code)["properties"]["version"] == 1


def test_a_reason_is_kept_as_it_is_said(code: str, analyst: httpx.Client, api: Api) -> None:
    reason = "'); DROP TABLE components; -- <script>"
    change = {"properties": {"accuracy_m": 0.9}}
    answer = analyst.patch(f"{ITEMS}/{code}", params={"reason": reason}, json=change, headers=MERGE)
    assert answer.status_code == 204
    assert history(analyst, code)[-1]["reason"] == reason
    for bad in ("x" * 1001, "a\0b"):
        asked = {"reason": bad}
        refused = analyst.patch(f"{ITEMS}/{code}", params=asked, json=change, headers=MERGE)
        assert problem(refused, 400)


def test_of_two_editors_at_once_one_wins(code: str, api: Api) -> None:
    start = Barrier(2)

    def edit(accuracy_m: float) -> int:
        with api.as_(Role.ANALYST) as client:
            start.wait()
            change = {"properties": {"accuracy_m": accuracy_m}}
            return patch(client, code, change, **{"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(edit, (0.3, 0.4))) == [204, 412]


def test_an_edit_shows_in_the_next_page_and_in_the_counts(analyst: httpx.Client) -> None:
    lon, lat = LON, LAT + 0.001

    def count() -> int:
        asked = {"bbox": f"{lon - 0.0001},{lat - 0.0001},{lon + 0.0001},{lat + 0.0001}"}
        page = analyst.get(ITEMS, params={**asked, "state": "active"}).json()
        assert page["numberReturned"] == page["numberMatched"]
        return int(page["numberMatched"])

    assert count() == 0
    code = create(analyst, feature(lon, lat)).headers["location"].rpartition("/")[2]
    assert count() == 1
    away = {"geometry": {"type": "Point", "coordinates": list(POSITIONS[0])}}
    assert patch(analyst, code, away).status_code == 204
    assert count() == 0


def test_the_day_of_the_survey_is_today_without_another(analyst: httpx.Client) -> None:
    code = create(analyst, feature()).headers["location"].rpartition("/")[2]
    surveyed = date.fromisoformat(told(analyst, code)["properties"]["surveyed_on"])
    assert abs((surveyed - date.today()).days) <= 1  # noqa: DTZ011  in the city it may be another


def test_owslib_edits(api: Api, analyst: httpx.Client) -> None:
    # OWSLib keeps headers for all its clients: other tests overwrite this one.
    headers = {"X-API-Key": api.keys[Role.ANALYST], **GEOJSON}
    owslib = Features(f"{api.url}/ogc/", headers=headers)
    owslib.collection_item_create("components", json.dumps(feature()))
    code = owslib.response_headers["Location"].rpartition("/")[2]
    owslib.collection_item_update("components", code, json.dumps(feature(owner_code="QD-E-31")))
    assert told(analyst, code)["properties"]["owner_code"] == "QD-E-31"
    owslib.collection_item_delete("components", code)
    assert told(analyst, code)["properties"]["state"] == "retired"


def test_the_description_tells_of_editing(analyst: httpx.Client) -> None:
    told = analyst.get("/ogc/api").json()["paths"]
    items, item = (
        told["/collections/{collection}/items"],
        told["/collections/{collection}/items/{feature}"],
    )
    assert {"get", "post", "options"} <= set(items)
    assert {"get", "put", "patch", "delete", "options"} <= set(item)
    assert "application/merge-patch+json" in item["patch"]["requestBody"]["content"]
    headers = {one["name"] for one in item["put"]["parameters"] if one["in"] == "header"}
    assert headers == {"Content-Crs", "If-Match", "Prefer"}
