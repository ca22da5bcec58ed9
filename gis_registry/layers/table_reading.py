"""Reading PostGIS tables, views and foreign tables; nothing is ever written to them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from psycopg import sql
from pyproj import CRS
from sqlalchemy.orm import Session

from gis_registry.db.base import Base
from gis_registry.db.sql import load_queries
from gis_registry.errors import InvalidInput
from gis_registry.layers.queries import composed_rows, driver_of
from gis_registry.layers.schemas import ColumnType
from gis_registry.layers.tables import FEATURE_SCHEMA
from gis_registry.places.datums import Datum
from gis_registry.surveys.geometries import first_vertices
from gis_registry.surveys.reading import BATCH_ROWS, Batch
from gis_registry.surveys.systems import in_cgcs2000, system_of

_QUERIES = load_queries(Path(__file__).with_name("table_queries.sql"))
_SPATIAL = ("geometry", "geography")
#: Types that are no attributes.
_LEFT_OUT = (*_SPATIAL, "bytea", "raster", "tsvector")
_TYPES = {
    **dict.fromkeys(("int2", "int4", "int8"), ColumnType.INTEGER),
    **dict.fromkeys(("float4", "float8", "numeric"), ColumnType.NUMBER),
    "bool": ColumnType.BOOLEAN,
    "date": ColumnType.DATE,
    "timestamp": ColumnType.DATETIME,
    "timestamptz": ColumnType.DATETIME,
}
#: How a value is written as text, where its own way is another than that of files.
_WRITTEN = {
    "date": "CASE WHEN isfinite({}) THEN {}::text END",
    "timestamp": "CASE WHEN isfinite({}) THEN {}::text END",
    "timestamptz": "CASE WHEN isfinite({}) THEN ({} AT TIME ZONE 'UTC')::text || 'Z' END",
    "numeric": "CASE WHEN {} <> 'NaN' AND abs({}) < 'infinity' THEN {}::text END",
}
_WRITTEN |= dict.fromkeys(("float4", "float8"), _WRITTEN["numeric"])
#: Tables that the registry keeps for itself, besides those that are declared.
_OWN_PREFIXES = ("survey_rows_", "procrastinate_")


@dataclass(frozen=True)
class TableSource:
    """A table that can be a layer.

    Attributes:
        schema, table: where it is.
        geometry: its geometry column.
        types: its other columns with their types, in its order.
        key: the column that it is read in the order of.
        crs: what its coordinates are in, for people.
        system: the same, to calculate with.
        written: how each column is read as text.
    """

    schema: str
    table: str
    geometry: str
    types: Mapping[str, ColumnType]
    key: str
    crs: str
    system: CRS | Datum
    written: Mapping[str, sql.Composed]

    @property
    def name(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.table}"

    def batches(self, session: Session) -> Iterator[tuple[Batch, bytes]]:
        """Read the rows in the order of the key, with a digest of each batch."""
        statement = sql.SQL("SELECT {}, {} FROM {} ORDER BY {}").format(
            sql.SQL("ST_AsBinary(ST_CurveToLine(ST_Force2D({}::geometry)))").format(
                sql.Identifier(self.geometry)
            ),
            sql.SQL(", ").join(self.written.values()),
            sql.Identifier(self.schema, self.table),
            sql.Identifier(self.key),
        )
        first_row = 1
        with driver_of(session).cursor("layer_table") as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield self._batch(rows, first_row), hashlib.sha256(repr(rows).encode()).digest()
                first_row += len(rows)

    def _batch(self, rows: list[tuple[Any, ...]], first_row: int) -> Batch:
        wkb, *columns = zip(*rows, strict=True)
        geometries = shapely.from_wkb(np.array(wkb, dtype=object), on_invalid="ignore")
        raw_x, raw_y = first_vertices(geometries)
        return Batch(
            first_row=first_row,
            geometries=in_cgcs2000(geometries, self.system),
            fields=pa.table(
                {
                    name: pa.array(column, pa.string())
                    for name, column in zip(self.types, columns, strict=True)
                }
            ),
            raw_x=raw_x,
            raw_y=raw_y,
        )


def find_table(session: Session, place: str) -> str | None:
    """Return schema and name of a table that is written ``table`` or ``schema.table``."""
    schema, _, name = place.rpartition(".")
    row = session.execute(
        _QUERIES["find_table"], {"schema": schema or None, "name": name}
    ).one_or_none()
    return None if row is None else f"{row.schema}.{row.name}"


def open_table(
    session: Session, place: str, *, crs: str | None, id_field: str | None
) -> TableSource:
    """Open a table.

    Args:
        session: open transaction.
        place: ``schema.table``.
        crs: what its coordinates are in, if it does not say it.
        id_field: the column that tells rows apart, if it has no key of one column.

    Raises:
        InvalidInput: it is not there, one of the registry's own, or has no single geometry column,
            no key, or geometries of several systems.
        MissingCrs: it does not say its system and none is declared.
    """
    schema, _, table = place.rpartition(".")
    where = {"schema": schema, "name": table}
    columns = session.execute(_QUERIES["table_columns"], where).mappings().all()
    if not columns:
        raise InvalidInput(f"There is no table {place} any more.")
    _refuse_own(session, schema, table)
    spatial = [one for one in columns if one["type"] in _SPATIAL]
    if len(spatial) != 1:
        names = ", ".join(one["name"] for one in spatial)
        raise InvalidInput(
            f"{place} has {'several geometry columns (' + names + ')' if names else 'no geometry'}:"
            " a layer has one. Make a view that has, and publish that."
        )
    fields = [one for one in columns if one["type"] not in _LEFT_OUT]
    key = _key_of(session, place, where, id_field, [one["name"] for one in fields])
    geometry = spatial[0]["name"]
    said = _system_said(session, place, sql.Identifier(schema, table), geometry, spatial[0]["srid"])
    system, shown = system_of(place, said, crs, "PostGIS")
    return TableSource(
        schema=schema,
        table=table,
        geometry=geometry,
        types={one["name"]: _TYPES.get(one["type"], ColumnType.STRING) for one in fields},
        key=key,
        crs=shown,
        system=system,
        written={one["name"]: _written(one["name"], one["type"]) for one in fields},
    )


def _refuse_own(session: Session, schema: str, table: str) -> None:
    own = session.connection().exec_driver_sql("SELECT current_schema()").scalar_one()
    is_own = schema == own and (
        table in Base.metadata.tables
        or table.startswith(_OWN_PREFIXES)
        or table == "spatial_ref_sys"
    )
    if is_own or schema in {FEATURE_SCHEMA, "pg_catalog", "information_schema"}:
        raise InvalidInput(
            f"{schema}.{table} is one of the registry's own tables: what may be read of these is "
            "published already."
        )


def _key_of(
    session: Session,
    place: str,
    where: Mapping[str, str],
    id_field: str | None,
    fields: list[str],
) -> str:
    if id_field is not None:
        if id_field not in fields:
            raise InvalidInput(f"{place} has no column {id_field!r}; it has: {', '.join(fields)}.")
        return id_field
    keys = [one for one in session.scalars(_QUERIES["table_keys"], where) if one in fields]
    if not keys:
        raise InvalidInput(
            f"{place} has no primary or unique key of one column that is never empty: say which "
            "column tells its rows apart, with --id COLUMN."
        )
    return str(keys[0])


def _system_said(
    session: Session, place: str, table: sql.Identifier, geometry: str, srid: int
) -> str | None:
    """Return what a table says its coordinates are in: its column, or else all its geometries."""
    if srid == 0:
        statement = sql.SQL("SELECT DISTINCT ST_SRID({0}::geometry) FROM {1} WHERE {0} IS NOT NULL")
        rows = composed_rows(session, statement.format(sql.Identifier(geometry), table))
        found = sorted(one for (one,) in rows)
        if len(found) > 1:
            listed = ", ".join(map(str, found))
            raise InvalidInput(f"{place} has geometries of several SRIDs ({listed}): make a view.")
        srid = found[0] if found else 0
    return session.scalar(_QUERIES["system"], {"srid": srid}) if srid else None


def _written(name: str, kind: str) -> sql.Composed:
    pattern = _WRITTEN.get(kind, "{}::text")
    return sql.SQL(pattern).format(*[sql.Identifier(name)] * pattern.count("{}"))
