# ruff: noqa: E501 - one kind of filter a line reads best
"""Filters made up at random find the rows that an evaluation by hand in Python finds.

Each filter is made three times at once: as text, as JSON, and as what it says of a row, which is
true, false or unknown (None).
"""

import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
import shapely
from filtered import NAMES, ROWS, TAGS, Thing, found, things
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from gis_registry.db.engine import Database
from gis_registry.maps.filters import FilterLanguage


@pytest.fixture(scope="module")
def connection(shared_database: Database) -> Iterator[Connection]:
    with things(shared_database) as connection:
        yield connection


@dataclass(frozen=True)
class Made:
    """One part of a filter."""

    text: str
    tree: Any
    of: Callable[[Thing], Any]


def strict(test: Callable[..., Any], *parts: Made) -> Callable[[Thing], Any]:
    """Return a test of the parts' values that is unknown where one of them is."""

    def of(row: Thing) -> Any:
        values = [part.of(row) for part in parts]
        return None if any(value is None for value in values) else test(*values)

    return of


def operation(name: str, text: str, test: Callable[..., Any], *parts: Made) -> Made:
    return Made(text, {"op": name, "args": [part.tree for part in parts]}, strict(test, *parts))


def always(value: Any) -> Callable[[Thing], Any]:
    return lambda _: value


def column(name: str) -> Made:
    return Made(name, {"property": name}, operator.attrgetter(name))


def quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


# Values -----------------------------------------------------------------------------------------

texts = st.one_of(
    st.sampled_from([column("name"), column("other_name")]),
    st.sampled_from(NAMES).map(lambda one: Made(quoted(one), one, always(one))),
)


def _number(value: Fraction) -> Made:
    given = int(value) if value.denominator == 1 else float(value)
    return Made(repr(given), given, always(value))


def _numeric(name: str) -> Made:
    def of(row: Thing) -> Fraction | None:
        value = getattr(row, name)
        return None if value is None else Fraction(value)

    return Made(name, {"property": name}, of)


def _calculated(sign: str, left: Made, right: Made) -> Made:
    def test(a: Fraction, b: Fraction) -> Fraction | None:
        if sign in ("div", "%"):
            if b == 0:
                return None
            whole = Fraction(abs(a) // abs(b)) * (1 if (a < 0) is (b < 0) else -1)
            return whole if sign == "div" else a - b * whole
        return {"+": a + b, "-": a - b, "*": a * b}[sign]

    return operation(sign, f"({left.text} {sign} {right.text})", test, left, right)


numbers = st.recursive(
    st.one_of(
        st.sampled_from([_numeric("floors"), _numeric("height"), _numeric("width")]),
        st.integers(-40, 60).map(lambda one: _number(Fraction(one, 4))),
    ),
    lambda inner: st.builds(
        _calculated, st.sampled_from(["+", "-", "*", "div", "%"]), inner, inner
    ),
    max_leaves=3,
)
truths = st.sampled_from(
    [column("is_lit"), Made("TRUE", True, always(True)), Made("false", False, always(False))]
)  # fmt: skip


def _date(offset: int) -> Made:
    value = date(2024, 1, 1) + timedelta(days=offset)
    return Made(f"DATE('{value}')", {"date": str(value)}, always(value))


def _time(offset: int, second: int) -> Made:
    value = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=offset, seconds=second)
    told = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Made(f"TIMESTAMP('{told}')", {"timestamp": told}, always(value))


dates = st.one_of(
    st.sampled_from([column("built"), column("opens"), column("closes")]),
    st.integers(0, 60).map(_date),
)
times = st.one_of(
    st.sampled_from([column("seen_at"), column("starts_at"), column("ends_at")]),
    st.builds(_time, st.integers(0, 60), st.sampled_from([0, 3600, 43200, 86399])),
)
instants = st.one_of(dates, times)

# Comparisons ------------------------------------------------------------------------------------

SIGNS = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _alike(a: Any, b: Any) -> tuple[Any, Any]:
    is_mixed = isinstance(a, date) and isinstance(a, datetime) is not isinstance(b, datetime)
    return (_day(a), _day(b)) if is_mixed else (a, b)


def _compared(sign: str, left: Made, right: Made) -> Made:
    def test(a: Any, b: Any) -> bool:
        return bool(SIGNS[sign](*_alike(a, b)))

    return operation(sign, f"{left.text} {sign} {right.text}", test, left, right)


def _compares(values: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.builds(_compared, st.sampled_from(list(SIGNS)), values, values)


def _between(value: Made, low: Made, high: Made) -> Made:
    def of(row: Thing) -> bool | None:
        return _and([_compared(">=", value, low).of(row), _compared("<=", value, high).of(row)])

    text = f"{value.text} BETWEEN {low.text} AND {high.text}"
    tree = {"op": "between", "args": [value.tree, low.tree, high.tree]}
    return Made(text, tree, of)


def _in(value: Made, members: list[Made]) -> Made:
    def of(row: Thing) -> bool | None:
        return _or([_compared("=", value, one).of(row) for one in members])

    text = f"{value.text} IN ({', '.join(one.text for one in members)})"
    return Made(text, {"op": "in", "args": [value.tree, [one.tree for one in members]]}, of)


PATTERNS = {
    "%": ".*", "lamp%": "lamp.*", "%灯%": ".*灯.*", "_amp": ".amp", "a\\_b": "a_b", "100\\%": "100%",
    "%\\\\%": r".*\\.*", "__": "..", "": "", "O'B%n": "O'B.*n",
}  # fmt: skip


def _like(value: Made, pattern: str) -> Made:
    def test(a: str) -> bool:
        return re.fullmatch(PATTERNS[pattern], a, re.DOTALL) is not None

    escaped = pattern.replace("'", "''")
    tree = {"op": "like", "args": [value.tree, pattern]}
    return Made(f"{value.text} LIKE '{escaped}'", tree, strict(test, value))


def _same_but_for_case(left: Made, right: Made) -> Made:
    tree = {"op": "=", "args": [{"op": "casei", "args": [one.tree]} for one in (left, right)]}
    text = f"CASEI({left.text}) = casei({right.text})"
    return Made(text, tree, strict(lambda a, b: a.casefold() == b.casefold(), left, right))


def _is_null(value: Made) -> Made:
    tree = {"op": "isNull", "args": [value.tree]}
    return Made(f"{value.text} IS NULL", tree, lambda row: value.of(row) is None)


# Places, times and lists ------------------------------------------------------------------------

SHAPES = [
    shapely.Point(120.5, 36.5),
    shapely.box(120.5, 36.25, 121.25, 37),
    shapely.LineString([(120.25, 36.25), (121.5, 36.25), (121.5, 37)]),
    shapely.MultiPoint([(120.5, 36.5), (121, 37)]),
    shapely.box(120, 36, 122, 38) - shapely.box(120.5, 36.5, 121, 37),
]
SPATIAL = {
    "s_intersects": shapely.intersects, "s_disjoint": shapely.disjoint, "s_within": shapely.within,
    "s_contains": shapely.contains, "s_touches": shapely.touches, "s_crosses": shapely.crosses,
    "s_overlaps": shapely.overlaps, "s_equals": shapely.equals,
}  # fmt: skip


def _spatial(name: str, shape: shapely.Geometry, is_first: bool) -> Made:
    value = Made(shape.wkt, shapely.geometry.mapping(shape), always(shape))
    left, right = (value, column("place")) if is_first else (column("place"), value)
    text = f"{name.upper()}({left.text}, {right.text})"
    return operation(name, text, lambda a, b: bool(SPATIAL[name](a, b)), left, right)


ENDLESS = timedelta(days=100_000)
FIRST, LAST = (datetime(2024, 1, 1, tzinfo=UTC) + way * ENDLESS for way in (-1, 1))


@dataclass(frozen=True)
class Interval:
    """Two ends; None: without."""

    start: Made | None
    end: Made | None

    @property
    def text(self) -> str:
        def told(end: Made | None) -> str:
            if end is None:
                return "'..'"
            return end.text.removeprefix("DATE(").removeprefix("TIMESTAMP(").removesuffix(")")

        return f"INTERVAL({told(self.start)}, {told(self.end)})"

    @property
    def tree(self) -> dict[str, object]:
        def told(end: Made | None) -> object:
            if end is None:
                return ".."
            return end.tree.get("date") or end.tree.get("timestamp") or end.tree

        return {"interval": [told(self.start), told(self.end)]}

    def ends(self, row: Thing) -> tuple[Any, Any, bool]:
        """Return when it starts and ends, and whether these are dates."""
        start = FIRST if self.start is None else self.start.of(row)
        end = LAST if self.end is None else self.end.of(row)
        return start, end, all(_is_date(one) for one in (self.start, self.end))


def _is_date(end: Made | None) -> bool:
    if end is None:
        return True
    return end.text.startswith("DATE") or end.text in ("built", "opens", "closes")


intervals = st.one_of(
    st.just(Interval(column("starts_at"), column("ends_at"))),
    st.just(Interval(column("opens"), column("closes"))),
    st.builds(lambda start, days: Interval(_date(start), _date(start + days)), st.integers(0, 50), st.integers(0, 9)),
    st.builds(lambda start, days: Interval(_time(start, 0), _time(start + days, 0)), st.integers(0, 50), st.integers(0, 9)),
    st.builds(lambda start: Interval(_date(start), None), st.integers(0, 60)),
    st.builds(lambda end: Interval(None, _time(end, 3600)), st.integers(0, 60)),
)  # fmt: skip

# Of start and end of the first, and start and end of the second: what has to be so at once.
RELATIONS: dict[str, list[tuple[int, str, int]]] = {
    "t_after": [(0, ">", 3)],
    "t_before": [(1, "<", 2)],
    "t_equals": [(0, "=", 2), (1, "=", 3)],
    "t_intersects": [(0, "<=", 3), (1, ">=", 2)],
    "t_contains": [(0, "<", 2), (1, ">", 3)],
    "t_during": [(0, ">", 2), (1, "<", 3)],
    "t_finishedBy": [(0, "<", 2), (1, "=", 3)],
    "t_finishes": [(0, ">", 2), (1, "=", 3)],
    "t_meets": [(1, "=", 2)],
    "t_metBy": [(0, "=", 3)],
    "t_overlappedBy": [(0, ">", 2), (0, "<", 3), (1, ">", 3)],
    "t_overlaps": [(0, "<", 2), (1, ">", 2), (1, "<", 3)],
    "t_startedBy": [(0, "=", 2), (1, ">", 3)],
    "t_starts": [(0, "=", 2), (1, "<", 3)],
}


def _widened(value: Any, *, is_end: bool) -> Any:
    if value is None or isinstance(value, datetime):
        return value
    midnight = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return midnight + timedelta(days=1, microseconds=-1) if is_end else midnight


def _related(name: str, left: Interval, right: Interval) -> Made:
    def of(row: Thing) -> bool | None:
        *first, is_first = left.ends(row)
        *second, is_second = right.ends(row)
        ends = [*first, *second]
        if is_first and is_second:
            ends = [one.date() if isinstance(one, datetime) else one for one in ends]
        else:
            ends = [_widened(one, is_end=place % 2 == 1) for place, one in enumerate(ends)]
        return _and(
            [
                None if ends[a] is None or ends[b] is None else SIGNS[sign](ends[a], ends[b])
                for a, sign, b in RELATIONS[name]
            ]
        )

    text = f"{name.upper()}({left.text}, {right.text})"
    return Made(text, {"op": name, "args": [left.tree, right.tree]}, of)


LISTS: dict[str, Callable[[set[str], set[str]], bool]] = {
    "a_contains": operator.ge,
    "a_containedBy": operator.le,
    "a_equals": operator.eq,
    "a_overlaps": lambda a, b: bool(a & b),
}


def _listed(name: str, members: list[str]) -> Made:
    text = f"{name}(tags, ({', '.join(map(quoted, members))}))"
    tree = {"op": name, "args": [{"property": "tags"}, members]}
    return Made(text, tree, strict(lambda tags: LISTS[name](set(tags), set(members)), column("tags")))  # fmt: skip


# Logic ------------------------------------------------------------------------------------------


def _and(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def _or(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def _joined(name: str, parts: list[Made]) -> Made:
    join = _and if name == "and" else _or
    text = f" {name.upper()} ".join(f"({part.text})" for part in parts)
    tree = {"op": name, "args": [part.tree for part in parts]}
    return Made(text, tree, lambda row: join([part.of(row) for part in parts]))


def _negated(part: Made) -> Made:
    return operation("not", f"NOT ({part.text})", operator.not_, part)


predicates = st.one_of(
    _compares(numbers),
    _compares(texts),
    _compares(truths),
    _compares(instants),
    st.builds(_between, numbers, numbers, numbers),
    st.builds(_between, instants, instants, instants),
    st.builds(_in, numbers, st.lists(numbers, min_size=1, max_size=4)),
    st.builds(_in, texts, st.lists(texts, min_size=1, max_size=4)),
    st.builds(_in, instants, st.lists(instants, min_size=1, max_size=4)),
    st.builds(_like, texts, st.sampled_from(list(PATTERNS))),
    st.builds(_same_but_for_case, texts, texts),
    st.builds(_is_null, st.one_of(numbers, texts, instants, st.just(column("place")))),
    st.builds(_spatial, st.sampled_from(list(SPATIAL)), st.sampled_from(SHAPES), st.booleans()),
    st.builds(_related, st.sampled_from(list(RELATIONS)), intervals, intervals),
    st.builds(_listed, st.sampled_from(list(LISTS)), st.lists(st.sampled_from(TAGS), max_size=3)),
)
filters = st.recursive(
    predicates,
    lambda inner: st.one_of(
        st.builds(_joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=4)),
        st.builds(_negated, inner),
    ),
    max_leaves=8,
)


def _check(connection: Connection, made: Made) -> None:
    wanted = {row.number for row in ROWS if made.of(row) is True}
    assert found(connection, made.text) == wanted
    assert found(connection, json.dumps(made.tree), FilterLanguage.CQL2_JSON) == wanted


IGNORED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=60, deadline=None, suppress_health_check=IGNORED)
@given(made=filters)
def test_any_filter_finds_what_it_says(connection: Connection, made: Made) -> None:
    _check(connection, made)


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None, suppress_health_check=IGNORED)
@given(made=filters)
def test_any_of_many_filters_finds_what_it_says(connection: Connection, made: Made) -> None:
    _check(connection, made)
