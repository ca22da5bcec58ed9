"""Checking a batch: what each kind of column becomes, what is repaired, and what is said of it."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from delivered import LIGHT, WATER, places
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint, Point, Polygon
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.surveys.checked import CheckedBatch, RowCheck, Severity
from gis_registry.surveys.checking import (
    Expectation,
    check,
    check_identifier_divisions,
    repeated_rows,
)
from gis_registry.surveys.reading import Batch
from gis_registry.surveys.row_classes import class_lookup

GBT13, CJT = "gbt30428-2013", "cjt214-2007"
GUARDRAIL = "0507"


@pytest.fixture
def expected(session: Session) -> Expectation:
    return Expectation(
        single_class=catalogue.find_class(session, LIGHT, edition_key=GBT13),
        class_lookup=class_lookup(session, city_edition_key=GBT13),
        units=dict.fromkeys(["QD-CC"], 1),
        as_of=date(2026, 6, 30),
        today=date(2026, 7, 1),
        zone=ZoneInfo("Asia/Shanghai"),
        accuracy_m=None,
        unit_names={"中心": "QD-CC"},
    )


def of_class(session: Session, expected: Expectation, code: str, **schema: object) -> Expectation:
    one = catalogue.find_class(session, code, edition_key=GBT13)
    if schema:
        one.attribute_schema = dict(schema)
    return replace(expected, single_class=one)


def checked(
    expected: Expectation, columns: dict[str, object], geometries: list[object] | None = None
) -> CheckedBatch:
    arrays = {name: pa.array(values) for name, values in columns.items()}
    count = len(geometries) if geometries is not None else len(next(iter(arrays.values())))
    at = geometries if geometries is not None else [Point(place) for place in places(count)]
    shapes = np.empty(count, dtype=object)
    shapes[:] = at
    fields = pa.table(arrays) if arrays else pa.table({"name": [""] * count})
    nowhere = np.full(count, np.nan)
    return check(Batch(1, shapes, fields, nowhere, nowhere), expected)


def sentences(result: CheckedBatch, row: int = 0) -> list[str]:
    return [issue.sentence for issue in result.issues.get(row, [])]


def test_a_polygon_that_keeps_its_shape_is_repaired_and_says_so(
    session: Session, expected: Expectation
) -> None:
    spike = Polygon([(120, 36), (120.01, 36), (120.01, 36.02), (120.01, 36.01), (120, 36.01)])
    assert not spike.is_valid
    result = checked(of_class(session, expected, WATER), {}, [spike])
    assert result.good.tolist() == [True]
    assert result.geometries[0].is_valid
    assert result.geometries[0].geom_type == "Polygon"
    assert result.geometries[0].area == pytest.approx(spike.area, rel=0.01)
    (issue,) = result.issues[0]
    assert (issue.check, issue.severity) == (RowCheck.REPAIRED, Severity.NOTE)
    assert "The geometry was repaired: Self-intersection at 120.01 36.02." in issue.sentence


def test_a_repair_that_would_change_the_shape_is_refused(
    session: Session, expected: Expectation
) -> None:
    uneven = Polygon([(120, 36), (120.01, 36.01), (120.01, 36), (120, 36.004)])
    result = checked(of_class(session, expected, WATER), {}, [uneven])
    assert result.refusal.tolist() == ["invalid-geometry"]
    assert "It cannot be repaired without changing its shape." in result.reason[0]


def test_vertices_that_repeat_the_one_before_are_left_out(
    session: Session, expected: Expectation
) -> None:
    line = LineString([(120, 36), (120, 36), (120.1, 36), (120.1, 36)])
    result = checked(
        of_class(session, expected, GUARDRAIL), {}, [line, LineString(line.coords[1:3])]
    )
    assert len(result.geometries[0].coords) == 2
    assert sentences(result) == ["Vertices that only repeat the one before were left out: 2."]
    assert list(result.issues) == [0]


def test_a_multipoint_of_one_is_a_point(expected: Expectation) -> None:
    result = checked(expected, {}, [MultiPoint([(120.3, 36)]), None])
    assert result.geometries[0].geom_type == "Point"
    assert result.refusal.tolist() == [None, "empty-geometry"]


def test_codes_of_another_edition_are_translated(session: Session, expected: Expectation) -> None:
    lookup = class_lookup(session, city_edition_key=GBT13, edition_key=CJT)
    of_file = replace(expected, single_class=None, class_lookup=lookup)
    result = checked(of_file, {"class_code": ["0118", "118", "路灯", "9999"]})
    light = catalogue.find_class(session, LIGHT, edition_key=GBT13)
    assert result.class_ids.tolist() == [light.id] * 3 + [0]
    assert result.reason[3] == f"class_code is '9999', no class of the {CJT}."


def test_a_class_without_one_counterpart_is_refused_by_name(
    session: Session, expected: Expectation
) -> None:
    lookup = class_lookup(session, city_edition_key=GBT13, edition_key="gbt47678-2026")
    counterparts = lookup.counterparts or {}
    alone = next(one for one in lookup.classes.values() if one.id not in counterparts)
    two = next(iter(counterparts))
    several = replace(lookup, counterparts={two: list(lookup.classes.values())[:2]})
    code = next(one.code for one in lookup.classes.values() if one.id == two)
    for one, written, words in (
        (lookup, alone.code, f"which has no counterpart in {GBT13}."),
        (several, code, f"which has several counterparts in {GBT13}: "),
    ):
        result = checked(
            replace(expected, single_class=None, class_lookup=one), {"class_code": [written]}
        )
        assert result.refusal.tolist() == ["unknown-class"]
        assert words in result.reason[0]


def test_the_mapping_says_what_a_type_means(session: Session, expected: Expectation) -> None:
    lookup = class_lookup(session, city_edition_key=GBT13, class_codes={"LAMP": LIGHT})
    of_file = replace(
        expected, single_class=None, class_lookup=lookup, field_names={"class_code": "TYPE"}
    )
    result = checked(of_file, {"class_code": ["LAMP", "lamp", None]})
    assert result.good.tolist() == [True, False, False]
    assert result.reason.tolist()[1:] == [
        "TYPE is 'lamp', no class of the city's edition.",
        "TYPE is empty.",
    ]


def test_a_class_is_known_by_its_name_where_there_is_no_code(expected: Expectation) -> None:
    result = checked(replace(expected, single_class=None), {"class_name": ["路灯", "Street light"]})
    assert len(set(result.class_ids.tolist())) == 1
    assert result.good.all()
    assert result.attributes.column_names == []


def test_another_name_beside_a_code_is_a_warning(expected: Expectation) -> None:
    names = ["路灯", "路灯杆", "street lights", "电话亭", "something else altogether", None]
    result = checked(
        replace(expected, single_class=None),
        {"class_code": [LIGHT] * len(names), "class_name": names},
    )
    assert result.good.all()
    assert list(result.issues) == [3]
    (issue,) = result.issues[3]
    assert (issue.check, issue.severity) == (RowCheck.CLASS_NAME, Severity.WARNING)
    assert issue.sentence == "class_name is '电话亭', but 0137 is 路灯 street light."


def test_columns_become_typed(expected: Expectation) -> None:
    result = checked(
        expected,
        {
            "owner_code": ["QD-CC", "中心", None],
            "accuracy_m": [0.5, None, 2.0],
            "surveyed_on": pa.array([date(2020, 1, 31), None, date(2026, 6, 1)]),
            "source_key": [" A-1 ", "", "A-1"],
        },
    )
    assert result.units["owner_code"].to_pylist() == ["QD-CC", "QD-CC", None]
    assert result.units["maintainer_code"].null_count == 3
    assert result.accuracies_m.tolist() == [0.5, 0.5, 2.0]  # a light's own is 0.5 m
    assert result.dates.to_pylist() == [date(2020, 1, 31), date(2026, 6, 30), date(2026, 6, 1)]
    assert result.source_keys is not None
    assert result.source_keys.to_pylist() == ["A-1", None, "A-1"]
    assert result.attributes.column_names == ["source_key"]
    assert result.class_ids.dtype == np.int32


def test_a_moment_is_of_the_citys_day(expected: Expectation) -> None:
    at = datetime(2020, 1, 30, 16, 0, tzinfo=UTC)  # midnight in Qingdao
    result = checked(expected, {"surveyed_on": pa.array([at], pa.timestamp("ms", tz="UTC"))})
    assert result.dates.to_pylist() == [date(2020, 1, 31)]


@pytest.mark.parametrize("written", ["2020年1月31日", "2020/1/31", "２０２０-01-31", "20200131"])
def test_dates_as_people_write_them(expected: Expectation, written: str) -> None:
    assert checked(expected, {"surveyed_on": [written]}).dates.to_pylist() == [date(2020, 1, 31)]


def test_identifiers_are_taken_as_digits_and_doubted(expected: Expectation) -> None:
    written = [
        "370202 0137-000001",
        "３７０２０２０１３７０００００２",
        "3702020101000001",
        "LD-7",
        None,
    ]
    result = checked(expected, {"identifier": written})
    assert result.good.all()
    assert result.identifiers is not None
    assert result.identifiers.to_pylist() == [
        "3702020137000001",
        "3702020137000002",
        "3702020101000001",
        None,
        None,
    ]
    assert sentences(result, 2) == [
        "The identifier 3702020101000001 is of class 0101, but the row is of 0137."
    ]
    assert "identifier is 'LD-7', no identifier of 16 or 17 digits" in sentences(result, 3)[0]
    check_identifier_divisions(result, pa.array(["370203"] + ["370202"] * 4))
    assert sentences(result) == [
        "The identifier is of division 370202, but the row lies in 370203."
    ]
    assert set(result.issues) == {0, 2, 3}


def test_attributes_are_kept_clean(expected: Expectation) -> None:
    day = datetime(2020, 1, 31, 8, 30)  # noqa: DTZ001  a file's own, without a zone
    result = checked(
        expected,
        {
            "text": [" a ", "", "b\0c"],
            "number": [1.5, float("nan"), float("inf")],
            "whole": [1, None, 2**62],
            "day": pa.array([date(2020, 1, 31), None, None]),
            "at": pa.array([day, None, None], pa.timestamp("ms")),
            "list": [[1, 2], None, []],
        },
    )
    assert result.attributes.to_pydict() == {
        "text": ["a", None, "bc"],
        "number": [1.5, None, None],
        "whole": [1, None, 2**62],
        "day": ["2020-01-31", None, None],
        "at": ["2020-01-31T08:30:00", None, None],
        "list": [[1, 2], None, []],
    }


def test_attributes_are_held_against_the_schema_of_their_class(
    session: Session, expected: Expectation
) -> None:
    schema = {
        "height_m": {"type": "number", "minimum": 0},
        "lamps": {"type": "integer", "minimum": 0},
        "state": {"enum": ["完好", "破损"], "x-severity": "warning"},
        "tag": {"type": "string", "maxLength": 5, "pattern": "^L", "x-severity": "note"},
    }
    of_light = of_class(session, expected, LIGHT, properties=schema, required=["height_m"])
    result = checked(
        of_light,
        {
            "height_m": ["8", "-1", "high", None, "8.5", "1e1"],
            "lamps": [1, 2, 3, 4, -1, 5],
            "state": ["完好", "完好", "完好", "完好", "破损", "??"],
            "tag": ["L1", None, "L2", "L3", "L4", "X-too-long"],
            "other": ["anything"] * 6,
        },
    )
    assert result.refusal.tolist() == [None, *["invalid-attribute"] * 4, None]
    assert [reason and reason.split(":")[0] for reason in result.reason] == [
        None,
        "height_m",
        "height_m",
        "height_m is empty; every 0137 (street light) has one.",
        "lamps",
        None,
    ]
    assert [(one.severity, one.sentence.split(":")[0]) for one in result.issues[5]] == [
        (Severity.WARNING, "state"),
        (Severity.NOTE, "tag"),
    ]
    assert set(result.issues) == {5}
    without = checked(of_light, {"lamps": [1]})
    assert without.refusal.tolist() == ["invalid-attribute"]


def test_what_reading_did_to_a_row_is_a_note(expected: Expectation) -> None:
    shapes = np.array([Point(120.3, 36), None], dtype=object)[:1]
    nowhere = np.full(1, np.nan)
    fields = pa.table({"a": [1]})
    batch = Batch(7, shapes, fields, nowhere, nowhere, notes={0: "The height was dropped."})
    result = check(batch, expected)
    assert sentences(result) == ["The height was dropped."]
    assert result.first_row == 7


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 3), st.booleans()),
        max_size=40,
    )
)
def test_repeated_rows_are_those_that_a_slow_search_finds(
    rows: list[tuple[int, int, int, bool]],
) -> None:
    seen: dict[tuple[int, int, int], int] = {}
    slow = []
    for number, (one, x, y, good) in enumerate(rows, start=1):
        first = seen.setdefault((one, x, y), number) if good else number
        slow.append(0 if first == number else first)
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    found = repeated_rows(
        columns[0].astype(np.int32),
        columns[1].astype(float),
        columns[2].astype(float),
        good=columns[3].astype(bool),
    )
    assert found.tolist() == slow
