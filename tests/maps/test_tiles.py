"""Vector tiles: of every zoom they hold the whole registry, as it is now."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from delivered import GUARDRAIL, WATER, frame, load, places, point, write_geojson
from making import CORNER, DAY, moved, register
from morecantile import tms
from publishing import LAT, LON, publish
from shapely.geometry import LineString, box
from sqlalchemy import text
from sqlalchemy.orm import Session
from street import register_many
from tiled import (
    ZOOMS,
    all_features,
    by_class,
    content,
    count,
    features,
    layer_collections,
    occupied,
    tag,
)

from gis_registry.components import editing
from gis_registry.components.tables import ComponentState
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.maps import collections, tiles, tiles_grid
from gis_registry.maps.collections import Collection, KeyColumn, Property
from gis_registry.maps.queryables import PropertyType
from gis_registry.maps.tiles_grid import Tile
from gis_registry.surveys import service as surveys

LIGHT, BIN = "0137", "0301"
#: Longitude of an edge between tiles from zoom 12 on, in the city.
EDGE = round((CORNER[0] + 180) / 360 * 2**12) / 2**12 * 360 - 180
GRID = tms.get("WebMercatorQuad")


def tile_at(place: tuple[float, float], z: int) -> Tile:
    found = GRID.tile(*place, z)
    return Tile(z, found.x, found.y)


def registered(session: Session, **condition: object) -> Counter[str]:
    """Count components of each class by themselves."""
    rows = session.execute(
        text("SELECT k.code, count(*) FROM components c JOIN component_classes k ON k.id ="
             " c.class_id WHERE state = :state GROUP BY 1"), {"state": "active", **condition}
    )  # fmt: skip
    return Counter(dict(tuple(row) for row in rows))


def edit(session: Session, code: str, **change: object) -> None:
    editing.edit(session, code, actor="test", reason="test", on_date=DAY, **change)  # type: ignore[arg-type]


@pytest.fixture
def city(session: Session, tmp_path: Path) -> Session:
    """Register points far and near, on edges between tiles, lines and areas over several tiles."""
    random = Random(7)
    for number in range(30):
        metres = random.choice((2, 30, 400))
        lon, lat = moved(*CORNER, azimuth=random.uniform(0, 360), metres=metres)
        register(session, lon, lat, class_code=(LIGHT, BIN)[number % 2])
    on_edge = register(session, *CORNER)
    session.execute(
        text("UPDATE components SET geom = ST_SetSRID(ST_Point(:lon, 36.0671), 4490)"
             " WHERE code = :code"), {"lon": EDGE, "code": on_edge}
    )  # fmt: skip
    register(session, *CORNER, state=ComponentState.RETIRED)
    lon, lat = 120.36, 36.07
    frame([LineString([(lon, lat), (lon + 0.003, lat + 0.0007)])]).to_file(tmp_path / "l.gpkg")
    frame([box(lon, lat, lon + 0.001, lat + 0.001)]).to_file(tmp_path / "a.gpkg")
    load(session, tmp_path / "l.gpkg", class_code=GUARDRAIL)
    load(session, tmp_path / "a.gpkg", class_code=WATER)
    return session


def test_the_tiles_of_every_zoom_hold_every_component_once(city: Session) -> None:
    codes = set(city.scalars(text("SELECT code FROM components WHERE state = 'active'")))
    for z in ZOOMS:
        found = all_features(city, z)
        assert by_class(found) == registered(city)
        assert all(("is_aggregated" in one) == (z <= 13) for one in found)
        retired = all_features(city, z, states=["retired"])
        assert by_class(retired) == registered(city, state="retired") == {LIGHT: 1}
        assert count(all_features(city, z, states=["active", "retired"])) == count(found) + 1
        if z > 13:
            told = Counter(one["code"] for one in found if one["count"])
            assert set(told.values()) == {1}
            assert set(told) == codes
            assert {one["state"] for one in found} == {"active"}


@pytest.mark.parametrize("z", [0, 5, 13, 14, 18])
def test_classes_and_units_can_be_chosen(session: Session, z: int) -> None:
    register(session, *CORNER, maintainer="QD-CC")
    register(session, *CORNER, owner="QD-CC", class_code=BIN)
    register(session, *CORNER, maintainer="QD-E-01", owner="QD-CC")
    register(session, *CORNER)
    tile = tile_at(CORNER, z)

    def chosen(**asked: list[str]) -> Counter[str]:
        return by_class(features(content(session, tile, **asked)))

    assert chosen() == {LIGHT: 3, BIN: 1}
    assert chosen(classes=[BIN]) == {BIN: 1}
    assert chosen(classes=[BIN, LIGHT], units=["QD-CC"]) == {LIGHT: 1, BIN: 1}
    assert chosen(units=["QD-CC", "none"]) == {LIGHT: 2, BIN: 1}
    assert chosen(units=["none"]) == {LIGHT: 1}
    assert chosen(classes=[BIN], units=["QD-E-01"]) == {}
    class_id = session.scalar(text("SELECT class_id FROM components LIMIT 1"))
    lights = collections.components_of_class(class_id, LIGHT, "路灯", "street light")
    assert by_class(features(content(session, tile, lights))) == {LIGHT: 3}
    assert by_class(features(content(session, tile, lights, units=["none"]))) == {LIGHT: 1}
    with pytest.raises(InvalidInput, match="leave out `class`"):
        content(session, tile, lights, classes=[BIN])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"classes": ["9999"]}, "no class '9999'"),
        ({"units": ["QD-CC", "X"]}, "no unit 'X'"),
        ({"states": ["withdrawn"]}, "active, retired"),
    ],
)
def test_what_there_is_not_cannot_be_chosen(
    session: Session, asked: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        content(session, Tile(0, 0, 0), **asked)


def test_only_components_have_classes_and_units(session: Session) -> None:
    with pytest.raises(InvalidInput, match="divisions has none"):
        content(session, Tile(0, 0, 0), collections.divisions(), states=["active"])


@pytest.mark.parametrize("z", [0, 13, 14, 20])
def test_an_edit_shows_in_the_next_tile_and_changes_its_tag(session: Session, z: int) -> None:
    code = register(session, *CORNER)
    tile = tile_at(CORNER, z)
    before = tag(session, tile)
    assert tag(session, tile) == before
    assert tag(session, tile, states=["retired"]) != before
    there = moved(*CORNER, azimuth=90, metres=3)
    edit(session, code, position=there)
    after = tag(session, tile)
    assert after != before
    assert count(features(content(session, tile_at(there, z)))) == 1
    edit(session, code, state=ComponentState.RETIRED)
    assert tag(session, tile) not in (before, after)
    assert content(session, tile) == b""
    assert count(features(content(session, tile_at(there, z), states=["retired"]))) == 1


@pytest.mark.parametrize("z", [0, 13, 14, 18])
def test_classes_of_two_editions_with_one_code_are_counted_together(
    session: Session, monkeypatch: pytest.MonkeyPatch, z: int
) -> None:
    monkeypatch.setattr(tiles, "MOST_FEATURES", 1)
    register(session, *CORNER)
    code = register(session, *CORNER)
    register(session, *CORNER, class_code=BIN)
    session.execute(
        text("UPDATE components SET class_id = (SELECT min(id) FROM component_classes WHERE code ="
             " :light AND NOT is_in_profile) WHERE code = :code"), {"light": LIGHT, "code": code}
    )  # fmt: skip
    told = features(content(session, tile_at(CORNER, z)))
    assert by_class(told) == {LIGHT: 2, BIN: 1}
    assert all(one["is_aggregated"] for one in told)
    assert count(features(content(session, tile_at(CORNER, z), classes=[LIGHT]))) == 2


def test_a_renamed_class_changes_the_tags(session: Session) -> None:
    register(session, *CORNER)
    before = tag(session, tile_at(CORNER, 10))
    session.execute(text("UPDATE component_classes SET name_zh = '灯' WHERE code = '0137'"))
    assert tag(session, tile_at(CORNER, 10)) != before


def test_a_survey_shows_when_it_is_applied_and_goes_when_it_is_reverted(
    session: Session, tmp_path: Path
) -> None:
    frame(places(30)).to_file(tmp_path / "lights.gpkg")
    tags = {z: [tag(session, tile_at(places(1)[0], z))] for z in ZOOMS}
    applied = load(session, tmp_path / "lights.gpkg")
    for z in ZOOMS:
        assert count(all_features(session, z)) == 30
        tags[z].append(tag(session, tile_at(places(1)[0], z)))
    surveys.revert(session, applied.survey, actor="test")
    for z in ZOOMS:
        assert all_features(session, z) == []
        tags[z].append(tag(session, tile_at(places(1)[0], z)))
        assert len(set(tags[z])) == 3


@pytest.mark.parametrize("z", [14, 15, 16, 17, 18])
def test_what_is_too_much_for_a_tile_is_counted(
    session: Session, monkeypatch: pytest.MonkeyPatch, z: int
) -> None:
    register_many(session, 300)
    monkeypatch.setattr(tiles, "MOST_FEATURES", 15)
    found = all_features(session, z)
    assert by_class(found) == registered(session) == {LIGHT: 300}
    assert any("is_aggregated" in one for one in found)
    monkeypatch.setattr(tiles, "MOST_FEATURES", 4000)
    monkeypatch.setattr(tiles, "MOST_BYTES", 2000)
    monkeypatch.setattr("tiled.tiles.MOST_BYTES", 100_000)
    assert by_class(all_features(session, z)) == {LIGHT: 300}


def test_a_component_says_who_it_is_and_lies_where_it_is(session: Session) -> None:
    code = register(session, *CORNER)
    tile = tile_at(CORNER, 18)
    (found,) = features(content(session, tile))
    lon, lat = found["geometry"].pop("coordinates")
    assert found == {
        "geometry": {"type": "Point"},
        "code": code,
        "class_code": LIGHT,
        "state": "active",
        "count": 1,
    }
    west, south, east, north = GRID.bounds(GRID.tile(*CORNER, 18))
    assert west + (lon + 0.5) / 4096 * (east - west) == pytest.approx(CORNER[0], abs=2e-7)
    assert north - (lat + 0.5) / 4096 * (north - south) == pytest.approx(CORNER[1], abs=2e-7)


@pytest.mark.parametrize("collection", [collections.divisions(), collections.grid_cells()])
@pytest.mark.parametrize("z", [0, 6, 9, 11])
def test_other_collections_are_whole_too(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    collection: collections.Collection,
    z: int,
) -> None:
    total = session.scalar(
        text(f"SELECT count(*) FROM {collection.source} WHERE {collection.where}")
    )
    assert total > 100
    drawn = all_features(session, z, collection)
    assert count(drawn) == total
    assert len({one["code"] for one in drawn}) == total
    assert not any("is_aggregated" in one for one in drawn)
    monkeypatch.setattr(tiles, "MOST_FEATURES", 30)
    counted = all_features(session, z, collection)
    assert count(counted) == total
    assert any("is_aggregated" in one for one in counted)


def shapes(*texts: str, names: Sequence[str] = ()) -> Collection:
    """Return a collection of geometries, each with a number as properties of some names."""
    values = ", ".join(f"({n}, ST_GeomFromText('{one}', 4490))" for n, one in enumerate(texts))
    return Collection(
        name="shapes",
        title_zh="形",
        title_en="Shapes",
        description="",
        source=f"(VALUES {values}) AS u (v, geom)",
        key=(KeyColumn("u.v", "integer"),),
        by_id="u.v = %(id)s",
        version="''",
        properties=tuple(
            Property(one, PropertyType.NUMBER, "u.v + 0.5", one, one) for one in names
        ),
        geometry="u.geom",
    )


def test_properties_of_any_name_are_told(session: Session) -> None:
    names = ["count", "is_aggregated", "geom", "u", "key", "shape", 'a "b" 100%', "面积 m²"]
    (found,) = features(
        content(session, tile_at(CORNER, 15), shapes("POINT(120.3826 36.0671)", names=names))
    )
    assert found == {
        "geometry": found["geometry"],
        "count": 1,
        **dict.fromkeys(names[3:], 0.5),
        **{f"{name}_": 0.5 for name in names[:3]},
    }


@pytest.mark.parametrize("most", [4000, 0])
def test_shapes_of_all_kinds_count_once_at_every_zoom(
    session: Session, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(tiles, "MOST_FEATURES", most)
    collection = shapes(
        "LINESTRING(120.38 36.06, 120.3801 36.0601)",
        "POLYGON((120.38 36.06, 120.380001 36.06, 120.380001 36.060001, 120.38 36.06))",
        "MULTIPOINT((120.38 36.06), (120.3802 36.0602))",
        "MULTIPOLYGON(((120.38 36.06, 120.3803 36.06, 120.3803 36.0603, 120.38 36.06)))",
        f"POINT({EDGE} 0)",
        "POINT(180 89)",
        "POINT(-180 -89)",
        names=["number"],
    )
    for z in ZOOMS:
        # The corners of the map hold what lies beyond it.
        corners = {Tile(z, 2**z - 1, 0), Tile(z, 0, 2**z - 1)}
        near = {
            one
            for one in occupied(session, collection.source, collection.geometry, z)
            if min(one.x, one.y) >= 0 and max(one.x, one.y) < 2**z
        }
        found = [features(content(session, tile, collection)) for tile in corners | near]
        assert sum(map(count, found)) == 7


@pytest.mark.parametrize("most", [4000, 1])
def test_thematic_layers_have_tiles(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    rows = [(point(LON, LAT + n / 1000), {"名称": f"园{n}", "no": n}) for n in range(3)]
    publish(session, write_geojson(tmp_path / "parks.geojson", rows), "parks")
    parks = layer_collections(session)["parks"]
    monkeypatch.setattr(tiles, "MOST_FEATURES", most)
    for z in (0, 9, 14, 20):
        found = all_features(session, z, parks)
        assert count(found) == 3
        if most > 1:
            assert {one["名称"] for one in found} == {"园0", "园1", "园2"}


def test_a_tile_without_anything_is_empty(session: Session) -> None:
    assert content(session, Tile(20, 5, 5)) == b""
    assert content(session, Tile(3, 0, 0)) == b""
    assert content(session, Tile(9, 5, 5), collections.divisions()) == b""


@pytest.mark.parametrize(
    ("address", "error"),
    [
        (("21", "0", "0"), NotFound),
        (("3", "8", "0"), NotFound),
        (("3", "0", "8"), NotFound),
        (("3", "-1", "0"), InvalidInput),
        (("3", "x", "0"), InvalidInput),
        (("3.0", "1", "0"), InvalidInput),
        (("3", "٣", "0"), InvalidInput),
        (("3", "9" * 5000, "0"), InvalidInput),
    ],
)
def test_an_address_outside_of_the_grid_is_refused(
    address: tuple[str, str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        tiles_grid.find(*address)
    assert tiles_grid.find("3", "1", "2") == Tile(3, 2, 1)


def test_the_grid_is_the_registered_one() -> None:
    registered_set = GRID.model_dump(mode="json", exclude_none=True)
    ours = tiles_grid.definition()
    for mine, theirs in zip(ours["tileMatrices"], registered_set["tileMatrices"], strict=True):
        assert mine == {**theirs, "scaleDenominator": pytest.approx(theirs["scaleDenominator"]),
                        "cellSize": pytest.approx(theirs["cellSize"])}  # fmt: skip
    assert {**ours, "tileMatrices": 0} == {**registered_set, "tileMatrices": 0}


@pytest.mark.parametrize("z", [0, 1, 7, 14, 20])
def test_tiles_lie_where_morecantile_has_them(z: int) -> None:
    random = Random(z)
    for _ in range(20):
        place = random.uniform(-180, 180), random.uniform(-85, 85)
        tile = tile_at(place, z)
        assert tiles_grid.at(*place, z) == tile
        theirs = GRID.bounds(GRID.tile(*place, z))
        for mine, there in zip(tile.box(), theirs, strict=True):
            assert mine == pytest.approx(there, abs=1e-9) or abs(mine) in (90, 180)
    assert tiles_grid.limits((120.1, 36.0, 120.5, 36.3))[z]["tileMatrix"] == str(z)
