"""What the coordinates of an exported file are in: any EPSG system, or a datum of map services."""

import re
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gis_registry.db.srid import SRID
from gis_registry.errors import InvalidInput
from gis_registry.places.datums import Datum, from_cgcs2000

_EPSG = re.compile(r"epsg:\d+", re.IGNORECASE)
#: The systems of the datums that have one.
_SYSTEMS = {Datum.CGCS2000: SRID, Datum.WGS84: 4326}
#: Systems whose longitudes and latitudes are CGCS2000's within centimetres.
_SAME_AS_CGCS2000 = {SRID, 4326}


@dataclass(frozen=True)
class System:
    """What coordinates are in.

    Attributes:
        name: how ``--crs`` says it.
        crs: what a file can say; None: a datum that has no definition.
        datum: that datum; None: there is a definition.
    """

    name: str
    crs: CRS | None
    datum: Datum | None = None

    @property
    def is_in_degrees(self) -> bool:
        """Whether its coordinates are longitude and latitude."""
        return self.crs is None or self.crs.is_geographic

    @property
    def is_like_cgcs2000(self) -> bool:
        """Whether coordinates stay as the registry has them."""
        return self.crs is not None and self.crs.to_epsg() in _SAME_AS_CGCS2000

    def take(self, geometries: NDArray[np.object_]) -> NDArray[np.object_]:
        """Take geometries in EPSG:4490 to this system, x before y.

        Raises:
            InvalidInput: the system does not reach one of them.
        """
        if self.is_like_cgcs2000:
            return geometries
        datum = self.datum
        if datum is not None:
            taken = shapely.transform(
                geometries, lambda x, y: from_cgcs2000(x, y, datum), interleaved=False
            )
        else:
            transformer = Transformer.from_crs(SRID, self.crs, always_xy=True)
            taken = shapely.transform(geometries, transformer.transform, interleaved=False)
        if not np.isfinite(shapely.bounds(taken)).all():
            raise InvalidInput(f"{self.name} does not reach all the components; choose another.")
        return np.asarray(taken, dtype=object)


def system_of(name: str) -> System:
    """Return the system that ``--crs`` names.

    Raises:
        InvalidInput: it is no EPSG code of a system on the ground, and no datum.
    """
    said = name.strip()
    if said.lower() in set(Datum):
        datum = Datum(said.lower())
        if datum in _SYSTEMS:
            return System(f"EPSG:{_SYSTEMS[datum]}", CRS.from_epsg(_SYSTEMS[datum]))
        return System(datum.value, None, datum)
    try:
        crs = CRS.from_user_input(said) if _EPSG.fullmatch(said) else None
    except CRSError:
        crs = None
    if crs is None or not (crs.is_geographic or crs.is_projected):
        raise InvalidInput(
            f"--crs {name!r} is no coordinate reference system such as EPSG:4549, and no datum "
            f"({', '.join(Datum)})."
        )
    return System(said.upper(), crs)
