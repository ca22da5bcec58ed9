"""Checking rows: each gets the first fault that keeps it out of the registry, or none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.surveys.reading import Batch


class Refusal(StrEnum):
    """Why a row is refused."""

    EMPTY_GEOMETRY = "empty-geometry"
    INVALID_GEOMETRY = "invalid-geometry"
    WRONG_GEOMETRY_TYPE = "wrong-geometry-type"
    UNKNOWN_CLASS = "unknown-class"
    INVALID_POSITION = "invalid-position"
    OUTSIDE_CITY = "outside-city"
    DUPLICATE_IN_FILE = "duplicate-in-file"
    UNKNOWN_UNIT = "unknown-unit"
    INVALID_VALUE = "invalid-value"


#: Fields with a meaning of their own; all others are kept as attributes.
UNIT_FIELDS = ("supervisor_code", "owner_code", "maintainer_code")
ACCURACY_FIELD = "accuracy_m"
DATE_FIELD = "surveyed_on"

_TYPES = {
    "point": {"Point"},
    "line": {"LineString", "MultiLineString"},
    "polygon": {"Polygon", "MultiPolygon"},
}


@dataclass(frozen=True)
class Expectation:
    """What the rows of a survey are checked against."""

    class_field: str | None
    single_class: ComponentClass | None
    classes: Mapping[str, ComponentClass]
    class_digits: int
    units: frozenset[str]
    as_of: date
    accuracy_m: float | None


@dataclass
class CheckedBatch:
    """A batch with its verdicts: ``refusal`` and ``reason`` are None for a good row."""

    first_row: int
    geometries: NDArray[np.object_]
    class_ids: NDArray[np.object_]
    accuracies_m: NDArray[np.object_]
    dates: NDArray[np.object_]
    units: dict[str, NDArray[np.object_]]
    attributes: pd.DataFrame
    refusal: NDArray[np.object_]
    reason: NDArray[np.object_]

    def refuse(self, rows: NDArray[np.bool_], refusal: Refusal, reason: str | list[str]) -> None:
        """Refuse rows that are good so far; ``reason`` is one for all or one for each row."""
        rows = rows & (self.refusal == None)  # noqa: E711  element by element
        self.refusal[rows] = refusal.value
        if isinstance(reason, str):
            self.reason[rows] = reason
        else:
            self.reason[rows] = np.array(reason, dtype=object)[rows]

    @property
    def good(self) -> NDArray[np.bool_]:
        """Rows without a fault."""
        good: NDArray[np.bool_] = self.refusal == None  # noqa: E711  element by element
        return good


def check(batch: Batch, expected: Expectation) -> CheckedBatch:
    """Check everything that a row can be checked for by itself."""
    count = len(batch.geometries)
    checked = CheckedBatch(
        first_row=batch.first_row,
        geometries=_single_parts(batch.geometries),
        class_ids=np.full(count, None, dtype=object),
        accuracies_m=np.full(count, None, dtype=object),
        dates=np.full(count, expected.as_of, dtype=object),
        units={},
        attributes=batch.fields,
        refusal=np.full(count, None, dtype=object),
        reason=np.full(count, None, dtype=object),
    )
    _check_presence(checked)
    classes = _check_class(checked, expected)
    _check_type(checked, classes)
    _check_position(checked)
    _check_validity(checked)
    _take_values(checked, expected, classes)
    return checked


def _single_parts(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Take a multi-part geometry of one part for that part."""
    parts = shapely.get_num_geometries(geometries)
    multi = np.isin(shapely.get_type_id(geometries), (4, 5, 6)) & (parts == 1)
    if not multi.any():
        return geometries
    geometries = geometries.copy()
    geometries[multi] = shapely.get_geometry(geometries[multi], 0)
    return geometries


def _check_presence(checked: CheckedBatch) -> None:
    absent = shapely.is_missing(checked.geometries) | shapely.is_empty(checked.geometries)
    checked.refuse(absent, Refusal.EMPTY_GEOMETRY, "The row has no geometry.")


def _check_class(checked: CheckedBatch, expected: Expectation) -> NDArray[np.object_]:
    count = len(checked.geometries)
    if expected.single_class is not None:
        classes = np.full(count, expected.single_class, dtype=object)
    else:
        codes = _class_codes(checked.attributes[expected.class_field], expected.class_digits)
        found = [expected.classes.get(code) for code in codes]
        classes = np.array([*found, None], dtype=object)[:-1]
        unknown = np.array([one is None for one in found], dtype=bool)
        checked.refuse(
            unknown,
            Refusal.UNKNOWN_CLASS,
            [
                f"{expected.class_field} is {code!r}, no class of the city's edition."
                if code
                else f"{expected.class_field} is empty."
                for code in codes
            ],
        )
        checked.attributes = checked.attributes.drop(columns=[expected.class_field])
    checked.class_ids = np.array([one and one.id for one in classes] + [None], dtype=object)[:-1]
    return classes


def _class_codes(values: pd.Series, digits: int) -> list[str]:
    """Return class codes as text; a number has lost its leading zeros and gets them back."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return [
            ""
            if pd.isna(value)
            else str(int(value)).zfill(digits)
            if float(value).is_integer()
            else str(value)
            for value in values
        ]
    return ["" if pd.isna(value) else str(value).strip() for value in values]


def _check_type(checked: CheckedBatch, classes: NDArray[np.object_]) -> None:
    names = np.array(
        [None if one is None else one.geom_type for one in checked.geometries], dtype=object
    )
    wrong = np.array(
        [
            one is not None and name is not None and name not in _TYPES[one.geometry_type]
            for name, one in zip(names, classes, strict=True)
        ],
        dtype=bool,
    )
    checked.refuse(
        wrong,
        Refusal.WRONG_GEOMETRY_TYPE,
        [
            f"The geometry is a {name}; {one.code} ({one.name_en}) is a {one.geometry_type}."
            if one is not None
            else ""
            for name, one in zip(names, classes, strict=True)
        ],
    )


def _check_position(checked: CheckedBatch) -> None:
    min_x, min_y, max_x, max_y = shapely.bounds(checked.geometries).T
    with np.errstate(invalid="ignore"):
        infinite = ~np.isfinite(np.array([min_x, min_y, max_x, max_y])).all(axis=0)
        zero = (min_x == 0) & (max_x == 0) & (min_y == 0) & (max_y == 0)
        beyond = np.maximum(np.abs(min_y), np.abs(max_y)) > 90
        beyond |= np.maximum(np.abs(min_x), np.abs(max_x)) > 180
    checked.refuse(
        infinite,
        Refusal.INVALID_POSITION,
        "The coordinates are not numbers, or cannot be transformed from the declared system.",
    )
    checked.refuse(
        zero, Refusal.INVALID_POSITION, "The position is 0, 0, which stands for a missing one."
    )
    checked.refuse(
        beyond,
        Refusal.INVALID_POSITION,
        [
            f"The position {x:g}, {y:g} is beyond 180 degrees of longitude or 90 of latitude: "
            "are longitude and latitude swapped, or is the system another one?"
            for x, y in zip(min_x, min_y, strict=True)
        ],
    )


def _check_validity(checked: CheckedBatch) -> None:
    good = checked.good
    invalid = np.zeros(len(good), dtype=bool)
    invalid[good] = ~shapely.is_valid(checked.geometries[good])
    reasons = np.full(len(good), "", dtype=object)
    reasons[invalid] = shapely.is_valid_reason(checked.geometries[invalid])
    checked.refuse(
        invalid, Refusal.INVALID_GEOMETRY, [f"The geometry is not valid: {one}." for one in reasons]
    )


def _take_values(
    checked: CheckedBatch, expected: Expectation, classes: NDArray[np.object_]
) -> None:
    count = len(checked.geometries)
    default = [expected.accuracy_m or (one.accuracy_m if one else None) for one in classes]
    checked.accuracies_m = np.array([*default, None], dtype=object)[:-1]
    fields = checked.attributes
    if ACCURACY_FIELD in fields:
        given = pd.to_numeric(fields[ACCURACY_FIELD], errors="coerce").astype(float).to_numpy()
        bad = fields[ACCURACY_FIELD].notna().to_numpy() & ~(given > 0)
        checked.refuse(bad, Refusal.INVALID_VALUE, f"{ACCURACY_FIELD} is not a positive number.")
        present = given > 0
        checked.accuracies_m[present] = given[present]
    if DATE_FIELD in fields:
        days = pd.to_datetime(fields[DATE_FIELD].astype("str"), errors="coerce", format="ISO8601")
        filled = fields[DATE_FIELD].notna().to_numpy()
        known = days.notna().to_numpy() & filled
        checked.refuse(
            filled & ~known, Refusal.INVALID_VALUE, f"{DATE_FIELD} is no date such as 2026-06-30."
        )
        checked.dates[known] = np.array(days.dt.date, dtype=object)[known]
    for field in UNIT_FIELDS:
        if field in fields:
            codes = [
                None if pd.isna(one) or not str(one).strip() else str(one).strip()
                for one in fields[field]
            ]
            unknown = np.array([one is not None and one not in expected.units for one in codes])
            checked.refuse(
                unknown, Refusal.UNKNOWN_UNIT, [f"{field} is {one!r}, no unit." for one in codes]
            )
            checked.units[field] = np.array([*codes, None], dtype=object)[:-1]
        else:
            checked.units[field] = np.full(count, None, dtype=object)
    taken = [one for one in (ACCURACY_FIELD, DATE_FIELD, *UNIT_FIELDS) if one in fields]
    checked.attributes = fields.drop(columns=taken)
