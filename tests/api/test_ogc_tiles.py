"""OGC API Tiles over HTTP: documents, tiles, fresh at once, and what is refused."""

from collections.abc import Iterator
from typing import Any

import httpx
import mapbox_vector_tile
import pytest
from morecantile import tms
from running_api import COVER, LAMP, POSITIONS, Api, got

from gis_registry.maps import tiles
from gis_registry.maps.tiles import MEDIA_TYPE
from gis_registry.roles import Role

PLACE = "/ogc/collections/components/tiles/WebMercatorQuad"
GRID = tms.get("WebMercatorQuad")


@pytest.fixture
def reader(api: Api) -> Iterator[httpx.Client]:
    with api.as_(Role.READER) as client:
        yield client


def address(z: int, place: tuple[float, float] = POSITIONS[0], base: str = PLACE) -> str:
    tile = GRID.tile(*place, z)
    return f"{base}/{z}/{tile.y}/{tile.x}"


def features(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == MEDIA_TYPE
    (layer,) = mapbox_vector_tile.decode(answer.content).values()
    return [one["properties"] for one in layer["features"]]


def test_tilejson_leads_to_the_same_tiles(reader: httpx.Client) -> None:
    told = got(reader, PLACE, f="tilejson", **{"class": COVER})
    assert told["tilejson"] == "3.0.0"
    west, south, east, north = told["bounds"]
    assert all(west <= lon <= east and south <= lat <= north for lon, lat in POSITIONS)
    (layer,) = told["vector_layers"]
    assert {"code", "class_code", "state", "count", f"class_{LAMP}"} <= set(layer["fields"])
    tile = GRID.tile(*POSITIONS[0], 9)
    (found,) = features(reader.get(told["tiles"][0].format(z=9, x=tile.x, y=tile.y)))
    assert found == {"count": 1, "is_aggregated": True, f"class_{COVER}": 1}
    borders = got(reader, PLACE.replace("components", "divisions"), f="tilejson")
    assert "OpenStreetMap" in borders["attribution"]


@pytest.mark.parametrize("z", range(21))
def test_every_zoom_has_every_component(shared_api: Api, z: int) -> None:
    with shared_api.as_(Role.READER) as client:
        places = {(GRID.tile(*place, z).y, GRID.tile(*place, z).x) for place in POSITIONS}
        found = [one for y, x in places for one in features(client.get(f"{PLACE}/{z}/{y}/{x}"))]
    assert sum(one["count"] for one in found) == 5
    if z > 13:
        assert {one["code"] for one in found} == set(shared_api.codes)


def test_a_tile_is_asked_about_each_time_and_fresh_after_an_edit(api: Api) -> None:
    with api.as_(Role.READER) as reader, api.as_(Role.ANALYST) as analyst:
        for z in (0, 13, 15):
            first = reader.get(address(z))
            tag = first.headers["etag"]
            assert tag.startswith('"')
            assert first.headers["cache-control"] == "private, no-cache"
            assert {"Authorization", "Cookie"} <= set(first.headers["vary"].split(", "))
            again = reader.get(address(z), headers={"If-None-Match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            before = sum(one["count"] for one in features(first))
            code = api.codes[0]
            version = analyst.get(f"/api/components/{code}").headers["etag"]
            state = "retired" if z != 13 else "active"
            edited = analyst.patch(
                f"/api/components/{code}",
                json={"state": state, "reason": "test"},
                headers={"If-Match": version},
            )
            assert edited.status_code == 200, edited.text
            fresh = reader.get(address(z), headers={"If-None-Match": tag})
            assert fresh.headers["etag"] != tag
            counted = sum(one["count"] for one in features(fresh))
            assert counted == before + (1 if state == "active" else -1)


def test_a_tile_may_be_kept_for_all_where_no_key_is_needed(api: Api) -> None:
    answer = api.as_(None).get(address(12))
    assert answer.status_code in (200, 401)
    if answer.status_code == 200:
        assert answer.headers["cache-control"] == "public, no-cache"


def test_tiles_of_divisions_are_known_by_their_content(shared_api: Api) -> None:
    with shared_api.as_(Role.READER) as client:
        place = address(9, base=PLACE.replace("components", "divisions"))
        first = client.get(place)
        assert {one["level"] for one in features(first)} >= {"city", "district"}
        tag = first.headers["etag"].removeprefix("W/")
        again = client.get(place, headers={"If-None-Match": f'"other", W/{tag}'})
        assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/21/0/0", 404, "no tile matrix 21"),
        ("/3/8/0", 404, "rows and columns 0 to 7"),
        ("/3/0/9999999999", 400, "`tileCol` must be a whole number"),
        ("/3/-1/0", 400, "`tileRow`"),
        ("/x/0/0", 400, "`tileMatrix`"),
        ("/3/0/0?class=9999", 400, "no class '9999'"),
        ("/3/0/0?class=", 400, "no class ''"),
        ("/3/0/0?state=gone", 400, "`state` must be of active, retired"),
        ("/3/0/0?unit=X", 400, "no unit 'X'"),
        ("/3/0/0?colour=red", 400, "no parameter 'colour'"),
        ("/3/0/0?f=png", 400, "`f` must be one of mvt"),
    ],
)
def test_what_is_no_tile_is_refused(shared_api: Api, path: str, status: int, said: str) -> None:
    with shared_api.as_(Role.READER) as client:
        answer = client.get(PLACE + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_what_there_is_not_is_not_found(shared_api: Api) -> None:
    with shared_api.as_(Role.READER) as client:
        for path in (
            "/ogc/collections/nothing/tiles",
            "/ogc/collections/nothing/tiles/WebMercatorQuad/0/0/0",
            "/ogc/collections/components/tiles/WorldCRS84Quad",
            "/ogc/collections/components/tiles/WorldCRS84Quad/0/0/0",
            "/ogc/tileMatrixSets/WorldCRS84Quad",
        ):
            assert client.get(path).status_code == 404
        empty = client.get(f"{PLACE}/20/0/0")
        assert (empty.status_code, empty.content) == (204, b"")
        known = client.get(f"{PLACE}/20/0/0", headers={"If-None-Match": empty.headers["etag"]})
        assert known.status_code == 304


TOGETHER = "/ogc/tiles/WebMercatorQuad"


def test_tiles_of_several_are_those_of_each(api: Api) -> None:
    with api.as_(Role.READER) as client:
        for z in (0, 9, 15):
            alone = [
                mapbox_vector_tile.decode(client.get(address(z, base=place)).content)
                for place in (PLACE, PLACE.replace("components", "divisions"))
            ]
            both = client.get(address(z, base=TOGETHER))
            assert mapbox_vector_tile.decode(both.content) == alone[0] | alone[1]
            assert (
                client.get(
                    address(z, base=TOGETHER), headers={"If-None-Match": both.headers["etag"]}
                ).status_code
                == 304
            )
        lamps = client.get(address(9, base=TOGETHER), params={"class": LAMP})
        found = mapbox_vector_tile.decode(lamps.content)
        (cell,) = [one["properties"] for one in found["components"]["features"]]
        assert cell["count"] == 4
        told = got(client, TOGETHER, f="tilejson")
        assert "OpenStreetMap" in told["attribution"]
    with api.as_(Role.ANALYST) as analyst:
        code = api.codes[0]
        version = analyst.get(f"/api/components/{code}").headers["etag"]
        edited = analyst.patch(
            f"/api/components/{code}",
            json={"state": "retired", "reason": "test"},
            headers={"If-Match": version},
        )
        assert edited.status_code == 200
        fresh = analyst.get(
            address(15, base=TOGETHER), headers={"If-None-Match": both.headers["etag"]}
        )
        assert fresh.status_code == 200


def test_tiles_of_several_that_are_too_large_have_counts(
    shared_api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = address(14, base=TOGETHER)
    with shared_api.as_(Role.READER) as client:
        whole = client.get(place)
        borders = client.get(f"{place}?collections=divisions")
        monkeypatch.setattr(tiles, "MOST_BYTES", len(whole.content) - 1)
        fitting = client.get(place)
        monkeypatch.setattr(tiles, "MOST_BYTES", len(borders.content) - 1)
        least = client.get(place)
    there, both = (mapbox_vector_tile.decode(one.content) for one in (whole, fitting))
    assert len(fitting.content) < len(whole.content)
    (smaller,) = [name for name in both if both[name] == there[name]]
    larger = {"components", "divisions"} - {smaller}
    assert larger & set(both)
    for name in larger & set(both):
        assert all(one["properties"]["is_aggregated"] for one in both[name]["features"])
    found = mapbox_vector_tile.decode(least.content)["components"]["features"]
    assert sum(one["properties"]["count"] for one in found) == 5


def test_what_several_cannot_be_is_refused(shared_api: Api) -> None:
    with shared_api.as_(Role.READER) as client:
        for asked, said in (
            ("collections=open-cases", "`collections` must be of divisions, components"),
            ("collections=", "'' is not"),
            ("collections=divisions&class=0101", "are of components"),
            ("class=9999", "no class '9999'"),
        ):
            for place in (TOGETHER, f"{TOGETHER}/3/0/0"):
                answer = client.get(f"{place}?{asked}")
                assert answer.status_code == 400
                assert said in answer.json()["detail"]
