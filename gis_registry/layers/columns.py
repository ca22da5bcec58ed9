"""Columns of any file as text, and of what type their values are, found out batch by batch.

A type is only known at the end of a file: of a CSV file every value has to be looked at, and GDAL
may give the same column differently in another batch. So values are kept as text first.
"""

import json
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from gis_registry.layers.schemas import ColumnType

_INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?$"
_DATE = r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9]$"

_PATTERNS = {
    ColumnType.INTEGER: _INTEGER,
    ColumnType.NUMBER: _NUMBER,
    ColumnType.DATE: _DATE,
}
#: Whose strays are looked for among values of a type.
_KINDS = {
    ColumnType.INTEGER: ColumnType.NUMBER,
    ColumnType.NUMBER: ColumnType.NUMBER,
    ColumnType.DATE: ColumnType.DATE,
}
#: Codes, such as 0071: a column that has any is no column of numbers.
_LEADING_ZERO = r"^-?0[0-9]+$"
#: So many values of a column are alike at least where the others are told one by one.
_NEARLY_ALL = 0.9

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


@dataclass
class Strays:
    """Values of a column that are not written like the others.

    Attributes:
        like: what the others are written like.
        values: how many values the column has, with the strays.
        count: how many strays there are.
        first: the first of them.
        first_row: and its row.
    """

    like: ColumnType
    values: int = 0
    count: int = 0
    first: str = ""
    first_row: int = 0
    is_given_up: bool = False

    def look(self, texts: pa.ChunkedArray, first_row: int) -> None:
        """Look for strays in a batch; where most values are, nobody needs to look further."""
        unlike = _unlike(texts, self.like)
        found = pc.sum(unlike).as_py() or 0
        self.values += len(texts) - texts.null_count
        if found and not self.count:
            place = pc.index(unlike, True).as_py()
            self.first, self.first_row = texts[place].as_py(), first_row + place
        self.count += found
        self.is_given_up = self.count > self.values / 2 or (
            found > 0
            and self.like is ColumnType.NUMBER
            and pc.any(pc.match_substring_regex(texts.filter(unlike), _LEADING_ZERO)).as_py()
        )

    @property
    def are_few(self) -> bool:
        """Whether there are any, and nearly all values are none."""
        enough = self.values - self.count >= _NEARLY_ALL * self.values
        return self.count > 0 and enough and not self.is_given_up


class ColumnReader:
    """Takes a column batch by batch.

    A reader of plain text (``is_plain``) tells numbers and days by how they are written, and takes
    an empty text for no value. What has a declared type has it as text already. Where
    ``are_types_found`` a column is text if any of its values is, and strays are looked for.
    """

    def __init__(
        self, *, is_plain: bool, are_types_found: bool = True, declared: ColumnType | None = None
    ) -> None:
        self._declared = declared
        self._is_plain = is_plain
        self._is_looked_at = declared is None and (is_plain or are_types_found)
        self._found: set[ColumnType] = set()
        self._is_integer = True
        self._strays = [Strays(ColumnType.NUMBER), Strays(ColumnType.DATE)]

    @property
    def type(self) -> ColumnType:
        """Of what type the values are that were seen so far."""
        if self._declared is not None:
            return self._declared
        if self._found == {ColumnType.STRING} and self._is_plain:
            for one in self._strays:
                if one.count == 0:
                    is_integer = one.like is ColumnType.NUMBER and self._is_integer
                    return ColumnType.INTEGER if is_integer else one.like
        if len(self._found) == 1:
            return next(iter(self._found))
        if self._found == {ColumnType.INTEGER, ColumnType.NUMBER}:
            return ColumnType.NUMBER
        return ColumnType.STRING

    @property
    def strays(self) -> Strays | None:
        """The few values that make a column text that would be numbers or days without them."""
        if not self._is_looked_at or self.type is not ColumnType.STRING:
            return None
        return next((one for one in self._strays if one.are_few), None)

    def read(self, column: pa.ChunkedArray, first_row: int = 1) -> pa.ChunkedArray:
        """Return the values of a batch as text.

        Args:
            column: the values.
            first_row: number of the row of the first.
        """
        found, texts = _as_text(column)
        if found is ColumnType.STRING:
            texts = pc.replace_substring(texts, "\x00", "")
            if self._is_plain:
                texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
        if texts.null_count < len(texts):
            self._found.add(found)
            if self._is_looked_at:
                self._look(found, texts, first_row)
        return texts

    def _look(self, found: ColumnType, texts: pa.ChunkedArray, first_row: int) -> None:
        if found is not ColumnType.STRING:  # of a file that gives another batch as text
            for one in self._strays:
                one.values += len(texts) - texts.null_count
                one.is_given_up |= _KINDS.get(found) is not one.like
            return
        for one in self._strays:
            if not one.is_given_up:
                one.look(texts, first_row)
        numbers = self._strays[0]
        self._is_integer = (
            self._is_integer
            and numbers.count == 0
            and pc.all(pc.match_substring_regex(texts, _INTEGER), skip_nulls=True).as_py()
        )


def cast(column: str, to: ColumnType, zone: str) -> sql.Composed:
    """Return a column of text as values of a type."""
    return sql.SQL(_CASTS[to]).format(column=sql.Identifier(column), zone=sql.Literal(zone))


def _unlike(texts: pa.ChunkedArray, kind: ColumnType) -> pa.ChunkedArray:
    """Return which texts are not written like values of a type."""
    like = pc.match_substring_regex(texts, _PATTERNS[kind])
    if kind is ColumnType.DATE and pc.any(like).as_py():
        days = pc.unique(texts.filter(like))
        wrong = [one for one in days.to_pylist() if not _is_day(one)]
        if wrong:
            like = pc.and_(like, pc.invert(pc.is_in(texts, pa.array(wrong, pa.string()))))
    return pc.invert(like)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
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
