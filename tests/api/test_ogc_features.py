"""OGC API Features over HTTP: documents, pages, filters, and what is refused."""

import json
from collections.abc import Iterator

import httpx
import pytest
from running_api import LAMP, POSITIONS, Api, got
from shapely import MultiPoint
from shapely import box as rectangle
from shapely.geometry import shape

from gis_registry.maps import page_ways, pages
from gis_registry.roles import Role


@pytest.fixture(scope="module")
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def reader(api: Api) -> Iterator[httpx.Client]:
    with api.as_(Role.READER) as client:
        yield client


def test_everything_is_found_from_the_landing_page(reader: httpx.Client) -> None:
    links = {one["rel"]: one["href"] for one in got(reader, "/ogc")["links"]}
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= set(links)
    names = {one["id"] for one in got(reader, links["data"])["collections"]}
    assert {"components", f"components-{LAMP}", "divisions", "grid-cells"} <= names
    assert got(reader, links["service-desc"])["openapi"].startswith("3.0")


def test_pages_lead_from_one_to_the_next(reader: httpx.Client, api: Api) -> None:
    page = got(reader, "/ogc/collections/components/items", limit=2)
    assert page["numberMatched"] == len(api.codes)
    found = page["features"]
    while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
        page = got(reader, following[0])
        found += page["features"]
    assert [one["id"] for one in found] == sorted(api.codes)


def test_pages_end_before_they_are_very_long(
    reader: httpx.Client, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = "/ogc/collections/components/items"
    whole = got(reader, items, limit=100)["features"]
    for characters, expected in ((1, 1), (3 * len(json.dumps(whole[0])), 3), (10**9, len(whole))):
        monkeypatch.setattr(pages, "MOST_CHARACTERS", characters)
        page = got(reader, items, limit=100)
        assert page["numberReturned"] == len(page["features"]) == expected
        assert page["numberMatched"] == len(whole)
        found = page["features"]
        while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
            page = got(reader, following[0])
            found += page["features"]
        assert found == whole


@pytest.mark.parametrize(("gathered", "ahead"), [(10**9, 1), (0, 1), (0, 5), (0, 10**9)], ids=str)
@pytest.mark.parametrize("collection", ["components", "components-history", "grid-cells"])
def test_pages_of_a_place_are_the_same_however_they_are_looked_for(
    reader: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    collection: str,
    gathered: int,
    ahead: int,
) -> None:
    items = f"/ogc/collections/{collection}/items"
    whole = got(reader, items, limit=10_000)["features"]
    centres = {one["id"]: shape(one["geometry"]).centroid for one in whole}
    west, south, east, north = MultiPoint(list(centres.values())).bounds
    box = f"{west},{south},{west + 0.8 * (east - west)},{north}"
    inside = f"S_INTERSECTS(geometry, BBOX({box}))"
    known = shape(whole[len(whole) // 2]["geometry"]).centroid
    area = rectangle(*map(float, box.split(",")))
    expected = [one["id"] for one in whole if shape(one["geometry"]).intersects(area)]
    assert 2 <= len(expected) < len(whole)
    monkeypatch.setattr(page_ways, "MOST_GATHERED", gathered)
    monkeypatch.setattr(page_ways, "ROWS_AHEAD", ahead)
    monkeypatch.setattr(page_ways, "FEW", 10**9)
    for asked in (
        {"bbox": box},
        {"filter": inside},
        {"bbox": box, "filter": inside},
        {"bbox": box, "filter": f"NOT S_DISJOINT(geometry, BBOX({box})) AND code IS NOT NULL"},
        {"filter": f"{inside} AND NOT S_INTERSECTS(geometry, POINT({known.x} {known.y}))"},
    ):
        page = got(reader, items, limit=max(1, len(expected) // 3), **asked)
        found = page["features"]
        while following := [one["href"] for one in page["links"] if one["rel"] == "next"]:
            page = got(reader, following[0])
            found += page["features"]
        if "POINT" in str(asked):
            shapes = {one["id"]: shape(one["geometry"]) for one in whole}
            expected = [one for one in expected if not shapes[one].intersects(known)]
        assert [one["id"] for one in found] == expected, asked
        assert page["numberMatched"] == len(expected)


EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


@pytest.mark.parametrize(
    "asked",
    [
        {"bbox": "-1e8,-1e8,1e8,1e8", "bbox-crs": f"{EPSG}4549"},
        {"bbox": "3.9e6,-5e8,4.1e6,5e8", "bbox-crs": f"{EPSG}4549"},
        {"bbox": "-3e7,-3e7,3e7,3e7", "bbox-crs": f"{EPSG}3857"},
        {"filter": f"{' * '.join(['(1e300 * 1e300)'] * 300)} > accuracy_m"},
    ],
)
def test_what_is_no_place_and_no_number_is_refused(
    reader: httpx.Client, asked: dict[str, str]
) -> None:
    assert reader.get("/ogc/collections/components/items", params=asked).status_code == 400


def test_a_header_that_is_no_key_is_nobodys(api: Api) -> None:
    for said in ("é", "!", "w6k6"):  # no ASCII, no Base64, a name without a key
        headers = {"Authorization": f"Basic {said}".encode()}
        assert api.as_(None).get("/ogc", headers=headers).status_code == 401


def test_an_interval_without_ends_lacks_none(reader: httpx.Client) -> None:
    items = "/ogc/collections/components/items"
    assert got(reader, items, filter="INTERVAL('..','..') IS NULL")["features"] == []
    every = got(reader, items, filter="INTERVAL('..','..') IS NOT NULL")
    assert every["numberMatched"] == got(reader, items)["numberMatched"]


def test_a_box_without_width_or_height_is_touched_by_areas(reader: httpx.Client) -> None:
    items = "/ogc/collections/divisions/items"
    lon, lat = POSITIONS[0]
    for box in ((lon, lat, lon, lat), (lon, lat, lon, lat + 0.01), (lon, lat, lon + 0.01, lat)):
        said = ",".join(map(str, box))
        found = got(reader, items, bbox=said, limit=1000)["features"]
        expected = got(reader, items, filter=f"S_INTERSECTS(geometry,BBOX({said}))", limit=1000)
        assert {one["id"] for one in found} == {one["id"] for one in expected["features"]}
        assert len(found) >= 3


def test_links_that_are_too_long_for_a_header_are_in_the_body(reader: httpx.Client) -> None:
    long = " OR ".join(f"code='{number:016}'" for number in range(400))
    asked = {"filter": f"accuracy_m > 0 OR {long}", "limit": 1}
    answer = reader.get("/ogc/collections/components/items", params=asked)
    assert answer.status_code == 200
    assert len(answer.headers["link"]) < 3_000
    assert "next" in {one["rel"] for one in answer.json()["links"]}


def test_a_page_of_long_outlines_is_of_few(reader: httpx.Client) -> None:
    answer = reader.get(
        "/ogc/collections/unit-areas/items",
        params={"limit": 500},
        headers={"Accept-Encoding": "identity"},
    )
    assert answer.status_code == 200
    assert 2**20 < len(answer.content) < pages.MOST_CHARACTERS * 1.1
    assert any(one["rel"] == "next" for one in answer.json()["links"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"colour": "red"}, "There is no parameter 'colour' here"),
        ({"limit": "0"}, "`limit` must be a number from 1"),
        ({"bbox": "1,2,3"}, "four numbers"),
        ({"bbox": "120,36,nan,37"}, "four numbers"),
        ({"bbox": "120,36,nan,121,37,1"}, "four numbers"),
        ({"bbox": "1_20,36,121,37"}, "four numbers"),
        ({"bbox": "120,37,121,36"}, "least corner first"),
        ({"bbox-crs": "EPSG:4326", "bbox": "1,2,3,4"}, "`bbox-crs` must be one of"),
        ({"crs": "nothing"}, "`crs` must be one of"),
        ({"datetime": "yesterday"}, "yesterday"),
        ({"datetime": "2026-07-02/2026-07-01"}, "ends before it begins"),
        ({"datetime": ".."}, "`datetime` must be"),
        ({"filter": "colour = 'red'"}, "There is no property “colour”"),
        ({"filter": "state ="}, ""),
        ({"filter-lang": "sql", "filter": "a=1"}, "`filter-lang` must be one of"),
        ({"token": "abc"}, "`token` is not of this question"),
        ({"f": "pdf"}, "`f` must be one of json"),
        ({"version": "one"}, "`version` must be a number"),
        ({"is_synthetic": "perhaps"}, "true or false"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    reader: httpx.Client, asked: dict[str, str], said: str
) -> None:
    answer = reader.get("/ogc/collections/components/items", params=asked)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/bad-request"
    assert said in answer.json()["detail"]


def test_filters_choose(reader: httpx.Client, api: Api) -> None:
    def ids(**asked: object) -> list[str]:
        page = got(reader, "/ogc/collections/components/items", **asked)
        assert page["numberMatched"] == page["numberReturned"] == len(page["features"])
        return [one["id"] for one in page["features"]]

    lamps = [one for one in api.codes if one[6:10] == LAMP]
    assert ids(class_code=LAMP) == ids(filter=f"class_code = '{LAMP}'") == sorted(lamps)
    assert ids(bbox="120.38,36.06,120.3828,36.07") == [api.codes[0]]
    surveyed = ids(datetime="2025-01-01/..", limit=100)
    assert surveyed == ids(datetime="2025-01-01T00:00:00Z/", limit=100) == sorted(api.codes)
    assert ids(datetime="1990-01-01/1991-01-01") == []


@pytest.mark.parametrize("collection", ["components", "grid-cells", "divisions"])
def test_what_is_no_time_is_refused_everywhere(reader: httpx.Client, collection: str) -> None:
    items = f"/ogc/collections/{collection}/items"
    for said in ("2026-13-99", "garbage", "2026-W27-1", "2026-02-01/2026-01-01", "a/b/c", ".."):
        for place in (items, "/ogc/collections"):
            answer = reader.get(place, params={"datetime": said})
            assert answer.status_code == 400, (place, said)
    # GDAL writes days so.
    assert reader.get(items, params={"datetime": "2025-01-01T/.."}).status_code == 200


def test_a_page_for_people_has_so_many_features(reader: httpx.Client) -> None:
    asked = {"limit": 10_000, "f": "html"}
    page = reader.get("/ogc/collections/grid-cells/items", params=asked).text
    assert page.count("<tr") == 251


def test_what_is_not_known_to_be_all_is_not_told(
    reader: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GDAL and others read as many as they are told that there are."""
    items = "/ogc/collections/components-history/items"
    assert got(reader, items)["numberMatched"] > 1
    monkeypatch.setattr(pages, "MOST_COUNTED", 1)
    assert "numberMatched" not in got(reader, items)
    assert got(reader, "/ogc/collections/grid-cells/items")["numberMatched"] > 1


def test_links_lead_to_what_they_say(reader: httpx.Client, api: Api) -> None:
    for place in ("items", f"items/{api.codes[0]}"):
        for one in got(reader, f"/ogc/collections/components/{place}")["links"]:
            told = reader.get(one["href"]).headers["content-type"]
            assert told.partition(";")[0] == one["type"].partition(";")[0], one


def test_queryables_tell_what_datetime_asks_for(reader: httpx.Client) -> None:
    def roles(collection: str) -> dict[str, str]:
        told = got(reader, f"/ogc/collections/{collection}/queryables")["properties"]
        return {one["x-ogc-role"]: name for name, one in told.items() if "x-ogc-role" in one}

    assert roles("components")["primary-instant"] == "surveyed_on"
    history = roles("components-history")
    assert history["primary-interval-start"] == "valid_from"
    assert history["primary-interval-end"] == "valid_to"


def test_a_feature_is_not_sent_again_while_it_is_the_same(reader: httpx.Client, api: Api) -> None:
    address = f"/ogc/collections/components/items/{api.codes[0]}"
    first = reader.get(address)
    assert first.json()["properties"]["code"] == api.codes[0]
    tag = first.headers["etag"]
    for known in (tag, "*", f'"other", W/{tag}'):
        again = reader.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    other = reader.get(address, headers={"If-None-Match": tag.replace('"', '"1', 1)})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("accepted", "told"),
    [
        ("application/json;q=0, text/html", "text/html"),
        ("text/html;q=0", "application/geo+json"),
        ("text/html;q=0.2, application/geo+json;q=0.9", "application/geo+json"),
        ("text/html;q=much, */*", "application/geo+json"),
        ("image/png, */*;q=0.1, text/html", "text/html"),
    ],
)
def test_the_header_accept_chooses_what_is_liked_best(
    reader: httpx.Client, accepted: str, told: str
) -> None:
    answer = reader.get("/ogc/collections/components/items", headers={"Accept": accepted})
    assert answer.headers["content-type"].startswith(told)


def test_who_may_not_read_is_told(api: Api) -> None:
    with api.as_(None) as nobody:
        assert nobody.get("/ogc/collections").status_code == 401
        key = api.keys[Role.READER]
        assert nobody.get("/ogc/collections", auth=("anybody", key)).status_code == 200
        assert nobody.get("/ogc/collections", auth=("anybody", "x")).status_code == 401


@pytest.mark.parametrize(
    "address",
    ["/ogc/collections/component", "/ogc/collections/components/items/1", "/ogc/nothing"],
)
def test_what_there_is_not_is_not_found(reader: httpx.Client, address: str) -> None:
    assert reader.get(address).status_code == 404
