"""Datums: what a file or a report says its coordinates are in, and taking them to CGCS2000.

CGCS2000 (EPSG:4490) and WGS 84 agree within centimetres and are treated as the same. GCJ-02 and
BD-09 are the offsets that Chinese map services apply; their formulas are public knowledge. The
inverse has no closed form and is iterated until it is well below a millimetre.
"""

from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod

#: Distances and directions on the ground, by CGCS2000's ellipsoid as PostGIS has it.
GROUND = Geod(ellps="GRS80")

_SEMI_MAJOR_M = 6378245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD_PI = np.pi * 3000.0 / 180.0

Degrees = NDArray[np.float64]


class Datum(StrEnum):
    """What coordinates can be declared to be in."""

    CGCS2000 = "cgcs2000"
    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


def to_cgcs2000(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[Degrees, Degrees]:
    """Take coordinates of a datum to CGCS2000.

    Args:
        lon: longitudes in degrees, any shape.
        lat: latitudes in degrees, the same shape.
        datum: what they are in.

    Returns:
        Longitudes and latitudes in degrees, within 1 mm of the exact inverse.
    """
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if datum is Datum.BD09:
        x, y = _bd09_to_gcj02(x, y)
    if datum in (Datum.GCJ02, Datum.BD09):
        with np.errstate(over="ignore", invalid="ignore"):  # at a pole it is no number
            return _gcj02_inverse(x, y)
    return x, y


def from_cgcs2000(lon: ArrayLike, lat: ArrayLike, datum: Datum) -> tuple[Degrees, Degrees]:
    """Take CGCS2000 coordinates to a datum; the inverse of :func:`to_cgcs2000`."""
    x, y = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if datum is Datum.GCJ02:
        return _gcj02(x, y)
    if datum is Datum.BD09:
        return _gcj02_to_bd09(*_gcj02(x, y))
    return x, y


def _gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = (
        -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + ripple
        + (20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
        + (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    )
    east = (
        300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + ripple
        + (20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
        + (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    )
    phi = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQUARED * np.sin(phi) ** 2
    meridian_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQUARED) / magic**1.5
    parallel_m = _SEMI_MAJOR_M / np.sqrt(magic) * np.cos(phi)
    return lon + np.degrees(east / parallel_m), lat + np.degrees(north / meridian_m)


def _gcj02_inverse(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon.copy(), lat.copy()
    for _ in range(10):
        shifted_x, shifted_y = _gcj02(x, y)
        x, y = x + (lon - shifted_x), y + (lat - shifted_y)
    return x, y


def _gcj02_to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_PI)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _bd09_to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon - 0.0065, lat - 0.006
    for _ in range(10):
        shifted_x, shifted_y = _gcj02_to_bd09(x, y)
        x, y = x + (lon - shifted_x), y + (lat - shifted_y)
    return x, y
