"""Positions of a whole delivery: in the wrong datum or system, exchanged, or shifted.

Two things tell. The outline of the city: a delivery that lies outside it and would lie inside in
another system. And the registered components: where many rows lie on components of their class
under another supposition, and few as declared. Neither is a threshold on one row; what could come
by chance, or from evenly spaced streets, is no finding.
"""

from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import ProjError

from gis_registry.surveys.checked import Severity
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.findings import BatchCheck, BatchContext, Finding
from gis_registry.surveys.placement import (
    Fit,
    Floats,
    Ground,
    Rows,
    metres_per_degree_east,
    rows_near,
)
from gis_registry.surveys.suppositions import (
    Supposition,
    other_datums,
    other_systems,
    swapped_axes,
    to_lonlat,
)

#: So many rows are looked at: a share is then known to about 1 %.
SAMPLE_ROWS = 5_000
#: A file of fewer rows is no batch: what is wrong with a row is said of the row.
LEAST_ROWS = 3
#: With fewer rows outside, the file is right and these rows are wrong.
LEAST_OUTSIDE = 0.2
#: A supposition must bring nearly all rows inside; a few may be wrong in themselves.
LEAST_INSIDE = 0.9

#: Shifts are looked for this far. Less than the least is the width of a street, whose two sides
#: are equipped alike; datums and ellipsoids are further apart.
LEAST_SHIFT_M, MOST_SHIFT_M = 50.0, 3_200.0
#: Pairs of a row and a component around it that are counted: half a second's work.
_MOST_PAIRS = 6_000_000
#: How many of the most frequent displacements are looked at closely.
_PEAKS = 5


class Outline:
    """The city's outline, to ask quickly how many rows lie in it."""

    def __init__(self, geometry: shapely.Geometry, tolerance_m: float) -> None:
        """Prepare the outline (EPSG:4490) with a tolerance in metres around it."""
        self._scale = metres_per_degree_east(np.float64(geometry.centroid.y))
        metres_north = metres_per_degree_east(np.float64(0))
        self._factors = np.array([float(self._scale), float(metres_north)])
        self._shape = shapely.transform(geometry, lambda places: places * self._factors)
        self._tolerance_m = tolerance_m
        shapely.prepare(self._shape)

    def holds(self, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """Return which places lie in the city."""
        held = np.isfinite(lon) & np.isfinite(lat)
        places = np.column_stack([lon[held], lat[held]]) * self._factors
        held[held] = shapely.dwithin(self._shape, shapely.points(places), self._tolerance_m)
        return held


def position_findings(
    delivery: Delivery,
    registered: Registered,
    context: BatchContext,
    random: np.random.Generator,
) -> list[Finding]:
    """Find what is wrong with where all rows of a delivery lie; at most one thing is."""
    finding = _outside(delivery, context, random)
    if finding is None and len(registered):
        finding = _elsewhere(delivery, registered, context, random)
    return [finding] if finding is not None else []


def _outside(
    delivery: Delivery, context: BatchContext, random: np.random.Generator
) -> Finding | None:
    """Find what would bring rows inside the city that lie outside it."""
    written = np.flatnonzero(np.isfinite(delivery.raw_x) & np.isfinite(delivery.raw_y))
    if context.outline is None or len(written) < LEAST_ROWS:
        return None
    if len(written) > SAMPLE_ROWS:
        written = random.choice(written, SAMPLE_ROWS, replace=False)
    outline = Outline(context.outline, context.tolerance_m)
    outside = len(written) - int(outline.holds(delivery.lon[written], delivery.lat[written]).sum())
    if outside < LEAST_OUTSIDE * len(written):
        return None
    for one in _suppositions(delivery, written, context):
        inside = int(outline.holds(one.lon, one.lat).sum())
        if inside >= LEAST_INSIDE * len(written) and inside > len(written) - outside:
            return Finding(
                one.check,
                Severity.ERROR,
                f"{outside:,} of {len(written):,} rows looked at lie outside the city as declared "
                f"({context.system_name}); {inside:,} lie inside if the coordinates are in "
                f"{one.meaning}."
                if one.check != BatchCheck.SWAPPED_AXES
                else f"{outside:,} of {len(written):,} rows looked at lie outside the city; "
                f"{inside:,} lie inside with {one.meaning}.",
                one.remedy,
                {"rows": len(written), "outside": outside, "inside": inside},
            )
    return None


def _suppositions(
    delivery: Delivery, which: NDArray[np.int64], context: BatchContext
) -> Iterable[Supposition]:
    x, y = delivery.raw_x[which], delivery.raw_y[which]
    yield swapped_axes(x, y, context)
    yield from other_systems(x, y, context)
    yield from other_datums(delivery.lon[which], delivery.lat[which], context)


def _elsewhere(
    delivery: Delivery,
    registered: Registered,
    context: BatchContext,
    random: np.random.Generator,
) -> Finding | None:
    """Find where rows lie on registered components that do not as declared."""
    near = rows_near(delivery, registered, most=SAMPLE_ROWS, random=random)
    if len(near) < LEAST_ROWS:
        return None
    ground = Ground(registered)
    rows = Rows(
        delivery.lon[near],
        delivery.lat[near],
        delivery.class_ids[near],
        delivery.accuracies_m[near],
    )
    reach_m = ground.reach_m(rows)
    declared = ground.fit(rows, reach_m)
    if 2 * declared.hits > declared.rows:
        return None
    datums = list(other_datums(rows.lon, rows.lat, context))
    for one in datums:
        if ground.hits(rows.at(one.lon, one.lat), reach_m) > declared.hits:
            fit = ground.fit(rows.at(one.lon, one.lat), reach_m)
            if fit.is_better_than(declared, supposed=len(datums)):
                return _finding(one, fit, declared)
    return _shifted(delivery, near, ground, rows, declared, reach_m, context)


def _finding(one: Supposition, fit: Fit, declared: Fit) -> Finding:
    return Finding(
        one.check,
        Severity.ERROR,
        f"{fit.hits:,} of {fit.rows:,} rows looked at lie on registered components of their class "
        f"if the coordinates are in {one.meaning}; as declared {declared.hits:,} do.",
        one.remedy,
        {"rows": fit.rows, "hits": fit.hits, "hits_as_declared": declared.hits},
    )


def _shifted(
    delivery: Delivery,
    near: NDArray[np.int64],
    ground: Ground,
    rows: Rows,
    declared: Fit,
    reach_m: float,
    context: BatchContext,
) -> Finding | None:
    """Find one shift that brings rows onto components, whatever it comes from."""
    size = 2 * reach_m
    for east, north in _frequent_displacements(ground, rows, size):
        moved = rows.shifted(east, north)
        fit = ground.fit(moved, reach_m)
        supposed = int((2 * MOST_SHIFT_M / size) ** 2)
        if not fit.is_better_than(declared, supposed=supposed):
            continue
        cause = _cause(delivery, near, ground, rows, fit, reach_m, context)
        if cause is not None:
            return _finding(cause, fit, declared)
        direction = (
            f"{abs(east):.0f} m {'west' if east > 0 else 'east'} and "
            f"{abs(north):.0f} m {'south' if north > 0 else 'north'}"
        )
        return Finding(
            BatchCheck.SHIFTED,
            Severity.ERROR,
            f"{fit.hits:,} of {fit.rows:,} rows looked at lie {direction} of registered components "
            f"of their class; on them lie {declared.hits:,}.",
            "ask in which system the file was made and declare it with --crs (EPSG code or WKT)",
            {
                "rows": fit.rows,
                "hits": fit.hits,
                "hits_as_declared": declared.hits,
                "east_m": round(-east, 1),
                "north_m": round(-north, 1),
            },
        )
    return None


def _frequent_displacements(ground: Ground, rows: Rows, size: float) -> list[tuple[float, float]]:
    """Return the displacements from rows to components that are most frequent, in metres.

    Rows with few components around come first: of these each one tells more.
    """
    counts = ground.neighbours(rows, MOST_SHIFT_M)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    order = order[np.cumsum(counts[order]) <= _MOST_PAIRS]
    if len(order) == 0:
        return []
    _, east, north, _ = ground.displacements(rows.take(order), MOST_SHIFT_M)
    wanted = np.hypot(east, north) >= LEAST_SHIFT_M
    east, north = east[wanted], north[wanted]
    cells = int(np.ceil(2 * MOST_SHIFT_M * 1.05 / size)) + 2
    column = ((east / size) + cells / 2).astype(np.int64)
    row = ((north / size) + cells / 2).astype(np.int64)
    counted = np.bincount(column * cells + row, minlength=cells * cells).reshape(cells, cells)
    blocks = counted[:-1, :-1] + counted[1:, :-1] + counted[:-1, 1:] + counted[1:, 1:]
    found = []
    for _ in range(_PEAKS):
        at_column, at_row = np.unravel_index(int(blocks.argmax()), blocks.shape)
        inside = (column - at_column >= 0) & (column - at_column <= 1)
        inside &= (row - at_row >= 0) & (row - at_row <= 1)
        if not inside.any():
            break
        found.append((float(np.median(east[inside])), float(np.median(north[inside]))))
        blocks[max(at_column - 2, 0) : at_column + 3, max(at_row - 2, 0) : at_row + 3] = 0
    return found


def _cause(
    delivery: Delivery,
    near: NDArray[np.int64],
    ground: Ground,
    rows: Rows,
    shifted: Fit,
    reach_m: float,
    context: BatchContext,
) -> Supposition | None:
    """Return the system that explains a shift, if one does as well as the shift itself."""
    x, y = delivery.raw_x[near], delivery.raw_y[near]
    try:
        lon, lat = to_lonlat(x, y, context.system)
    except ProjError:
        return None
    # What is compared lies within the geometry, while its first vertex is what the file has.
    within_lon, within_lat = rows.lon - lon, rows.lat - lat
    for one in other_systems(x, y, context):
        there = rows.at(one.lon + within_lon, one.lat + within_lat)
        if ground.hits(there, reach_m) >= 0.9 * shifted.hits:
            return one
    return None
