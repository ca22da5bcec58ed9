"""What is found about a delivery as a whole, and what the search for it knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import shapely
from pyproj import CRS

from gis_registry.places.datums import Datum
from gis_registry.surveys.checked import Severity
from gis_registry.surveys.class_names import ClassNames


class BatchCheck(StrEnum):
    """What can be wrong with a delivery as a whole."""

    WRONG_DATUM = "wrong-datum"
    SHIFTED = "shifted"
    SWAPPED_AXES = "swapped-axes"
    WRONG_CRS = "wrong-crs"
    WRONG_EDITION = "wrong-edition"
    WRONG_UNIT = "wrong-unit"
    MANY_MISSING = "many-missing"
    OTHER_STAGED = "other-staged"
    SAME_FILE = "same-file"


@dataclass(frozen=True)
class Finding:
    """Something about a whole delivery: an error stops it, a warning does not.

    Attributes:
        check: what kind of thing it is.
        severity: error or warning.
        sentence: what was found, with figures.
        remedy: what would put it right, as an option of the command or a key of the mapping.
        figures: the numbers behind the sentence.
    """

    check: BatchCheck
    severity: Severity
    sentence: str
    remedy: str
    figures: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spread:
    """How the numbers of one attribute of one class are spread.

    Attributes:
        count: how many there are.
        distinct: how many different ones.
        lower, median, upper: the quartiles.
    """

    count: int
    distinct: int
    lower: float
    median: float
    upper: float


#: By class id and attribute.
Spreads = Mapping[tuple[int, str], Spread]


@dataclass(frozen=True)
class BatchContext:
    """What a delivery as a whole is held against, beside the registered components.

    Attributes:
        system: what the coordinates were read in.
        system_name: that, as it was declared or as the file says it.
        outline: the city in EPSG:4490; None where no area is loaded.
        tolerance_m: how far outside the outline a place still counts as the city's.
        projected_epsg: the city's projected system.
        edition_key: the edition that the file's class codes were read in.
        editions: the names of the classes of every edition by code.
        class_names: how many rows have this code beside this name, both as the file writes them.
        read_as: for every other edition, class id as read → the id it would have been read as.
        labels: code and name of classes by id, for sentences.
        delivered: how the delivery's numbers are spread.
        registered: how those of registered components are.
    """

    system: CRS | Datum
    system_name: str
    outline: shapely.Geometry | None
    tolerance_m: float
    projected_epsg: int
    edition_key: str
    editions: Mapping[str, ClassNames] = field(default_factory=dict)
    class_names: Mapping[tuple[str, str], int] = field(default_factory=dict)
    read_as: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    labels: Mapping[int, str] = field(default_factory=dict)
    delivered: Spreads = field(default_factory=dict)
    registered: Spreads = field(default_factory=dict)

    def label(self, class_id: int) -> str:
        """Return what a class is called in a sentence."""
        return self.labels.get(class_id, f"class {class_id}")
