"""Statements that read the features of a collection, each as a line of GeoJSON.

The database writes the JSON: nothing of a feature is taken apart and put together again. Statements
are made of what collections say and of bound values alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement

from gis_registry.db import reference
from gis_registry.db.base import SRID
from gis_registry.db.reading import DIALECT
from gis_registry.maps.collections import Collection
from gis_registry.maps.crs import OfferedCrs

#: Boxes are compared in single precision, whose numbers are at most so far apart up to 180 degrees
#: (2**-16): what lies that much within is within for sure.
_SURE_DEG = 2e-5


@dataclass(frozen=True)
class Condition:
    """Which features, as SQL, with its values.

    Attributes:
        sql: is true for them.
        values: what it refers to.
        is_of_source: whether it needs nothing of the collection's lookups.
    """

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    is_of_source: bool = False


@dataclass(frozen=True)
class Statement:
    """SQL with its values."""

    sql: str
    values: Mapping[str, Any]


def of_filter(condition: ColumnElement[bool]) -> Condition:
    """Return a filter as a condition."""
    compiled = condition.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    return Condition(f"({compiled})", compiled.params)


def in_box(
    collection: Collection, box: Sequence[float], box_crs: OfferedCrs, *, parameter: str = "box"
) -> Condition:
    """Return that a feature touches a box; one that crosses the antimeridian is two.

    Args:
        collection: which.
        box: least x, least y, greatest x, greatest y; x is a longitude or an easting.
        box_crs: what it is in.
        parameter: begins the names of its values.
    """
    west, south, east, north = box
    parts = [(west, east)]
    if west > east and box_crs.is_geographic:
        parts = [(west, 180.0), (-180.0, east)]
    texts, values = [], {}
    for number, (least, greatest) in enumerate(parts):
        names = [f"{parameter}_{number}_{side}" for side in range(4)]
        corners = [f"%({name})s::float8" for name in names]
        envelope = "ST_MakeEnvelope({})".format(", ".join(corners))
        if least == greatest and south == north:
            envelope = "ST_MakePoint({}, {})".format(*corners)
        elif least == greatest or south == north:
            envelope = "ST_MakeLine(ST_MakePoint({}, {}), ST_MakePoint({}, {}))".format(*corners)
        envelope = f"ST_SetSRID({envelope}, {box_crs.srid})"
        if box_crs.srid != SRID:
            # Sides that are straight there are not straight here: with points between.
            envelope = f"ST_Transform(ST_Segmentize({envelope}, %({parameter}_step)s), {SRID})"
            values[f"{parameter}_step"] = max(greatest - least, north - south) / 16 or 1.0
        touches = f"ST_Intersects({collection.geometry}, {envelope})"
        if box_crs.srid == SRID and min(greatest - least, north - south) > 4 * _SURE_DEG:
            # Most of what touches a box lies within it, which is quickly seen. Of what the planner
            # is told so it expects no less than the box has.
            within = f"{collection.geometry} @ ST_Expand({envelope}, -{_SURE_DEG})"
            touches = (
                f"{collection.geometry} && {envelope}"
                f" AND CASE WHEN {within} OR {touches} THEN true END IS NOT NULL"
            )
        texts.append(f"({touches})")
        values |= dict(zip(names, (least, south, greatest, north), strict=True))
    return Condition(f"({' OR '.join(texts)})", values, is_of_source=True)


def page(
    collection: Collection,
    conditions: Sequence[Condition],
    *,
    crs: OfferedCrs,
    limit: int,
    after: Sequence[str] = (),
    count: str | None = None,
) -> Statement:
    """Return the statement of a page: rows of a count, the key as text, and the feature.

    Args:
        collection: which.
        conditions: which of its features.
        crs: what their coordinates are told in.
        limit: how many; one more is asked for, to see whether there is a next page.
        after: the key of the last feature of the page before, as text.
        count: what counts them, with the values of the collection and the conditions.
    """
    key = ", ".join(f"({one.sql})::text" for one in collection.key)
    told = f"{count or 'NULL'}, {key}, {feature(collection, crs)}"
    return listed(collection, conditions, told, limit=limit + 1, after=after)


def listed(
    collection: Collection,
    conditions: Sequence[Condition],
    told: str,
    *,
    limit: int | None = None,
    after: Sequence[str] = (),
) -> Statement:
    """Return the statement of features in the order of their key.

    Args:
        collection: which.
        conditions: which of its features.
        told: what is told of each, as SQL.
        limit: how many; None: all.
        after: the key of the last feature before them, as text.
    """
    keys = ", ".join(one.sql for one in collection.key)
    is_narrow = limit is not None and _need_source_alone(collection, conditions)
    rest, values = _rest(collection, conditions, is_narrow=is_narrow)
    where = ""
    if after:
        names = [f"after_{number}" for number in range(len(after))]
        values |= dict(zip(names, after, strict=True))
        bound = ", ".join(
            f"%({name})s::{one.type}" for name, one in zip(names, collection.key, strict=True)
        )
        where = f" AND ({keys}) > ({bound})"
    # As a number, not as a value: a plan for any number would be one for a tenth of all rows.
    ended = f"{where} ORDER BY {keys}" + ("" if limit is None else f" LIMIT {limit:d}")
    if not is_narrow:
        return Statement(f"SELECT {told} {rest}{ended}", values)
    # What is left out by order and limit is not looked up either.
    alias = collection.source.rpartition(" ")[2]
    found = f"(SELECT {alias}.* {rest}{ended}) AS {alias}"
    return Statement(
        f"SELECT {told} FROM {found} {collection.lookups} ORDER BY {keys}",  # noqa: S608
        values,
    )


def single(collection: Collection, feature_id: str, *, crs: OfferedCrs) -> Statement:
    """Return the statement of one feature, by its id: it, and what changes whenever it does.

    That is the feature's version, and what there is of the names and codes that it tells besides.
    """
    version = f"({collection.version}) || '-' || left(({reference.STATE_SQL})::text, 8)"
    return Statement(
        f"SELECT {feature(collection, crs)}, {version} FROM {collection.rows} "  # noqa: S608
        f"WHERE {collection.where} AND {collection.by_id}",
        {**collection.values, "id": feature_id},
    )


def matching(
    collection: Collection, conditions: Sequence[Condition], *, limit: int | None = None
) -> Statement:
    """Return the statement of a row for each feature that conditions hold for, without order."""
    is_narrow = _need_source_alone(collection, conditions)
    rest, values = _rest(collection, conditions, is_narrow=is_narrow)
    most = "" if limit is None else f" LIMIT {limit:d}"
    return Statement(f"SELECT 1 {rest}{most}", values)


def _rest(
    collection: Collection, conditions: Sequence[Condition], *, is_narrow: bool
) -> tuple[str, dict[str, Any]]:
    """Return from where rows are read and which, with the values."""
    values = dict(collection.values)
    for one in conditions:
        values |= one.values
    where = " AND ".join([collection.where, *(one.sql for one in conditions)])
    rows = collection.source if is_narrow else collection.rows
    return f"FROM {rows} WHERE {where}", values


def _need_source_alone(collection: Collection, conditions: Sequence[Condition]) -> bool:
    """Return whether what is asked for can be told without looking anything up."""
    return bool(collection.lookups) and all(one.is_of_source for one in conditions)


@lru_cache(maxsize=1000)  # a layer that is loaded again is another collection
def feature(collection: Collection, crs: OfferedCrs) -> str:
    """Return the expression of a feature as a text of GeoJSON."""
    columns = ", ".join(f'{one.sql} AS "{one.name}"' for one in collection.properties)
    inner = f"(SELECT row_to_json(p) FROM (SELECT {columns}) AS p)"  # noqa: S608
    shape = collection.geometry
    if not crs.is_stored:
        shape = f"ST_Transform({shape}, {crs.srid})" if crs.srid != SRID else shape
        shape = f"ST_FlipCoordinates({shape})" if crs.is_northing_first else shape
    return (
        f"""'{{"type":"Feature","id":' || to_json({collection.id_sql}) ||"""
        f""" ',"geometry":' || coalesce(ST_AsGeoJSON({shape}, {crs.decimals}, 0), 'null') ||"""
        f""" ',"properties":' || {inner} || '}}'"""
    )
