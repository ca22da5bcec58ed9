"""Filters in CQL2 (OGC 21-065r2), as text or JSON, into conditions of the database.

A filter is parsed, checked and translated part by part. Everything that a user wrote becomes a
bound parameter, an unknown value makes a comparison unknown as in SQL, and whatever cannot be
answered is refused with a sentence. What the standard leaves open is done like this:

- a text that is compared with a date or time stands for one; nothing else is cast;
- a date and a time are compared by the day in UTC;
- texts are ordered by code point;
- ``/`` is exact, ``div`` cuts towards zero and ``%`` has the sign of what is divided; what has no
  result is unknown;
- CASEI folds as Unicode does, ACCENTI takes off the marks and strokes of letters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NoReturn

from sqlalchemy import BooleanClauseList, ColumnElement, Function, and_, func, not_, or_
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import AsBoolean

from gis_registry.errors import InvalidInput
from gis_registry.maps.filter_geometry import geometry_of
from gis_registry.maps.filter_text import MAX_WORDS, Tree, check_nesting, tree_of_text
from gis_registry.maps.filter_times import TEMPORAL_FUNCTIONS, Interval, is_unknown, relate
from gis_registry.maps.filter_values import (
    COMPARISONS,
    Condition,
    Operand,
    calculate,
    compare,
    date_of,
    instant_of,
    like,
    literal_of,
    one_of,
    text_array,
    time_of,
    without_accents,
    without_case,
)
from gis_registry.maps.queryables import PropertyType, Queryable

__all__ = ["CONFORMANCE_CLASSES", "FilterLanguage", "PropertyType", "Queryable", "condition"]

#: How many characters a filter may have.
MAX_LENGTH = 1_000_000

#: What is answered of CQL2; each class has tests.
CONFORMANCE_CLASSES = tuple(
    f"http://www.opengis.net/spec/cql2/1.0/conf/{name}"
    for name in (
        "cql2-text",
        "cql2-json",
        "basic-cql2",
        "advanced-comparison-operators",
        "case-insensitive-comparison",
        "accent-insensitive-comparison",
        "basic-spatial-functions",
        "basic-spatial-functions-plus",
        "spatial-functions",
        "temporal-functions",
        "array-functions",
        "property-property",
        "arithmetic",
    )
)


class FilterLanguage(StrEnum):
    """What a filter is written in."""

    CQL2_TEXT = "cql2-text"
    CQL2_JSON = "cql2-json"


_SPATIAL_FUNCTIONS = {
    "s_contains": func.ST_Contains,
    "s_crosses": func.ST_Crosses,
    "s_disjoint": func.ST_Disjoint,
    "s_equals": func.ST_Equals,
    "s_intersects": func.ST_Intersects,
    "s_overlaps": func.ST_Overlaps,
    "s_touches": func.ST_Touches,
    "s_within": func.ST_Within,
}
#: Whatever is related by them has bounding boxes that overlap.
_OVERLAPPING = {one().name for one in _SPATIAL_FUNCTIONS.values()} - {"ST_Disjoint"}
_ARRAY_FUNCTIONS = ("a_containedby", "a_contains", "a_equals", "a_overlaps")
_CALCULATIONS = ("+", "-", "*", "/", "%", "div", "^")
_TEXT_FUNCTIONS = {"casei": without_case, "accenti": without_accents}
_PREDICATES = ("like", "between", "in", "isnull")
_FUNCTIONS = (
    *_TEXT_FUNCTIONS,
    *_SPATIAL_FUNCTIONS,
    *TEMPORAL_FUNCTIONS,
    *_ARRAY_FUNCTIONS,
    *("date", "timestamp", "interval", "bbox"),
)
_COUNTS = {"not": 1, "isnull": 1, "casei": 1, "accenti": 1, "between": 3}


def condition(
    given: str,
    *,
    language: FilterLanguage,
    queryables: Mapping[str, Queryable],
    filter_srid: int | None = None,
    geometry_srid: int = 4490,
) -> Condition:
    """Return the condition that a filter stands for; rows are wanted for which it is true.

    Args:
        given: the filter.
        language: what it is written in.
        queryables: what it may name, by name.
        filter_srid: what its coordinates are in, in the axis order of the authority; None: CRS84,
            longitude before latitude.
        geometry_srid: SRID of the geometries among the queryables.

    Raises:
        InvalidInput: it cannot be read, or asks for what there is not.
    """
    if len(given) > MAX_LENGTH:
        raise InvalidInput(f"The filter is longer than {MAX_LENGTH:,} characters; shorten it.")
    if any("\ud800" <= letter <= "\udfff" for letter in given):
        raise InvalidInput("The filter has half a character (a surrogate) in it.")
    if not given.strip():
        raise InvalidInput("The filter is empty; leave it out to get everything.")
    tree = tree_of_text(given) if language is FilterLanguage.CQL2_TEXT else _tree_of_json(given)
    check_nesting(tree)
    return _Translation(queryables, filter_srid, geometry_srid).condition(tree)


def bounds_of(condition: Condition) -> list[Condition]:
    """Return which bounding boxes overlap wherever a filter is true, as an index finds them."""
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        return [bounds for part in condition.clauses for bounds in bounds_of(part)]
    if not (isinstance(condition, AsBoolean) and condition.operator is operators.is_true):
        return []
    function = condition.element
    if not isinstance(function, Function) or function.name not in _OVERLAPPING:
        return []
    left, right = function.clauses
    return [left.bool_op("&&")(right)]


def _tree_of_json(given: str) -> Tree:
    def refuse_constant(word: str) -> NoReturn:
        raise ValueError(f"{word} is no number")

    try:
        tree: Tree = json.loads(given, parse_constant=refuse_constant)
        json.dumps(tree, ensure_ascii=False).encode()
    except RecursionError as error:
        raise InvalidInput("The filter is nested too deeply.") from error
    except ValueError as error:
        raise InvalidInput(f"The filter cannot be read as JSON: {error}.") from error
    return tree


@dataclass
class _Translation:
    """One filter on its way to SQL."""

    queryables: Mapping[str, Queryable]
    filter_srid: int | None
    geometry_srid: int
    parts: int = 0

    def condition(self, tree: Tree) -> Condition:
        """Return a part of the filter that is true or false."""
        operand = self.operand(tree)
        if operand.type is not PropertyType.BOOLEAN:
            raise InvalidInput(
                f"{operand.described}, where a condition is wanted; compare it with something."
            )
        return operand.sql

    def operand(self, tree: Tree) -> Operand:
        """Return a part of the filter that has a value."""
        self.parts += 1
        if self.parts > MAX_WORDS:
            raise InvalidInput(f"The filter has more than {MAX_WORDS:,} parts; shorten it.")
        if not isinstance(tree, dict):
            return literal_of(tree)
        if "op" in tree:
            return self._operation(tree)
        if "property" in tree:
            return self._property(tree["property"])
        if "date" in tree:
            return date_of(tree["date"])
        if "timestamp" in tree:
            return time_of(tree["timestamp"])
        if "bbox" in tree or "type" in tree:
            return self._geometry(tree)
        if "interval" in tree:
            raise InvalidInput(
                "An interval stands where a single value is wanted; use the temporal functions, "
                "which begin with T_."
            )
        raise InvalidInput(f"The filter has a part that CQL2 does not know: {str(tree)[:80]}")

    def _property(self, name: Tree) -> Operand:
        found = self.queryables.get(name) if isinstance(name, str) else None
        if found is not None:
            return Operand(found.type, found.column, f"“{found.name}”")
        told = str(name)[:60]
        close = get_close_matches(told, self.queryables, n=3, cutoff=0.6)
        names = [*close, *(one.name for one in self.queryables.values() if one.name not in close)]
        raise InvalidInput(
            f"There is no property “{told}” to filter by; there are: {', '.join(names)}."
        )

    def _geometry(self, tree: dict[str, Tree]) -> Operand:
        shape, sql = geometry_of(
            tree, filter_srid=self.filter_srid, geometry_srid=self.geometry_srid
        )
        return Operand(PropertyType.GEOMETRY, sql, f"the {shape.geom_type}", shape)

    def _operation(self, tree: dict[str, Tree]) -> Operand:
        name, arguments = tree["op"], tree.get("args")
        if not isinstance(name, str) or not isinstance(arguments, list):
            raise InvalidInput("An operation of the filter has a name in op and a list in args.")
        lower = name.lower()
        self._expect_known(name)
        if lower in ("and", "or"):
            if len(arguments) < 2:
                raise InvalidInput(f"{name.upper()} joins two conditions or more.")
            conditions = [self.condition(one) for one in arguments]
            return _truth(and_(*conditions) if lower == "and" else or_(*conditions))
        count = _COUNTS.get(lower, 2)
        if len(arguments) != count:
            raise InvalidInput(
                f"{name.upper()} takes {count} argument{'s' * (count > 1)}, not {len(arguments)}."
            )
        if lower in _TEXT_FUNCTIONS:
            if _text_argument(_text_argument(tree)) is not None:
                raise InvalidInput("One CASEI and one ACCENTI in one another are enough.")
            return _TEXT_FUNCTIONS[lower](self.operand(arguments[0]))
        if lower in _CALCULATIONS:
            return calculate(lower, self.operand(arguments[0]), self.operand(arguments[1]))
        return _truth(self._predicate(lower, arguments))

    def _expect_known(self, name: str) -> None:
        lower = name.lower()
        operators = (*COMPARISONS, *_CALCULATIONS, *_PREDICATES, "and", "or", "not")
        if lower in operators or (lower in _FUNCTIONS and "_" in lower) or lower in _TEXT_FUNCTIONS:
            return
        if lower in ("point", "linestring", "polygon") or lower.startswith(("multi", "geometryc")):
            raise InvalidInput(f"A {name.upper()} of the filter is no geometry in the form of WKT.")
        close = get_close_matches(lower[:60], (*_FUNCTIONS, *operators), n=1)
        hint = f" Did you mean {close[0].upper()}?" if close else ""
        raise InvalidInput(
            f"There is no operator or function “{name[:60]}”.{hint} The functions are "
            f"{', '.join(one.upper() for one in _FUNCTIONS)}."
        )

    def _predicate(self, name: str, arguments: list[Tree]) -> Condition:
        match name:
            case "not":
                return not_(self.condition(arguments[0]))
            case "isnull":
                return self._is_null(arguments[0])
            case "between":
                value, low, high = [self.operand(one) for one in arguments]
                return and_(compare(">=", value, low), compare("<=", value, high))
            case "in":
                return self._in(*arguments)
            case "like":
                pattern = _pattern(arguments[1])
                return like(self.operand(arguments[0]), self.operand(arguments[1]), pattern)
        if name in COMPARISONS:
            return compare(name, self.operand(arguments[0]), self.operand(arguments[1]))
        if name in _SPATIAL_FUNCTIONS:
            return self._spatial(name, *(self.operand(one) for one in arguments))
        if name in _ARRAY_FUNCTIONS:
            return self._arrays(name, *arguments)
        return relate(name, *(self._time(one, name) for one in arguments))

    def _is_null(self, tree: Tree) -> Condition:
        if isinstance(tree, dict) and "interval" in tree:
            return is_unknown(self._interval(tree["interval"]))
        return self.operand(tree).sql.is_(None)

    def _in(self, value: Tree, members: Tree) -> Condition:
        if not isinstance(members, list) or not members:
            raise InvalidInput("IN wants a list of one value or more.")
        return one_of(self.operand(value), [self.operand(one) for one in members])

    def _spatial(self, name: str, left: Operand, right: Operand) -> Condition:
        for one in (left, right):
            if one.type is not PropertyType.GEOMETRY:
                raise InvalidInput(f"{one.described}; {name.upper()} relates two geometries.")
        result: Condition = _SPATIAL_FUNCTIONS[name](left.sql, right.sql)
        return result

    def _arrays(self, name: str, first: Tree, second: Tree) -> Condition:
        properties = [self.operand(one) for one in (first, second) if not isinstance(one, list)]
        like_this = properties[0] if properties else None
        left, right = [self._array(one, name, like_this) for one in (first, second)]
        contains, contained = left.bool_op("@>"), left.bool_op("<@")
        match name:
            case "a_contains":
                return contains(right)
            case "a_containedby":
                return contained(right)
            case "a_equals":
                return and_(contains(right), contained(right))
        return left.bool_op("&&")(right)

    def _array(self, tree: Tree, name: str, like_this: Operand | None) -> ColumnElement[Any]:
        if isinstance(tree, list):
            return text_array([self.operand(one) for one in tree], like_this)
        operand = self.operand(tree)
        if operand.type is not PropertyType.ARRAY:
            raise InvalidInput(f"{operand.described}; {name.upper()} relates two lists.")
        return operand.sql

    def _time(self, tree: Tree, name: str) -> Operand | Interval:
        if isinstance(tree, dict) and "interval" in tree:
            return self._interval(tree["interval"])
        return self._instant(tree, name)

    def _interval(self, bounds: Tree) -> Interval:
        if not isinstance(bounds, list) or len(bounds) != 2:
            raise InvalidInput("An INTERVAL has two ends: INTERVAL('2026-01-01', '..').")
        start, end = [None if one == ".." else self._instant(one, "INTERVAL") for one in bounds]
        return Interval(start, end)

    def _instant(self, tree: Tree, name: str) -> Operand:
        operand = instant_of(tree) if isinstance(tree, str) else self.operand(tree)
        if not operand.is_time:
            raise InvalidInput(f"{operand.described}; {name.upper()} takes dates and times.")
        return operand


def _truth(sql: ColumnElement[bool]) -> Operand:
    return Operand(PropertyType.BOOLEAN, sql, "the condition")


def _text_argument(tree: Tree) -> Tree:
    """Return what CASEI or ACCENTI is applied to if it is CASEI or ACCENTI again; else None."""
    arguments = tree.get("args") if isinstance(tree, dict) else None
    inner = arguments[0] if isinstance(arguments, list) and arguments else None
    is_text_function = isinstance(inner, dict) and str(inner.get("op")).lower() in _TEXT_FUNCTIONS
    return inner if is_text_function else None


def _pattern(tree: Tree) -> str:
    """Return the pattern after LIKE, which is a text, also within CASEI and ACCENTI."""
    while isinstance(tree, dict) and str(tree.get("op")).lower() in _TEXT_FUNCTIONS:
        arguments = tree.get("args")
        tree = arguments[0] if isinstance(arguments, list) and arguments else None
    if not isinstance(tree, str):
        raise InvalidInput("LIKE wants a pattern in quotes: … LIKE 'a%'.")
    return tree
