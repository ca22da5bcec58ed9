"""Whether rows can be features of a layer: there, valid or repaired, on earth."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_registry.layers.geometry_kinds import listed_kinds
from gis_registry.surveys.checked import CheckedRows, Issue, Refusal, RowCheck, Severity
from gis_registry.surveys.reading import Batch
from gis_registry.surveys.row_geometries import check_position, check_presence, check_validity

#: What lies farther beyond the city is noted: some 20 km, in degrees.
SURROUNDINGS = 0.2
#: The note about it.
FAR_FROM_CITY = "far-from-city"
_POINT, _COLLECTION = 0, 7
_MULTI = {0: 4, 4: 4, 1: 5, 5: 5, 3: 6, 6: 6}
_MADE_OF = {4: shapely.multipoints, 5: shapely.multilinestrings, 6: shapely.multipolygons}


@dataclass(frozen=True)
class Surroundings:
    """The box around a city, EPSG:4490."""

    west: float
    south: float
    east: float
    north: float
    city_name: str

    def holds(
        self,
        min_x: NDArray[np.float64],
        min_y: NDArray[np.float64],
        max_x: NDArray[np.float64],
        max_y: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Return which boxes touch it."""
        return np.asarray(
            (max_x >= self.west)
            & (min_x <= self.east)
            & (max_y >= self.south)
            & (min_y <= self.north)
        )


def check(batch: Batch, around: Surroundings) -> CheckedRows:
    """Check the geometries of a batch, as those of surveys are; any type is good."""
    count = len(batch.geometries)
    checked = CheckedRows(
        first_row=batch.first_row,
        geometries=batch.geometries.copy(),
        good=np.ones(count, dtype=bool),
        refusal=np.full(count, None, dtype=object),
        reason=np.full(count, None, dtype=object),
    )
    for row, note in batch.notes.items():
        checked.issues[row] = [Issue(RowCheck.READING, Severity.NOTE, note)]
    check_presence(checked)
    _take_collections_apart(checked)
    check_position(checked, batch)
    _show_as_in_file(checked, batch)
    check_validity(checked)
    _check_surroundings(checked, around)
    return checked


def _take_collections_apart(checked: CheckedRows) -> None:
    """Make a collection of one kind that of its kind; filters and tiles know no others."""
    mixed: dict[int, str] = {}
    for row in np.flatnonzero(
        checked.good & (shapely.get_type_id(checked.geometries) == _COLLECTION)
    ):
        parts = shapely.get_parts(shapely.get_parts(checked.geometries[row]))
        kinds = {_MULTI.get(int(one)) for one in shapely.get_type_id(parts)}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is None:
            mixed[int(row)] = listed_kinds(Counter(one.geom_type for one in parts))
        else:
            checked.geometries[row] = _MADE_OF[kind](parts)
    checked.refuse(
        np.isin(np.arange(len(checked)), list(mixed)),
        Refusal.WRONG_GEOMETRY_TYPE,
        lambda row: (
            f"The geometry is a collection of {mixed[row]}, and a feature is of one kind: make a "
            "row of each part (ogr2ogr -explodecollections)."
        ),
    )


def _show_as_in_file(checked: CheckedRows, batch: Batch) -> None:
    """Let points that are no place on earth have the numbers of the file."""
    rows = (checked.refusal == Refusal.INVALID_POSITION) & np.isfinite(batch.raw_x + batch.raw_y)
    rows &= shapely.get_type_id(batch.geometries) == _POINT
    checked.geometries[rows] = shapely.points(batch.raw_x[rows], batch.raw_y[rows])


def _check_surroundings(checked: CheckedRows, around: Surroundings) -> None:
    min_x, min_y, max_x, max_y = shapely.bounds(checked.geometries).T
    with np.errstate(invalid="ignore"):
        outside = ~around.holds(min_x, min_y, max_x, max_y)
        exchanged = around.holds(min_y, min_x, max_y, max_x)
    checked.refuse(
        outside & exchanged,
        Refusal.OUTSIDE_CITY,
        lambda row: (
            f"It lies at {min_x[row]:.6f}, {min_y[row]:.6f}, far from {around.city_name}; with "
            "longitude and latitude exchanged it would be near."
        ),
    )
    checked.add_issue(
        outside & checked.good,
        lambda row: Issue(
            FAR_FROM_CITY,
            Severity.NOTE,
            f"It lies at {min_x[row]:.6f}, {min_y[row]:.6f}, far from {around.city_name}.",
        ),
    )
