"""Layers among the collections: who sees them, what they say, how they are found."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from delivered import point, write_geojson
from publishing import LAT, LON, publish
from sqlalchemy import text
from sqlalchemy.orm import Session
from tiled import layer_collections

from gis_registry.db.engine import Database
from gis_registry.db.reading import Reading
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.layers import service, showing
from gis_registry.layers.naming import checked_name
from gis_registry.maps import collection_search, dcat, features, standing
from gis_registry.maps.collection_search import Search
from gis_registry.maps.crs import offered
from gis_registry.maps.published import Published
from gis_registry.roles import Role
from gis_registry.users.service import Actor

READER = Actor("reader", Role.READER)
INSPECTOR = Actor("inspector", Role.INSPECTOR)


@pytest.fixture
def parks(tmp_path: Path) -> Path:
    rows = [
        (point(LON, LAT + n / 1000), {"名称": f"园{n}", "no": f"p{n}", "day": "2024-05-01"})
        for n in range(3)
    ]
    return write_geojson(tmp_path / "parks.geojson", rows)


def test_the_registrys_own_names_are_refused_for_layers() -> None:
    for name in (*(one.name for one in standing.always()), "components-0137"):
        with pytest.raises(InvalidInput):
            checked_name(name)


def test_a_layer_is_a_collection(session: Session, parks: Path) -> None:
    publish(session, parks, "parks", id_field="no", time_field="day", roles=[Role.ANALYST])
    found = layer_collections(session)["parks"]
    assert (found.title_zh, found.temporal, found.total) == ("东西", ("day",), "3::bigint")
    assert found.roles == {Role.ANALYST, Role.ADMINISTRATOR}
    assert list(found.queryables) == [
        "名称", "no", "day", "division_code", "subdistrict_code", "cell_code", "geometry"
    ]  # fmt: skip
    driver = session.connection().connection.driver_connection
    assert driver is not None
    crs = offered(4549)[0]
    page = features.page(found, [], crs=crs, limit=2, after=["p0"], count=found.total)
    rows = driver.execute(page.sql, page.values).fetchall()
    assert [(count, key) for count, key, _ in rows] == [(3, "p1"), (3, "p2")]
    feature = json.loads(rows[0][2])
    assert feature["properties"]["名称"] == "园1"
    assert feature["properties"]["division_code"] == "370202"
    one = features.single(found, "p2", crs=crs)
    ((feature, version),) = driver.execute(one.sql, one.values).fetchall()
    assert (json.loads(feature)["id"], version.partition("-")[0]) == ("p2", "1")


@pytest.mark.parametrize("feature_id", ["2", "x", "", "9" * 40, "2; --", "-1"])
def test_numbers_as_ids(session: Session, parks: Path, feature_id: str) -> None:
    publish(session, parks, "parks")
    statement = features.single(
        layer_collections(session)["parks"], feature_id, crs=offered(4549)[0]
    )
    driver = session.connection().connection.driver_connection
    assert driver is not None
    found = driver.execute(statement.sql, statement.values).fetchall()
    assert len(found) == (feature_id == "2")


def test_long_numbers_as_ids(session: Session, tmp_path: Path) -> None:
    kept = [0, -7, 1234567890123456789, 2**62 + 1]
    rows = [(point(LON, LAT), {"no": no}) for no in kept]
    publish(session, write_geojson(tmp_path / "a.geojson", rows), "numbers", id_field="no")
    found = layer_collections(session)["numbers"]
    driver = session.connection().connection.driver_connection
    assert driver is not None

    def ids(feature_id: object) -> list[int]:
        one = features.single(found, str(feature_id), crs=offered(4549)[0])
        return [json.loads(row[0])["id"] for row in driver.execute(one.sql, one.values)]

    assert [ids(no) for no in kept] == [[no] for no in kept]
    beyond = (2**63 - 1, 2**63, 9999999999999999999, -(2**63), -(2**63) - 1)
    for other in (*beyond, "-0", "007", "7", "1e3", "1\n"):
        assert ids(other) == []


def test_what_is_published_is_read_again_after_a_change(
    own_database: Database, parks: Path
) -> None:
    async def ask() -> None:
        reading = Reading(own_database.url, connections=2, longest_s=5)
        await reading.open()
        try:
            published = Published(reading)
            assert "parks" not in await published.all(actor=READER)
            with own_database.session() as session:
                publish(session, parks, "parks")
            first = await published.find("parks", actor=READER)
            assert await published.find("parks", actor=INSPECTOR) is first
            with own_database.session() as session:
                service.describe(session, "parks", {"roles": [Role.INSPECTOR]}, actor="me")
            assert "parks" not in await published.all(actor=READER)
            with pytest.raises(NotFound, match="no collection 'parks'"):
                await published.find("parks", actor=READER)
            assert (await published.find("parks", actor=INSPECTOR)).name == "parks"
            with own_database.session() as session:
                service.remove(session, "parks", actor="me")
            with pytest.raises(NotFound):
                await published.find("parks", actor=INSPECTOR)
        finally:
            await reading.close()

    asyncio.run(ask())


def test_the_city_is_read_again_after_a_change_of_an_area(own_database: Database) -> None:
    def change(statement: str) -> None:
        with own_database.session() as session:
            session.execute(text(statement))

    async def ask() -> None:
        reading = Reading(own_database.url, connections=2, longest_s=5)
        await reading.open()
        try:
            published = Published(reading)
            first = await published.city()
            assert await published.city() is first
            change("UPDATE division_areas SET geom = ST_Translate(geom, 1, 0)")
            second = await published.city()
            assert second.box[0] == pytest.approx(first.box[0] + 1)
            assert second.outlines != first.outlines
            change(
                "INSERT INTO division_areas (division_code, geom, valid_from, valid_to, source)"
                " SELECT division_code, ST_Translate(geom, -10, 0), valid_from - 10, valid_from,"
                " source FROM division_areas"
            )
            assert (await published.city()).box == second.box  # what has ended is not of it
        finally:
            await reading.close()

    asyncio.run(ask())


def test_the_catalogue_is_searched_by_words_and_facts(session: Session, parks: Path) -> None:
    publish(
        session, parks, "parks", department="市园林和林业局", field="园林绿化", licence="CC BY 4.0",
        keywords=["公园", "Green"], description="All parks of the city.",
    )  # fmt: skip
    publish(session, parks, "shops", roles=[Role.ANALYST], field="商务")
    everything = [*layer_collections(session).values(), *standing.always()]

    def found(**asked: object) -> list[str]:
        wanted = Search(**asked)  # type: ignore[arg-type]
        box = (119.0, 35.0, 121.0, 37.0)
        return [one.name for one in collection_search.search(everything, wanted, city_box=box)]

    assert found(words="公园 green") == ["parks"]
    assert "components" in found(words="部件")
    assert found(field="商务") == ["shops"]
    assert found(department="市园林和林业局", licence="cc by 4.0") == ["parks"]
    assert found(words="nothing of the kind") == []
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    assert "parks" not in found(loaded=(None, long_ago))
    assert {"parks", "components"} <= set(found(loaded=(long_ago, None)))
    assert found(box=(0.0, 0.0, 1.0, 1.0)) == []


def test_the_catalogue_as_dcat(session: Session, parks: Path) -> None:
    publish(
        session, parks, "parks", department="市园林和林业局", field="园林绿化", refresh="daily",
        licence="https://creativecommons.org/licenses/by/4.0/", keywords=["公园"],
        time_field="day",
    )  # fmt: skip
    found = layer_collections(session)["parks"]
    one: Any = dcat.dataset(found, [], base="https://map.example.org/ogc", city_box=(0, 0, 1, 1))
    assert one["@id"] == "https://map.example.org/ogc/collections/parks"
    assert one["dct:title"][0] == {"@language": "zh", "@value": "东西"}
    assert one["dct:publisher"]["foaf:name"] == "市园林和林业局"
    assert one["dct:license"] == {
        "@id": "https://creativecommons.org/licenses/by/4.0/",
        "@type": "dct:LicenseDocument",
    }
    assert one["dct:accrualPeriodicity"]["@id"].endswith("DAILY")
    assert "POLYGON((120.38" in one["dct:spatial"]["dcat:bbox"]["@value"]
    began = one["dct:temporal"]["dcat:startDate"]
    assert began == {"@type": "xsd:dateTime", "@value": "2024-05-01T00:00:00+00:00"}
    assert showing.show(session, "parks").quality.features == 3
