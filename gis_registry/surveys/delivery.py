"""A delivery and the registry beside it, as columns in memory: what whole-file work needs.

Everything here is one entry for each row or component, so that 3.5 million of each fit into a few
hundred megabytes and are compared without asking the database once for each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Placed:
    """Where rows or components are, and of which class.

    Attributes:
        lon: longitude of a point on each in degrees, EPSG:4490; NaN without one.
        lat: latitude of it.
        class_ids: ``component_classes.id``; 0 where the class is not known.
        accuracies_m: position accuracy in metres.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    class_ids: NDArray[np.int32]
    accuracies_m: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.lon)

    def at(self, places: NDArray[np.int64]) -> "Placed":
        """Return where some of them are."""
        return Placed(
            self.lon[places], self.lat[places], self.class_ids[places], self.accuracies_m[places]
        )


@dataclass(frozen=True)
class Delivery(Placed):
    """The rows of a file, in its order.

    Attributes:
        raw_x: the first coordinate of its first vertex as the file has it, before any system was
            applied; NaN without one.
        raw_y: the second coordinate of it.
        is_good: whether nothing was found wrong with the row.
        divisions: the district that each is in, as a number of six digits; 0 for none.
        areas: the subdistrict that each is in, as a number of nine digits; 0 for none.
        unit_ids: ``units.id`` of its supervisor, owner and maintainer, shape (n, 3); 0 for none.
    """

    raw_x: NDArray[np.float64]
    raw_y: NDArray[np.float64]
    is_good: NDArray[np.bool_]
    divisions: NDArray[np.int32]
    areas: NDArray[np.int32]
    unit_ids: NDArray[np.int32]


@dataclass(frozen=True)
class Registered(Placed):
    """The active components of the classes that a delivery is about, in no order.

    Attributes:
        codes: identifiers as ASCII bytes.
        versions: the version that each is at.
        areas: the subdistrict that each is in, as a number of nine digits; 0 for none.
        fingerprints: of those attributes of each of which the delivery says something: equal ones
            have the same number, others practically never.
        unit_ids: ``units.id`` of its supervisor, owner and maintainer, shape (n, 3); 0 for none.
    """

    codes: NDArray[np.bytes_]
    versions: NDArray[np.int32]
    areas: NDArray[np.int32]
    fingerprints: NDArray[np.int64]
    unit_ids: NDArray[np.int32]

    def take(self, components: NDArray[np.int64]) -> "Registered":
        """Return some of the components."""
        return Registered(*(getattr(self, name)[components] for name in self.__dataclass_fields__))


def ordinals(
    delivery: Delivery, rows: NDArray[np.bool_], counted: dict[int, int]
) -> NDArray[np.float64]:
    """Return the place of some rows among those of their division and class, from 1.

    Args:
        delivery: rows, or a batch of them.
        rows: which are counted; the others get NaN.
        counted: how many there were before of each division and class; it is brought up to date.
    """
    chosen = np.flatnonzero(rows)
    group = delivery.divisions[chosen].astype(np.int64) << 32 | delivery.class_ids[chosen]
    order = np.argsort(group, kind="stable")
    groups, starts, sizes = np.unique(group[order], return_index=True, return_counts=True)
    before = np.array([counted.get(one, 0) for one in groups.tolist()], dtype=np.int64)
    counted.update(zip(groups.tolist(), (before + sizes).tolist(), strict=True))
    places = np.full(len(delivery), np.nan)
    places[chosen[order]] = np.arange(len(chosen)) + np.repeat(before - starts, sizes) + 1
    return places
