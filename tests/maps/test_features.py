"""Statements of features: pages by keys, boxes, systems of coordinates, on a real database."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from sqlalchemy import text
from sqlalchemy.orm import Session
from street import COVER, LAMP, register

from gis_registry.errors import InvalidInput
from gis_registry.maps import collections, crs, features, filters, page_tokens
from gis_registry.maps.collections import Collection
from gis_registry.maps.features import Condition, Statement
from gis_registry.places import service as places

SECRET = b"of this test"


def rows(session: Session, statement: Statement) -> list[Any]:
    found = session.connection().exec_driver_sql(statement.sql, dict(statement.values))
    return [tuple(row) for row in found]


def walk(
    session: Session, collection: Collection, limit: int, *conditions: Condition
) -> list[dict[str, Any]]:
    """Follow the pages to their end, each by a token."""
    found: list[dict[str, Any]] = []
    after: tuple[str, ...] = ()
    while True:
        page = rows(
            session,
            features.page(collection, conditions, crs=crs.STORED, limit=limit, after=after),
        )
        found += [json.loads(row[-1]) for row in page[:limit]]
        if len(page) <= limit:
            return found
        token = page_tokens.token_of(page[limit - 1][1:-1], asked=collection.name, secret=SECRET)
        after = page_tokens.key_of(token, asked=collection.name, secret=SECRET)


@pytest.mark.parametrize("limit", [1, 7, 40, 100])
def test_pages_hold_every_component_once_and_in_order(
    session: Session, street: list[str], limit: int
) -> None:
    found = walk(session, collections.components(), limit)
    assert [one["id"] for one in found] == sorted(street)


def test_a_feature_says_what_the_registry_knows(session: Session, street: list[str]) -> None:
    session.execute(
        text("UPDATE components SET owner_id = (SELECT min(id) FROM units) WHERE code = :code"),
        {"code": street[3]},
    )
    owner = session.scalar(text("SELECT code FROM units ORDER BY id LIMIT 1"))
    ((feature, version),) = rows(
        session, features.single(collections.components(), street[3], crs=crs.STORED)
    )
    told = json.loads(feature)
    assert told["geometry"] == {"type": "Point", "coordinates": [120.3838, 36.0671]}
    token = session.scalar(text("SELECT token::text FROM reference_state"))
    assert version == f"1-{token[:8]}"
    assert told["id"] == told["properties"]["code"] == street[3]
    assert told["properties"]["owner_code"] == owner
    assert told["properties"]["maintainer_code"] is None
    assert told["properties"]["surveyed_on"] == "2026-07-01"
    assert list(told["properties"]) == [one.name for one in collections.COMPONENT_PROPERTIES]


@pytest.mark.parametrize("is_class", [False, True])
def test_what_stands_is_published(session: Session, street: list[str], is_class: bool) -> None:
    lamps = session.execute(
        text("SELECT id, code, name_zh, name_en FROM component_classes k WHERE id ="
             " (SELECT class_id FROM components WHERE code = :code)"), {"code": street[0]}
    ).one()  # fmt: skip
    collection = collections.components_of_class(*lamps) if is_class else collections.components()
    before = {one["id"] for one in walk(session, collection, 100)}
    for state, code in (("withdrawn", street[0]), ("retired", street[1])):
        session.execute(
            text("UPDATE components SET state = :state WHERE code = :code"),
            {"state": state, "code": code},
        )
    for code in street[:2]:
        assert rows(session, features.single(collection, code, crs=crs.STORED)) == []
    found = walk(session, collection, 100)
    assert {one["id"] for one in found} == before - set(street[:2])
    assert {one["properties"]["state"] for one in found} == {"active"}
    values = dict(collection.values)
    total = Statement(f"SELECT {collection.total}", values)
    assert rows(session, total) == [(len(found),)]
    said = [
        rows(session, Statement(collection.gone or "", {**values, "id": one})) for one in street
    ]
    ((gone,),) = said.pop(1)
    assert gone.startswith(f"{street[1]} is retired")
    assert not any(said)
    session.execute(text("UPDATE components SET state = 'active'"))
    assert {one["id"] for one in walk(session, collection, 100)} == before
    assert rows(session, total) == [(len(before),)]


def test_a_class_is_a_collection_of_its_own(session: Session, street: list[str]) -> None:
    class_id = session.scalar(
        text("SELECT class_id FROM components WHERE code = :code"), {"code": street[2]}
    )
    covers = collections.components_of_class(class_id, COVER, "上水井盖", "cover")
    found = walk(session, covers, 3)
    assert [one["id"] for one in found] == sorted(street[2::4])


def test_the_collections_of_the_classes_hold_every_component_once(
    session: Session, street: list[str]
) -> None:
    classes = session.execute(
        text("SELECT id, code, name_zh, name_en FROM component_classes WHERE is_in_profile")
    )
    of_classes = [collections.components_of_class(*row) for row in classes]
    assert len(of_classes) == 115
    found = [one["id"] for collection in of_classes for one in walk(session, collection, 100)]
    assert sorted(found) == sorted(street)


def test_a_filter_chooses_what_pages_hold(session: Session, street: list[str]) -> None:
    collection = collections.components()
    asked = filters.condition(
        f"class_code = '{COVER}' AND S_INTERSECTS(geometry, BBOX(120.3, 36, 120.3900, 36.1))",
        language=filters.FilterLanguage.CQL2_TEXT,
        queryables=collection.queryables,
    )
    found = walk(session, collection, 2, features.of_filter(asked))
    assert [one["id"] for one in found] == sorted(street[2::4])[:5]


def test_divisions_and_cells_are_published(session: Session) -> None:
    for collection, table in (
        (collections.divisions(), "SELECT DISTINCT division_code FROM division_areas"),
        (collections.grid_cells(), "SELECT code FROM grid_cells"),
    ):
        found = walk(session, collection, 20)
        assert [one["id"] for one in found] == sorted(session.scalars(text(table)))


@pytest.mark.parametrize(
    ("zone", "is_there"), [("Pacific/Kiritimati", True), ("Etc/GMT+12", False)]
)
def test_areas_begin_by_the_citys_date(session: Session, zone: str, is_there: bool) -> None:
    """It is a later day in the first of these zones, always."""
    first_day = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    session.execute(text("UPDATE city SET time_zone = :zone"), {"zone": zone})
    session.execute(
        text("UPDATE division_areas SET valid_from = :day WHERE division_code = '370202'"),
        {"day": first_day},
    )
    assert (places.today(session) >= first_day) is is_there
    found = walk(session, collections.divisions(), 20)
    assert ("370202" in [one["id"] for one in found]) is is_there


@pytest.mark.parametrize("srid", [4326, 4490, 3857, 4549])
def test_coordinates_come_in_the_order_of_the_authority(
    session: Session, street: list[str], srid: int
) -> None:
    asked = crs.epsg(srid)
    ((feature, _),) = rows(session, features.single(collections.components(), street[0], crs=asked))
    told = json.loads(feature)["geometry"]
    expected = Transformer.from_crs(4490, srid).transform(36.0671, 120.3826)  # as EPSG has them
    tolerance = 1e-7 if asked.is_geographic else 2e-3
    assert told["coordinates"] == pytest.approx(list(expected), abs=tolerance)
    assert "crs" not in told
    assert asked.is_northing_first == (srid != 3857)


def test_a_system_that_is_not_offered_is_refused_with_those_that_are() -> None:
    offered = crs.offered(4549)
    assert [one.uri.rsplit("/", 1)[1] for one in offered] == [
        "CRS84", "4326", "4490", "3857", "4549",
    ]  # fmt: skip
    assert crs.find(offered[3].uri, offered, parameter="crs").srid == 3857
    with pytest.raises(InvalidInput, match=r"`crs` must be one of .*CRS84.*'EPSG:4326' is none"):
        crs.find("EPSG:4326", offered, parameter="crs")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_box_in_any_system_holds_what_lies_in_it(session: Session, data: st.DataObject) -> None:
    if session.scalar(text("SELECT count(*) FROM components")) == 0:
        register(session, [LAMP] * 30)
    west = data.draw(st.floats(120.375, 120.40))
    east = data.draw(st.floats(west, 120.40))
    south, north = data.draw(st.sampled_from([(36.0, 36.0671), (36.067, 36.07), (36.1, 36.2)]))
    box_crs = crs.epsg(data.draw(st.sampled_from([4326, 4490, 3857])))
    box = [west, south, east, north]
    if not box_crs.is_geographic:
        to = Transformer.from_crs(4490, box_crs.srid, always_xy=True)
        box = [*to.transform(west, south), *to.transform(east, north)]
    collection = collections.components()
    found = walk(session, collection, 11, features.in_box(collection, box, box_crs))
    told = {one["id"] for one in found}
    every = {one["id"]: one["geometry"]["coordinates"] for one in walk(session, collection, 100)}
    margin = 1e-9
    for code, (lon, lat) in every.items():
        if west + margin < lon < east - margin and south - margin < lat < north - margin:
            assert code in told or (box_crs.srid == 3857 and abs(lat - north) < 1e-6)
        if not (west - margin <= lon <= east + margin and south - margin <= lat <= north + margin):
            assert code not in told


def test_a_box_across_the_antimeridian_is_two() -> None:
    collection = collections.components()
    condition = features.in_box(collection, [170.0, -10.0, -170.0, 10.0], crs.STORED)
    assert [value for name, value in condition.values.items() if name.endswith(("_0", "_2"))] == [
        170.0, 180.0, -180.0, -170.0,
    ]  # fmt: skip


def test_a_token_is_of_one_question_and_ours() -> None:
    token = page_tokens.token_of(["370202", "3702020137000001"], asked="a", secret=SECRET)
    assert page_tokens.key_of(token, asked="a", secret=SECRET) == ("370202", "3702020137000001")
    for given_token, asked, secret in (
        (token, "b", SECRET), (token, "a", b"other"), (token[:-1], "a", SECRET),
        ("x" + token, "a", SECRET), ("", "a", SECRET), ("…", "a", SECRET), ("." * 9, "a", SECRET),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match="follow the link `next`"):
            page_tokens.key_of(given_token, asked=asked, secret=secret)
