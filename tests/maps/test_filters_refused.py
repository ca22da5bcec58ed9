# ruff: noqa: E501 - one case a line reads best
"""Filters that cannot be answered are refused with a sentence, whatever is written."""

import inspect
import json
import sys
import time
from contextlib import suppress

import pytest
import shapely
from filtered import QUERYABLES
from hypothesis import given as made
from hypothesis import settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import dialect

from gis_registry.errors import InvalidInput
from gis_registry.maps.filters import FilterLanguage, condition


def refusal(
    given: str,
    language: FilterLanguage = FilterLanguage.CQL2_TEXT,
    *,
    filter_srid: int | None = None,
) -> str:
    with pytest.raises(InvalidInput) as error:
        condition(given, language=language, queryables=QUERYABLES, filter_srid=filter_srid)
    return str(error.value)


def answered(given: str, language: FilterLanguage = FilterLanguage.CQL2_TEXT) -> None:
    condition(given, language=language, queryables=QUERYABLES)


IN_TEXT = [
    ("", "empty"),
    ("   ", "empty"),
    ("heigth > 3", "no property “heigth” to filter by; there are: height,"),
    ("nothing = 1", "there are: number, name"),
    ("floors", "“floors” is a number, where a condition is wanted"),
    ("'text'", "a condition is wanted"),
    ("floors > 3 AND name", "“name” is text, where a condition is wanted"),
    ("floors = 'three'", "“floors” is a number and 'three' is text; compare like with like"),
    ("name = 3", "compare like with like"),
    ("is_lit = 1", "compare like with like"),
    ("name = built", "compare like with like"),
    ("built = 3", "compare like with like"),
    ("place = place", "functions, which begin with S_"),
    ("tags = 'red'", "functions, which begin with A_"),
    ("floors != 3", "write <>"),
    ("floors == 3", "from here on: ="),
    ("floors = null", "IS NULL"),
    ("floors >", "ends too early"),
    ("floors > 3 AND", "ends too early"),
    ("(floors > 3", "ends too early"),
    ("floors > 3)", "from here on: )"),
    ("floors > 3 floors < 4", "from here on: floors < 4"),
    ("floors = 1 andb = 2", "from here on: andb = 2"),
    ("name = 'a", "without its closing quote"),
    (r"name = 'a\'", "without its closing quote"),
    ('"name = 1', "without its closing double quote"),
    ("floors = 3; DROP TABLE x", "from here on: ; DROP"),
    ("name = 'a\x00'", "NUL"),
    ("name = '\ud800'", "surrogate"),
    ("buffer(place) = 1", "no operator or function “buffer”"),
    ("s_intersect(place, POINT(1 1))", "Did you mean S_INTERSECTS?"),
    ("now() > built", "no operator or function “now”"),
    ("isNull(floors)", "write … IS NULL"),
    ('"casei"(name) = name', "without quotes"),
    ("S_INTERSECTS(place)", "takes 2 arguments, not 1"),
    ("S_INTERSECTS(place, name)", "“name” is text; S_INTERSECTS relates two geometries"),
    ("CASEI(name, name) = 'a'", "takes 1 argument, not 2"),
    ("CASEI(floors) = 'a'", "CASEI is for texts"),
    ("CASEI(ACCENTI(CASEI(name))) = 'a'", "are enough"),
    ("ACCENTI(floors) = 'a'", "ACCENTI is for texts"),
    ("floors LIKE 'a%'", "LIKE is for texts"),
    ("name LIKE other_name", "a pattern in quotes"),
    ("name LIKE 3", "a pattern in quotes"),
    ("name LIKE 'a\\\\\\'", "closing quote"),
    (r"name LIKE CASEI('%\\\\\\') AND name = 'a\'", "closing quote"),
    ("floors IN ()", "one value or more"),
    ("floors IN 3", "a list of values in parentheses"),
    ("floors IN ('a')", "compare like with like"),
    ("floors BETWEEN 'a' AND 'b'", "compare like with like"),
    ("name BETWEEN 0 AND 100", "compare like with like"),
    ("name + 1 = 2", "only numbers can be calculated with"),
    ("floors + 'a' = 2", "only numbers can be calculated with"),
    ("(floors ^ 2) ^ 2 = 16", "power of a power"),
    ("floors = 1e999", "too large"),
    (f"floors = {'9' * 150}", "too large"),
    (f"floors = {'9' * 6000}", "too large"),
    ("A_CONTAINS(tags, 'red', 'green')", "takes 2 arguments, not 3"),
    ("A_CONTAINS(name, ('red'))", "A_CONTAINS relates two lists"),
    ("A_CONTAINS(tags, (1, 2))", "1 is a number; the arrays here are lists of texts"),
    ("A_CONTAINS(tags, (('red'), ('a', 'b')))", "a list where a single value is wanted"),
    ("name = ('a', 'b')", "a list where a single value is wanted"),
    ("built = DATE('2026-02-30')", "'2026-02-30' is no date"),
    ("built = DATE('2026-2-3')", "is no date"),
    ("built = DATE('2026-W05-1')", "is no date"),
    ("built = DATE('0000-01-01')", "is no date"),
    ("built = DATE(floors)", "is no date"),
    ("built = '2026-13-01'", "is no date"),
    ("built = 'yesterday'", "is no date"),
    ("seen_at = TIMESTAMP('2026-05-31T08:00:00')", "with its zone"),
    ("seen_at = TIMESTAMP('2026-05-31T25:00:00Z')", "is no time"),
    ("seen_at = TIMESTAMP('2026-05-31')", "is no time"),
    ("seen_at = TIMESTAMP('2026-05-31 08:00:00Z')", "is no time"),
    ("seen_at = TIMESTAMP('0001-01-01T00:00:00+08:00')", "is no time"),
    ("T_AFTER(floors, DATE('2026-01-01'))", "“floors” is a number; T_AFTER takes dates and times"),
    ("T_DURING(built, INTERVAL('2026-01-01', '2026-02-01'))", "relates two intervals"),
    ("T_MEETS(built, opens)", "relates two intervals"),
    ("T_AFTER(built, INTERVAL('2026-02-01', '2026-01-01'))", "ends before it begins"),
    ("T_AFTER(built, INTERVAL('2026-02-02', '2026-02-01T00:00:00Z'))", "ends before it begins"),
    (
        "T_AFTER(seen_at, INTERVAL('2026-02-01T00:00:01Z', '2026-02-01T00:00:00Z'))",
        "ends before it begins",
    ),
    ("T_AFTER(built, INTERVAL('2026-02-01'))", "has two ends"),
    ("T_AFTER(built, INTERVAL('...', '2026-01-01'))", "is no date"),
    ("built = INTERVAL('2026-01-01', '..')", "functions, which begin with T_"),
    ("S_INTERSECTS(place, POINT(90 180))", "no place on the ground"),
    ("S_INTERSECTS(place, POINT(181 1))", "no place on the ground"),
    ("S_INTERSECTS(place, POINT(1e300 1))", "no place on the ground"),
    ("S_INTERSECTS(place, POINT(1))", "no geometry in the form of WKT"),
    ("S_INTERSECTS(place, POINT(a b))", "from here on"),
    ("S_INTERSECTS(place, POINT EMPTY)", "empty geometry"),
    ("S_INTERSECTS(place, GEOMETRYCOLLECTION(POINT EMPTY))", "empty geometry"),
    ("S_INTERSECTS(place, LINESTRING(1 1))", "LineString of the filter cannot be used"),
    ("S_INTERSECTS(place, LINESTRING(1 1, 1 1))", "not valid"),
    ("S_INTERSECTS(place, POLYGON((0 0, 1 1, 1 0)))", "not closed"),
    ("S_INTERSECTS(place, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "Self-intersection"),
    ("S_INTERSECTS(place, GEOMETRYCOLLECTION(GEOMETRYCOLLECTION(POINT(1 1))))", "cannot"),
    ("S_INTERSECTS(place, BBOX(1, 2, 3))", "four numbers"),
    ("S_INTERSECTS(place, BBOX(1, 2, 3, name))", "no number"),
    ("S_INTERSECTS(place, BBOX(1, 3, 2, 2))", "upper edge below"),
    ("S_INTERSECTS(place, BBOX(200, 3, 2, 4))", "no place on the ground"),
    ("S_INTERSECTS(place, BBOX(0, 0, 190, 4))", "no place on the ground"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "reason"), IN_TEXT, ids=[one[:50] for one, _ in IN_TEXT])
def test_text_is_refused_with_its_reason(given: str, reason: str) -> None:
    assert reason in refusal(given)


IN_JSON: list[tuple[object, str]] = [
    ("not a filter", "is text, where a condition is wanted"),
    (3, "a condition is wanted"),
    ([], "a list where a single value is wanted"),
    (None, "a null value"),
    ({}, "a part that CQL2 does not know"),
    ({"op": "="}, "a name in op and a list in args"),
    ({"op": 3, "args": []}, "a name in op and a list in args"),
    ({"op": "=", "args": {}}, "a name in op and a list in args"),
    ({"op": "=", "args": [{"property": "floors"}]}, "takes 2 arguments, not 1"),
    ({"op": "and", "args": [True]}, "two conditions or more"),
    ({"op": "xor", "args": [True, False]}, "no operator or function “xor”"),
    ({"op": "eq", "args": [1, 1]}, "no operator or function “eq”"),
    ({"op": "like", "args": [{"property": "name"}, "a\\"]}, "escapes nothing"),
    ({"op": "=", "args": [{"property": ["floors"]}, 1]}, "no property"),
    ({"op": "=", "args": [{"property": "floors"}, None]}, "IS NULL"),
    ({"op": "=", "args": [{"property": "name"}, "a\x00"]}, "NUL"),
    ({"op": "=", "args": [{"property": "name"}, "\ud800"]}, "cannot be read as JSON"),
    ({"op": "in", "args": [{"property": "floors"}, 3]}, "a list of one value or more"),
    ({"op": "in", "args": [{"property": "floors"}, [[1]]]}, "a single value is wanted"),
    ({"op": "=", "args": [{"property": "built"}, {"date": 3}]}, "is no date"),
    ({"op": "t_after", "args": [{"property": "built"}, {"interval": "a"}]}, "has two ends"),
    ({"op": "s_within", "args": [{"property": "place"}, {"bbox": 3}]}, "four numbers"),
]
SHAPES: list[tuple[dict[str, object], str]] = [
    ({"type": "Circle", "coordinates": [1, 1]}, "of the type 'Circle'"),
    ({"type": ["Point"], "coordinates": [1, 1]}, "has no type"),
    ({"type": "Point"}, "two numbers"),
    ({"type": "Point", "coordinates": []}, "two numbers"),
    ({"type": "Point", "coordinates": [1]}, "two numbers"),
    ({"type": "Point", "coordinates": [[1, 1]]}, "two numbers"),
    ({"type": "Point", "coordinates": ["1", "1"]}, "no number"),
    ({"type": "Point", "coordinates": [True, 1]}, "no number"),
    ({"type": "Point", "coordinates": [10**400, 1]}, "no number"),
    ({"type": "Point", "coordinates": [None, 1]}, "no number"),
    ({"type": "MultiPoint", "coordinates": []}, "no coordinates"),
    ({"type": "Polygon", "coordinates": [[]]}, "no coordinates"),
    ({"type": "Polygon", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 0]]}, "is two numbers"),
    ({"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 1], [0, 0]]]]}, "not closed"),
    ({"type": "GeometryCollection", "geometries": []}, "has no geometries"),
    ({"type": "GeometryCollection", "geometries": [3]}, "has no type"),
    ({"type": "GeometryCollection"}, "has no geometries"),
]


@pytest.mark.parametrize(("given", "reason"), IN_JSON, ids=[str(one)[:50] for one, _ in IN_JSON])
def test_json_is_refused_with_its_reason(given: object, reason: str) -> None:
    assert reason in refusal(json.dumps(given), FilterLanguage.CQL2_JSON)


@pytest.mark.parametrize(("shape", "reason"), SHAPES, ids=[str(one)[:60] for one, _ in SHAPES])
def test_a_geometry_is_refused_with_its_reason(shape: dict[str, object], reason: str) -> None:
    given = json.dumps({"op": "s_within", "args": [{"property": "place"}, shape]})
    assert reason in refusal(given, FilterLanguage.CQL2_JSON)


@pytest.mark.parametrize("given", ["{", "", "{'op': 1}", '{"op": NaN}', '{"a": 1} 2', "1e999"])
def test_what_is_no_json_is_refused(given: str) -> None:
    refusal(given, FilterLanguage.CQL2_JSON)


@pytest.mark.parametrize(
    ("given", "srid", "reason"),
    [
        ("POINT(120 36)", 4490, "they are written latitude, longitude"),
        ("POINT(120 36)", 4326, "they are written latitude, longitude"),
        ("POINT(1e9 36)", 3857, "range of its reference system"),
        ("POINT(400000 4000000)", 4528, "whose order is: northing, easting"),
        ("POINT(1 1)", 999999, "no coordinate reference system EPSG:999999"),
        ("BBOX(2, 2, 1, 3)", 3857, "right edge left of its left edge"),
    ],
)
def test_coordinates_out_of_their_system_are_refused(given: str, srid: int, reason: str) -> None:
    assert reason in refusal(f"S_INTERSECTS(place, {given})", filter_srid=srid)


DEEP = 5_000


@pytest.mark.parametrize(
    "given",
    [
        "(" * DEEP + "floors > 3" + ")" * DEEP,
        "(" * 60 + "floors 3" + ")" * 60,
        "(" * 60 + "'a', 'b'" + "), 1" * 60,
        "NOT " * DEEP + "is_lit",
        "NOT " * 2_000 + "is_lit",
        "floors = " + "-" * 4_000 + "3",
        "floors = " + "- " * 2_000 + "floors",
        "floors = 1" + " + 1" * 2_000,
        "is_lit" + " = is_lit" * 2_000,
        "casei(" * 40 + "name" + ")" * 40 + " = 'a'",
        "s_intersects(" * DEEP,
        "POLYGON(" * DEEP,
        "GEOMETRYCOLLECTION(" * DEEP,
        "'" * 9_999,
        '"' * 9_999,
        "x" * 500_000,
        "x" * 500_000 + "(1)",
        "floors > 3 AND " * 100_000 + "is_lit",
        "floors IN (" + "1, " * 6_000 + "1)",
        "floors BETWEEN " * 500 + "1",
        " " * 1_000_001,
    ],
    ids=lambda given: f"{given[:20]}… {len(given)}",
)
def test_depth_and_length_are_limited_at_once(given: str) -> None:
    begun = time.monotonic()
    refusal(given)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "given",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"op":"not","args":[' * 1_000 + "true" + "]}" * 1_000,
        '{"op":"not","args":[' * 60 + "true" + "]}" * 60,
        '{"op":"not","coordinates":1,"args":[' * 400 + "true" + "]}" * 400,
        '{"op":"s_within","args":[{"property":"place"},{"type":"Point","coordinates":'
        + "[" * 400 + "]" * 400 + "}]}",
        '{"op":"s_within","args":[{"property":"place"},{"type":"MultiPolygon","coordinates":'
        + "[" * 400 + "]" * 400 + "}]}",
        '{"op":"s_within","args":[{"property":"place"},'
        + '{"type":"GeometryCollection","geometries":[' * 300 + "]}" * 300 + "]}",
        '{"date":' * 300 + "1" + "}" * 300,
        '{"property":' * 900 + "1" + "}" * 900,
    ],
    ids=lambda given: given[:40],
)  # fmt: skip
def test_depth_of_json_is_limited(given: str) -> None:
    refusal(given, FilterLanguage.CQL2_JSON)


def test_what_is_within_the_limits_is_answered() -> None:
    answered("(" * 40 + "floors > 3" + ")" * 40)
    answered(" OR ".join(f"floors = {number}" for number in range(1_000)))
    answered(f"floors IN ({', '.join(map(str, range(2_000)))})")
    answered("floors = 1" + " + 1" * 20)
    answered('{"op":"not","args":[' * 20 + "true" + "]}" * 20, FilterLanguage.CQL2_JSON)


@pytest.mark.parametrize("sign", ["+", "/", "div", "%", "AND"])
def test_the_deepest_filter_fits_the_stack_of_a_request(sign: str) -> None:
    one = "is_lit" if sign == "AND" else "1"
    deep = f"({one} {sign} " * 22 + one + ")" * 22
    where = condition(
        deep if sign == "AND" else f"floors > {deep}",
        language=FilterLanguage.CQL2_TEXT,
        queryables=QUERYABLES,
    )
    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(len(inspect.stack()) + 600)
        str(where.compile(dialect=dialect()))
    finally:
        sys.setrecursionlimit(limit)


def test_vertices_are_limited() -> None:
    circle = shapely.Point(120, 36).buffer(1, quad_segs=2_400)
    answered(f"S_WITHIN(place, {circle.wkt})")
    larger = shapely.Point(120, 36).buffer(1, quad_segs=2_600)
    assert "more than 10,000 vertices" in refusal(f"S_WITHIN(place, {larger.wkt})")


def test_nothing_that_is_written_stands_in_the_statement() -> None:
    where = condition(
        "name = 'x''; DROP' AND floors > 7331 AND name LIKE '%zzz%' AND A_CONTAINS(tags, ('yyy'))"
        " AND S_WITHIN(place, POINT(11.25 7)) AND built = DATE('2023-03-03')"
        " AND T_AFTER(seen_at, INTERVAL('2022-02-02', '..')) AND CASEI(name) IN ('qqq')"
        " AND floors * 8642 > 1",
        language=FilterLanguage.CQL2_TEXT,
        queryables=QUERYABLES,
    )
    for word in ("DROP", "7331", "zzz", "yyy", "11.25", "2023", "2022", "qqq", "8642"):
        assert word not in str(where)


WORDS = st.sampled_from(
    [
        *("floors", "name", "place", "built", "tags", "is_lit", "(", ")", ",", "'a'", "''", "'", '"'),
        *("AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "IS", "NULL", "DIV", "TRUE", "=", "<>", "<"),
        *("+", "-", "*", "/", "^", "%", "1", "-2.5", ".5", "1e5", "CASEI(", "S_INTERSECTS(", "BBOX("),
        *("POINT(1 2)", "POINT", "POLYGON((", "EMPTY", "Z", "DATE(", "DATE('2024-01-01')", "INTERVAL("),
        *("T_AFTER(", "A_EQUALS(", "()", "'..'", "TIMESTAMP('2024-01-01T00:00:00Z')", "\\", "ﬀ", "路"),
    ]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@made(st.one_of(st.lists(WORDS, max_size=14).map(" ".join), st.text(max_size=30)))
def test_any_text_is_answered_or_refused(given: str) -> None:
    with suppress(InvalidInput):
        answered(given)


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
    st.sampled_from([{"property": "floors"}, {"property": "place"}, {"date": "2024-01-01"}]),
)  # fmt: skip
NAMES = st.sampled_from(
    ["and", "not", "=", "in", "like", "between", "isNull", "s_within", "t_after", "a_equals", "+"]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.builds(lambda op, args: {"op": op, "args": args}, NAMES, st.lists(inner, max_size=3)),
        st.dictionaries(
            st.sampled_from(["op", "args", "type", "coordinates", "bbox", "interval", "date"]),
            inner,
            max_size=3,
        ),
        st.builds(
            lambda type_, coordinates: {"type": type_, "coordinates": coordinates},
            st.sampled_from(["Point", "Polygon", "MultiPoint", "GeometryCollection"]),
            inner,
        ),
    ),
    max_leaves=10,
)


@settings(max_examples=100, deadline=None)
@made(TREES)
def test_any_json_is_answered_or_refused(tree: object) -> None:
    with suppress(InvalidInput):
        answered(json.dumps(tree), FilterLanguage.CQL2_JSON)
