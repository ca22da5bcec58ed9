"""Geometries that a filter gives: checked, and in the reference system of the column.

What PostGIS is asked must never fail in the database: coordinates are numbers in the range of
their reference system, rings are closed, and the geometry is valid and not empty.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, LargeBinary, func, literal

from gis_registry.errors import InvalidInput
from gis_registry.maps.filter_text import Tree

#: How many vertices the geometries of a filter may have, each.
MAX_VERTICES = 10_000

#: What PostGIS calls CRS84: it always takes the longitude first.
_CRS84 = 4326
#: How far a place may be off after the way to degrees and back, as a share of its coordinates.
_TOLERANCE = 1e-6

_Position = tuple[float, float]


def geometry_of(
    tree: dict[str, Tree], *, filter_srid: int | None, geometry_srid: int
) -> tuple[BaseGeometry, ColumnElement[object]]:
    """Return a geometry or box of a filter, checked, x first, and as SQL in the column's SRID.

    Args:
        tree: GeoJSON, or ``{"bbox": [...]}``.
        filter_srid: what its coordinates are in, in the authority's order; None: CRS84.
        geometry_srid: SRID that the SQL is in.

    Raises:
        InvalidInput: it is no geometry, not valid, empty, too large or not in the system's range.
    """
    system = _system(filter_srid)
    shape = _box(tree["bbox"], system) if "bbox" in tree else _shape(tree, system)
    _check_range(shape, system)
    if not _is_degrees(system):
        shape = _with_points_between(shape)
    srid = _CRS84 if filter_srid is None else filter_srid
    # The SRID travels with the geometry: GeoAlchemy writes that of ST_GeomFromWKB into the text of
    # the statement, and SQLAlchemy would take it for that of the next filter.
    binary = shapely.to_wkb(shapely.set_srid(shape, srid), include_srid=True)
    sql = func.ST_GeomFromEWKB(literal(binary, LargeBinary()))
    return shape, sql if srid == geometry_srid else func.ST_Transform(sql, geometry_srid)


def _system(srid: int | None) -> CRS | None:
    if srid is None:
        return None
    try:
        return CRS.from_epsg(srid)
    except CRSError as error:
        raise InvalidInput(
            f"There is no coordinate reference system EPSG:{srid}; filter-crs names one that the "
            "collection lists."
        ) from error


def _is_north_first(system: CRS | None) -> bool:
    return system is not None and system.axis_info[0].direction == "north"


def _is_degrees(system: CRS | None) -> bool:
    return system is None or system.is_geographic


def _shape(tree: dict[str, Tree], system: CRS | None) -> BaseGeometry:
    count = 0

    def position(given: Tree) -> _Position:
        nonlocal count
        count += 1
        if count > MAX_VERTICES:
            raise InvalidInput(
                f"A geometry of the filter has more than {MAX_VERTICES:,} vertices; simplify it."
            )
        if not isinstance(given, list) or not 2 <= len(given) <= 4:
            raise InvalidInput("A position in the filter is two numbers, or three with a height.")
        first, second, *_ = [_coordinate(one) for one in given]
        return (second, first) if _is_north_first(system) else (first, second)

    shape = _built(tree, position, is_member=False)
    if shape.is_empty:
        raise InvalidInput("The filter has an empty geometry; give it coordinates.")
    if not shape.is_valid:
        raise InvalidInput(
            f"A {tree.get('type')} of the filter is not valid ({shapely.is_valid_reason(shape)}); "
            "its rings may not cross themselves or one another, and holes lie within."
        )
    return shape


def _built(tree: Tree, position: Callable[[Tree], _Position], *, is_member: bool) -> BaseGeometry:
    kind = tree.get("type") if isinstance(tree, dict) else None
    if not isinstance(tree, dict) or not isinstance(kind, str):
        raise InvalidInput("A geometry of the filter has no type, such as Point or Polygon.")
    if kind == "GeometryCollection" and not is_member:
        members = tree.get("geometries")
        if not isinstance(members, list) or not members:
            raise InvalidInput("A GeometryCollection of the filter has no geometries.")
        parts = [_built(one, position, is_member=True) for one in members]
        invalid = next((part for part in parts if not part.is_valid), None)
        # As one set of points: collections whose parts lie on one another cannot be related.
        return shapely.unary_union(parts) if invalid is None else invalid
    if kind not in _KINDS:
        raise InvalidInput(
            f"The filter has a geometry of the type {kind[:40]!r}; it can be {', '.join(_KINDS)}, "
            "or a GeometryCollection of these."
        )
    depth, make = _KINDS[kind]
    positions = _positions(tree.get("coordinates"), depth, kind, position)
    try:
        return make(positions)
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise InvalidInput(f"A {kind} of the filter cannot be used: {error}.") from error


def _positions(given: Tree, depth: int, kind: str, position: Callable[[Tree], _Position]) -> Any:
    if depth == 0:
        return position(given)
    if not isinstance(given, list) or not given:
        raise InvalidInput(f"A {kind} of the filter has no coordinates, or not as many lists deep.")
    return [_positions(one, depth - 1, kind, position) for one in given]


def _polygon(rings: list[list[_Position]]) -> BaseGeometry:
    for ring in rings:
        if len(ring) < 4 or ring[0] != ring[-1]:
            raise InvalidInput(
                "A ring of a polygon in the filter is not closed; it has at least four positions, "
                "and its last one is its first."
            )
    return shapely.Polygon(rings[0], rings[1:])


def _polygons(polygons: list[list[list[_Position]]]) -> BaseGeometry:
    return shapely.MultiPolygon([_polygon(rings) for rings in polygons])


#: How deep the coordinates of each type stand in lists, and what makes it of them.
_KINDS: dict[str, tuple[int, Callable[[Any], BaseGeometry]]] = {
    "Point": (0, shapely.Point),
    "MultiPoint": (1, shapely.MultiPoint),
    "LineString": (1, shapely.LineString),
    "MultiLineString": (2, shapely.MultiLineString),
    "Polygon": (2, _polygon),
    "MultiPolygon": (3, _polygons),
}


def _coordinate(given: Tree) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or abs(given) > 1e30:
        raise InvalidInput("A coordinate in the filter is no number, or too large.")
    return float(given)


def _box(given: Tree, system: CRS | None) -> BaseGeometry:
    if not isinstance(given, list) or len(given) not in (4, 6):
        raise InvalidInput("A BBOX has four numbers, or six with heights: BBOX(120, 36, 121, 37).")
    numbers = [_coordinate(one) for one in given]
    half = len(numbers) // 2
    west, south, east, north = *numbers[:2], *numbers[half : half + 2]
    if _is_north_first(system):
        west, south, east, north = south, west, north, east
    if south > north or (half == 3 and numbers[2] > numbers[5]):
        raise InvalidInput("A BBOX of the filter has its upper edge below its lower edge.")
    if west <= east:
        return _rectangle(west, south, east, north)
    if not _is_degrees(system):
        raise InvalidInput("A BBOX of the filter has its right edge left of its left edge.")
    if max(west, -east) > 180:  # said below, by the range
        return shapely.MultiPoint([(west, south), (east, north)])
    parts = [
        _rectangle(left, south, right, north)
        for left, right in ((west, 180.0), (-180.0, east))
        if left < right
    ]
    return shapely.unary_union(parts or [_rectangle(180.0, south, 180.0, north)])


def _rectangle(west: float, south: float, east: float, north: float) -> BaseGeometry:
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def _with_points_between(shape: BaseGeometry) -> BaseGeometry:
    """Return a shape whose lines stay where they are when its system is left."""
    west, south, east, north = shape.bounds
    longest = max(east - west, north - south) / 32
    return shapely.segmentize(shape, longest) if longest else shape


def _check_range(shape: BaseGeometry, system: CRS | None) -> None:
    if system is not None and not system.is_geographic:
        check_projected(shape, system, what="The filter has coordinates")
        return
    x, y = shapely.get_coordinates(shape).T
    if np.abs(x).max() > 180 or np.abs(y).max() > 90:
        order = "latitude, longitude" if _is_north_first(system) else "longitude, latitude"
        raise InvalidInput(
            "The filter has coordinates that are no place on the ground: the longitude is between "
            f"-180 and 180, the latitude between -90 and 90, and they are written {order} in this "
            "reference system."
        )


def check_projected(shape: BaseGeometry, system: CRS, *, what: str) -> None:
    """Refuse what the projection does not bring to the ground and back, also along its lines.

    Args:
        shape: its x are eastings.
        system: in which it is.
        what: begins the sentence that refuses.

    Raises:
        InvalidInput: some of it is out of the system's range.
    """
    x, y = shapely.get_coordinates(_with_points_between(shape)).T
    transformer = Transformer.from_crs(_CRS84, system, always_xy=True)
    try:
        degrees = transformer.transform(x, y, direction="INVERSE", errcheck=True)
        back = np.array(transformer.transform(*degrees, errcheck=True))
    except ProjError:
        back = np.full((2, len(x)), np.inf)
    reach = _TOLERANCE * max(1.0, float(np.abs([x, y]).max()))
    if not (np.abs(back - [x, y]) <= reach).all():
        axes = ", ".join(one.name.lower() for one in system.axis_info)
        raise InvalidInput(
            f"{what} outside of the range of its reference system "
            f"({system.name}, whose order is: {axes})."
        )
