"""The abstract tests of OGC API Features Part 4, each by the name that it has there.

Draft OGC 20-002r1. Tests whose condition is not met are left out: features are not created by PUT
(`put-create`), systems of coordinates are supported (`crs84`), and there is neither GML
(`gml-srsname`, `gml`) nor JSON-FG (`jsonfg`).
"""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pyproj import Transformer
from running_api import LAMP, Api, running
from sending import (
    EPSG,
    GEOJSON,
    ITEMS,
    LAMPS,
    LAT,
    LON,
    MERGE,
    create,
    created,
    created_light,
    feature,
    patch,
    problem,
    replace,
    told,
)

from gis_registry.api.ogc import editing
from gis_registry.maps.receiving import RECEIVABLE
from gis_registry.roles import Role
from gis_registry.settings import Settings

CHANGE: dict[str, Any] = {"properties": {"accuracy_m": 0.7}}
STANDARDS = ("ogcapi-features-4/1.0",)
PREFER = {"Prefer": "return=representation"}
UNKNOWN = "3702020137999999"


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
    return created_light(analyst)


def conforms(name: str) -> pytest.MarkDecorator:
    """Mark a test by the identifier of what it tests."""
    return pytest.mark.conformance(name)


def test_every_class_that_is_declared_is_tested(
    analyst: httpx.Client, request: pytest.FixtureRequest
) -> None:
    marked = [
        name.split("/")[2]
        for one in vars(request.module).values()
        for mark in getattr(one, "pytestmark", [])
        if mark.name == "conformance"
        for name in mark.args[0].split()
    ]
    declared = {one.rpartition("/")[2] for one in editing.CONFORMANCE_CLASSES}
    assert declared == set(marked)
    assert set(editing.CONFORMANCE_CLASSES) <= set(
        analyst.get("/ogc/conformance").json()["conformsTo"]
    )


# --- Create, replace, delete ----------------------------------------------------------------------


@conforms("/conf/create-replace-delete/options")
def test_methods_are_declared(analyst: httpx.Client, api: Api) -> None:
    items, item = analyst.options(ITEMS), analyst.options(f"{ITEMS}/{api.codes[0]}")
    assert (items.status_code, item.status_code) == (200, 200)
    assert "POST" in items.headers["allow"].split(", ")
    assert "application/geo+json" in items.headers["accept-post"].split(", ")
    assert {"PUT", "PATCH", "DELETE"} <= set(item.headers["allow"].split(", "))


@conforms("/conf/create-replace-delete/create")
def test_a_feature_is_created(analyst: httpx.Client, api: Api) -> None:
    before = analyst.get(ITEMS, params={"limit": 1000}).json()
    answer = create(analyst, feature(accuracy_m=0.3, surveyed_on="2026-02-01", code=None))
    assert (answer.status_code, answer.content) == (201, b"")
    code = answer.headers["location"].rpartition("/")[2]
    assert answer.headers["location"] == f"{api.url}{ITEMS}/{code}"
    assert code not in [one["id"] for one in before["features"]]
    made = analyst.get(answer.headers["location"]).json()
    assert made["id"] == code
    assert made["geometry"] == {"type": "Point", "coordinates": [LON, LAT]}
    assert made["properties"]["surveyed_on"] == "2026-02-01"
    assert (made["properties"]["accuracy_m"], made["properties"]["version"]) == (0.3, 1)
    assert problem(create(analyst, {**feature(), "id": UNKNOWN}), 400)
    assert analyst.get(ITEMS).json()["numberMatched"] == before["numberMatched"] + 1


@conforms(
    "/conf/create-replace-delete/create-content-type"
    " /conf/create-replace-delete/replace-content-type /conf/update/update-content-type"
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_sent_has_a_type(analyst: httpx.Client, api: Api, method: str) -> None:
    address = ITEMS if method == "POST" else f"{ITEMS}/{api.codes[0]}"
    content = b'{"type": "Feature"}'
    assert problem(analyst.request(method, address, content=content), 400)
    other = {"Content-Type": "application/gml+xml"}
    assert "json" in problem(analyst.request(method, address, content=content, headers=other), 415)


@conforms("/conf/create-replace-delete/replace")
def test_a_feature_is_replaced(code: str, analyst: httpx.Client) -> None:
    assert told(analyst, code)["properties"]["maintainer_code"] is not None
    answer = replace(analyst, code, feature(owner_code="QD-E-31"))
    assert answer.status_code == 204
    now = told(analyst, code)
    assert now["geometry"]["coordinates"] == [LON, LAT]
    assert now["properties"]["owner_code"] == "QD-E-31"
    assert now["properties"]["maintainer_code"] is None


@conforms("/conf/create-replace-delete/replace-rid /conf/features/geojson")
def test_another_identifier_does_not_replace(analyst: httpx.Client, api: Api) -> None:
    first, second = api.codes[:2]
    for body in ({**feature(), "id": second}, feature(code=second)):
        assert problem(replace(analyst, first, body), 400)
    for code in (first, second):
        assert told(analyst, code)["properties"]["version"] == 1


@conforms("/conf/create-replace-delete/replace-exceptions")
def test_what_there_is_not_is_not_replaced(analyst: httpx.Client) -> None:
    assert problem(replace(analyst, UNKNOWN, feature()), 404)
    assert problem(replace(analyst, UNKNOWN, feature(), **{"If-Match": '"xyz"'}), 404)
    assert problem(analyst.get(f"{ITEMS}/{UNKNOWN}"), 404)


@conforms("/conf/create-replace-delete/delete")
def test_what_is_deleted_is_not_found(code: str, analyst: httpx.Client) -> None:
    assert analyst.delete(f"{ITEMS}/{code}").status_code == 204
    for method in ("GET", "DELETE"):
        assert problem(analyst.request(method, f"{ITEMS}/{code}"), 404)


# --- Update ---------------------------------------------------------------------------------------


@conforms("/conf/update/options")
def test_updates_are_declared(analyst: httpx.Client, api: Api) -> None:
    answer = analyst.options(f"{ITEMS}/{api.codes[0]}")
    assert answer.status_code == 200
    assert "PATCH" in answer.headers["allow"].split(", ")
    assert "application/merge-patch+json" in answer.headers["accept-patch"].split(", ")


@conforms("/conf/update/update /conf/features/json-merge-patch")
def test_parts_are_updated(code: str, analyst: httpx.Client, api: Api) -> None:
    before = told(analyst, code)
    change = {
        "geometry": {"type": "Point", "coordinates": [LON, LAT]},
        "properties": {"accuracy_m": 0.7, "owner_code": "QD-E-31", "maintainer_code": None},
    }
    assert patch(analyst, code, change).status_code == 204
    now = told(analyst, code)
    assert now["geometry"] == change["geometry"]
    assert now["properties"].items() >= change["properties"].items()
    changed = {k for k, one in now["properties"].items() if one != before["properties"][k]}
    assert changed <= {*change["properties"], "version", "cell_code"}
    assert {*now} == {*before}
    assert problem(patch(analyst, code, {"properties": {"code": api.codes[1]}}), 400)


@conforms("/conf/update/update-rid")
def test_another_identifier_does_not_update(code: str, analyst: httpx.Client, api: Api) -> None:
    assert problem(patch(analyst, code, {**CHANGE, "id": api.codes[1]}), 400)
    assert told(analyst, code)["properties"]["version"] == 1


# --- Optimistic locking by ETag -------------------------------------------------------------------


@conforms("/conf/optimistic-locking-etags/get-etag")
def test_features_have_etags(analyst: httpx.Client, api: Api) -> None:
    for code in api.codes:
        answer = analyst.get(f"{ITEMS}/{code}")
        assert answer.status_code == 200
        assert re.fullmatch(r'(W/)?"[^"]+"', answer.headers["etag"])


@conforms(
    "/conf/optimistic-locking-etags/replace /conf/optimistic-locking-etags/update"
    " /conf/optimistic-locking-etags/delete"
)
@pytest.mark.parametrize(
    ("method", "body", "kind"),
    [("PUT", feature(), GEOJSON), ("PATCH", CHANGE, MERGE), ("DELETE", None, {})],
)
def test_a_change_is_for_the_version_that_was_read(
    code: str, analyst: httpx.Client, method: str, body: object, kind: dict[str, str]
) -> None:
    address = f"{ITEMS}/{code}"
    etag = analyst.get(address).headers["etag"]

    def ask(address: str = address, **headers: str) -> httpx.Response:
        return analyst.request(method, address, json=body, headers={**kind, **headers})

    for wrong in ('"0"', '"xyz"', '"99999999999"', "garbage"):
        answer = ask(**{"If-Match": wrong})
        assert problem(answer, 412)
        assert answer.json()["type"] == "/problems/outdated"
    assert told(analyst, code)["properties"]["version"] == 1
    done = ask(**{"If-Match": etag})
    assert done.status_code == 204
    assert done.headers.get("etag", "")[:3] == ("" if method == "DELETE" else '"2-')
    if method == "DELETE":
        assert problem(analyst.get(address), 404)
        assert problem(ask(**{"If-Match": etag}), 404)
        assert ask(f"{ITEMS}/{created(analyst, feature())}").status_code == 204
    else:
        assert problem(ask(**{"If-Match": etag}), 412)
        assert ask(**{"If-Match": 'W/"2"'}).status_code == ask().status_code == 204


# --- Features -------------------------------------------------------------------------------------


@conforms("/conf/features/endpoints")
def test_features_are_those_of_collections(analyst: httpx.Client) -> None:
    editable = []
    for one in analyst.get("/ogc/collections", params={"limit": 1000}).json()["collections"]:
        items = f"/ogc/collections/{one['id']}/items"
        if "POST" in analyst.options(items).headers["allow"].split(", "):
            editable.append(one["id"])
    assert {"components", f"components-{LAMP}"} <= set(editable)
    assert all(one.startswith("components") for one in editable)
    assert "components-history" not in editable
    found = analyst.get(ITEMS, params={"limit": 1000}).json()["features"]
    assert found
    for one in found[:3]:
        assert "DELETE" in analyst.options(f"{ITEMS}/{one['id']}").headers["allow"]


@conforms("/conf/features/crs")
@pytest.mark.parametrize(
    ("srid", "northing_first"),
    [(4326, True), (4490, True), (3857, False), (4549, True), (32651, False)],
)
def test_positions_are_in_the_system_that_is_said(
    analyst: httpx.Client, srid: int, northing_first: bool
) -> None:
    offered = analyst.get("/ogc/collections/components").json()["crs"]
    uri = EPSG.format(srid)
    x, y = Transformer.from_crs(4490, srid, always_xy=True).transform(LON, LAT)
    body = feature()
    body["geometry"]["coordinates"] = [y, x] if northing_first else [x, y]
    answer = create(analyst, body, **{"Content-Crs": f"<{uri}>"})
    assert (uri in offered) is (srid != 32651)
    if uri not in offered:
        assert "`Content-Crs` must be one of" in problem(answer, 400)
        return
    assert answer.status_code == 201, answer.text
    code = answer.headers["location"].rpartition("/")[2]
    assert told(analyst, code)["geometry"]["coordinates"] == pytest.approx([LON, LAT], abs=1e-8)
    again = told(analyst, code, crs=uri)["geometry"]["coordinates"]
    assert again == pytest.approx(body["geometry"]["coordinates"], abs=1e-3)
    plain = told(analyst, created(analyst, feature()), crs=uri)["geometry"]["coordinates"]
    assert plain == pytest.approx(again, abs=1e-3)
    bare = {"geometry": {"type": "Point", "coordinates": again}}
    assert patch(analyst, code, bare, **{"Content-Crs": uri}).status_code == 204


@conforms("/conf/features/schema")
def test_the_schema_says_what_can_be_set(analyst: httpx.Client) -> None:
    answer = analyst.get(f"/ogc/collections/components-{LAMP}/schema")
    assert answer.headers["content-type"] == "application/schema+json"
    schema = answer.json()
    properties = schema["properties"]
    assert properties["geometry"]["format"] == "geometry-point"
    assert properties["code"]["x-ogc-role"] == "id"
    assert properties["state"]["enum"] == ["active"]
    read_only = {name for name, one in properties.items() if one.get("readOnly")}
    assert "state" in read_only
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
    assert {name for name, one in divisions.items() if not one.get("readOnly")} == {"geometry"}
    assert len(divisions) > 1


# --- Return of the resource's representation ------------------------------------------------------


@conforms("/conf/return-resource-representation-in-response/prefer")
@pytest.mark.parametrize("preferred", [{}, PREFER, {"Prefer": "return=minimal"}])
def test_a_preference_is_no_reason_to_refuse(
    analyst: httpx.Client, preferred: dict[str, str]
) -> None:
    code = created(analyst, feature())
    assert create(analyst, feature(), **preferred).status_code == 201
    assert replace(analyst, code, feature(), **preferred).is_success
    assert patch(analyst, code, CHANGE, **preferred).is_success


@conforms(
    "/conf/return-resource-representation-in-response/representation"
    " /conf/return-resource-representation-in-response/content-negotiation"
    " /conf/return-resource-representation-in-response/preference-applied"
)
def test_the_feature_is_answered_with_if_it_is_preferred(analyst: httpx.Client) -> None:
    prefer = {**PREFER, "Accept": "application/geo+json"}
    made = create(analyst, feature(accuracy_m=0.4), **prefer)
    code = made.json()["id"]
    replaced = replace(analyst, code, feature(accuracy_m=0.5), **prefer)
    updated = patch(analyst, code, {"properties": {"accuracy_m": 0.6}}, **prefer)
    assert [one.status_code for one in (made, replaced, updated)] == [201, 200, 200]
    for answer, accuracy_m in ((made, 0.4), (replaced, 0.5), (updated, 0.6)):
        assert answer.headers["preference-applied"] == "return=representation"
        assert answer.headers["content-type"] == "application/geo+json"
        assert answer.json()["properties"]["accuracy_m"] == accuracy_m
    in_class = analyst.patch(
        f"{LAMPS}/{code}", json={"properties": {"class_code": "0101"}}, headers={**MERGE, **prefer}
    )
    assert in_class.json()["properties"]["class_code"] == "0101"  # though it is no light now


@conforms("/conf/return-resource-representation-in-response/minimal")
@pytest.mark.parametrize("preferred", [{}, {"Prefer": "return=minimal"}])
def test_otherwise_the_answer_is_empty(analyst: httpx.Client, preferred: dict[str, str]) -> None:
    made = create(analyst, feature(), **preferred)
    code = made.headers["location"].rpartition("/")[2]
    replaced = replace(analyst, code, feature(accuracy_m=0.5), **preferred)
    updated = patch(analyst, code, CHANGE, **preferred)
    assert made.content == replaced.content == updated.content == b""
    assert all("preference-applied" not in one.headers for one in (made, replaced, updated))
