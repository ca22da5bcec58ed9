"""In which coordinate reference system a delivery is, and taking it to CGCS2000.

The system is the one that the file says or the one that is declared. A file that says none, or
another than the declared one, is not guessed at.
"""

import re

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, MissingCrs
from gis_registry.places.datums import Datum, to_cgcs2000

#: Systems whose longitudes and latitudes are CGCS2000's within centimetres.
_SAME_AS_CGCS2000 = {4326, 4490, 4979, 4480}
#: GeoJSON cannot say its system, so that GDAL says WGS 84 for it: a declared one replaces that.
WITHOUT_OWN_CRS = {"GeoJSON", "GeoJSONSeq"}
#: An authority's code, a definition in WKT, PROJJSON or PROJ.4; not a mere name.
_IN_FULL = re.compile(r"\s*(\w+:[\w:]+\s*$|\w+\[|\{|\+proj=)")
#: Two definitions are the same system if they put places at most this far apart.
_SAME_WITHIN = 1e-7  # degrees: a centimetre


def system_of(
    file_name: str, said: str | None, declared: str | None, file_format: str
) -> tuple[CRS | Datum, str]:
    """Return what coordinates are in, and its name for people.

    Args:
        file_name: for messages.
        said: what the file says, if anything.
        declared: ``EPSG:…``, another definition in full, or a datum's name.
        file_format: as GDAL names it.

    Raises:
        MissingCrs: the file does not say it and none is declared.
        InvalidInput: the declared one is none, or contradicts the file's.
    """
    own = _own_system(file_name, said)
    if declared is None:
        if own is None:
            raise MissingCrs(
                f"{file_name} does not say its coordinate reference system. Declare it: --crs "
                "EPSG:4549 (or another EPSG code), --crs wgs84, --crs gcj02 or --crs bd09."
            )
        return own, _short_name(own, said)
    if file_format in WITHOUT_OWN_CRS and own is not None and is_like_cgcs2000(own):
        own = None  # this is what GDAL says for a file that says nothing
    if declared.lower() in set(Datum):
        datum = Datum(declared.lower())
        if own is not None and not is_like_cgcs2000(own):
            raise _contradiction(file_name, own, datum.value)
        return datum, datum.value
    chosen = declared_system(declared)
    if own is not None and not _are_same(own, chosen):
        raise _contradiction(file_name, own, chosen.name)
    return chosen, declared


def declared_system(declared: str) -> CRS:
    """Return a system that is declared in full.

    Raises:
        InvalidInput: PROJ takes any word that resembles a name; here that is none.
    """
    try:
        chosen = CRS.from_user_input(declared) if _IN_FULL.match(declared) else None
    except CRSError:
        chosen = None
    if chosen is None or not _is_on_earth(chosen):
        raise InvalidInput(
            f"--crs {declared!r} is no coordinate reference system such as EPSG:4549, and no datum "
            f"({', '.join(Datum)})."
        )
    return chosen


def is_like_cgcs2000(system: CRS) -> bool:
    """Return whether a system's degrees are CGCS2000's within centimetres."""
    return system.to_epsg() in _SAME_AS_CGCS2000 or system.to_authority() == ("OGC", "CRS84")


def in_cgcs2000(geometries: NDArray[np.object_], system: CRS | Datum) -> NDArray[np.object_]:
    """Take geometries from a system (x = longitude or easting) to EPSG:4490."""
    moved: NDArray[np.object_]
    if isinstance(system, Datum):
        if system in {Datum.WGS84, Datum.CGCS2000}:
            return geometries
        moved = shapely.transform(
            geometries, lambda x, y: to_cgcs2000(x, y, system), interleaved=False
        )
    elif is_like_cgcs2000(system):
        return geometries
    else:
        transformer = Transformer.from_crs(system, SRID, always_xy=True)
        moved = shapely.transform(geometries, transformer.transform, interleaved=False)
    return moved


def _own_system(file_name: str, said: str | None) -> CRS | None:
    try:
        own = CRS.from_user_input(said) if said else None
    except CRSError as error:
        raise InvalidInput(
            f"{file_name} describes its coordinate reference system in a way that cannot be read: "
            f"{str(said)[:80]!r}. Correct it (a shapefile's .prj), or leave it out and use --crs."
        ) from error
    # A local system does not say where it lies on the ground.
    return own if own is not None and _is_on_earth(own) else None


def _short_name(own: CRS, said: str | None) -> str:
    authority = own.to_authority()
    if said and len(said) <= 40:
        return said
    return ":".join(authority) if authority else own.name


def _contradiction(file_name: str, own: CRS, declared: str) -> InvalidInput:
    return InvalidInput(
        f"{file_name} says it is in {own.name}, but {declared} is declared. Leave --crs out "
        "if the file is right; otherwise correct the file."
    )


def _is_on_earth(system: CRS) -> bool:
    return system.is_geographic or system.is_projected


def _are_same(own: CRS, chosen: CRS) -> bool:
    """Return whether two definitions mean one system, such as Esri's and EPSG's of EPSG:4549."""
    if own.equals(chosen, ignore_axis_order=True):
        return True
    if is_like_cgcs2000(own) and is_like_cgcs2000(chosen):
        return True
    area = chosen.area_of_use or own.area_of_use
    if own.is_projected != chosen.is_projected or area is None:
        return False
    lon = np.linspace(area.west, area.east, 5)[1:-1]
    lat = np.linspace(area.south, area.north, 5)[1:-1]
    try:
        there = Transformer.from_crs(SRID, chosen, always_xy=True).transform(lon, lat)
        back = Transformer.from_crs(own, SRID, always_xy=True).transform(*there)
    except ProjError:
        return False
    return bool(np.allclose(back, (lon, lat), rtol=0, atol=_SAME_WITHIN))
