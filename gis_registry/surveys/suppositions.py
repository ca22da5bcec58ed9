"""Systems that coordinates may really be in, other than the declared one."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

from gis_registry.db.base import SRID
from gis_registry.places.datums import Datum, from_cgcs2000, to_cgcs2000
from gis_registry.surveys.findings import BatchCheck, BatchContext

Floats = NDArray[np.float64]

#: Systems of the next zones count too: a file computed in the neighbouring zone is a common slip.
_NEXT_ZONES_DEG = 3.0
_WEB_MERCATOR = 3857
#: Factors by which projected coordinates are off when written in another unit: feet, millimetres.
_UNITS = {"feet": 0.3048, "millimetres": 0.001}


@dataclass(frozen=True, eq=False)
class Supposition:
    """Where rows would be if their coordinates were in something else than was declared.

    Attributes:
        check: what would be wrong then.
        meaning: what the coordinates would be, to end a sentence with: "in …", "with …".
        remedy: what would put it right.
        lon, lat: where the rows would be in degrees, EPSG:4490; NaN where nowhere.
    """

    check: BatchCheck
    meaning: str
    remedy: str
    lon: Floats
    lat: Floats


def to_lonlat(x: Floats, y: Floats, system: CRS | Datum) -> tuple[Floats, Floats]:
    """Take coordinates of a system to EPSG:4490; NaN where they are nowhere in it."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if isinstance(system, Datum):
        with np.errstate(all="ignore"):
            lon, lat = to_cgcs2000(x, y, system)
    else:
        lon, lat = _transformer(system).transform(x, y)
    lon, lat = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        nowhere = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    lon[nowhere] = lat[nowhere] = np.nan
    return lon, lat


@lru_cache(maxsize=256)  # making one takes longer than using it
def _transformer(system: CRS) -> Transformer:
    return Transformer.from_crs(system, SRID, always_xy=True)


def other_datums(lon: Floats, lat: Floats, context: BatchContext) -> Iterator[Supposition]:
    """Suppose another datum: the declared one is taken back, and another one is undone."""
    declared = context.system if isinstance(context.system, Datum) else Datum.CGCS2000
    plain = {Datum.WGS84, Datum.CGCS2000}
    with np.errstate(invalid="ignore"):
        on_earth = (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    written = from_cgcs2000(
        np.where(on_earth, lon, np.nan), np.where(on_earth, lat, np.nan), declared
    )
    for datum in Datum:
        same = datum == declared or {datum, declared} <= plain
        if same or (datum in plain and datum != Datum.WGS84):
            continue
        there = to_cgcs2000(*written, datum)
        yield Supposition(
            BatchCheck.WRONG_DATUM,
            f"in {_DATUM_NAMES[datum]}",
            f"--crs {datum}"
            if isinstance(context.system, Datum) or context.system.is_geographic
            else f"take the file back to longitude and latitude, then --crs {datum}",
            *there,
        )


_DATUM_NAMES = {
    Datum.WGS84: "WGS 84",
    Datum.CGCS2000: "CGCS2000",
    Datum.GCJ02: "GCJ-02",
    Datum.BD09: "BD-09",
}


def swapped_axes(x: Floats, y: Floats, context: BatchContext) -> Iterator[Supposition]:
    """Suppose that the two coordinates are exchanged; one of the two orders is the declared one."""
    degrees = isinstance(context.system, Datum) or context.system.is_geographic
    names = "longitude and latitude" if degrees else "easting and northing"
    for order, first, second in (("northing-easting", y, x), ("easting-northing", x, y)):
        yield Supposition(
            BatchCheck.SWAPPED_AXES,
            f"with {names} exchanged",
            f'axis_order = "{order}" in the mapping',
            *to_lonlat(first, second, context.system),
        )


def other_systems(x: Floats, y: Floats, context: BatchContext) -> Iterator[Supposition]:
    """Suppose every system that is in use around the city, as written and with axes exchanged.

    Degrees are not taken for metres, nor the reverse: they would all lie at one spot, or nowhere.
    """
    with np.errstate(invalid="ignore"):
        are_degrees = bool(np.median((np.abs(x) <= 180) & (np.abs(y) <= 180)) == 1)
    for system, name in _candidates(context, are_degrees=are_degrees):
        for first, second, exchanged in ((x, y, ""), (y, x, " with its axes exchanged")):
            try:
                lon, lat = to_lonlat(first, second, system)
            except ProjError:  # it is no horizontal system that leads anywhere
                break
            yield Supposition(
                BatchCheck.WRONG_CRS,
                f"in {name} ({system.name}){exchanged}",
                f"--crs {name}"
                + (', and axis_order = "northing-easting" in the mapping' if exchanged else ""),
                lon,
                lat,
            )
    for unit, metres in ({} if are_degrees else _UNITS).items():
        system = CRS.from_epsg(context.projected_epsg)
        yield Supposition(
            BatchCheck.WRONG_CRS,
            f"in EPSG:{context.projected_epsg} ({system.name}) in {unit}",
            f"multiply the coordinates by {metres:g}, then --crs EPSG:{context.projected_epsg}",
            *to_lonlat(x * metres, y * metres, system),
        )


def _candidates(context: BatchContext, *, are_degrees: bool) -> list[tuple[CRS, str]]:
    """Return systems with their names, those that a city's file is most likely in first."""
    codes = [SRID] if are_degrees else [context.projected_epsg, _WEB_MERCATOR]
    if context.outline is not None and not are_degrees:
        west, south, east, north = shapely.bounds(context.outline)
        around = AreaOfInterest(west - _NEXT_ZONES_DEG, south, east + _NEXT_ZONES_DEG, north)
        found = query_crs_info(
            auth_name="EPSG", pj_types=[PJType.PROJECTED_CRS], area_of_interest=around
        )
        national = CRS.from_epsg(context.projected_epsg).geodetic_crs
        codes += sorted(
            {int(one.code) for one in found} - set(codes),
            key=lambda code: _strangeness(code, national),
        )
    declared = None if isinstance(context.system, Datum) else context.system
    systems = []
    for code in codes:
        try:
            system = CRS.from_epsg(code)
        except CRSError:
            continue
        is_declared = declared is not None and declared.equals(system, ignore_axis_order=True)
        if not is_declared and not (declared is None and code == SRID):
            systems.append((system, f"EPSG:{code}"))
    return systems


def _strangeness(code: int, national: CRS | None) -> tuple[bool, int]:
    """Order systems: those of the ellipsoid that the city's own uses first."""
    return CRS.from_epsg(code).geodetic_crs != national, code
