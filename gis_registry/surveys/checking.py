"""Checking rows: each gets the first fault that keeps it out of the registry, or none."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

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

#: Least exact position that is still one.
MAX_ACCURACY_M = 1000
#: Surveys before this day were never made; such a date is a slip.
EARLIEST = date(1900, 1, 1)

_CODE_NUMBER = re.compile(r"(\d+)(?:\.0*)?", re.ASCII)
_DATE = r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[T ].*)?"

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
    today: date
    zone: ZoneInfo
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

    def refuse(
        self, rows: NDArray[np.bool_], refusal: Refusal, reason: str | Callable[[int], str]
    ) -> None:
        """Refuse rows that are good so far; ``reason`` is one for all, or made from the index."""
        indices = np.flatnonzero(rows & self.good)
        self.refusal[indices] = refusal.value
        self.reason[indices] = (
            reason if isinstance(reason, str) else [reason(int(index)) for index in indices]
        )

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
        attributes=batch.fields.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True),
        refusal=np.full(count, None, dtype=object),
        reason=np.full(count, None, dtype=object),
    )
    _check_presence(checked, batch.notes)
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
    geometries = geometries.copy()
    geometries[multi] = shapely.get_geometry(geometries[multi], 0)
    return geometries


def _check_presence(checked: CheckedBatch, notes: Mapping[int, str]) -> None:
    absent = shapely.is_missing(checked.geometries) | shapely.is_empty(checked.geometries)
    checked.refuse(
        absent,
        Refusal.EMPTY_GEOMETRY,
        lambda row: notes.get(row, "The row has no geometry, or its coordinates are not numbers."),
    )


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
            lambda row: (
                f"{expected.class_field} is {codes[row]!r}, no class of the city's edition."
                if codes[row]
                else f"{expected.class_field} is empty."
            ),
        )
        checked.attributes = checked.attributes.drop(columns=[expected.class_field])
    checked.class_ids = np.array([one and one.id for one in classes] + [None], dtype=object)[:-1]
    return classes


def _class_codes(values: pd.Series, digits: int) -> list[str]:
    """Return class codes as text; one that became a number gets its leading zeros back."""
    texts = [
        "" if pd.isna(value) else unicodedata.normalize("NFKC", str(value)).strip()
        for value in values
    ]
    numbers = [_CODE_NUMBER.fullmatch(text) for text in texts]
    return [
        number[1].zfill(digits) if number else text
        for text, number in zip(texts, numbers, strict=True)
    ]


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
        lambda row: (
            f"The geometry is a {names[row]}; {classes[row].code} ({classes[row].name_en}) is a "
            f"{classes[row].geometry_type}."
        ),
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
        "The coordinates are not numbers, or lie beyond what the file's system can hold.",
    )
    checked.geometries[infinite] = None
    checked.refuse(
        zero, Refusal.INVALID_POSITION, "The position is 0, 0, which stands for a missing one."
    )
    checked.refuse(
        beyond,
        Refusal.INVALID_POSITION,
        lambda row: (
            f"The position {min_x[row]:.10g}, {min_y[row]:.10g} is beyond 180 degrees of longitude "
            "or 90 of latitude: are longitude and latitude swapped, or is the system another one?"
        ),
    )


def _check_validity(checked: CheckedBatch) -> None:
    good = checked.good
    invalid = np.zeros(len(good), dtype=bool)
    invalid[good] = ~shapely.is_valid(checked.geometries[good])
    checked.refuse(
        invalid,
        Refusal.INVALID_GEOMETRY,
        lambda row: f"The geometry is not valid: {_fault_of(checked.geometries[row])}.",
    )


def _fault_of(geometry: shapely.Geometry) -> str:
    """Return what is wrong with a geometry and where."""
    reason: str = shapely.is_valid_reason(geometry)
    return reason.rstrip("]").replace("[", " at ")


def _take_values(
    checked: CheckedBatch, expected: Expectation, classes: NDArray[np.object_]
) -> None:
    count = len(checked.geometries)
    default = [expected.accuracy_m or (one.accuracy_m if one else None) for one in classes]
    checked.accuracies_m = np.array([*default, None], dtype=object)[:-1]
    fields = checked.attributes
    if ACCURACY_FIELD in fields:
        _take_accuracies(checked, fields[ACCURACY_FIELD])
    if DATE_FIELD in fields:
        _take_dates(checked, fields[DATE_FIELD], expected)
    for field in UNIT_FIELDS:
        checked.units[field] = (
            _take_units(checked, field, expected.units)
            if field in fields
            else np.full(count, None, dtype=object)
        )
    taken = [one for one in (ACCURACY_FIELD, DATE_FIELD, *UNIT_FIELDS) if one in fields]
    checked.attributes = fields.drop(columns=taken)


def _take_units(checked: CheckedBatch, field: str, known: frozenset[str]) -> NDArray[np.object_]:
    codes = _texts(checked.attributes[field])
    unknown = np.array([one != "" and one not in known for one in codes], dtype=bool)
    checked.refuse(
        unknown, Refusal.UNKNOWN_UNIT, lambda row: f"{field} is {codes[row]!r}, no unit's code."
    )
    codes[codes == ""] = None
    return codes


def _take_accuracies(checked: CheckedBatch, values: pd.Series) -> None:
    texts = _texts(values)
    given = pd.to_numeric(pd.Series(texts), errors="coerce").astype(float).to_numpy()
    with np.errstate(invalid="ignore"):
        usable = (given > 0) & (given <= MAX_ACCURACY_M)
    checked.refuse(
        (texts != "") & ~usable,
        Refusal.INVALID_VALUE,
        lambda row: (
            f"{ACCURACY_FIELD} is {texts[row]!r}, not metres above 0 and up to {MAX_ACCURACY_M:,}."
        ),
    )
    checked.accuracies_m[usable] = given[usable]


def _take_dates(checked: CheckedBatch, values: pd.Series, expected: Expectation) -> None:
    if getattr(getattr(values.dtype, "pyarrow_dtype", None), "tz", None) is not None:
        values = values.dt.tz_convert(expected.zone)  # GDAL may have made UTC of the local day
    texts = _texts(values)
    parts = pd.Series(texts).str.extract(rf"^{_DATE}$").fillna("")
    days = pd.to_datetime(parts[0] + parts[1] + parts[2], format="%Y%m%d", errors="coerce")
    dates = np.array(days.dt.date, dtype=object)
    known = days.notna().to_numpy()
    checked.refuse(
        (texts != "") & ~known,
        Refusal.INVALID_VALUE,
        lambda row: f"{DATE_FIELD} is {texts[row]!r}, no date such as 2026-06-30.",
    )
    off = known.copy()
    off[known] = [not EARLIEST <= one <= expected.today for one in dates[known]]
    checked.refuse(
        off,
        Refusal.INVALID_VALUE,
        lambda row: f"{DATE_FIELD} is {texts[row]!r}, in the future or before {EARLIEST.year}.",
    )
    checked.dates[known] = dates[known]


def _texts(values: pd.Series) -> NDArray[np.object_]:
    """Return values as text without the white space around it; empty where there is none."""
    return np.array(["" if pd.isna(one) else str(one).strip() for one in values], dtype=object)
