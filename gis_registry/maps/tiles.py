"""Vector tiles of collections: every feature, or how many there are; never a part of them.

A tile of components says at zooms 0 to 13 how many each of its cells holds, in all and by class, as
the registry counts them (decision 17); nearer by it has every component. A tile of another
collection has every feature. Where that would be more than a tile may carry, it has the number of
features in each cell instead, and says so by ``is_aggregated``.

Each feature counts 1 in the one tile that its point lies in and 0 in others that it reaches into:
the sum of ``count`` over the tiles of any zoom is the number of features with a geometry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from gis_registry import __version__
from gis_registry.components.tables import ComponentState
from gis_registry.db import reference
from gis_registry.db.base import SRID
from gis_registry.db.reading import plain
from gis_registry.db.sql import load_queries
from gis_registry.errors import InvalidInput
from gis_registry.maps import collections, count_queries
from gis_registry.maps.collections import Collection, Property
from gis_registry.maps.count_tables import (
    BLOCK_LEVEL,
    LAST_COUNTED_ZOOM,
    LAST_LEVEL,
    LEVELS_BELOW_TILE,
    NO_UNIT,
)
from gis_registry.maps.features import Statement
from gis_registry.maps.queryables import PropertyType
from gis_registry.maps.tiles_grid import Box, Tile

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
#: More features, or more bytes, than a tile carries: it counts them instead.
MOST_FEATURES, MOST_BYTES = 4_000, 250_000
#: What a tile says beside the properties of features.
COUNT, IS_AGGREGATED, BY_CLASS = "count", "is_aggregated", "class_"
#: What the filter calls components that are nobody's.
NOBODY = "none"
STATES = (ComponentState.ACTIVE, ComponentState.RETIRED)
EXTENT = 4096
#: How far beyond its edge a tile has lines and areas, as a part of its width.
_MARGIN = 1 / 64
_GEOMETRY = "geom"
_COMPONENT_PROPERTIES = ("code", "class_code", "state")


class Reads(Protocol):
    """What reads statements: :class:`gis_registry.db.reading.Reading`, or one transaction."""

    async def rows(
        self, statement: str, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Return what a statement finds."""


@dataclass(frozen=True)
class Layer:
    """What tiles show of a collection.

    Attributes:
        collection: its features.
        properties: what single features say.
        point: longitude and latitude of where a feature is counted.
        where: which of its features.
        values: what these refer to.
        counted_by: what features of a cell are told apart by; None: nothing.
        is_counted: whether the registry counts them, and knows versions of its tiles.
    """

    collection: Collection
    properties: tuple[Property, ...]
    point: tuple[str, str]
    where: str = "true"
    values: Mapping[str, Any] | None = None
    counted_by: str | None = None
    is_counted: bool = False


async def layer(
    reads: Reads,
    collection: Collection,
    *,
    classes: Sequence[str] = (),
    states: Sequence[str] = (),
    units: Sequence[str] = (),
) -> Layer:
    """Return what tiles are to show of a collection.

    Args:
        reads: the database.
        collection: which; the rest is only for components.
        classes: only of the classes with these codes; none: of any.
        states: only in these states; none: that stand.
        units: only of the units with these codes, or ``none`` for nobody's; none: of any.

    Raises:
        InvalidInput: there is no such class, state or unit, or the collection has none.
    """
    if collection.source != collections.components().source:
        if classes or states or units:
            raise InvalidInput(
                f"`class`, `state` and `unit` are of components; {collection.name} has none."
            )
        middle = "(ST_{0}Min({1}) + ST_{0}Max({1})) / 2"
        lon, lat = (middle.format(axis, collection.geometry) for axis in "XY")
        return Layer(collection, tuple(map(_renamed, collection.properties)), (lon, lat))
    for one in states:
        if one not in STATES:
            raise InvalidInput(f"`state` must be of {', '.join(STATES)}; {one[:100]!r} is not.")
    class_ids = await _ids(reads, "class", classes)
    unit_ids = await _ids(reads, "unit", [one for one in units if one != NOBODY])
    only = collection.values.get("class_id")
    if only is not None and class_ids:
        raise InvalidInput(f"All of {collection.name} is of one class; leave out `class`.")
    values = {
        "class_ids": [only] if only is not None else class_ids or None,
        "states": list(dict.fromkeys(states)) or [ComponentState.ACTIVE],
        "unit_ids": unit_ids + [NO_UNIT] * (NOBODY in units) or None,
    }
    where = ["c.state = ANY (%(states)s)"]
    if values["class_ids"]:
        where.append("c.class_id = ANY (%(class_ids)s)")
    if values["unit_ids"]:
        where.append(f"coalesce(c.maintainer_id, c.owner_id, {NO_UNIT}) = ANY (%(unit_ids)s)")
    point = f"component_point({collection.geometry})"
    return Layer(
        replace(collection, where="true"),  # which states is asked above
        tuple(one for one in collection.properties if one.name in _COMPONENT_PROPERTIES),
        (f"ST_X({point})", f"ST_Y({point})"),
        where=" AND ".join(where),
        values=values,
        counted_by="k.code",
        is_counted=True,
    )


async def box(reads: Reads, shown: Layer, city: Box) -> Box:
    """Return where tiles may have anything: the city, and all features wherever they are."""
    if shown.is_counted:
        found = await reads.rows(_SQL["blocks_box"])
        corners = [
            Tile(BLOCK_LEVEL, x, y).box() for left, right, top, bottom in found
            for x, y in ((left, top), (right, bottom))
        ]  # fmt: skip
    elif shown.collection.about is not None and shown.collection.about.box is not None:
        corners = [shown.collection.about.box]
    else:
        collection = shown.collection
        found = await reads.rows(
            "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box) FROM ("  # noqa: S608
            f"SELECT ST_Extent({collection.geometry}) AS box FROM {collection.source}"
            f" WHERE {collection.where}) AS all_of_it WHERE box IS NOT NULL",
            collection.values,
        )
        corners = [(west, south, east, north) for west, south, east, north in found]
    wests, souths, easts, norths = zip(city, *corners, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


async def fields(reads: Reads, shown: Layer) -> dict[str, str]:
    """Return what features of a layer say, with a description of each, as TileJSON has it."""
    told = {one.name: f"{one.title} ({one.type})" for one in shown.properties}
    told[COUNT] = "数量 how many features it stands for; 0 where it is counted in another tile"
    told[IS_AGGREGATED] = "合计 that it stands for all features of a cell"
    if shown.is_counted:
        for code, name_zh, name_en in await reads.rows(_SQL["shown_classes"]):
            told[f"{BY_CLASS}{code}"] = f"{name_zh} how many of the cell are: {name_en}"
    return told


async def attribution(reads: Reads, shown: Layer) -> str:
    """Return who has to be named on a map of a layer: who drew the divisions, on theirs."""
    if shown.collection.source != collections.divisions().source:
        return ""
    found = [source for (source,) in await reads.rows(_SQL["attribution"])]
    is_openstreetmap = any("openstreetmap" in one.lower() for one in found)
    others = [one for one in found if "openstreetmap" not in one.lower()]
    return "; ".join(["© OpenStreetMap contributors"] * is_openstreetmap + others)


async def tag(reads: Reads, shown: Layer, tile: Tile) -> str | None:
    """Return what changes whenever a tile may look different, and is quickly read.

    Ask for it before the tile. None: it is known from the tile alone, by :func:`tag_of`.
    """
    if not shown.is_counted:
        return None
    ((version, token),) = await reads.rows(_STATE, {"z": tile.z, "x": tile.x, "y": tile.y})
    asked = (shown.collection.name, shown.values, tile, version, str(token), __version__)
    return tag_of(repr(asked).encode())


def tag_of(content: bytes) -> str:
    """Return a short name of a content."""
    return sha256(content).hexdigest()[:24]


async def content(reads: Reads, shown: Layer, tile: Tile, *, is_aggregated: bool = False) -> bytes:
    """Return a tile, as Mapbox Vector Tile; empty if nothing is in it.

    Args:
        reads: the database.
        shown: what it shows.
        tile: which.
        is_aggregated: whether it has to say how many features there are, and not which.
    """
    if not is_aggregated and not await _is_known_full(reads, shown, tile):
        found = await _only(reads, _features(shown, tile))
        if found is not None and len(found) <= MOST_BYTES:
            return found
    is_kept = shown.is_counted and tile.z <= LAST_LEVEL
    return await _only(reads, (_counts if is_kept else _cells)(shown, tile)) or b""


async def _is_known_full(reads: Reads, shown: Layer, tile: Tile) -> bool:
    """Return whether a tile has to be one of counts, without looking at its features."""
    if not shown.is_counted or tile.z > LAST_LEVEL:
        return False
    if tile.z <= LAST_COUNTED_ZOOM:
        return True
    place = {"z": tile.z, "x": tile.x, "y": tile.y}
    ((count,),) = await reads.rows(_SQL["counted"], {**(shown.values or {}), **place})
    return bool(count > MOST_FEATURES)


async def _only(reads: Reads, statement: Statement) -> bytes | None:
    """Return the tile that a statement makes."""
    ((found,),) = await reads.rows(statement.sql, statement.values)
    return found if found is None else bytes(found)


async def _ids(reads: Reads, name: str, codes: Sequence[str]) -> list[int]:
    if not codes:
        return []
    found = await reads.rows(_SQL[f"{name}_ids"], {"codes": list(codes)})
    missing = set(codes) - {code for code, _ in found}
    if missing:
        raise InvalidInput(f"`{name}`: there is no {name} {min(missing)[:100]!r}.")
    return [number for _, number in found]


def _renamed(one: Property) -> Property:
    """Return a property by a name that tiles do not use themselves."""
    is_taken = one.name in (COUNT, IS_AGGREGATED, _GEOMETRY)
    return replace(one, name=f"{one.name}_") if is_taken else one


def _counts(shown: Layer, tile: Tile) -> Statement:
    """Return the statement of a tile of what the registry counts, at the last level at most."""
    level = min(tile.z + LEVELS_BELOW_TILE, LAST_LEVEL)
    across = 2 ** (level - tile.z)
    values = {
        **(shown.values or {}),
        "layer": shown.collection.name,
        "step": EXTENT // across,
        "across": across,
        "level": level,
        "first_x": tile.x * across,
        "first_y": tile.y * across,
    }
    return Statement(_of_cells(_SQL["counted_cells"], is_by=True), values)


def _cells(shown: Layer, tile: Tile) -> Statement:
    """Return the statement of a tile that counts features by cells itself."""
    rest, values = _within(shown, tile)
    across = 2**LEVELS_BELOW_TILE
    cells = (
        f"SELECT floor(tile_place.u * {across})::int AS x,"
        f" floor(tile_place.v * {across})::int AS y, {shown.counted_by or 'NULL'} AS code,"
        f" count(*)::int AS count {rest} AND tile_place.is_here GROUP BY 1, 2, 3"
    )
    is_by = shown.counted_by is not None
    return Statement(_of_cells(cells, is_by=is_by), {**values, "step": EXTENT // across})


def _of_cells(cells: str, *, is_by: bool) -> str:
    """Return what makes a tile of cells: a point in the middle of each, with how many are in it."""
    by = f", json_object_agg('{BY_CLASS}' || code, count)::jsonb" if is_by else ""
    order = "" if is_by else " ORDER BY x, y"  # where the content makes the tag
    return (
        f"WITH cells AS MATERIALIZED ({cells})"  # noqa: S608
        f" SELECT ST_AsMVT(_told, %(layer)s, {EXTENT}, '{_GEOMETRY}') FROM (SELECT"
        f" ST_MakePoint((x + 0.5) * %(step)s::int, (y + 0.5) * %(step)s::int) AS {_GEOMETRY},"
        f" sum(count)::bigint AS {COUNT}, true AS {IS_AGGREGATED}{by}"
        f" FROM cells GROUP BY x, y{order}) AS _told"
    )


def _features(shown: Layer, tile: Tile) -> Statement:
    """Return the statement of a tile with every feature; NULL if there are too many.

    What is too small to be drawn, or reaches into no pixel, stays as the point where it counts.
    """
    rest, values = _within(shown, tile)
    geometry = shown.collection.geometry
    keys = ", ".join(one.sql for one in shown.collection.key)
    # In the same order each time where the content makes the tag; it takes longer.
    key, order = (
        ("", "") if shown.is_counted else (f", ARRAY[{keys}]::text[] AS key", "ORDER BY key")
    )
    read = "".join(f", {_value(one)} AS p{number}" for number, one in enumerate(shown.properties))
    told = "".join(
        f", p{number} AS {_quoted(one.name)}" for number, one in enumerate(shown.properties)
    )
    # Which of too many are read does not matter: none is shown.
    found = (
        f"SELECT {geometry} AS shape, GeometryType({geometry}) = 'POINT' AS is_point,"
        " tile_place.is_here, CASE WHEN tile_place.is_here THEN"
        f" ST_MakePoint(floor(tile_place.u * {EXTENT}), floor(tile_place.v * {EXTENT}))"
        f" END AS point{key}{read} {rest}"
        f" AND (tile_place.is_here OR GeometryType({geometry}) <> 'POINT')"
        f" LIMIT {MOST_FEATURES + 1}"
    )
    drawn = (
        "CASE WHEN is_point THEN point ELSE coalesce(ST_AsMVTGeom("
        "ST_Transform(ST_Simplify(shape, %(half_a_step)s, true), 3857),"
        f" ST_TileEnvelope(%(z)s, %(x)s, %(y)s), {EXTENT}, {round(EXTENT * _MARGIN)}), point) END"
    )
    return Statement(
        f"WITH found AS MATERIALIZED ({found}) "  # noqa: S608
        f"SELECT CASE WHEN (SELECT count(*) FROM found) <= {MOST_FEATURES} THEN ("
        f"SELECT ST_AsMVT(_told, %(layer)s, {EXTENT}, '{_GEOMETRY}') FROM ("
        f"SELECT {drawn} AS {_GEOMETRY}{told}, is_here::int AS {COUNT} FROM found {order}"
        f") AS _told WHERE {_GEOMETRY} IS NOT NULL) END",
        values,
    )


def _within(shown: Layer, tile: Tile) -> tuple[str, dict[str, Any]]:
    """Return from where the features in and around a tile are read, with the values.

    ``tile_place`` is where each is counted: ``u`` and ``v`` from the north-west, as parts of the
    tile's width, and whether it is in the tile. Widths are powers of two, so that a place is in the
    same cell at all levels.
    """
    collection = shown.collection
    west, south, east, north = tile.box(margin=_MARGIN)
    lon, lat = shown.point
    part = "least(greatest({}, 0), 0.9999999999999999) * %(width)s::float8 - %({})s::int"
    u = part.format(f"(({lon}) + 180) / 360", "x")
    v = part.format(f"0.5 - atanh(sin(radians({lat}))) / (2 * pi())", "y")
    values = {
        **collection.values,
        **(shown.values or {}),
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
        "width": float(2**tile.z),
        "half_a_step": 180 / 2**tile.z / EXTENT,
        "layer": collection.name,
    }
    return (
        f"FROM {collection.rows} CROSS JOIN LATERAL ("  # noqa: S608
        "SELECT u, v, u >= 0 AND u < 1 AND v >= 0 AND v < 1 AS is_here"
        f" FROM (SELECT {u} AS u, {v} AS v OFFSET 0) AS p) AS tile_place"
        f" WHERE {collection.where} AND {shown.where} AND {collection.geometry} &&"
        f" ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, {SRID})",
        values,
    )


def _value(one: Property) -> str:
    """Return what a property comes from, as a type that tiles know."""
    return f"({one.sql})::float8" if one.type is PropertyType.NUMBER else one.sql


def _quoted(name: str) -> str:
    """Return a name of a column as it is written in SQL with values."""
    doubled = name.replace('"', '""').replace("%", "%%")
    return f'"{doubled}"'


_SQL = {
    name: plain(clause) for name, clause in load_queries(Path(__file__).with_suffix(".sql")).items()
}
_STATE = f"SELECT ({plain(count_queries.QUERIES['version'])}), ({reference.STATE_SQL})"
