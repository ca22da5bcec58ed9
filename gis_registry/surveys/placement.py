"""How well rows lie on the registered components of their class, wherever one supposes them to be.

One index holds the components of all classes: each class lies on a plane of its own, far from the
others, so that the nearest neighbour is always of the same class.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import bdtrc

from gis_registry.surveys.delivery import Delivery, Registered

Floats = NDArray[np.float64]
Classes = NDArray[np.int32]

#: Metres in a degree of latitude, and in one of longitude at the equator; a sphere will do.
_METRES = 111_195.0
#: Metres between the planes of two classes: more than any two places are apart.
_APART_M = 1e8

#: A row hits a component this near at least: a class may ask for 0.5 m, but what instruments of two
#: years agree on is about 2 m. Beyond 20 m a hit in a street says nothing any more.
LEAST_REACH_M, MOST_REACH_M = 2.0, 20.0
#: Rows are looked at with what lies in this circle: some houses, several lamps.
RING_M = 150.0
#: Hits that could still be one street corner are none.
LEAST_HITS = 5
#: A supposed place must bring this many times the hits of the declared one: a re-survey in the
#: right place hits as declared, whatever else hits by chance.
TIMES_DECLARED = 3
#: ... and this many times those of any other shift nearby: along a street of evenly spaced lamps
#: many shifts hit almost as well, and then none of them is meant.
TIMES_RIVAL = 2
#: ... and be less likely than this to come by chance, over all places that were supposed.
MOST_CHANCE = 1e-6


@dataclass(frozen=True)
class Rows:
    """Some rows: where they are (degrees, EPSG:4490), their classes and accuracies in metres."""

    lon: Floats
    lat: Floats
    class_ids: Classes
    accuracies_m: Floats

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.lon)

    def at(self, lon: Floats, lat: Floats) -> "Rows":
        """Return the same rows elsewhere."""
        return Rows(lon, lat, self.class_ids, self.accuracies_m)

    def shifted(self, east_m: float, north_m: float) -> "Rows":
        """Return the same rows so many metres off."""
        return self.at(
            self.lon + east_m / metres_per_degree_east(self.lat), self.lat + north_m / _METRES
        )

    def on_earth(self) -> NDArray[np.bool_]:
        """Return which rows have a position that is one."""
        with np.errstate(invalid="ignore"):
            return (np.abs(self.lon) <= 180) & (np.abs(self.lat) <= 90)

    def take(self, which: NDArray[np.int64]) -> "Rows":
        """Return some of the rows."""
        return Rows(
            self.lon[which], self.lat[which], self.class_ids[which], self.accuracies_m[which]
        )


@dataclass(frozen=True)
class Fit:
    """How well rows lie on registered components.

    Attributes:
        rows: how many rows were looked at.
        hits: how many lie on a component of their class.
        rival: the most pairs that any other shift within the ring would bring together.
        chance: how likely one row hits by chance, going by how dense components are around it.
    """

    rows: int
    hits: int
    rival: int
    chance: float

    def is_better_than(self, declared: "Fit", *, supposed: int) -> bool:
        """Return whether rows belong here rather than where they were declared to be.

        Args:
            declared: how they lie as declared.
            supposed: how many other places were tried.
        """
        return (
            self.hits >= LEAST_HITS
            and self.hits >= TIMES_DECLARED * declared.hits
            and self.hits >= TIMES_RIVAL * self.rival
            and supposed * bdtrc(self.hits - 1, self.rows, self.chance) < MOST_CHANCE
        )


class Ground:
    """The registered components, to suppose rows on."""

    def __init__(self, registered: Registered) -> None:
        """Index the components, some seconds for ten million."""
        self.registered = registered
        self._lat = float(np.median(registered.lat)) if len(registered) else 0.0
        self._tree = cKDTree(
            self._plane(registered.lon, registered.lat, registered.class_ids),
            balanced_tree=False,  # built in a third of the time, asked only a few thousand times
            compact_nodes=False,
        )

    def reach_m(self, rows: Rows) -> float:
        """Return how near a component a row must lie to hit it: what both accuracies allow."""
        own = float(np.nanmedian(rows.accuracies_m)) if len(rows) else LEAST_REACH_M
        theirs = self.registered.accuracies_m[np.isin(self.registered.class_ids, rows.class_ids)]
        other = float(np.median(theirs)) if len(theirs) else own
        return float(np.clip(own + other, LEAST_REACH_M, MOST_REACH_M))

    def hits(self, rows: Rows, reach_m: float) -> int:
        """Return how many rows lie on a component of their class."""
        rows = rows.take(np.flatnonzero(rows.on_earth()))
        points = self._plane(rows.lon, rows.lat, rows.class_ids)
        distance, _ = self._tree.query(points, distance_upper_bound=reach_m)
        return int(np.isfinite(distance).sum())

    def fit(self, rows: Rows, reach_m: float) -> Fit:
        """Return how well rows lie on the components."""
        _, east, north, which = self.displacements(rows, RING_M)
        distance = np.hypot(east, north)
        hit = len(np.unique(which[distance <= reach_m]))
        others = distance > 3 * reach_m
        size = 2 * reach_m
        counts = counted_by_cell(east[others], north[others], size, RING_M)
        ring = RING_M**2 - (3 * reach_m) ** 2
        chance = others.sum() * reach_m**2 / ring / max(len(rows), 1)
        # At least one component for all rows: an empty surrounding does not make a hit impossible.
        least = reach_m**2 / ring / max(len(rows), 1)
        return Fit(
            rows=len(rows),
            hits=hit,
            rival=int(counts.max()),
            chance=float(min(max(chance, least), 1.0)),
        )

    def neighbours(self, rows: Rows, radius_m: float) -> NDArray[np.int64]:
        """Return how many components of its class each row has around it."""
        points = self._plane(rows.lon, rows.lat, rows.class_ids)
        counts: NDArray[np.int64] = self._tree.query_ball_point(
            points, radius_m, return_length=True
        )
        return counts

    def displacements(
        self, rows: Rows, radius_m: float
    ) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int64]]:
        """Return how far every component of its class around a row lies from it.

        Returns:
            The place of the component, metres east, metres north, and the place of the row, one
            entry for each pair.
        """
        on_earth = np.flatnonzero(rows.on_earth())
        rows = rows.take(on_earth)
        # Metres east are stretched by latitude: 2 % farther holds all within the radius.
        tree = cKDTree(self._plane(rows.lon, rows.lat, rows.class_ids))
        pairs = tree.sparse_distance_matrix(self._tree, radius_m * 1.02, output_type="ndarray")
        row, component = pairs["i"], pairs["j"]
        east = self.registered.lon[component] - rows.lon[row]
        east *= metres_per_degree_east(rows.lat)[row]
        north = (self.registered.lat[component] - rows.lat[row]) * _METRES
        return component, east, north, on_earth[row]

    def _plane(self, lon: Floats, lat: Floats, class_ids: Classes) -> Floats:
        return np.column_stack(
            [
                lon * metres_per_degree_east(np.float64(self._lat)) + class_ids * _APART_M,
                lat * _METRES,
            ]
        )


def counted_by_cell(east: Floats, north: Floats, size: float, radius_m: float) -> NDArray[np.int64]:
    """Return how many displacements fall into each square cell; the middle is a cell's corner."""
    half = int(np.ceil(radius_m * 1.05 / size)) + 1
    column, row = cell_of(east, size, radius_m), cell_of(north, size, radius_m)
    return np.bincount(column * 2 * half + row, minlength=4 * half * half).reshape(
        2 * half, 2 * half
    )


def cell_of(metres: Floats, size: float, radius_m: float) -> NDArray[np.int64]:
    """Return the column or row of the cell that a displacement falls into."""
    half = int(np.ceil(radius_m * 1.05 / size)) + 1
    return (metres / size + half).astype(np.int64)


def metres_per_degree_east(lat: Floats | np.float64) -> Floats:
    """Return how many metres a degree of longitude has at some latitudes."""
    return np.asarray(_METRES * np.cos(np.radians(lat)))


def rows_near(
    delivery: Delivery,
    registered: Registered,
    *,
    class_ids: Classes | None = None,
    most: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Choose rows that have registered components of their class within some kilometres.

    Where a delivery overlaps what is registered only at an edge, the edge is looked at, and all of
    the sample counts.

    Args:
        delivery: the rows.
        registered: the components.
        class_ids: the rows' classes, if other than the delivery says.
        most: how many rows are enough.
        random: what chooses among more.
    """
    classes = delivery.class_ids if class_ids is None else class_ids
    rows = Rows(delivery.lon, delivery.lat, classes, delivery.accuracies_m)
    usable = np.flatnonzero(rows.on_earth() & (classes > 0))
    if len(usable) == 0 or len(registered) == 0:
        return usable[:0]
    taken = np.unique(_cells(registered.lon, registered.lat, registered.class_ids))
    around = np.unique(
        np.concatenate([taken + x * _ROW + y for x in (-1, 0, 1) for y in (-1, 0, 1)])
    )
    cells = _cells(delivery.lon[usable], delivery.lat[usable], classes[usable])
    places = np.minimum(np.searchsorted(around, cells), len(around) - 1)
    near = usable[around[places] == cells]
    return near if len(near) <= most else np.sort(random.choice(near, most, replace=False))


#: Cells of 0.04 degrees, some 4 km, so that a shift of 3 km stays within the next one; numbered by
#: column and row, and by class beyond that.
_CELL = 0.04
_ROW = 10_000


def _cells(lon: Floats, lat: Floats, class_ids: Classes) -> NDArray[np.int64]:
    column = np.floor((lon + 180) / _CELL).astype(np.int64) + 1
    row = np.floor((lat + 90) / _CELL).astype(np.int64) + 1
    return class_ids.astype(np.int64) * _ROW * _ROW + column * _ROW + row
