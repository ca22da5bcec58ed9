"""Matching rows with components that are lines or polygons: by how well they lie on each other.

The distance of two shapes is the mean distance from points spread along each (along the boundary of
a polygon) to the other one. It is small only where they overlap for most of their length, unlike
the distance of centroids, and unlike the least distance, which is zero for shapes that cross.
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_registry.surveys.assigning import (
    Evidence,
    Floats,
    Indices,
    Matches,
    Pairs,
    choose,
    no_matches,
)
from gis_registry.surveys.delivery import Placed
from gis_registry.surveys.matching import MAX_DISTANCE_M, gain_of

#: Points along each shape, its ends included.
_SAMPLES = 17
#: Pairs measured at once: bounds the memory.
_PAIRS_AT_ONCE = 100_000

Shapes = NDArray[np.object_]


def match_shapes(
    rows: Placed,
    registered: Placed,
    *,
    row_shapes: Shapes,
    component_shapes: Shapes,
    evidence: Evidence | None = None,
) -> Matches:
    """Match rows with components that are lines or polygons, within each class.

    Args:
        rows: rows with their classes and accuracies; all of them are matched.
        registered: active components.
        row_shapes: geometries of the rows in a projected system, in metres.
        component_shapes: geometries of the components in the same system.
        evidence: gains of contested pairs from other things than shape and class.
    """
    matches = no_matches(len(rows))
    if not len(rows) or not len(registered):
        return matches
    tree = shapely.STRtree(component_shapes)
    row, component = tree.query(row_shapes, predicate="dwithin", distance=MAX_DISTANCE_M / 2)
    same = rows.class_ids[row] == registered.class_ids[component]
    row, component = row[same], component[same]
    distance = mean_distance(row_shapes, component_shapes, row, component)
    near = distance <= MAX_DISTANCE_M
    row, component, distance = row[near], component[near], distance[near]
    gain = gain_of(
        distance,
        rows.accuracies_m[row],
        registered.accuracies_m[component],
        _second_nearest(row, distance, len(rows))[row],
    )
    choose(matches, Pairs(row, component, distance, gain), evidence=evidence)
    return matches


def mean_distance(
    row_shapes: Shapes, component_shapes: Shapes, row: Indices, component: Indices
) -> Floats:
    """Return the mean distance of pairs of shapes in metres, both ways."""
    distance = np.empty(len(row))
    for begin in range(0, len(row), _PAIRS_AT_ONCE):
        part = slice(begin, begin + _PAIRS_AT_ONCE)
        ours, theirs = row_shapes[row[part]], component_shapes[component[part]]
        distance[part] = (_one_way(ours, theirs) + _one_way(theirs, ours)) / 2
    return distance


def _one_way(shapes: Shapes, others: Shapes) -> Floats:
    along = _outlines(shapes)
    total = np.zeros(len(shapes))
    # Ends weigh half, as in the trapezoidal rule.
    for share in np.linspace(0, 1, _SAMPLES):
        at = shapely.line_interpolate_point(along, share, normalized=True)
        weight = 0.5 if share in (0, 1) else 1.0
        total += weight * shapely.distance(at, _outlines(others))
    return total / (_SAMPLES - 1)


def _outlines(shapes: Shapes) -> Shapes:
    """Return lines as one line each, and polygons as their outer boundary."""
    is_area = shapely.get_dimensions(shapes) == 2
    outlines = shapes.copy()
    if is_area.any():
        parts, of_shape = shapely.get_parts(shapes[is_area], return_index=True)
        rings = shapely.multilinestrings(shapely.get_exterior_ring(parts), indices=of_shape)
        is_one = shapely.get_num_geometries(rings) == 1
        rings[is_one] = shapely.get_geometry(rings[is_one], 0)
        outlines[is_area] = rings
    several = shapely.get_num_geometries(outlines) > 1
    if several.any():
        merged = shapely.line_merge(outlines[several])
        still = shapely.get_num_geometries(merged) > 1
        # What does not join is followed part after part.
        merged[still] = [shapely.linestrings(shapely.get_coordinates(one)) for one in merged[still]]
        outlines[several] = merged
    return outlines


def _second_nearest(row: Indices, distance: Floats, count: int) -> Floats:
    """Return how far each row's second-nearest candidate is, as a measure of crowding."""
    order = np.lexsort((distance, row))
    row, distance = row[order], distance[order]
    second = np.flatnonzero((row[1:] == row[:-1]) & np.r_[True, row[1:-1] != row[:-2]]) + 1
    spacing = np.full(count, MAX_DISTANCE_M)
    spacing[row[second]] = distance[second]
    return spacing
