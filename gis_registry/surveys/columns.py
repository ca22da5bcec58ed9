"""Columns of a delivery as text, and their distinct values, without a loop over the rows."""

import json
from contextlib import suppress
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Whole numbers beyond this are not exact as floating point.
_LAST_EXACT = 2**53


@dataclass(frozen=True)
class Distinct:
    """The distinct texts of a column, and which of them each row has (-1: none)."""

    values: list[str]
    index: NDArray[np.int32]

    def of(self, row: int) -> str:
        """Return the text of a row; empty where there is none."""
        return self.values[self.index[row]] if self.index[row] >= 0 else ""

    def rows(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which rows have one of the chosen values."""
        return np.append(chosen, False)[self.index]


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else column.combine_chunks()
    return column


def distinct(column: pa.ChunkedArray | pa.Array, zone: ZoneInfo) -> Distinct:
    """Return the distinct texts of a column, without white space around them."""
    texts = as_text(column, zone)
    encoded = texts.dictionary_encode()
    index = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return Distinct(encoded.dictionary.to_pylist(), index)


def as_text(column: pa.ChunkedArray | pa.Array, zone: ZoneInfo) -> pa.Array:
    """Return values as text: trimmed, without NUL, null where there is none.

    Whole numbers have no decimals, days and times are in ISO 8601 (in the city's zone
    if they have one), bytes are hexadecimal, nested values are JSON.
    """
    array = whole(column)
    kind = array.type
    if pa.types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if pa.types.is_floating(kind):
        array = _numbers_as_text(array.cast(pa.float64()))
    elif pa.types.is_timestamp(kind):
        array = _times_as_text(array, zone)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        array = pa.array([one and one.hex() for one in array.to_pylist()], pa.string())
    elif pa.types.is_nested(kind):
        array = pa.array(
            [
                None if one is None else json.dumps(one, ensure_ascii=False, default=str)
                for one in array.to_pylist()
            ],
            pa.string(),
        )
    elif not pa.types.is_string(kind):
        array = array.cast(pa.string())
    return _trimmed(array)


def as_attribute(column: pa.ChunkedArray | pa.Array, zone: ZoneInfo) -> pa.Array:
    """Return values as an attribute keeps them: numbers, booleans and nested ones as they are."""
    array = whole(column)
    kind = array.type
    if pa.types.is_floating(kind):
        array = array.cast(pa.float64())
        finite = pc.is_finite(array)
        return array if pc.all(finite).as_py() else pc.if_else(finite, array, None)
    if pa.types.is_decimal(kind):
        return array.cast(pa.float64(), safe=False)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_nested(kind):
        return array
    return as_text(array, zone)


def as_numbers(texts: pa.Array) -> pa.Array:
    """Return texts that are numbers as numbers; the others are null."""
    is_number = pc.match_substring_regex(texts, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    # Arrow's own cast takes no sign of plus.
    return pc.if_else(is_number, pc.utf8_ltrim(texts, "+"), None).cast(pa.float64())


def _trimmed(texts: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(texts, "\0")).as_py():
        texts = pc.replace_substring(texts, "\0", "")  # PostgreSQL has no such text
    texts = pc.utf8_trim_whitespace(texts)
    empty = pc.equal(texts, "")
    return pc.if_else(empty, None, texts) if pc.any(empty).as_py() else texts


def _numbers_as_text(numbers: pa.Array) -> pa.Array:
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    is_whole = pc.and_(
        pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), _LAST_EXACT)
    ).fill_null(False)
    exact = pc.if_else(is_whole, numbers, 0.0).cast(pa.int64()).cast(pa.string())
    return pc.if_else(is_whole, exact, numbers.cast(pa.string()))


def _times_as_text(times: pa.Array, zone: ZoneInfo) -> pa.Array:
    pattern = "%Y-%m-%dT%H:%M:%S"
    if times.type.tz is not None:
        times = times.cast(pa.timestamp(times.type.unit, tz=zone.key))
        pattern += "%z"
    with suppress(pa.ArrowInvalid):  # parts of a second are kept where there are any
        times = times.cast(pa.timestamp("s", tz=times.type.tz))
    return pc.strftime(times, format=pattern)
