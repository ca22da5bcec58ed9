"""The coordinate reference systems in which features are told and asked for, by their URIs.

Everything is stored in EPSG:4490 with x = longitude. CRS84 is told as it is stored: WGS 84 and
CGCS2000 agree within centimetres. In all others coordinates come in the order of their authority's
axes, which is latitude or northing first in most of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from pyproj import CRS, Transformer

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
_DEGREE_DECIMALS = 8
_ALWAYS = (4326, SRID, 3857, 4549)


@dataclass(frozen=True)
class OfferedCrs:
    """A system that features are told in.

    Attributes:
        uri: its name.
        srid: its number in PostGIS.
        is_northing_first: whether the first coordinate is a latitude or a northing.
        decimals: how many of a coordinate are told: millimetres.
    """

    uri: str
    srid: int
    is_northing_first: bool
    decimals: int

    @property
    def is_geographic(self) -> bool:
        """Whether coordinates are degrees."""
        return self.decimals == _DEGREE_DECIMALS

    @property
    def is_stored(self) -> bool:
        """Whether coordinates are told as they are stored."""
        return self.uri == CRS84


@cache
def epsg(srid: int) -> OfferedCrs:
    """Return a system by its EPSG number, with the order of its axes as its authority has it."""
    crs = CRS.from_epsg(srid)
    return OfferedCrs(
        uri=f"{_EPSG}{srid}",
        srid=srid,
        is_northing_first=crs.axis_info[0].direction == "north",
        decimals=_DEGREE_DECIMALS if crs.is_geographic else 3,
    )


STORED = OfferedCrs(CRS84, SRID, is_northing_first=False, decimals=_DEGREE_DECIMALS)


def offered(city_srid: int) -> tuple[OfferedCrs, ...]:
    """Return the systems that are offered; the first one is what is told unless asked otherwise."""
    return (STORED, *(epsg(srid) for srid in dict.fromkeys((*_ALWAYS, city_srid))))


def find(uri: str | None, among: Sequence[OfferedCrs], *, parameter: str) -> OfferedCrs:
    """Return an offered system by its URI; without one, that in which everything is stored.

    Raises:
        InvalidInput: it is not offered.
    """
    if uri is None:
        return STORED
    for one in among:
        if one.uri == uri:
            return one
    names = ", ".join(one.uri for one in among)
    raise InvalidInput(f"`{parameter}` must be one of {names}; {uri[:200]!r} is none of them.")


@lru_cache(maxsize=256)  # making one takes longer than using it
def to_stored(srid: int) -> Transformer:
    """Return what takes eastings or longitudes, and northings or latitudes, to EPSG:4490."""
    return Transformer.from_crs(srid, SRID, always_xy=True)
