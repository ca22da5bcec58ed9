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

from gis_registry.surveys.checked import Severity
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.findings import BatchCheck, BatchContext, Finding
from gis_registry.surveys.placement import (
    LEAST_HITS,
    TIMES_DECLARED,
    Fit,
    Floats,
    Ground,
    Rows,
    cell_of,
    counted_by_cell,
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
#: ... and so many where a hundred systems are tried: what they tell apart is all or nothing.
SYSTEM_ROWS = 1_000
#: A file of fewer rows is no batch: what is wrong with a row is said of the row.
LEAST_ROWS = 3
#: With fewer rows outside, the file is right and these rows are wrong.
LEAST_OUTSIDE = 0.2
#: A supposition must bring nearly all rows inside; a few may be wrong in themselves.
LEAST_INSIDE = 0.9

#: Shifts are looked for this far. Less than the least is the width of a street, whose two sides
#: are equipped alike; datums and ellipsoids are further apart.
LEAST_SHIFT_M, MOST_SHIFT_M = 50.0, 3_200.0
#: The lamps of one street, evenly spaced, come to lie on those of another one by some shift or
#: other; so many hits without a cause that is known say nothing.
MOST_HITS_OF_A_STREET = 20
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
        with np.errstate(invalid="ignore"):
            held = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
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
    finding = _outside(delivery, registered, context, random)
    if finding is None and len(registered):
        finding = _elsewhere(delivery, registered, context, random)
    return [finding] if finding is not None else []


def _outside(
    delivery: Delivery,
    registered: Registered,
    context: BatchContext,
    random: np.random.Generator,
) -> Finding | None:
    """Find what would bring rows inside the city that lie outside it."""
    written = np.flatnonzero(np.isfinite(delivery.raw_x) & np.isfinite(delivery.raw_y))
    if context.outline is None or len(written) < LEAST_ROWS:
        return None
    if len(written) > SYSTEM_ROWS:
        written = random.choice(written, SYSTEM_ROWS, replace=False)
    outline = Outline(context.outline, context.tolerance_m)
    outside = len(written) - int(outline.holds(delivery.lon[written], delivery.lat[written]).sum())
    if outside < LEAST_OUTSIDE * len(written):
        return None
    inside = {}
    for one in _suppositions(delivery, written, context):
        count = int(outline.holds(one.lon, one.lat).sum())
        if count >= LEAST_INSIDE * len(written) and count > len(written) - outside:
            inside[one] = count
    if not inside:
        return None
    ground = Ground(registered) if len(registered) else None
    classes, accuracies_m = delivery.class_ids[written], delivery.accuracies_m[written]

    def worth(one: Supposition) -> tuple[int, int]:
        rows = Rows(one.lon, one.lat, classes, accuracies_m)
        return ground.hits(rows, ground.reach_m(rows)) if ground else 0, inside[one]

    worths = {one: worth(one) for one in inside}
    best = max(inside, key=worths.__getitem__)  # the first of the best: the likeliest come first
    as_declared = Rows(delivery.lon[written], delivery.lat[written], classes, accuracies_m)
    if ground and worths[best][0] < ground.hits(as_declared, ground.reach_m(as_declared)):
        return None  # it is right as declared, and reaches beyond the city
    # Where the declared system explains it with its axes exchanged, no other one is needed.
    equal = [
        one.remedy
        for one in inside
        if one is not best and worths[one] == worths[best] and best.check == BatchCheck.WRONG_CRS
    ]
    figures = {"rows": len(written), "outside": outside, "inside": inside[best]}
    return Finding(
        best.check,
        Severity.ERROR,
        f"{outside:,} of {len(written):,} rows looked at lie outside the city as declared "
        f"({context.system_name}); {inside[best]:,} lie inside {best.meaning}.",
        best.remedy + (f"; as possible: {', '.join(equal[:3])}" if equal else ""),
        figures | ({"on_registered": worths[best][0]} if ground else {}),
    )


def _suppositions(
    delivery: Delivery, which: NDArray[np.int64], context: BatchContext
) -> Iterable[Supposition]:
    x, y = delivery.raw_x[which], delivery.raw_y[which]
    yield from swapped_axes(x, y, context)
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
                return _finding(one, fit, declared, context.system_name)
    return _shifted(delivery, near, ground, rows, declared, context, random)


def _finding(one: Supposition, fit: Fit, declared: Fit, system_name: str) -> Finding:
    return Finding(
        one.check,
        Severity.ERROR,
        f"{fit.hits:,} of {fit.rows:,} rows looked at lie on registered components of their class "
        f"{one.meaning}; as declared ({system_name}) {declared.hits:,} do.",
        one.remedy,
        {"rows": fit.rows, "hits": fit.hits, "hits_as_declared": declared.hits},
    )


def _shifted(
    delivery: Delivery,
    near: NDArray[np.int64],
    ground: Ground,
    rows: Rows,
    declared: Fit,
    context: BatchContext,
    random: np.random.Generator,
) -> Finding | None:
    """Find one shift that brings rows onto components, whatever it comes from."""
    reach_m = ground.reach_m(rows)
    size = 2 * reach_m
    for east, north in _frequent_displacements(ground, rows, size):
        moved = rows.shifted(east, north)
        if ground.hits(moved, reach_m) < max(LEAST_HITS, TIMES_DECLARED * declared.hits):
            continue
        fit = ground.fit(moved, reach_m)
        supposed = int((2 * MOST_SHIFT_M / size) ** 2)
        if not fit.is_better_than(declared, supposed=supposed):
            continue
        some = random.permutation(len(rows))[:SYSTEM_ROWS]
        cause = _cause(delivery, near[some], ground, rows.take(some), (east, north), context)
        if cause is not None:
            return _finding(cause, fit, declared, context.system_name)
        if fit.hits <= MOST_HITS_OF_A_STREET:
            continue
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
    counted = counted_by_cell(east, north, size, MOST_SHIFT_M)
    column, row = cell_of(east, size, MOST_SHIFT_M), cell_of(north, size, MOST_SHIFT_M)
    # A peak may lie across the border of two cells: each is counted with the three after it.
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
    shift: tuple[float, float],
    context: BatchContext,
) -> Supposition | None:
    """Return the system that explains a shift, if one does as well as the shift itself."""
    x, y = delivery.raw_x[near], delivery.raw_y[near]
    lon, lat = to_lonlat(x, y, context.system)
    exchanged = to_lonlat(y, x, context.system)
    if _apart(rows, *exchanged) < _apart(rows, lon, lat):
        lon, lat = exchanged
    # What is compared lies within the geometry, while its first vertex is what the file has.
    within_lon, within_lat = rows.lon - lon, rows.lat - lat
    reach_m = ground.reach_m(rows)
    least = 0.9 * ground.hits(rows.shifted(*shift), reach_m)
    for one in other_systems(x, y, context):
        there = rows.at(one.lon + within_lon, one.lat + within_lat)
        if ground.hits(there, reach_m) >= least:
            return one
    return None


def _apart(rows: Rows, lon: Floats, lat: Floats) -> float:
    """Return how far rows lie from places, in degrees; without end where these are nowhere."""
    apart = np.hypot(rows.lon - lon, rows.lat - lat)
    return float(np.median(np.nan_to_num(apart, nan=np.inf)))
