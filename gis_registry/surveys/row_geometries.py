"""Geometries of rows: there, of the class's type, on earth, and valid or repaired."""

import numpy as np
import shapely
from numpy.typing import NDArray

from gis_registry.surveys.checked import (
    CheckedBatch,
    CheckedRows,
    Issue,
    Refusal,
    RowCheck,
    Severity,
)
from gis_registry.surveys.reading import Batch
from gis_registry.surveys.row_classes import RowClasses

#: A repair may change the area by this share: slivers and spikes go, a bow tie is not made a guess.
MAX_AREA_CHANGE = 0.01
#: What lies beyond the earth by no more than this does so by how numbers were rounded.
_ROUNDING_DEG = 1e-9

_TYPE_NAMES = (
    "Point",
    "LineString",
    "LinearRing",
    "Polygon",
    "MultiPoint",
    "MultiLineString",
    "MultiPolygon",
    "GeometryCollection",
)
_TYPE_IDS = {"point": (0,), "line": (1, 5), "polygon": (3, 6)}
_LINEAL_OR_AREAL = (1, 3, 5, 6)
_AREAL = (3, 6)

Geometries = NDArray[np.object_]


def single_parts(geometries: Geometries) -> Geometries:
    """Take a multi-part geometry of one part for that part."""
    types = shapely.get_type_id(geometries)
    geometries = geometries.copy()
    multi = np.isin(types, (4, 5, 6))
    if multi.any():
        multi &= shapely.get_num_geometries(geometries) == 1
        geometries[multi] = shapely.get_geometry(geometries[multi], 0)
    return geometries


def check_presence(checked: CheckedRows) -> None:
    """Refuse rows without a geometry, for the reason that reading noted, if it did."""
    nothing = "The row has no geometry, or its coordinates are not numbers."
    checked.refuse(
        shapely.is_missing(checked.geometries) | shapely.is_empty(checked.geometries),
        Refusal.EMPTY_GEOMETRY,
        lambda row: checked.issues[row][0].sentence if row in checked.issues else nothing,
    )


def check_type(checked: CheckedBatch, classes: RowClasses) -> None:
    """Refuse geometries of another type than their class's."""
    types = shapely.get_type_id(checked.geometries)
    allowed = np.ones((len(classes.classes) + 1, len(_TYPE_NAMES) + 1), dtype=bool)
    for place, one in enumerate(classes.classes):
        allowed[place, : len(_TYPE_NAMES)] = np.isin(
            np.arange(len(_TYPE_NAMES)), _TYPE_IDS[one.geometry_type]
        )

    def reason(row: int) -> str:
        one = classes.of(row)
        return (
            f"The geometry is a {_TYPE_NAMES[types[row]]}; {one.code} ({one.name_en}) is a "
            f"{one.geometry_type}."
        )

    checked.refuse(~allowed[classes.index, types], Refusal.WRONG_GEOMETRY_TYPE, reason)


def check_position(checked: CheckedRows, batch: Batch) -> None:
    """Refuse positions that are no place on earth; those of points as the file has them."""
    raw = (shapely.get_type_id(checked.geometries) == 0) & ~np.isnan(batch.raw_x + batch.raw_y)
    min_x, min_y, max_x, max_y = shapely.bounds(checked.geometries).T
    with np.errstate(invalid="ignore"):
        infinite = ~np.isfinite(min_x + min_y + max_x + max_y)
        zero = raw & (batch.raw_x == 0) & (batch.raw_y == 0)  # a shift of datum would hide it
        zero |= (min_x == 0) & (max_x == 0) & (min_y == 0) & (max_y == 0)
        beyond = np.maximum(np.abs(min_y), np.abs(max_y)) > 90 + _ROUNDING_DEG
        beyond |= np.maximum(np.abs(min_x), np.abs(max_x)) > 180 + _ROUNDING_DEG
    checked.refuse(
        zero, Refusal.INVALID_POSITION, "The position is 0, 0, which stands for a missing one."
    )
    nowhere = "not numbers, or lie beyond what the file's system can hold."
    checked.refuse(
        infinite,
        Refusal.INVALID_POSITION,
        lambda row: (
            f"The coordinates {batch.raw_x[row]:.10g}, {batch.raw_y[row]:.10g} are {nowhere}"
            if raw[row]
            else f"The coordinates are {nowhere}"
        ),
    )
    checked.geometries[infinite] = None
    _bring_back(checked, ~(infinite | beyond))
    x, y = np.where(raw, (batch.raw_x, batch.raw_y), (min_x, min_y))
    checked.refuse(
        beyond,
        Refusal.INVALID_POSITION,
        lambda row: (
            f"The position {x[row]:.10g}, {y[row]:.10g} is beyond 180 degrees of longitude "
            "or 90 of latitude: are longitude and latitude swapped, or is the system another one?"
        ),
    )


def _bring_back(checked: CheckedRows, on_earth: NDArray[np.bool_]) -> None:
    """Put onto the edge of the earth what lies beyond it by rounding."""
    rows = np.flatnonzero(
        on_earth & (np.abs(shapely.bounds(checked.geometries)) > [180, 90, 180, 90]).any(axis=1)
    )
    checked.geometries[rows] = shapely.transform(
        checked.geometries[rows], lambda places: np.clip(places, [-180, -90], [180, 90])
    )


def check_validity(checked: CheckedRows) -> None:
    """Repair what can be repaired without changing the shape; refuse what cannot."""
    types = shapely.get_type_id(checked.geometries)
    _drop_repeated_vertices(checked, checked.good & np.isin(types, _LINEAL_OR_AREAL))
    invalid = checked.good.copy()
    invalid[invalid] = ~shapely.is_valid(checked.geometries[invalid])
    if not invalid.any():
        return
    faults = {
        int(row): _fault_of(checked.geometries[row]) for row in np.flatnonzero(invalid).tolist()
    }
    repaired = _repair(checked, invalid & np.isin(types, _AREAL))
    checked.add_issue(
        repaired,
        lambda row: Issue(
            RowCheck.REPAIRED, Severity.NOTE, f"The geometry was repaired: {faults[row]}."
        ),
    )
    checked.refuse(
        invalid & ~repaired,
        Refusal.INVALID_GEOMETRY,
        lambda row: (
            f"The geometry is not valid: {faults[row]}."
            + (" It cannot be repaired without changing its shape." if types[row] in _AREAL else "")
        ),
    )


def _drop_repeated_vertices(checked: CheckedRows, rows: NDArray[np.bool_]) -> None:
    if not rows.any():
        return
    before = checked.geometries[rows]
    after = _without_repeated(before)
    fewer = shapely.get_num_coordinates(before) - shapely.get_num_coordinates(after)
    dropped = np.zeros(len(rows), dtype=np.int64)
    dropped[rows] = fewer
    checked.geometries[dropped > 0] = after[fewer > 0]
    checked.add_issue(
        dropped > 0,
        lambda row: Issue(
            RowCheck.REPAIRED,
            Severity.NOTE,
            f"Vertices that only repeat the one before were left out: {dropped[row]}.",
        ),
    )


def _without_repeated(geometries: Geometries) -> Geometries:
    """Leave repeated vertices out, but in geometries of which then too few would be left."""
    try:
        return np.asarray(shapely.remove_repeated_points(geometries), dtype=object)
    except shapely.GEOSException:  # it does not say in which
        if len(geometries) == 1:
            return geometries
        return np.concatenate([_without_repeated(one) for one in np.array_split(geometries, 2)])


def _repair(checked: CheckedRows, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Repair polygons in place; return which were."""
    before = checked.geometries[rows]
    after = shapely.make_valid(before, method="structure")
    area = shapely.area(before)  # in square degrees: only its change matters
    kept = (
        np.isin(shapely.get_type_id(after), _AREAL)
        & ~shapely.is_empty(after)
        & (np.abs(shapely.area(after) - area) < MAX_AREA_CHANGE * area)
    )
    repaired = rows.copy()
    repaired[rows] = kept
    checked.geometries[repaired] = single_parts(after[kept])
    return repaired


def _fault_of(geometry: shapely.Geometry) -> str:
    """Return what is wrong with a geometry and where."""
    reason: str = shapely.is_valid_reason(geometry)
    return reason.rstrip("]").replace("[", " at ")
