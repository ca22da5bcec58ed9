"""Finding where very many points lie, with the city's areas in memory.

The database answers for one point in a millisecond; for millions that is too slow.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock

import numpy as np
import shapely
from numpy.typing import NDArray
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.places import queries
from gis_registry.places.tables import City

Codes = NDArray[np.object_]


@dataclass(frozen=True)
class Located:
    """Where points lie: codes, None where there is none. A point without a division is outside."""

    division_codes: Codes
    subdistrict_codes: Codes
    cell_codes: Codes


class _Areas:
    """Areas with codes; a point on a border belongs to the one whose code comes first."""

    def __init__(self, coded: Iterable[tuple[str, bytes]]) -> None:
        in_order = sorted(coded, key=lambda one: one[0])
        self.codes = _objects([*(code for code, _ in in_order), None])
        self.shapes = shapely.from_wkb([wkb for _, wkb in in_order])
        self._tree = shapely.STRtree(self.shapes)

    def at(self, points: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return for each point the place in ``codes`` of the area that holds it."""
        nowhere = len(self.codes) - 1
        first = np.full(len(points), nowhere)
        point, area = self._tree.query(points, predicate="intersects")
        np.minimum.at(first, point, area)
        return first


def _objects(values: Sequence[str | None]) -> Codes:
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return objects


class Locator:
    """The city's subdistricts and grid cells of a day, in memory."""

    def __init__(self, session: Session, *, city: City, on_date: date) -> None:
        """Read them.

        Args:
            session: open transaction; it is asked again for points outside every subdistrict.
            city: the city.
            on_date: the day whose boundaries count.
        """
        self._session = session
        self._asking = Lock()  # a session is for one thread at a time
        self._on_date = on_date
        self._tolerance_m = city.place_tolerance_m
        self._subdistricts = _Areas(queries.subdistrict_pieces(session, on_date=on_date))
        self._division_codes = _objects([code and code[:6] for code in self._subdistricts.codes])
        self._cells = _Areas(queries.cells(session))

    def locate(self, points: NDArray[np.object_]) -> Located:
        """Return where points lie, as :func:`gis_registry.places.queries.locate` does.

        Several threads may ask at once.

        Args:
            points: points in EPSG:4490, shape (n,).
        """
        area = self._subdistricts.at(points)
        located = Located(
            division_codes=self._division_codes[area],
            subdistrict_codes=self._subdistricts.codes[area],
            cell_codes=self._cells.codes[self._cells.at(points)],
        )
        outside = np.flatnonzero(area == len(self._division_codes) - 1)
        lon, lat = shapely.get_x(points[outside]), shapely.get_y(points[outside])
        for index, place in zip(outside, self._ask(lon, lat), strict=True):
            located.division_codes[index] = place["division_code"]
            located.subdistrict_codes[index] = place["subdistrict_code"]
            located.cell_codes[index] = place["cell_code"]
        return located

    def outline(self) -> shapely.Geometry | None:
        """Return the ground of all subdistricts, EPSG:4490; None where none is loaded."""
        shapes = self._subdistricts.shapes
        return shapely.union_all(shapes) if len(shapes) else None

    def is_inside(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points are in the city, or within its tolerance."""
        found = self._ask(lon, lat)
        return np.array([place["division_code"] is not None for place in found], dtype=bool)

    def _ask(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Sequence[RowMapping]:
        if not len(lon):
            return []
        with self._asking:
            return queries.locate(
                self._session,
                lons=lon.tolist(),
                lats=np.clip(lat, -90, 90).tolist(),
                on_dates=[self._on_date] * len(lon),
                tolerance_m=self._tolerance_m,
            )
