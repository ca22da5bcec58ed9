"""A delivery and the registry beside it, as columns in memory: what whole-file work needs.

Everything here is one entry for each row or component, so that 3.5 million of each fit into a few
hundred megabytes and are compared without asking the database once for each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Delivery:
    """The rows of a file, in its order.

    Attributes:
        lon: longitude of a point on each row's geometry in degrees, EPSG:4490; NaN without one.
        lat: latitude of it.
        raw_x: the first coordinate of its first vertex as the file has it, before any system was
            applied; NaN without one.
        raw_y: the second coordinate of it.
        class_ids: ``component_classes.id``; 0 where the class is not known.
        accuracies_m: position accuracy in metres.
        is_good: whether nothing was found wrong with the row.
    """

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    raw_x: NDArray[np.float64]
    raw_y: NDArray[np.float64]
    class_ids: NDArray[np.int32]
    accuracies_m: NDArray[np.float64]
    is_good: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.lon)


@dataclass(frozen=True)
class Registered:
    """The active components of the classes that a delivery is about, by identifier.

    Attributes:
        codes: identifiers as ASCII bytes.
        class_ids: ``component_classes.id``.
        lon: longitude of a point on each in degrees, EPSG:4490.
        lat: latitude of it.
        accuracies_m: position accuracy in metres.
        versions: the version that each is at.
    """

    codes: NDArray[np.bytes_]
    class_ids: NDArray[np.int32]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    accuracies_m: NDArray[np.float64]
    versions: NDArray[np.int32]

    def __len__(self) -> int:
        """Return how many components there are."""
        return len(self.codes)
