"""Outlines of divisions, light enough for a page.

Neighbours are simplified together, so that they keep sharing their borders and no slivers show.
Coordinates are written as whole steps of 0.00001 degrees (about a metre) from one vertex to the
next, a third of the size of GeoJSON.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping, shape

STEPS_PER_DEGREE = 100_000
_TOLERANCE_DEG = 0.0003  # a triangle of less than about 30 m x 30 m is left out

Ring = list[int]


def simplified(areas: Sequence[bytes]) -> list[shapely.MultiPolygon]:
    """Simplify areas of one level for display, given as WKB of polygons in EPSG:4490."""
    if not areas:
        return []
    found = shapely.coverage_simplify(shapely.from_wkb(list(areas)), _TOLERANCE_DEG)
    return [
        one if isinstance(one, shapely.MultiPolygon) else shapely.MultiPolygon([one])
        for one in found
    ]


def sketched(features: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return ids and geometries of features in GeoJSON for a small map: a thousandth of it exact.

    Args:
        features: with geometries of longitude and latitude, or without any.
    """
    shapes = [shape(one["geometry"]) if one["geometry"] else None for one in features]
    found = bounds([one for one in shapes if one is not None])
    if found is not None:
        west, south, east, north = found
        tolerance = max(east - west, north - south) / 1000
        shapes = list(shapely.simplify(np.asarray(shapes, dtype=object), tolerance))
    return [
        {"id": feature["id"], "geometry": None if one is None else mapping(one)}
        for feature, one in zip(features, shapes, strict=True)
    ]


def encoded(area: shapely.MultiPolygon) -> list[list[Ring]]:
    """Return polygons of rings of steps: lon, lat of the first vertex, then how far to each next.

    Parts that are smaller than a step are left out.
    """
    polygons = [[_ring(ring) for ring in (part.exterior, *part.interiors)] for part in area.geoms]
    return [
        [ring for ring in polygon if len(ring) > 6] for polygon in polygons if len(polygon[0]) > 6
    ]


def label_point(area: shapely.MultiPolygon) -> tuple[float, float]:
    """Return lon, lat of where the name of an area fits best: the middle of its widest place."""
    largest = max(area.geoms, key=lambda part: part.area)
    width = np.ptp(np.asarray(largest.exterior.coords)[:, 0])
    middle = shapely.maximum_inscribed_circle(largest, tolerance=max(width / 50, 1e-6))
    lon, lat = middle.coords[0]
    return round(lon, 5), round(lat, 5)


def bounds(areas: Sequence[shapely.Geometry]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of areas in degrees, or None without any."""
    if not areas:
        return None
    west, south, east, north = shapely.total_bounds(np.asarray(areas, dtype=object))
    return float(west), float(south), float(east), float(north)


def _ring(ring: shapely.LinearRing) -> Ring:
    vertices = np.rint(np.asarray(ring.coords)[:, :2] * STEPS_PER_DEGREE).astype(np.int64)
    moves = np.diff(vertices, axis=0)
    moves = moves[np.any(moves != 0, axis=1)]
    return [*vertices[0].tolist(), *moves.ravel().tolist()]
