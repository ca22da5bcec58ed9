"""Values of a column as a mapping says they are to be read: words to codes, dates, lengths."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gis_registry.surveys.coordinates import as_numbers

#: Units of length in metres.
LENGTHS_M = {
    "mm": 0.001,
    "cm": 0.01,
    "dm": 0.1,
    "m": 1.0,
    "km": 1000.0,
    "in": 0.0254,
    "ft": 0.3048,
    "us-ft": 1200 / 3937,
}


def replaced(column: pa.ChunkedArray, values: Mapping[str, str]) -> pa.ChunkedArray:
    """Return texts with those that stand in a table replaced; others stay as they are."""
    texts = pc.utf8_trim_whitespace(as_texts(column))
    known = pa.array([one.strip() for one in values], type=pa.string())
    found = pc.index_in(texts, value_set=known)
    return pc.coalesce(pa.array(list(values.values()), type=pa.string()).take(found), texts)


def as_dates(column: pa.ChunkedArray, formats: Sequence[str]) -> pa.ChunkedArray:
    """Return dates as texts such as 2026-06-30; what fits none of the formats stays as it is."""
    if pa.types.is_temporal(column.type):
        return column
    coded = pc.dictionary_encode(as_texts(column)).combine_chunks()
    days = [one and _day(one.strip(), tuple(formats)) for one in coded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(days, type=pa.string()).take(coded.indices)], pa.string())


def as_lengths(column: pa.ChunkedArray, source: str, target: str, decimal: str) -> pa.ChunkedArray:
    """Return numbers of one unit of length in another; what is no number stays as text."""
    numbers, faults = as_numbers(column, decimal)
    # Twelve digits: 1200 mm are 1.2 m, not 1.2000000000000002 m.
    factor = LENGTHS_M[source] / LENGTHS_M[target]
    lengths = pa.array(np.round(numbers * factor, 9), from_pandas=True)
    if not faults.any():
        return pa.chunked_array([lengths])
    return pc.if_else(pa.array(faults), as_texts(column), as_texts(pa.chunked_array([lengths])))


def with_points(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers that are written with a decimal comma as others write them."""
    if not pa.types.is_string(column.type):
        return column
    return pc.replace_substring(pc.replace_substring(column, ".", ""), ",", ".")


def as_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return values as texts; a whole number that a file stores as 137.0 is 137."""
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_floating(column.type):
        whole = pc.equal(pc.floor(column), column)
        if (
            pc.all(pc.fill_null(whole, True)).as_py()
            and not pc.any(pc.greater(pc.abs(column), 2.0**53)).as_py()
        ):
            return pc.cast(pc.cast(column, pa.int64()), pa.string())
    return pc.cast(column, pa.string())


@cache
def _day(text: str, formats: tuple[str, ...]) -> str:
    for one in formats:
        try:
            day: date = datetime.strptime(text, one).date()  # noqa: DTZ007  a day, not a moment
        except ValueError:
            continue
        return day.isoformat()
    return text
