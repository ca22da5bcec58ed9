"""What talks to the database about layers: their rows, and tables whose columns are a file's.

Names of tables and columns that come from files only ever stand in statements as identifiers that
psycopg quotes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from geoalchemy2 import Geometry
from psycopg import Connection, sql
from sqlalchemy import Column, Integer, MetaData, RowMapping, Table, Text, func, select, tuple_
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.db.copying import copy_columns
from gis_registry.db.sql import load_queries
from gis_registry.layers.naming import PLACE_COLUMNS
from gis_registry.layers.tables import (
    FEATURE_SCHEMA,
    Layer,
    LayerEvent,
    LayerRowNote,
    LayerVersion,
)

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
_STAGING = "layer_staging"
ROW, GEOMETRY = "row_number", "geom"

Composed = sql.Composed | sql.SQL


def driver_of(session: Session) -> Connection[tuple[Any, ...]]:
    """Return the driver's connection of a session, for statements that are composed."""
    connection: Any = session.connection().connection.driver_connection
    assert connection is not None  # noqa: S101  a session in a transaction has one
    return cast("Connection[tuple[Any, ...]]", connection)


def composed_rows(session: Session, statement: Composed) -> list[tuple[Any, ...]]:
    """Return what a composed statement finds; nothing, if it is none that finds."""
    cursor = driver_of(session).execute(statement)
    return cursor.fetchall() if cursor.description is not None else []


def layer_named(session: Session, name: str, *, is_changing: bool = False) -> Layer | None:
    """Return a layer, whatever case its name is written in; locked, if it is to be changed."""
    query = select(Layer).where(func.lower(Layer.name) == name.lower())
    return session.scalars(query.with_for_update() if is_changing else query).one_or_none()


def version(session: Session, layer_id: int, number: int) -> LayerVersion:
    """Return a version of a layer."""
    return session.get_one(LayerVersion, (layer_id, number))


def versions(session: Session, layer_id: int) -> Sequence[LayerVersion]:
    """Return the versions of a layer, the newest first."""
    query = select(LayerVersion).where(LayerVersion.layer_id == layer_id)
    return session.scalars(query.order_by(LayerVersion.number.desc())).all()


def events(session: Session, layer_id: int) -> Sequence[LayerEvent]:
    """Return what happened to a layer, the last first."""
    query = select(LayerEvent).where(LayerEvent.layer_id == layer_id)
    return session.scalars(query.order_by(LayerEvent.id.desc())).all()


def row_notes(
    session: Session,
    layer_id: int,
    number: int,
    *,
    after: tuple[int, int],
    limit: int,
    are_refused: bool = False,
) -> Sequence[LayerRowNote]:
    """Return what was found about rows, by number of row, a page at a time.

    Args:
        session: open transaction.
        layer_id: of which layer.
        number: of which version of it.
        after: number of the row and id of the last one of the page before; zeros for the first.
        limit: how many.
        are_refused: whether only those of refused rows.
    """
    query = (
        select(LayerRowNote)
        .where(
            LayerRowNote.layer_id == layer_id,
            LayerRowNote.number == number,
            tuple_(LayerRowNote.row_number, LayerRowNote.id) > after,
        )
        .order_by(LayerRowNote.row_number, LayerRowNote.id)
        .limit(limit)
    )
    if are_refused:
        query = query.where(LayerRowNote.is_refused)
    return session.scalars(query).all()


def summaries(session: Session, *, name: str | None = None) -> Sequence[RowMapping]:
    """Return layers with their published versions, by name; removed ones with a name alone."""
    return session.execute(_QUERIES["summaries"], {"name": name}).mappings().all()


def due(session: Session, at: object) -> Sequence[str]:
    """Return the names of the layers that are to be read again, the longest due first."""
    return session.scalars(_QUERIES["due"], {"at": at}).all()


def late(session: Session, before: object) -> Sequence[RowMapping]:
    """Return layers whose refresh failed, or that should have been read before a moment."""
    return session.execute(_QUERIES["late"], {"before": before}).mappings().all()


def known_words(session: Session) -> tuple[list[str], list[str]]:
    """Return the departments that layers and units name, and the fields that layers name."""
    row = session.execute(_QUERIES["known_words"]).one()
    return list(row.departments), list(row.fields)


def city_box(session: Session, on_date: date) -> tuple[float, float, float, float] | None:
    """Return the box of the city's areas on a date, EPSG:4490; None where there is none."""
    row = session.execute(_QUERIES["city_box"], {"on_date": on_date}).one()
    return None if row.west is None else (row.west, row.south, row.east, row.north)


def lock_name(session: Session, name: str) -> None:
    """Let only this transaction load or change the layer of a name.

    This comes before the lock of the layer's row, and that before the one of when it is read again.
    """
    session.execute(_QUERIES["lock_name"], {"name": name.lower()})


def try_lock_name(session: Session, name: str) -> bool:
    """Do the same without waiting; return whether no other transaction has the name."""
    return bool(session.scalar(_QUERIES["try_lock_name"], {"name": name.lower()}))


class Staging:
    """A temporary table of text in which rows wait until the types of their columns are known."""

    def __init__(self, session: Session, columns: Sequence[str]) -> None:
        """Make it.

        Args:
            session: open transaction.
            columns: what its columns of values are called.
        """
        self._session = session
        self._columns = columns
        own = [Column(ROW, Integer), Column(GEOMETRY, Geometry(srid=SRID))]
        values = [Column(one, Text) for one in (*PLACE_COLUMNS, *columns)]
        self._table = Table(_STAGING, MetaData(), *own, *values)
        composed_rows(session, sql.SQL("DROP TABLE IF EXISTS pg_temp.layer_staging"))
        defined = [
            sql.SQL("{} integer").format(sql.Identifier(ROW)),
            sql.SQL("{} geometry(Geometry, 4490)").format(sql.Identifier(GEOMETRY)),
            *(sql.SQL("{} text").format(sql.Identifier(one.name)) for one in values),
        ]
        composed_rows(
            session,
            sql.SQL("CREATE TEMPORARY TABLE layer_staging ({})").format(
                sql.SQL(", ").join(defined)
            ),
        )

    def add(self, batch: pa.Table) -> None:
        """Copy rows into it."""
        for _ in copy_columns(self._session, self._table, [batch], into=_STAGING):
            pass

    def take_without(self, key: str) -> list[tuple[int, int | None, bytes, list[str | None]]]:
        """Take out rows without a key, or with one that an earlier row has.

        Returns:
            The number of each row, the number of the earlier row that has its key, its geometry
            as WKB, and all its values.
        """
        statement = sql.SQL(
            "WITH numbered AS (SELECT ctid AS place, {row} AS row, {key} AS key,"
            " min({row}) OVER (PARTITION BY {key}) AS first FROM layer_staging)"
            " DELETE FROM layer_staging s USING numbered n WHERE s.ctid = n.place"
            " AND (n.key IS NULL OR n.row <> n.first)"
            " RETURNING n.row, CASE WHEN n.key IS NOT NULL THEN n.first END,"
            " ST_AsBinary(s.{geometry}), {values}"
        ).format(
            row=sql.Identifier(ROW),
            key=sql.Identifier(key),
            geometry=sql.Identifier(GEOMETRY),
            values=sql.SQL(", ").join(sql.Identifier("s", one) for one in self._columns),
        )
        found = sorted(composed_rows(self._session, statement), key=lambda row: row[0])
        return [(number, first, shape, values) for number, first, shape, *values in found]

    def duplicates(self) -> int:
        """Return how many rows repeat another one in everything but their number."""
        said = sql.SQL(", ").join(map(sql.Identifier, (GEOMETRY, *self._columns)))
        statement = sql.SQL(
            "SELECT count(*) - count(DISTINCT hashtextextended(ROW({})::text, 0))"
            " FROM layer_staging"
        ).format(said)
        return int(composed_rows(self._session, statement)[0][0])

    def drop(self) -> None:
        """Drop it."""
        composed_rows(self._session, sql.SQL("DROP TABLE layer_staging"))


def make_feature_table(
    session: Session, table: str, *, feature_id: Composed, columns: Mapping[str, Composed]
) -> None:
    """Make the table of a version from what is staged, with its key and its spatial index.

    Args:
        session: open transaction.
        table: what it is called.
        feature_id: what becomes of a row to be its id.
        columns: what becomes of a row to be each other column.
    """
    into = sql.Identifier(FEATURE_SCHEMA, table)
    places = sql.SQL(", ").join(map(sql.Identifier, PLACE_COLUMNS))
    values = [sql.SQL("{} AS {},").format(one, sql.Identifier(n)) for n, one in columns.items()]
    statements: Iterable[Composed] = (
        sql.SQL(
            "CREATE TABLE {} AS SELECT {} AS id, {} {}, geom FROM layer_staging ORDER BY row_number"
        ).format(into, feature_id, sql.SQL(" ").join(values), places),
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY (id)").format(into),
        sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(into),
        sql.SQL("ANALYZE {}").format(into),
    )
    for one in statements:
        composed_rows(session, one)


def drop_feature_table(session: Session, table: str) -> None:
    """Drop the table of a version; who reads it at this moment is waited for."""
    composed_rows(
        session, sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(FEATURE_SCHEMA, table))
    )


def feature_figures(session: Session, table: str) -> tuple[Any, ...]:
    """Return how many features a version has, how many are in no district, and its box."""
    statement = sql.SQL(
        "SELECT n, outside, ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)"
        " FROM (SELECT count(*) AS n, count(*) FILTER (WHERE division_code IS NULL) AS outside,"
        " ST_Extent(geom) AS box FROM {}) AS counted"
    ).format(sql.Identifier(FEATURE_SCHEMA, table))
    return composed_rows(session, statement)[0]


def geometry_types(session: Session, table: str) -> dict[str, int]:
    """Return how many features of a version are of each type of geometry."""
    statement = sql.SQL("SELECT GeometryType(geom), count(*) FROM {} GROUP BY 1 ORDER BY 1").format(
        sql.Identifier(FEATURE_SCHEMA, table)
    )
    return {str(kind).lower(): int(count) for kind, count in composed_rows(session, statement)}


def column_figures(
    session: Session, table: str, columns: Sequence[tuple[str, bool]]
) -> list[tuple[int, str | None, str | None]]:
    """Return of columns how many values they have, the least and the greatest.

    Args:
        session: open transaction.
        table: the table of a version.
        columns: each, and whether its values are looked at.
    """
    if not columns:
        return []
    asked = [
        sql.SQL("count({0}), min({0})::text, max({0})::text").format(sql.Identifier(name))
        if is_ordered
        else sql.SQL("count({}), NULL, NULL").format(sql.Identifier(name))
        for name, is_ordered in columns
    ]
    statement = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join(asked), sql.Identifier(FEATURE_SCHEMA, table)
    )
    row = composed_rows(session, statement)[0]
    return [(int(row[n]), row[n + 1], row[n + 2]) for n in range(0, len(row), 3)]
