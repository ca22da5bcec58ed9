"""Values with a meaning of their own: units, dates, accuracies, identifiers and keys."""

import re
import unicodedata
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gis_registry.surveys.checked import CheckedBatch, Issue, Refusal, RowCheck, Severity
from gis_registry.surveys.columns import Distinct, as_numbers, as_text, distinct, whole
from gis_registry.surveys.expectation import EARLIEST, MAX_ACCURACY_M, Expectation
from gis_registry.surveys.row_classes import RowClasses

UNIT_FIELDS = ("supervisor_code", "owner_code", "maintainer_code")
ACCURACY_FIELD = "accuracy_m"
DATE_FIELD = "surveyed_on"
IDENTIFIER_FIELD = "identifier"
KEY_FIELD = "source_key"

_DATE = re.compile(
    r"(\d{4})(?:(\d{2})(\d{2})|[-/.年](\d{1,2})[-/.月](\d{1,2})日?)(?:[T ].*)?", re.ASCII
)
#: White space, dots, strokes and every dash, also what copying from a page leaves unseen.
_SEPARATORS = r"[\s\-\x{2010}-\x{2015}\x{2212}_.,、·・/~\p{Cf}]+"
_IDENTIFIER = r"^[0-9]{16,17}$"
_NOT_A_DAY = np.datetime64("NaT", "D")


def take_accuracies(
    checked: CheckedBatch, fields: pa.Table, expected: Expectation, classes: RowClasses
) -> None:
    """Take each row's accuracy: its own, that of the survey, or that of its class."""
    checked.accuracies_m = (
        np.full(len(checked), expected.accuracy_m, dtype=np.float64)
        if expected.accuracy_m is not None
        else classes.numbers([one.accuracy_m for one in classes.classes], np.nan)
    )
    if ACCURACY_FIELD not in fields.column_names:
        return
    found = distinct(fields.column(ACCURACY_FIELD), expected.zone)
    numbers = as_numbers(pa.array(found.values, pa.string())).to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        usable = (numbers > 0) & (numbers <= MAX_ACCURACY_M)
    name = expected.name_of(ACCURACY_FIELD)
    checked.refuse(
        found.rows(~usable),
        Refusal.INVALID_VALUE,
        lambda row: (
            f"{name} is {found.of(row)!r}, not metres above 0 and up to {MAX_ACCURACY_M:,}."
        ),
    )
    given = found.rows(usable)
    checked.accuracies_m[given] = numbers[found.index[given]]


def take_dates(checked: CheckedBatch, fields: pa.Table, expected: Expectation) -> None:
    """Take each row's day: its own in the city, or that of the survey."""
    days = np.full(len(checked), np.datetime64(expected.as_of, "D"))
    if DATE_FIELD in fields.column_names:
        found = distinct(fields.column(DATE_FIELD), expected.zone)
        values = np.array([_day(one) for one in found.values], dtype="datetime64[D]")
        known = ~np.isnat(values)
        on_time = (
            known & (values >= np.datetime64(EARLIEST)) & (values <= np.datetime64(expected.today))
        )
        name = expected.name_of(DATE_FIELD)
        checked.refuse(
            found.rows(~known),
            Refusal.INVALID_VALUE,
            lambda row: f"{name} is {found.of(row)!r}, no date such as 2026-06-30.",
        )
        checked.refuse(
            found.rows(known & ~on_time),
            Refusal.INVALID_VALUE,
            lambda row: f"{name} is {found.of(row)!r}, in the future or before {EARLIEST.year}.",
        )
        given = found.rows(on_time)
        days[given] = values[found.index[given]]
    checked.dates = pa.array(days)


def _day(written: str) -> np.datetime64:
    match = _DATE.fullmatch(unicodedata.normalize("NFKC", written))
    if match is None:
        return _NOT_A_DAY
    year, month, day = (int(part) for part in match.groups() if part is not None)
    try:
        return np.datetime64(date(year, month, day), "D")
    except ValueError:
        return _NOT_A_DAY


def take_units(checked: CheckedBatch, fields: pa.Table, expected: Expectation) -> None:
    """Take the units that rows name, by their codes or by names that are known."""
    for place, column in enumerate(UNIT_FIELDS):
        if column not in fields.column_names:
            checked.units[column] = pa.nulls(len(checked), pa.string())
            continue
        found = distinct(fields.column(column), expected.zone)
        codes = [
            one if one in expected.units else expected.unit_names.get(one) for one in found.values
        ]
        unknown = np.array([one not in expected.units for one in codes], dtype=bool)
        checked.refuse(found.rows(unknown), Refusal.UNKNOWN_UNIT, _unknown(column, found, expected))
        checked.units[column] = _spread(codes, found)
        ids = np.array([0 if one is None else expected.units.get(one, 0) for one in codes] + [0])
        checked.unit_ids[:, place] = ids[found.index]  # -1 is the 0 at the end


def _unknown(column: str, found: Distinct, expected: Expectation) -> "_Reason":
    return _Reason(expected.name_of(column), found)


class _Reason:
    """Says of a row which unit it names in vain."""

    def __init__(self, name: str, found: Distinct) -> None:
        self.name, self.found = name, found

    def __call__(self, row: int) -> str:
        return f"{self.name} is {self.found.of(row)!r}, no unit's code."


def _spread(values: list[str | None], found: Distinct) -> pa.Array:
    """Return for each row what its distinct value stands for."""
    index = pa.array(found.index, mask=found.index < 0)
    return pa.array(values, pa.string()).take(index)


def take_identifiers(
    checked: CheckedBatch, fields: pa.Table, expected: Expectation, classes: RowClasses
) -> None:
    """Take identifiers as digits; one that is none, or of another class, is a warning."""
    if IDENTIFIER_FIELD not in fields.column_names:
        return
    written = as_text(fields.column(IDENTIFIER_FIELD), expected.zone)
    digits = pc.replace_substring_regex(pc.utf8_normalize(written, form="NFKC"), _SEPARATORS, "")
    is_one = pc.match_substring_regex(digits, _IDENTIFIER)
    checked.identifiers = pc.if_else(is_one, digits, None)
    name = expected.name_of(IDENTIFIER_FIELD)
    wrong = pc.invert(is_one).fill_null(False).to_numpy(zero_copy_only=False)
    checked.add_issue(
        wrong,
        lambda row: _identifier_issue(
            f"{name} is {_short(written[row].as_py())!r}, no identifier of 16 or 17 digits; the "
            "row is matched by its place."
        ),
    )
    if not pc.any(is_one).as_py():
        return
    # A code of another length belongs to another edition, which may well be the row's class.
    code = pc.utf8_slice_codeunits(checked.identifiers, 6, -6)
    own = pa.array([*(one.code for one in classes.classes), None], pa.string()).take(
        pa.array(np.where(classes.index < 0, len(classes.classes), classes.index))
    )
    differs = pc.and_(
        pc.not_equal(code, own), pc.equal(pc.utf8_length(code), pc.utf8_length(own))
    ).fill_null(False)
    checked.add_issue(
        differs.to_numpy(zero_copy_only=False),
        lambda row: _identifier_issue(
            f"The identifier {checked.identifiers[row]} is of class {code[row]}, but the row is "  # type: ignore[index]
            f"of {own[row]}."
        ),
    )


def check_identifier_divisions(checked: CheckedBatch, division_codes: pa.Array) -> None:
    """Warn of identifiers of another division than the one that a row lies in.

    Args:
        checked: rows whose place is known.
        division_codes: the six digits of each row's district, strings; null where not known.
    """
    if checked.identifiers is None:
        return
    said = pc.utf8_slice_codeunits(checked.identifiers, 0, 6)
    differs = pc.not_equal(said, division_codes).fill_null(False)
    checked.add_issue(
        differs.to_numpy(zero_copy_only=False),
        lambda row: _identifier_issue(
            f"The identifier is of division {said[row]}, but the row lies in {division_codes[row]}."
        ),
    )


def take_source_keys(checked: CheckedBatch, fields: pa.Table, expected: Expectation) -> None:
    """Take the file's own keys."""
    if KEY_FIELD in fields.column_names:
        checked.source_keys = whole(as_text(fields.column(KEY_FIELD), expected.zone))


def _identifier_issue(sentence: str) -> Issue:
    return Issue(RowCheck.IDENTIFIER, Severity.WARNING, sentence)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def repeated_rows(
    class_ids: NDArray[np.int32], *keys: NDArray[np.generic], good: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Find rows whose class and geometry an earlier row of the file has already.

    Args:
        class_ids: the class of each row.
        keys: what makes two geometries the same: longitudes and latitudes of points, or the WKB of
            lines and polygons.
        good: rows that count; the others neither repeat nor are repeated.

    Returns:
        For each row the number (from 1) of the earlier row, or 0.
    """
    import pandas as pd  # only here, where a hash table over columns is wanted

    frame = pd.DataFrame({"class": class_ids, **{f"key{n}": key for n, key in enumerate(keys)}})
    frame = frame[good]
    several = frame[frame.duplicated(keep=False)]
    first = np.zeros(len(class_ids), dtype=np.int64)
    if len(several):
        rows = several.index.to_numpy()
        groups = several.groupby(list(several.columns), sort=False).ngroup().to_numpy()
        earliest = np.full(groups.max() + 1, len(class_ids), dtype=np.int64)
        np.minimum.at(earliest, groups, rows)
        first[rows] = np.where(earliest[groups] < rows, earliest[groups] + 1, 0)
    return first
