"""Geometries from WKB as files hold them: quickly for points, with a reason for what is none."""

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

_POINT_BYTES = {1: 21, 1001: 29, 2001: 29, 3001: 37}  # a Z and an M make it longer
_LITTLE_ENDIAN = 1
_SURFACES = {15: "polyhedral surface", 16: "TIN", 17: "triangle"}
_REASON = 120


def geometries_of_wkb(column: pa.Array) -> tuple[NDArray[np.object_], dict[int, str], list[int]]:
    """Decode WKB.

    Args:
        column: binary, one geometry a row.

    Returns:
        Geometries in two dimensions (None where there is none), why some that are there are None or
        were changed, and the indices of those that are curves, which are left None.
    """
    points = _points(column)
    if points is not None:
        return points, {}, []
    wkb = column.to_numpy(zero_copy_only=False)
    curves: list[int] = []
    try:
        geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    except NotImplementedError:  # GEOS knows no curves, and tells them from other faults thus
        curves = [row for row, one in enumerate(wkb) if one is not None and _is_curve(one)]
        wkb[curves] = None
        geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    notes: dict[int, str] = {}
    unread = shapely.is_missing(geometries) & np.array([one is not None for one in wkb], dtype=bool)
    for row in np.flatnonzero(unread):
        kind = _SURFACES.get(_kind(wkb[row]))
        if kind is not None:
            notes[int(row)] = f"The geometry is a {kind}, which is not read."
        else:
            geometries[row], notes[int(row)] = _mended(wkb[row])
    return shapely.force_2d(geometries), notes, curves


def first_vertices(
    geometries: NDArray[np.object_],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y of each geometry's first vertex; NaN where there is none."""
    x, y = np.full(len(geometries), np.nan), np.full(len(geometries), np.nan)
    kinds = shapely.get_type_id(geometries)
    points = (kinds == 0) & ~shapely.is_empty(geometries)
    x[points], y[points] = shapely.get_x(geometries[points]), shapely.get_y(geometries[points])
    others = np.flatnonzero(kinds > 0)
    if len(others):
        coordinates, index = shapely.get_coordinates(geometries[others], return_index=True)
        which, first = np.unique(index, return_index=True)
        x[others[which]], y[others[which]] = coordinates[first].T
    return x, y


def _points(column: pa.Array) -> NDArray[np.object_] | None:
    """Decode a column in which all geometries are points of one kind; None for any other."""
    there = column.is_valid().to_numpy(zero_copy_only=False)
    packed = column if there.all() else column.drop_null()
    if not len(packed) or not pa.types.is_binary(packed.type):
        return None
    offsets = np.frombuffer(packed.buffers()[1], dtype=np.int32)
    offsets = offsets[packed.offset : packed.offset + len(packed) + 1]
    data = np.frombuffer(packed.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    if len(data) < 5 or data[0] != _LITTLE_ENDIAN:
        return None
    size = _POINT_BYTES.get(int(data[1:5].view("<u4")[0]))
    if size is None or (np.diff(offsets) != size).any():
        return None
    records = data.reshape(-1, size)
    if (records[:, :5] != records[0, :5]).any():
        return None
    coordinates = np.ascontiguousarray(records[:, 5:21]).view("<f8")
    made = shapely.points(coordinates)
    empty = np.isnan(coordinates).all(axis=1)
    if empty.any():
        made[empty] = shapely.Point()
    if there.all():
        return np.asarray(made, dtype=object)
    geometries = np.full(len(column), None, dtype=object)
    geometries[there] = made
    return geometries


def _kind(wkb: bytes) -> int:
    """Return the number of a geometry's type without the marks of its dimensions; 0 for none."""
    if len(wkb) < 5:
        return 0
    order = "little" if wkb[0] == _LITTLE_ENDIAN else "big"
    return (int.from_bytes(wkb[1:5], order) & 0x0FFFFFFF) % 1000  # type: ignore[arg-type]


def _is_curve(wkb: bytes) -> bool:
    try:
        shapely.from_wkb(wkb, on_invalid="ignore")
    except NotImplementedError:
        return True
    return False


def _mended(wkb: bytes) -> tuple[shapely.Geometry | None, str]:
    """Return a geometry whose rings were left open, closed; or None, and why."""
    mended = shapely.from_wkb(wkb, on_invalid="fix")
    if mended is not None:
        return mended, "A ring that was not closed has been closed."
    try:
        shapely.from_wkb(wkb)
    except shapely.GEOSException as error:
        return None, f"The geometry cannot be read: {str(error)[:_REASON]}."
    return None, "The geometry cannot be read."
