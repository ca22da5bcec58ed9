"""The declarative base, the constraint names and the geometry column of every table."""

from datetime import date, datetime
from typing import Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import BigInteger, ColumnElement, Date, DateTime, Identity, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column

from gis_registry.db.srid import SRID as SRID


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  read by SQLAlchemy, which declares it so
        str: Text,
        datetime: DateTime(timezone=True),
        date: Date,
        dict[str, Any]: JSONB,
        list[dict[str, Any]]: JSONB,
    }


def geometry(kind: str, *, nullable: bool = False) -> MappedColumn[WKBElement]:
    """Return a column of geometries of ``kind`` in EPSG:4490; its index is named by its table."""
    return mapped_column(Geometry(kind, srid=SRID, spatial_index=False), nullable=nullable)


def without_geom(table: type[Base]) -> list[ColumnElement[Any]]:
    """Return the columns of a table but for its geometry, to be read as plain values."""
    return [column for column in table.__table__.c if column.name != "geom"]


def big_identity() -> MappedColumn[int]:
    """Return a bigint primary-key column that the database numbers."""
    return mapped_column(BigInteger, Identity(always=True), primary_key=True)
