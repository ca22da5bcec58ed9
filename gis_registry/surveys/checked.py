"""What checking says of rows: the refusal that keeps a row out, and lesser issues that do not."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Refusal(StrEnum):
    """Why a row is refused."""

    EMPTY_GEOMETRY = "empty-geometry"
    INVALID_GEOMETRY = "invalid-geometry"
    WRONG_GEOMETRY_TYPE = "wrong-geometry-type"
    UNKNOWN_CLASS = "unknown-class"
    INVALID_POSITION = "invalid-position"
    OUTSIDE_CITY = "outside-city"
    BATCH_STOPPED = "batch-stopped"
    DUPLICATE_IN_FILE = "duplicate-in-file"
    UNKNOWN_UNIT = "unknown-unit"
    INVALID_VALUE = "invalid-value"
    INVALID_ATTRIBUTE = "invalid-attribute"


class Severity(StrEnum):
    """How bad something is: an error refuses, a warning wants a look, a note only tells."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class RowCheck(StrEnum):
    """What a warning or a note of a row is about."""

    READING = "reading"
    REPAIRED = "repaired-geometry"
    CLASS_NAME = "class-name"
    IDENTIFIER = "identifier"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Issue:
    """Something about a row that does not refuse it."""

    check: str
    severity: Severity
    sentence: str


@dataclass(kw_only=True)
class CheckedRows:
    """Rows with what checking found of their geometries; every column has one entry a row.

    Attributes:
        first_row: number of the first row in the file, from 1.
        geometries: in EPSG:4490, repaired where that was harmless; None where there is none.
        good: whether the row is not refused.
        refusal: a :class:`Refusal`, or None for a good row.
        reason: the sentence that goes with it, or None.
        issues: warnings and notes by the row's place in the batch, from 0.
    """

    first_row: int
    geometries: NDArray[np.object_]
    good: NDArray[np.bool_]
    refusal: NDArray[np.object_]
    reason: NDArray[np.object_]
    issues: dict[int, list[Issue]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.geometries)

    def refuse(
        self, rows: NDArray[np.bool_], refusal: Refusal, reason: str | Callable[[int], str]
    ) -> None:
        """Refuse rows that are good so far; ``reason`` is one for all, or made from the index."""
        indices = np.flatnonzero(rows & self.good)
        if len(indices) == 0:
            return
        self.good[indices] = False
        self.refusal[indices] = refusal.value
        self.reason[indices] = (
            reason if isinstance(reason, str) else [reason(int(index)) for index in indices]
        )

    def add_issue(self, rows: NDArray[np.bool_], issue: Issue | Callable[[int], Issue]) -> None:
        """Say something about rows; ``issue`` is one for all, or made from the index."""
        for index in np.flatnonzero(rows).tolist():
            found = issue if isinstance(issue, Issue) else issue(index)
            self.issues.setdefault(index, []).append(found)


@dataclass(kw_only=True)
class CheckedBatch(CheckedRows):
    """A batch of a survey with what checking found; one-part geometries are taken apart.

    Attributes:
        class_ids: ``component_classes.id``, 0 where the class is not known.
        accuracies_m: position accuracy in metres; NaN where the class is not known either.
        dates: day of the survey, ``date32``.
        units: codes by role column, strings.
        unit_ids: ``units.id`` of the supervisor, owner and maintainer, shape (n, 3); 0 for none.
        identifiers: 16 or 17 digits, strings; None if the file has no such column.
        source_keys: the file's own keys, strings; None if it has none.
        attributes: the columns to be kept: text without white space around it, numbers, ISO dates;
            null where there is nothing.
    """

    class_ids: NDArray[np.int32]
    accuracies_m: NDArray[np.float64]
    dates: pa.Array
    units: dict[str, pa.Array]
    unit_ids: NDArray[np.int32]
    identifiers: pa.Array | None
    source_keys: pa.Array | None
    attributes: pa.Table
