"""Values in a filter: what each operand is, its SQL, and how two of them compare.

Everything that the user wrote is a bound parameter.
"""

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Double,
    Integer,
    Interval,
    Numeric,
    String,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    literal_column,
    not_,
    null,
    or_,
)
from sqlalchemy.dialects.postgresql import ARRAY, array

from gis_registry.errors import InvalidInput
from gis_registry.maps.filter_text import Tree
from gis_registry.maps.queryables import PropertyType

Condition = ColumnElement[bool]

_NUMBERS = (PropertyType.INTEGER, PropertyType.NUMBER)
_TIMES = (PropertyType.DATE, PropertyType.DATETIME)
_NAMES = {
    PropertyType.STRING: "text",
    PropertyType.INTEGER: "a number",
    PropertyType.NUMBER: "a number",
    PropertyType.BOOLEAN: "true or false",
    PropertyType.DATE: "a date",
    PropertyType.DATETIME: "a time",
    PropertyType.ARRAY: "a list of texts",
    PropertyType.GEOMETRY: "a geometry",
}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    rf"{_DATE.pattern}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})",
    re.IGNORECASE,
)
#: The letters that accents and other marks are, once taken off what they stand on.
_MARKS = "[\u0300-\u036f]"
#: Latin letters with a stroke, such as ø, which Unicode takes for letters of their own, and those
#: without it.
_STROKES = {
    one: unicodedata.lookup(named[1])
    for one in map(chr, range(0x80, 0x250))
    if (named := re.fullmatch("(LATIN [A-Z]+ LETTER [A-Z]) WITH STROKE", unicodedata.name(one, "")))
}


@dataclass(frozen=True)
class Operand:
    """One side of a comparison.

    Args:
        type: what its values are.
        sql: it as SQL.
        told: it in a message.
        value: itself, if the user wrote it.
        is_exact: whether it is a ``numeric``, which no other number may make a float.
        has_power: whether it raises something to a power.
    """

    type: PropertyType
    sql: ColumnElement[Any]
    told: str
    value: object = None
    is_exact: bool = False
    has_power: bool = False

    @property
    def is_number(self) -> bool:
        """Whether one can count with it."""
        return self.type in _NUMBERS

    @property
    def is_time(self) -> bool:
        """Whether it is a date or a time."""
        return self.type in _TIMES

    @property
    def described(self) -> str:
        """What it is, in a message."""
        return f"{self.told} is {_NAMES[self.type]}"


def literal_of(given: Tree) -> Operand:
    """Return a text, number or truth value that the user wrote."""
    match given:
        case bool():
            return Operand(
                PropertyType.BOOLEAN, literal(given, Boolean()), str(given).upper(), given
            )
        case str():
            return _text(given)
        case int() | float():
            return _number(given)
        case None:
            raise InvalidInput("The filter has a null value; write … IS NULL.")
        case _:
            raise InvalidInput(
                "The filter has a list where a single value is wanted; lists stand after IN and in "
                "the array functions."
            )


def _text(given: str) -> Operand:
    if "\x00" in given:
        raise InvalidInput("The filter has a text with the character NUL, which no value has.")
    return Operand(PropertyType.STRING, literal(given, Text()), f"'{_short(given)}'", given)


def _number(given: int | float) -> Operand:
    if isinstance(given, float) and given.is_integer() and abs(given) < 2**53:
        given = int(given)
    if isinstance(given, float):
        if not math.isfinite(given):
            raise InvalidInput("The filter has a number that is too large.")
        return Operand(PropertyType.NUMBER, literal(given, Double()), repr(given), given)
    if abs(given) < 2**31:
        sql: ColumnElement[Any] = literal(given, Integer())
    elif abs(given) < 2**63:
        sql = literal(given, BigInteger())
    elif abs(given) < 10**100:
        sql = literal(Decimal(given), Numeric())
    else:
        raise InvalidInput("The filter has a number that is too large.")
    return Operand(PropertyType.INTEGER, sql, str(given), given)


def _short(given: str) -> str:
    return given if len(given) <= 40 else f"{given[:40]}…"


def date_of(given: Tree) -> Operand:
    """Return a date that the user wrote, as RFC 3339 does."""
    try:
        if not isinstance(given, str) or _DATE.fullmatch(given) is None:
            raise ValueError(given)
        value = date.fromisoformat(given)
    except ValueError as error:
        raise InvalidInput(
            f"{_short(str(given))!r} is no date; write one that exists, as in DATE('2026-05-31')."
        ) from error
    return Operand(PropertyType.DATE, literal(value, Date()), f"DATE('{given}')", value)


def time_of(given: Tree) -> Operand:
    """Return an instant that the user wrote, as RFC 3339 does, with its zone."""
    try:
        if not isinstance(given, str) or _TIME.fullmatch(given) is None:
            raise ValueError(given)
        value = datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{_short(str(given))!r} is no time; write one that exists, with its zone, as in "
            "TIMESTAMP('2026-05-31T08:00:00Z')."
        ) from error
    sql = literal(value, DateTime(timezone=True))
    return Operand(PropertyType.DATETIME, sql, f"TIMESTAMP('{given}')", value)


def instant_of(given: str) -> Operand:
    """Return a date or time that the user wrote as a text."""
    return date_of(given) if len(given) <= 10 else time_of(given)


def text_array(values: Sequence[Operand], like: Operand | None) -> ColumnElement[Any]:
    """Return a list as SQL, of the same SQL type as another one."""
    for one in values:
        if one.type is not PropertyType.STRING:
            raise InvalidInput(f"{one.described}; the arrays here are lists of texts.")
    kind = like.sql.type if like is not None and isinstance(like.sql.type, ARRAY) else ARRAY(Text())
    if all(isinstance(one.value, str) for one in values):
        return literal([one.value for one in values], kind)
    return cast(array([one.sql for one in values]), kind)


def first_moment(instant: Operand) -> ColumnElement[Any]:
    """Return when an instant begins: a date with its day, in UTC."""
    if instant.type is PropertyType.DATETIME:
        return instant.sql
    if isinstance(instant.value, date):
        moment = datetime.combine(instant.value, time.min, UTC)
        return literal(moment, DateTime(timezone=True))
    return func.timezone("UTC", cast(instant.sql, DateTime()))


def last_moment(instant: Operand) -> ColumnElement[Any]:
    """Return when an instant ends, to the microsecond that the database knows."""
    if instant.type is PropertyType.DATETIME:
        return instant.sql
    if isinstance(instant.value, date):
        moment = datetime.combine(instant.value, time.max, UTC)
        return literal(moment, DateTime(timezone=True))
    day = timedelta(days=1, microseconds=-1)
    return func.timezone("UTC", cast(instant.sql, DateTime()) + literal(day, Interval()))


def alike(left: Operand, right: Operand) -> tuple[Operand, Operand]:
    """Return two operands that compare; a text that stands for a date or time becomes one.

    Raises:
        InvalidInput: one is of another kind than the other, or of none that compares.
    """
    if left.is_time and isinstance(right.value, str):
        right = instant_of(right.value)
    elif right.is_time and isinstance(left.value, str):
        left = instant_of(left.value)
    for one in (left, right):
        if one.type in (PropertyType.ARRAY, PropertyType.GEOMETRY):
            name = "array" if one.type is PropertyType.ARRAY else "spatial"
            start = "A_" if one.type is PropertyType.ARRAY else "S_"
            raise InvalidInput(
                f"{one.described}, which does not compare by such an operator; use the {name} "
                f"functions, which begin with {start}."
            )
    kinds = [
        _NUMBERS if one.is_number else _TIMES if one.is_time else one.type for one in (left, right)
    ]
    if kinds[0] != kinds[1]:
        raise InvalidInput(f"{left.described} and {right.described}; compare like with like.")
    return left, right


_COMPARISONS: dict[str, Callable[[ColumnElement[Any], ColumnElement[Any]], Condition]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}
COMPARISONS = tuple(_COMPARISONS)


def compare(name: str, left: Operand, right: Operand) -> Condition:
    """Return a comparison.

    A date and a time compare as dates do, by the day in UTC; texts are ordered by code point,
    whatever the database's collation.
    """
    left, right = alike(left, right)
    if left.is_exact or right.is_exact:
        return _COMPARISONS[name](cast(left.sql, Numeric()), cast(right.sql, Numeric()))
    if left.type is PropertyType.STRING and name not in ("=", "<>"):
        return _COMPARISONS[name](left.sql.collate("C"), right.sql)
    if left.type is right.type or not left.is_time:
        return _COMPARISONS[name](left.sql, right.sql)
    match name:
        case "<":
            return last_moment(left) < first_moment(right)
        case "<=":
            return first_moment(left) <= last_moment(right)
        case ">":
            return first_moment(left) > last_moment(right)
        case ">=":
            return last_moment(left) >= first_moment(right)
    is_same = and_(
        first_moment(left) <= last_moment(right), last_moment(left) >= first_moment(right)
    )
    return is_same if name == "=" else not_(is_same)


def one_of(value: Operand, members: Sequence[Operand]) -> Condition:
    """Return whether a value is among others."""
    pairs = [alike(value, member) for member in members]
    is_plain = all(
        one is value and (one.type is other.type or not one.is_time) for one, other in pairs
    )
    if is_plain and not any(one.is_exact for one in (value, *members)):
        return value.sql.in_([other.sql for _, other in pairs])
    return or_(*(compare("=", value, member) for member in members))


def like(value: Operand, pattern: Operand, literal_pattern: str) -> Condition:
    """Return whether a text has a pattern."""
    for one in (value, pattern):
        if one.type is not PropertyType.STRING:
            raise InvalidInput(f"{one.described}; LIKE is for texts.")
    if (len(literal_pattern) - len(literal_pattern.rstrip("\\"))) % 2:
        raise InvalidInput(
            "A pattern after LIKE ends with a backslash that escapes nothing; write two of them "
            "for one in the text."
        )
    return value.sql.like(pattern.sql)


def without_case(value: Operand) -> Operand:
    """Return a text that equals that of any other case, as Unicode folds it."""
    _expect_text(value, "CASEI")
    upper = func.upper(value.sql.collate("und-x-icu"), type_=String())
    folded = func.translate(func.lower(upper), "ς", "σ", type_=Text())
    return Operand(PropertyType.STRING, folded, f"CASEI({value.told})")


def without_accents(value: Operand) -> Operand:
    """Return a text without accents and other marks on its letters."""
    _expect_text(value, "ACCENTI")
    letters = func.normalize(value.sql, literal_column("NFD"))
    letters = func.translate(letters, "".join(_STROKES), "".join(_STROKES.values()))
    bare = func.regexp_replace(letters, _MARKS, "", "g")
    whole = func.normalize(bare, literal_column("NFC"), type_=Text())
    return Operand(PropertyType.STRING, whole, f"ACCENTI({value.told})")


def _expect_text(value: Operand, name: str) -> None:
    if value.type is not PropertyType.STRING:
        raise InvalidInput(f"{value.described}; {name} is for texts.")


def calculate(name: str, left: Operand, right: Operand) -> Operand:
    """Return what two numbers come to.

    It is exact but for powers. What has no result, such as a division by nothing, is unknown.
    """
    for one in (left, right):
        if not one.is_number:
            raise InvalidInput(f"{one.described}; only numbers can be calculated with.")
    has_power = left.has_power or right.has_power
    a, b = cast(left.sql, Numeric()), cast(right.sql, Numeric())
    match name:
        case "+":
            sql: ColumnElement[Any] = a + b
        case "-":
            sql = a - b
        case "*":
            sql = a * b
        case "/":
            sql = a / func.nullif(b, 0)
        case "div":
            sql = func.div(a, func.nullif(b, 0))
        case "%":
            sql = func.mod(a, func.nullif(b, 0))
        case _:
            if has_power:
                raise InvalidInput("The filter has a power of a power; multiply the exponents.")
            sql, has_power = _power(a, b), True
    told = f"{left.told} {name} {right.told}"
    return Operand(PropertyType.NUMBER, sql, _short(told), is_exact=True, has_power=has_power)


_LARGEST = literal(Decimal(10**300), Numeric())


def _power(base: ColumnElement[Any], exponent: ColumnElement[Any]) -> ColumnElement[Any]:
    # What has no result, or none that a float holds, would fail the whole query.
    return case(
        (base == 0, case((exponent > 0, 0.0), (exponent == 0, 1.0), else_=null())),
        (and_(base < 0, exponent != func.trunc(exponent)), null()),
        (or_(func.abs(base) > _LARGEST, func.abs(exponent) > _LARGEST), null()),
        (func.abs(exponent * func.ln(func.abs(base))) > 700, null()),
        else_=func.power(cast(base, Double()), cast(exponent, Double())),
    )
