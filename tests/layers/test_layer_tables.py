"""Tables, views and foreign tables as layers: read, never written; and what cannot be one."""

import pytest
from publishing import LAT, LON, features, publish, types
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, MissingCrs, UnreadableFile
from gis_registry.layers import service, showing

_TABLE = f"""
CREATE SCHEMA topic;
CREATE TABLE topic."Parks 园" (
  no integer PRIMARY KEY, "名称" text, area_m2 numeric(10, 2), planted date, seen timestamptz,
  made timestamp, is_open boolean, picture bytea, tags text[], shape geometry(Point, 4549));
INSERT INTO topic."Parks 园"
SELECT n, '园' || n, n + 0.5, '2024-05-01', '2024-05-01 08:00+08', '2024-05-01 08:00', n = 1,
  'x', ARRAY['a'], ST_Transform(ST_SetSRID(ST_MakePoint({LON}, {LAT} + n * 0.001), 4490), 4549)
FROM generate_series(1, 3) AS n
"""


@pytest.fixture
def parks(session: Session) -> Session:
    session.execute(text(_TABLE))
    return session


def run(session: Session, statement: str) -> None:
    session.execute(text(statement))


def test_a_table_in_another_system(parks: Session) -> None:
    entry = publish(parks, "topic.Parks 园", id_field="no")
    found = types(entry)
    assert found == {
        "no": "integer", "名称": "string", "area_m2": "number", "planted": "date",
        "seen": "datetime", "made": "datetime", "is_open": "boolean", "tags": "string",
    }  # fmt: skip
    row = features(parks, entry)[0]
    assert (row["id"], row["名称"], float(row["area_m2"]), row["is_open"]) == (1, "园1", 1.5, True)
    assert row["seen"] == row["made"]  # times without a zone are the city's
    assert row["division_code"] == "370202"
    box = entry.quality.box
    assert box is not None
    assert box == pytest.approx((LON, LAT + 0.001, LON, LAT + 0.003), abs=1e-7)


def test_a_table_is_read_again_when_its_rows_changed(parks: Session) -> None:
    publish(parks, "topic.Parks 园")
    assert service.refresh(parks, "things", actor="me") is None
    run(parks, """UPDATE topic."Parks 园" SET "名称" = '新' WHERE no = 2""")
    event = service.refresh(parks, "things", actor="me")
    assert event is not None
    assert event.kind == "loaded"
    run(parks, 'DROP TABLE topic."Parks 园"')
    event = service.refresh(parks, "things", actor="me")
    assert event is not None
    assert (event.kind, event.sentence) == ("failed", "There is no table topic.Parks 园 any more.")
    assert showing.show(parks, "things").version == 2


def test_a_foreign_table(parks: Session) -> None:
    run(parks, "CREATE EXTENSION file_fdw")
    run(parks, "CREATE SERVER files FOREIGN DATA WRAPPER file_fdw")
    run(
        parks,
        "CREATE FOREIGN TABLE topic.shops (no integer, name text, geom geometry) SERVER files"
        f" OPTIONS (program 'echo \"1,shop,SRID=4490;POINT({LON} {LAT})\"', format 'csv')",
    )
    with pytest.raises(InvalidInput, match="--id COLUMN"):
        publish(parks, "topic.shops")
    entry = publish(parks, "topic.shops", id_field="no")
    assert features(parks, entry)[0]["name"] == "shop"
    run(parks, "ALTER FOREIGN TABLE topic.shops OPTIONS (SET program 'exit 3')")
    event = service.refresh(parks, "things", actor="me")
    assert event is not None
    assert (event.kind, showing.show(parks, "things").version) == ("failed", 1)
    assert "could not do this" in event.sentence


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE topic.a (id integer PRIMARY KEY)", "has no geometry"),
        (
            "CREATE TABLE topic.a (id integer PRIMARY KEY, one geometry(Point, 4490),"
            " two geometry(Point, 4490))",
            r"several geometry columns \(one, two\)",
        ),
        ("CREATE TABLE topic.a (id integer, geom geometry(Point, 4490))", "--id COLUMN"),
        (
            "CREATE TABLE topic.a (id integer, geom geometry(Point, 4490));"
            "CREATE UNIQUE INDEX ON topic.a (id)",
            "never empty",
        ),
        (
            "CREATE TABLE topic.a (id integer PRIMARY KEY, geom geometry);"
            "INSERT INTO topic.a VALUES (1, 'SRID=4490;POINT(120 36)'),"
            " (2, 'SRID=3857;POINT(0 0)')",
            "several SRIDs",
        ),
        ("CREATE TABLE topic.a (id integer PRIMARY KEY, geom geometry(Point, 4490))", "no rows"),
    ],
)
def test_tables_that_are_no_layers(parks: Session, statement: str, said: str) -> None:
    run(parks, statement)
    with pytest.raises(InvalidInput, match=said):
        publish(parks, "topic.a")


def test_a_table_that_does_not_say_its_system(parks: Session) -> None:
    run(
        parks,
        "CREATE TABLE topic.a (id integer PRIMARY KEY, geom geometry);"
        f"INSERT INTO topic.a VALUES (1, 'POINT({LON} {LAT})')",
    )
    with pytest.raises(MissingCrs):
        publish(parks, "topic.a")
    with pytest.raises(InvalidInput, match="only --crs"):
        publish(parks, "topic.a", mapping={"crs": "gcj02", "layer": "x"})
    entry = publish(parks, "topic.a", mapping={"crs": "gcj02"})
    box = entry.quality.box
    assert box is not None
    assert box[0] == pytest.approx(LON - 0.005, abs=0.003)  # half a kilometre to the west


@pytest.mark.parametrize("table", ["components", "public.users", "layers.things_1", "reports"])
def test_the_registrys_own_tables_are_not_published(parks: Session, table: str) -> None:
    publish(parks, "topic.Parks 园")
    with pytest.raises(InvalidInput, match="own tables"):
        publish(parks, table, "other")


def test_a_table_that_is_not_there(parks: Session) -> None:
    for place in ("topic.nothing", "a.b.c", "topic.'; DROP TABLE users; --", "..", "a." * 50):
        with pytest.raises((UnreadableFile, InvalidInput)):
            publish(parks, place)
