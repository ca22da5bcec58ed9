"""Statements that read the features of a collection, each as a line of GeoJSON.

The database writes the JSON: nothing of a feature is taken apart and put together again. Statements
are made of what collections say and of bound values alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_

from gis_registry.db import reference
from gis_registry.db.base import SRID
from gis_registry.db.reading import DIALECT
from gis_registry.maps import filters
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
        bounds: is true for them too, and found by the index of the geometry; None: it does not
            matter where they are.
    """

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    is_of_source: bool = False
    bounds: str | None = None

    def expected(self) -> "Condition":
        """Return the same for rows of which the planner is to expect it, having chosen them by it.

        What it knows of a table's geometries it would apply to the chosen ones once more.
        """
        return replace(self, sql=f"CASE WHEN {self.sql} THEN true END IS NOT NULL")


@dataclass(frozen=True)
class Statement:
    """SQL with its values."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)


def of_filter(condition: ColumnElement[bool]) -> Condition:
    """Return a filter as a condition."""
    sql, values = _compiled(condition)
    overlaps = filters.bounds_of(condition)
    if not overlaps:
        return Condition(sql, values)
    bounds, of_bounds = _compiled(and_(*overlaps))
    # Both number their values from 1.
    bounds %= {name: f"%(bounds_{name})s" for name in of_bounds}
    values |= {f"bounds_{name}": value for name, value in of_bounds.items()}
    return Condition(sql, values, bounds=bounds)


def _compiled(condition: ColumnElement[bool]) -> tuple[str, dict[str, Any]]:
    compiled = condition.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    return f"({compiled})", dict(compiled.params)


def in_box(collection: Collection, box: Sequence[float], box_crs: OfferedCrs) -> Condition:
    """Return that a feature touches a box; one that crosses the antimeridian is two.

    Args:
        collection: which.
        box: least x, least y, greatest x, greatest y; x is a longitude or an easting.
        box_crs: what it is in.
    """
    west, south, east, north = box
    sides = [(west, east)]
    if west > east and box_crs.is_geographic:
        sides = [(west, 180.0), (-180.0, east)]
    bounds, texts = [], []
    values: dict[str, float] = {}
    for number, (least, greatest) in enumerate(sides):
        names = [f"box_{number}_{side}" for side in range(4)]
        values |= dict(zip(names, (least, south, greatest, north), strict=True))
        corners = [f"%({name})s::float8" for name in names]
        envelope = "ST_MakeEnvelope({})".format(", ".join(corners))
        if least == greatest and south == north:
            envelope = "ST_MakePoint({}, {})".format(*corners)
        elif least == greatest or south == north:
            envelope = "ST_MakeLine(ST_MakePoint({}, {}), ST_MakePoint({}, {}))".format(*corners)
        envelope = f"ST_SetSRID({envelope}, {box_crs.srid})"
        if box_crs.srid != SRID:
            # Sides that are straight there are not straight here: with points between.
            envelope = f"ST_Transform(ST_Segmentize({envelope}, %(box_step)s), {SRID})"
            values["box_step"] = max(greatest - least, north - south) / 16 or 1.0
        touches = f"ST_Intersects({collection.geometry}, {envelope})"
        if box_crs.srid == SRID and min(greatest - least, north - south) > 4 * _SURE_DEG:
            # Most of what touches a box lies within it, which is quickly seen.
            within = f"{collection.geometry} @ ST_Expand({envelope}, -{_SURE_DEG})"
            touches = f"{within} OR {touches}"
        bounds.append(f"{collection.geometry} && {envelope}")
        # The planner is to expect as many as the bounds hold, and no fewer.
        texts.append(f"({bounds[-1]} AND CASE WHEN {touches} THEN true END IS NOT NULL)")
    return Condition(
        f"({' OR '.join(texts)})", values, is_of_source=True, bounds=f"({' OR '.join(bounds)})"
    )


def page(
    collection: Collection,
    conditions: Sequence[Condition],
    *,
    crs: OfferedCrs,
    limit: int,
    after: Sequence[str] = (),
    count: str | None = None,
    among: Statement | None = None,
) -> Statement:
    """Return the statement of a page: rows of a count, the key as text, and the feature.

    Args:
        collection: which.
        conditions: which of its features.
        crs: what their coordinates are told in.
        limit: how many; one more is asked for, to see whether there is a next page.
        after: the key of the last feature of the page before, as text.
        count: what counts them, with the values of the collection and the conditions.
        among: which part of the source to look at, instead of all of it.
    """
    key = ", ".join(f"({one.sql})::text" for one in collection.key)
    told = f"{count or 'NULL'}, {key}, {feature(collection, crs)}"
    return listed(collection, conditions, told, limit=limit + 1, after=after, among=among)


def listed(
    collection: Collection,
    conditions: Sequence[Condition],
    told: str,
    *,
    limit: int | None = None,
    after: Sequence[str] = (),
    among: Statement | None = None,
) -> Statement:
    """Return the statement of features in the order of their key.

    Args:
        collection: which.
        conditions: which of its features.
        told: what is told of each, as SQL.
        limit: how many; None: all.
        after: the key of the last feature before them, as text.
        among: which part of the source to look at, instead of all of it.
    """
    is_narrow = limit is not None and _need_source_alone(collection, conditions)
    rest = _rest(collection, [*conditions, *_later(collection, after)], among, is_narrow=is_narrow)
    keys, ended = _keys(collection), _ended(collection, limit)
    if not is_narrow:
        return Statement(f"SELECT {told} {rest.sql} {ended}", rest.values)
    # What is left out by order and limit is not looked up either.
    found = f"(SELECT {collection.alias}.* {rest.sql} {ended}) AS {collection.alias}"
    return Statement(
        f"SELECT {told} FROM {found} {collection.lookups} ORDER BY {keys}",  # noqa: S608
        rest.values,
    )


def bounded(collection: Collection, conditions: Sequence[Condition]) -> Statement | None:
    """Return the part of the source that lies where conditions can hold, read by itself.

    Returns:
        None: the conditions do not say where, or the source is no single relation.
    """
    placed = [one for one in conditions if one.bounds is not None]
    if not placed or collection.alias is None:
        return None
    where = " AND ".join([collection.where, *(str(one.bounds) for one in placed)])
    return _part(collection, f"WHERE {where} OFFSET 0", placed)


def ahead(collection: Collection, *, rows: int, after: Sequence[str] = ()) -> Statement:
    """Return the part of the source that comes next in the order of the key.

    Args:
        collection: one whose source is a single relation.
        rows: how many rows it has.
        after: the key of the last feature before them, as text.
    """
    later = _later(collection, after)
    where = " AND ".join([collection.where, *(one.sql for one in later)])
    return _part(collection, f"WHERE {where} {_ended(collection, rows)}", later)


def _part(collection: Collection, which: str, conditions: Sequence[Condition]) -> Statement:
    alias = collection.alias
    values = dict(collection.values)
    for one in conditions:
        values |= one.values
    return Statement(f"SELECT {alias}.* FROM {collection.source} {which}", values)  # noqa: S608


def _keys(collection: Collection) -> str:
    return ", ".join(one.sql for one in collection.key)


def _ended(collection: Collection, limit: int | None) -> str:
    # As a number, not as a value: a plan for any number would be one for a tenth of all rows.
    return f"ORDER BY {_keys(collection)}" + ("" if limit is None else f" LIMIT {limit:d}")


def _later(collection: Collection, after: Sequence[str]) -> list[Condition]:
    """Return that features come after a key, if there is one."""
    if not after:
        return []
    values = {f"after_{number}": said for number, said in enumerate(after)}
    bound = ", ".join(
        f"%({name})s::{one.type}" for name, one in zip(values, collection.key, strict=True)
    )
    return [Condition(f"({_keys(collection)}) > ({bound})", values, is_of_source=True)]


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
    collection: Collection,
    conditions: Sequence[Condition],
    *,
    limit: int | None = None,
    among: Statement | None = None,
) -> Statement:
    """Return the statement of a row for each feature that conditions hold for, without order."""
    is_narrow = _need_source_alone(collection, conditions)
    rest = _rest(collection, conditions, among, is_narrow=is_narrow)
    most = "" if limit is None else f" LIMIT {limit:d}"
    return Statement(f"SELECT 1 {rest.sql}{most}", rest.values)


def _rest(
    collection: Collection,
    conditions: Sequence[Condition],
    among: Statement | None,
    *,
    is_narrow: bool,
) -> Statement:
    """Return from where rows are read and which."""
    values = {**collection.values, **(among.values if among else {})}
    for one in conditions:
        values |= one.values
    source = f"({among.sql}) AS {collection.alias}" if among else collection.source
    rows = source if is_narrow else f"{source} {collection.lookups}"
    own = "true" if among else collection.where
    where = " AND ".join([own, *(one.sql for one in conditions)])
    return Statement(f"FROM {rows} WHERE {where}", values)


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
