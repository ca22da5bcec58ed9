"""OGC API Features, Part 4, over HTTP: what is kept, what is gone, and what is refused."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import httpx
import mapbox_vector_tile
import pytest
from owslib.ogcapi.features import Features
from running_api import COVER, LAMP, POSITIONS, Api, running
from sending import (
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
    history,
    patch,
    problem,
    replace,
    told,
)

from gis_registry.roles import Role
from gis_registry.settings import Settings


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


def test_who_may_not_edit_is_told_so(api: Api, analyst: httpx.Client) -> None:
    divisions = analyst.options("/ogc/collections/divisions/items")
    assert divisions.headers["allow"] == "GET, HEAD, OPTIONS"
    refused = analyst.post("/ogc/collections/divisions/items", json=feature(), headers=GEOJSON)
    assert problem(refused, 405)
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS"
    with api.as_(Role.READER) as client:
        assert client.options(ITEMS).headers["allow"] == "GET, HEAD, OPTIONS"
        assert problem(create(client, feature()), 403)
    with api.as_(None) as client:
        assert problem(create(client, feature()), 401)


def test_without_a_reason_the_history_names_the_program(code: str, analyst: httpx.Client) -> None:
    (state,) = history(analyst, code)
    assert state["actor"] == "analyst-1"
    assert state["reason"].startswith("OGC API Features: POST by python-httpx/")


def test_identifiers_are_issued_and_never_chosen_or_used_again(
    analyst: httpx.Client, api: Api
) -> None:
    for chosen in ({"id": "3702020137000999"}, {"properties": {"code": "3702020137000999"}}):
        assert problem(create(analyst, feature() | chosen), 400)
    first = created(analyst, feature())
    assert analyst.delete(f"{ITEMS}/{first}").status_code == 204
    second = created(analyst, feature())
    assert int(second) == int(first) + 1


def test_what_is_replaced_by_the_same_stays_the_version_it_is(
    code: str, analyst: httpx.Client
) -> None:
    body = told(analyst, code)
    body["properties"] |= {"owner_code": "QD-E-31", "maintainer_code": None}
    body["geometry"]["coordinates"] = [LON, LAT]
    answer = analyst.put(f"{ITEMS}/{code}", json=body, headers=GEOJSON, params={"reason": "换灯"})
    assert (answer.status_code, answer.headers["etag"][:3]) == (204, '"2-')
    now = analyst.get(f"{ITEMS}/{code}", headers={"If-None-Match": answer.headers["etag"]})
    assert now.status_code == 304
    assert [one["reason"] for one in history(analyst, code)][1:] == ["换灯"]
    plain = {key: told(analyst, code)[key] for key in ("type", "geometry")}
    for _ in range(2):
        again = replace(analyst, code, plain)
        assert (again.status_code, again.headers["etag"][:3]) == (204, '"3-')
    assert told(analyst, code)["properties"]["owner_code"] is None
    assert len(history(analyst, code)) == 3


def test_what_is_retired_is_gone_and_its_address_says_where_it_is(
    code: str, analyst: httpx.Client
) -> None:
    assert analyst.delete(f"{ITEMS}/{code}", params={"reason": "已拆除"}).status_code == 204
    assert [one["reason"] for one in history(analyst, code)][1:] == ["已拆除"]
    item, other = f"{ITEMS}/{code}", f"/ogc/collections/components-{COVER}/items/{code}"
    said = {
        problem(one, 404)
        for one in (
            analyst.get(item),
            analyst.get(f"{LAMPS}/{code}"),
            replace(analyst, code, feature()),
            patch(analyst, code, {"properties": {"state": "active"}}),
            patch(analyst, code, {"properties": {"accuracy_m": 1.5}}, **{"If-Match": '"2"'}),
            analyst.delete(item),
        )
    }
    assert len(said) == 1
    (text,) = said
    assert text.startswith(f"{code} is retired")
    assert f"gis-registry component edit {code} --state active" in text
    assert analyst.head(item).status_code == 404
    assert "has no feature" in problem(analyst.get(other), 404)
    assert "has no feature" in problem(analyst.get(f"{ITEMS}/3702020137999999"), 404)
    former, address = (one.strip(";") for one in text.split() if one.startswith("/"))
    state = analyst.get(former).json()["properties"]
    assert (state["code"], state["state"], state["reason"]) == (code, "retired", "已拆除")
    assert analyst.get(address).json()["state"] == "retired"
    restored = analyst.patch(address, json={"state": "active", "reason": "仍在"})
    assert restored.status_code == 200
    assert told(analyst, code)["properties"]["state"] == "active"


def test_a_state_is_not_set(code: str, analyst: httpx.Client) -> None:
    for state in ("retired", "withdrawn", None):
        change = {"properties": {"state": state}}
        assert "DELETE retires a component" in problem(patch(analyst, code, change), 400)
    body = feature(state="retired")
    assert "DELETE retires a component" in problem(replace(analyst, code, body), 400)
    assert patch(analyst, code, {"properties": {"state": "active"}}).headers["etag"][:3] == '"1-'


def test_items_tiles_and_files_agree_on_what_stands(code: str, analyst: httpx.Client) -> None:
    def counts() -> list[int]:
        page = analyst.get(ITEMS, params={"limit": 1000}).json()
        filtered = analyst.get(ITEMS, params={"limit": 1, "filter": "state = 'active'"}).json()
        file = analyst.get(ITEMS, params={"f": "geojsonseq"}).text
        found = [page["numberMatched"], len(page["features"]), filtered["numberMatched"]]
        return [*found, file.count("\x1e"), in_tile()]

    def in_tile(**asked: str) -> int:
        address = "/ogc/collections/components/tiles/WebMercatorQuad/0/0/0"
        layers = mapbox_vector_tile.decode(analyst.get(address, params=asked).content)
        return sum(one["properties"]["count"] for one in layers["components"]["features"])

    before = counts()
    assert len(set(before)) == 1
    retired = in_tile(state="active,retired") - before[0]
    assert analyst.delete(f"{ITEMS}/{code}").status_code == 204
    assert counts() == [one - 1 for one in before]
    assert in_tile(state="active,retired") - counts()[0] == retired + 1
    assert analyst.get(ITEMS, params={"state": "retired"}).json()["numberMatched"] == 0


def test_attributes_are_merged_and_a_class_is_changed(code: str, analyst: httpx.Client) -> None:
    assert (
        patch(analyst, code, {"properties": {"attributes": {"灯": 3}}}).headers["etag"][:3] == '"2-'
    )
    detail = analyst.get(f"/api/components/{code}").json()
    assert detail["attributes"] == {"材质": "球墨铸铁", "灯": 3}
    same = {"geometry": {"coordinates": list(POSITIONS[0])}}
    assert patch(analyst, code, same).headers["etag"][:3] == '"2-'
    assert patch(analyst, code, {"properties": {"class_code": "0138"}}).status_code == 204
    assert analyst.get(f"{LAMPS}/{code}").status_code == 404
    assert history(analyst, code)[-1]["operation"] == "reclassified"


def test_a_version_that_is_sent_is_the_one_that_is_changed(
    code: str, analyst: httpx.Client, api: Api
) -> None:
    assert patch(analyst, code, {"properties": {"accuracy_m": 0.7}}).status_code == 204
    assert problem(patch(analyst, code, {"properties": {"accuracy_m": 0.8, "version": 1}}), 412)
    late = analyst.put(f"{ITEMS}/{code}", json=feature(version=1), headers=GEOJSON)
    assert problem(late, 412)


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
        ({"properties": {"class_code": LAMP, "surveyed_on": 0}}, "such as 2026-05-31"),
        ({"properties": {"class_code": LAMP, "surveyed_on": "1717113600"}}, "such as 2026-05-31"),
        ({"properties": {"class_code": LAMP, "surveyed_on": "2999-01-01"}}, "still to come"),
        ({"properties": {"class_code": LAMP, "state": "active"}}, "DELETE retires"),
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
        page = analyst.get(ITEMS, params=asked).json()
        assert page["numberReturned"] == page["numberMatched"]
        return int(page["numberMatched"])

    assert count() == 0
    code = created(analyst, feature(lon, lat))
    assert count() == 1
    away = {"geometry": {"type": "Point", "coordinates": list(POSITIONS[0])}}
    assert patch(analyst, code, away).status_code == 204
    assert count() == 0


def test_the_day_of_the_survey_is_today_without_another(analyst: httpx.Client) -> None:
    code = created(analyst, feature())
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
    assert "is retired" in problem(analyst.get(f"{ITEMS}/{code}"), 404)


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
