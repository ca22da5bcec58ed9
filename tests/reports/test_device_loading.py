"""Loading cameras, sensors, rules and kinds: the sample city's, and what is wrong with bad ones."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from making import CORNER
from project import SAMPLES
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.profile import find_profile
from gis_registry.reports import citizen_kinds, sensors, video
from gis_registry.reports.device_loading import FileKind, files_of, kind_of_file, load
from gis_registry.reports.device_tables import SensorRule, VideoKind

_CAMERA = {
    "code": "X1",
    "name_zh": "甲",
    "name_en": "one",
    "lon": CORNER[0],
    "lat": CORNER[1],
    "height_m": 8,
    "heading_deg": 360,
    "field_of_view_deg": 75,
    "pitch_deg": 12,
    "image_width": 1920,
    "image_height": 1080,
    "range_m": 150,
    "unit_code": "QD-CC",
}
_KIND = {"label": "x", "name_zh": "甲", "matter": "06010", "min_confidence": 0.5, "unseen_s": 60}
_SENSOR = {"code": "X1", "kind": "cover", "name_zh": "甲", "component_code": "3702020103000001"}
_RULE = {
    "code": "x",
    "sensor_kind": "cover",
    "quantity": "tilt",
    "comparison": "above",
    "high": 15,
    "text_zh": "{value}",
    "text_en": "{value}",
}
_CITIZEN = {"code": "9", "parent_code": "1", "name_zh": "甲", "matter": "06010"}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(*rows: dict[str, object]) -> Path:
        path = tmp_path / "some.csv"
        columns = list(dict.fromkeys(name for row in rows for name in row))
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
        return path

    return to_file


def test_qingdao_has_what_the_issue_of_reports_names(session: Session) -> None:
    assert len(session.scalars(select(VideoKind)).all()) == 32
    majors = citizen_kinds.list_kinds(session)
    assert len(majors) == 5
    assert sum(len(one.kinds) for one in majors) == 14
    assert all(kind.matter for major in majors for kind in major.kinds)
    cameras = video.list_cameras(session)
    assert len(cameras) == 20
    assert all(one.is_synthetic and one.name_zh.endswith("（示例）") for one in cameras)
    kinds = Counter(one.kind for one in sensors.page(session).sensors)
    assert kinds == {"cover": 12, "lamp": 8, "gas_meter": 4, "vehicle": 4}
    comparisons = set(session.scalars(select(SensorRule.comparison)))
    assert comparisons == {"above", "below", "outside", "unchanged_for", "silent_for"}


def test_the_shipped_files_are_told_apart_and_loading_them_again_changes_nothing(
    session: Session,
) -> None:
    files = files_of(find_profile("qingdao"))
    assert {kind: [kind_of_file(path) for path in paths] for kind, paths in files.items()} == {
        kind: [kind] for kind in FileKind
    }
    before = (video.list_cameras(session), sensors.page(session).sensors)
    assert load(session, files) == {
        FileKind.CAMERAS: 20,
        FileKind.VIDEO_KINDS: 32,
        FileKind.SENSORS: 28,
        FileKind.SENSOR_RULES: 7,
        FileKind.CITIZEN_KINDS: 19,
    }
    assert (video.list_cameras(session), sensors.page(session).sensors) == before


def test_the_sample_sensors_are_on_classes_that_the_sample_components_have() -> None:
    with (SAMPLES / "qingdao" / "sensors.csv").open(encoding="utf-8") as file:
        codes = [row["component_code"] for row in csv.DictReader(file) if row["component_code"]]
    assert Counter(code[6:10] for code in codes) == {
        "0101": 3,
        "0102": 3,
        "0103": 3,
        "0111": 3,
        "0137": 8,
        "0149": 4,
    }


def test_loading_again_brings_up_to_date(session: Session, write: Write) -> None:
    load(session, {FileKind.CAMERAS: [write(_CAMERA)]})
    (one,) = [one for one in video.list_cameras(session) if one.code == "X1"]
    assert (one.heading_deg, one.pitch_deg, one.unit_code) == (0, 12, "QD-CC")
    load(session, {FileKind.CAMERAS: [write(_CAMERA | {"pitch_deg": "", "range_m": 90})]})
    (one,) = [one for one in video.list_cameras(session) if one.code == "X1"]
    assert (one.pitch_deg, one.range_m) == (None, 90)


def test_a_sensor_may_move_from_a_component_to_a_place(session: Session, write: Write) -> None:
    load(session, {FileKind.SENSORS: [write(_SENSOR)]})
    place = {"component_code": "", "lon": CORNER[0], "lat": CORNER[1], "accuracy_m": 3}
    load(session, {FileKind.SENSORS: [write(_SENSOR | place)]})
    shown = sensors.show_sensor(session, "X1")
    assert (shown.component_code, shown.lon, shown.accuracy_m) == (None, CORNER[0], 3)


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("cameras", _CAMERA | {"lon": 0, "lat": 0}, "stands for a missing one"),
        ("cameras", _CAMERA | {"height_m": 0}, "height_m is 0; it must be a number from 0.1"),
        ("cameras", _CAMERA | {"height_m": "nan"}, "height_m is nan"),
        ("cameras", _CAMERA | {"field_of_view_deg": 180}, "field_of_view_deg is 180"),
        ("cameras", _CAMERA | {"pitch_deg": "low"}, "pitch_deg is 'low', not a number"),
        ("cameras", _CAMERA | {"image_width": 19.5}, "must be a whole number"),
        ("cameras", _CAMERA | {"unit_code": "X"}, "'X' is not a unit"),
        ("cameras", _CAMERA | {"code": ""}, "the column 'code' is empty"),
        ("video_kinds", _KIND | {"matter": "99999"}, "no matter type '99999'"),
        ("video_kinds", _KIND | {"min_confidence": 60}, "min_confidence is 60"),
        ("video_kinds", _KIND | {"unseen_s": 0}, "unseen_s is 0"),
        ("sensors", _SENSOR | {"component_code": "12"}, "line 2"),
        ("sensors", _SENSOR | {"lon": 120, "lat": 36}, "give a component_code, or lon and lat"),
        ("sensors", _SENSOR | {"component_code": "", "lon": 120}, "'lat' is empty"),
        (
            "sensors",
            _SENSOR | {"component_code": "", "lon": 120, "lat": 36},
            "'accuracy_m' is empty",
        ),
        ("sensor_rules", _RULE | {"comparison": "over"}, "write above, below, outside"),
        ("sensor_rules", _RULE | {"high": ""}, "the comparison above takes high"),
        ("sensor_rules", _RULE | {"low": 3}, "the comparison above takes high"),
        ("sensor_rules", _RULE | {"high": "inf"}, "a number that is finite"),
        ("sensor_rules", _RULE | {"margin": -1}, "margin is -1"),
        ("sensor_rules", _RULE | {"for_s": 1.5}, "whole number"),
        (
            "sensor_rules",
            _RULE | {"comparison": "outside", "low": 2, "high": 3, "margin": 0.6},
            "no room for values that clear",
        ),
        (
            "sensor_rules",
            _RULE | {"comparison": "unchanged_for", "high": ""},
            "needs for_s, how long",
        ),
        (
            "sensor_rules",
            _RULE
            | {"comparison": "silent_for", "high": "", "for_s": 60}
            | {"window_from": "19:00", "window_to": "05:00"},
            "takes neither a window nor a zone",
        ),
        ("sensor_rules", _RULE | {"window_from": "19:00"}, "a window has a window_from"),
        ("sensor_rules", _RULE | {"window_from": "dusk", "window_to": "05:00"}, "not a time of"),
        ("sensor_rules", _RULE | {"zone_code": "370202999"}, "the zone '370202999' is no city"),
        ("sensor_rules", _RULE | {"zone_code": "370202001001"}, "is no city, district"),
        ("sensor_rules", _RULE | {"matter": "99999"}, "no matter type '99999'"),
        ("sensor_rules", _RULE | {"text_zh": "{reading}"}, "text_zh names {reading}; it can name"),
        ("sensor_rules", _RULE | {"text_en": "{value.real}"}, "text_en names {value.real}"),
        ("sensor_rules", _RULE | {"text_en": "{value"}, "text_en cannot be read"),
        ("sensor_rules", _RULE | {"text_zh": ""}, "the column 'text_zh' is empty"),
        ("citizen_kinds", _CITIZEN | {"matter": ""}, "both a parent_code and a matter"),
        ("citizen_kinds", _CITIZEN | {"parent_code": "77"}, "no major kind '77'"),
        ("citizen_kinds", _CITIZEN | {"parent_code": "101"}, "no major kind '101'"),
        ("citizen_kinds", _CITIZEN | {"code": "1"}, "'1' is a major kind, which has no parent"),
        ("cameras", _CAMERA | {"code": "C" * 101}, "code has 101 characters; 100 are allowed"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused_with_its_line(
    session: Session, write: Write, kind: str, row: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput) as refused, session.begin_nested():
        load(session, {FileKind(kind): [write(row)]})
    assert "some.csv, line 2: " in str(refused.value)
    assert message in str(refused.value)


def test_the_same_code_twice_is_refused(session: Session, write: Write) -> None:
    before = session.scalar(select(func.count()).select_from(VideoKind))
    with pytest.raises(InvalidInput, match=r"line 3: the label 'x' stands in some\.csv, line 2,"):
        load(session, {FileKind.VIDEO_KINDS: [write(_KIND, _KIND)]})
    assert session.scalar(select(func.count()).select_from(VideoKind)) == before


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"holds none of cameras \(a column heading_deg\)"):
        kind_of_file(path)
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        kind_of_file(tmp_path / "missing.csv")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        kind_of_file(path)
