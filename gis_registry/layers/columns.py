"""Columns of any file as text, and of what type their values are, found out batch by batch.

A type is only known at the end of a file: of a CSV file every value has to be looked at, and GDAL
may give the same column differently in another batch. So values are kept as text first.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from gis_registry.layers.schemas import ColumnType

_INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$"
_DATE = r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9]$"

#: How a text becomes a value; times without a zone are in the city's.
_CASTS = {
    ColumnType.STRING: "{column}",
    ColumnType.INTEGER: "{column}::bigint",
    ColumnType.NUMBER: "{column}::double precision",
    ColumnType.BOOLEAN: "{column}::boolean",
    ColumnType.DATE: "{column}::date",
    ColumnType.DATETIME: (
        "CASE WHEN right({column}, 1) = 'Z' THEN {column}::timestamptz"
        " ELSE {column}::timestamp AT TIME ZONE {zone} END"
    ),
}


class ColumnReader:
    """Takes a column batch by batch.

    A reader of plain text (``is_plain``) tells numbers and days by how they are written, and takes
    an empty text for no value. What has a declared type has it as text already.
    """

    def __init__(self, *, is_plain: bool, declared: ColumnType | None = None) -> None:
        self._declared = declared
        self._is_plain = is_plain
        self._found: set[ColumnType] = set()
        self._possible = {ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE}

    @property
    def type(self) -> ColumnType:
        """Of what type the values are that were seen so far."""
        if self._declared is not None:
            return self._declared
        if self._found == {ColumnType.STRING} and self._is_plain:
            for one in (ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE):
                if one in self._possible:
                    return one
        if len(self._found) == 1:
            return next(iter(self._found))
        if self._found == {ColumnType.INTEGER, ColumnType.NUMBER}:
            return ColumnType.NUMBER
        return ColumnType.STRING

    def read(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """Return the values of a batch as text."""
        found, texts = _as_text(column)
        if found is ColumnType.STRING:
            texts = pc.replace_substring(texts, "\x00", "")
            if self._is_plain:
                texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
        if texts.null_count < len(texts):
            self._found.add(found)
            if found is ColumnType.STRING:
                self._narrow(texts)
        return texts

    def _narrow(self, texts: pa.ChunkedArray) -> None:
        """Leave the types that all values seen are written like."""
        if not self._is_plain or self._declared is not None:
            return
        patterns = {
            ColumnType.INTEGER: _INTEGER,
            ColumnType.NUMBER: _NUMBER,
            ColumnType.DATE: _DATE,
        }
        for one in tuple(self._possible):
            fits = pc.all(pc.match_substring_regex(texts, patterns[one]), skip_nulls=True).as_py()
            if fits and one is ColumnType.DATE:
                fits = _are_days(texts)
            if not fits:
                self._possible.discard(one)


def cast(column: str, to: ColumnType, zone: str) -> sql.Composed:
    """Return a column of text as values of a type."""
    return sql.SQL(_CASTS[to]).format(column=sql.Identifier(column), zone=sql.Literal(zone))


def _are_days(texts: pa.ChunkedArray) -> bool:
    try:
        pc.cast(texts, pa.date32())
    except pa.ArrowInvalid:
        return False
    return True


def _as_text(column: pa.ChunkedArray) -> tuple[ColumnType, pa.ChunkedArray]:
    kind = column.type
    if pa.types.is_string(kind):
        return ColumnType.STRING, column
    if pa.types.is_boolean(kind):
        return ColumnType.BOOLEAN, pc.cast(column, pa.string())
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return ColumnType.INTEGER, pc.cast(column, pa.string())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = pc.cast(column, pa.float64(), safe=False)
        finite = pc.if_else(pc.is_finite(numbers), numbers, None)
        return ColumnType.NUMBER, pc.cast(finite, pa.string())
    if pa.types.is_date(kind):
        return ColumnType.DATE, pc.cast(pc.cast(column, pa.date32()), pa.string())
    if pa.types.is_timestamp(kind):
        zone = None if kind.tz is None else "UTC"
        return ColumnType.DATETIME, pc.cast(pc.cast(column, pa.timestamp("us", zone)), pa.string())
    if pa.types.is_nested(kind):
        return ColumnType.STRING, pa.chunked_array([pa.array(map(_json, column), pa.string())])
    return ColumnType.STRING, pc.cast(column, pa.string())


def _json(value: pa.Scalar) -> str | None:
    plain = value.as_py()
    return None if plain is None else json.dumps(plain, ensure_ascii=False, default=str)
