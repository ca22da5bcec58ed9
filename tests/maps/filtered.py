# ruff: noqa: E501 - one kind of place a line reads best
"""A table to filter, of some 500 made-up things, and its rows in Python."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import TypeVar

import geopandas as gpd
import pandas as pd
import shapely
from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Double,
    Integer,
    MetaData,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, dialect

from gis_registry.db.engine import Database
from gis_registry.maps.filters import FilterLanguage, PropertyType, Queryable, condition

SRID = 4490
Value = TypeVar("Value")

#: Text and its look-alikes: case, accents, signs of LIKE, quotes, control characters.
NAMES = [
    *(
        "lamp",
        "Lamp",
        "LAMP 12",
        "lamps",
        "路灯",
        "路灯12号",
        "井盖",
        "Straße",
        "STRASSE",
        "strasse",
    ),
    *("Οδος", "ΟΔΟΣ", "débárquér", "Debarquer", "DEBARQUER", "papá", "100%", "100 %", "a_b", "axb"),
    *("back\\slash", "O'Brien", "tab\there", "line\nbreak", "", " ", 'say "hi"', "Ünter", "unter"),
    *("😀 lamp", "ｌａｍｐ", "ガード", "한국어", "NULL", "'; DROP TABLE things; --"),
]
TAGS = ["red", "green", "路", "O'Brien", "a,b", "{}", ""]

THINGS = Table(
    "things",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("name", Text),
    Column("other_name", Text),
    Column("floors", Integer),
    Column("taxes", BigInteger),
    Column("height", Double),
    Column("width", Double),
    Column("is_lit", Boolean),
    Column("built", Date),
    Column("seen_at", DateTime(timezone=True)),
    Column("starts_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
    Column("opens", Date),
    Column("closes", Date),
    Column("tags", ARRAY(Text)),
    Column("place", Geometry("GEOMETRY", SRID, spatial_index=False)),
    prefixes=["TEMPORARY"],
)

_TYPES = {
    Text: PropertyType.STRING,
    Integer: PropertyType.INTEGER,
    BigInteger: PropertyType.INTEGER,
    Double: PropertyType.NUMBER,
    Boolean: PropertyType.BOOLEAN,
    Date: PropertyType.DATE,
    DateTime: PropertyType.DATETIME,
    ARRAY: PropertyType.ARRAY,
    Geometry: PropertyType.GEOMETRY,
}
QUERYABLES = {
    column.name: Queryable(column.name, _TYPES[type(column.type)], column)
    for column in THINGS.columns
} | {
    # A name that needs quotes, names that only the standard's grammar allows, and one of a keyword.
    name: Queryable(name, PropertyType.INTEGER, THINGS.c.floors)
    for name in ("_floors", ":层数", "ns:floors.count", "and", "date", "notes", "No of floors")
}


@dataclass(frozen=True)
class Thing:
    """One row; None where it has no value."""

    number: int
    name: str | None
    other_name: str | None
    floors: int | None
    taxes: int | None
    height: float | None
    width: float | None
    is_lit: bool | None
    built: date | None
    seen_at: datetime | None
    starts_at: datetime | None
    ends_at: datetime | None
    opens: date | None
    closes: date | None
    tags: tuple[str, ...] | None
    place: shapely.Geometry | None


def _made(count: int) -> list[Thing]:
    chance = random.Random(20260531)

    def maybe(value: Value) -> Value | None:
        return None if chance.random() < 0.12 else value

    def moment() -> datetime:
        # Often midnight, so that days begin and end.
        start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=chance.randrange(60))
        return start + timedelta(seconds=chance.choice([0, 0, 3600, 43200, 86399]))

    def day() -> date:
        return date(2024, 1, 1) + timedelta(days=chance.randrange(60))

    def made(number: int) -> Thing:
        starts, opens = moment(), day()
        return Thing(
            number=number,
            name=maybe(chance.choice(NAMES)),
            other_name=maybe(chance.choice(NAMES)),
            floors=maybe(chance.randrange(-3, 12)),
            taxes=maybe(chance.choice([0, 1, 2**31, 9007199254740993, 2**62 + 1])),
            height=maybe(chance.randrange(-40, 80) / 4),
            width=maybe(chance.randrange(0, 20) / 2),
            is_lit=maybe(chance.random() < 0.5),
            built=maybe(day()),
            seen_at=maybe(moment()),
            starts_at=maybe(starts),
            ends_at=maybe(starts + timedelta(days=chance.randrange(0, 9))),
            opens=maybe(opens),
            closes=maybe(opens + timedelta(days=chance.randrange(0, 9))),
            tags=maybe(tuple(chance.choices(TAGS, k=chance.randrange(4)))),
            place=maybe(_place(chance)),
        )

    return [made(number) for number in range(count)]


def _place(chance: random.Random) -> shapely.Geometry:
    """Return a place on a net of eighths of a degree, so that many touch and equal one another."""
    x, y = 120 + chance.randrange(16) / 8, 36 + chance.randrange(16) / 8
    if chance.random() < 0.05:
        x = chance.choice([-180.0, -179.5, 179.5, 180.0])
    size = chance.randrange(1, 5) / 8
    step = size if x < 180 - size else -size
    return chance.choice(
        [
            shapely.Point(x, y),
            shapely.MultiPoint([(x, y), (x + step, y)]),
            shapely.LineString([(x, y), (x + step, y), (x + step, y + size)]),
            shapely.MultiLineString([[(x, y), (x + step, y)], [(x, y + size), (x + step, y + size)]]),
            shapely.box(min(x, x + step), y, max(x, x + step), y + size),
            shapely.MultiPolygon(
                [shapely.box(min(x, x + step), y + up, max(x, x + step), y + up + size / 2)
                 for up in (0, size)]
            ),
        ]
    )  # fmt: skip


ROWS = _made(500)


@contextmanager
def things(database: Database) -> Iterator[Connection]:
    """Open a connection on which the table is, filled, and gone afterwards."""
    with database.engine.connect() as connection:
        transaction = connection.begin()
        THINGS.create(connection)
        values = [{one.name: getattr(row, one.name) for one in fields(row)} for row in ROWS]
        for value in values:
            value["tags"] = None if value["tags"] is None else list(value["tags"])
            if value["place"] is not None:
                value["place"] = WKBElement(shapely.to_wkb(value["place"]), srid=SRID)
        connection.execute(insert(THINGS), values)
        yield connection
        transaction.rollback()


def found(
    connection: Connection,
    given: str,
    language: FilterLanguage = FilterLanguage.CQL2_TEXT,
    *,
    filter_srid: int | None = None,
) -> set[int]:
    """Return the numbers of the rows that a filter finds."""
    where = condition(given, language=language, queryables=QUERYABLES, filter_srid=filter_srid)
    return set(connection.scalars(select(THINGS.c.number).where(where)))


def statement(given: str, language: FilterLanguage, queryables: dict[str, Queryable]) -> str:
    """Return the SQL of a filter with its parameters."""
    where = condition(given, language=language, queryables=queryables)
    compiled = where.compile(dialect=dialect(), compile_kwargs={"render_postcompile": True})
    return f"{compiled} {sorted(compiled.params.items())}"


def frame() -> gpd.GeoDataFrame:
    """Return the rows as a frame whose unknown values stay unknown in comparisons."""
    columns = {one.name: [getattr(row, one.name) for row in ROWS] for one in fields(Thing)}
    kinds = {
        "name": "string", "other_name": "string", "floors": "Int64", "taxes": "Int64",
        "height": "Float64", "width": "Float64", "is_lit": "boolean",
    }  # fmt: skip
    made = {name: pd.Series(values, dtype=kinds.get(name)) for name, values in columns.items()}
    for name in ("built", "opens", "closes"):
        made[name] = pd.to_datetime(pd.Series(columns[name], dtype=object)).astype("datetime64[us]")
    for name in ("seen_at", "starts_at", "ends_at"):
        moments = pd.to_datetime(pd.Series(columns[name], dtype=object), utc=True)
        made[name] = moments.astype("datetime64[us, UTC]")
    return gpd.GeoDataFrame(made, geometry="place", crs=SRID)
