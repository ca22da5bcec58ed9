"""Loading cameras, sensors, their kinds and rules, and kinds of citizen reports, from CSV files."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum
from pathlib import Path
from string import Formatter

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.components.identifiers import parse_identifier
from gis_registry.db.base import SRID, Base
from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.places import service as places
from gis_registry.places.coded_rows import CodedRows
from gis_registry.places.tables import Division, GridCell
from gis_registry.profile import CityProfile
from gis_registry.reports.device_schemas import LONGEST_CODE
from gis_registry.reports.device_tables import (
    Camera,
    CitizenKind,
    Comparison,
    Sensor,
    SensorAlarm,
    SensorRule,
    VideoKind,
)
from gis_registry.reports.projection import LONGEST_RANGE_M
from gis_registry.tabular import Row, csv_header, read_csv
from gis_registry.units import queries as units

#: What the texts of a rule can name.
PLACEHOLDERS = frozenset(
    {"device", "name_zh", "name_en", "value", "unit", "low", "high", "hours", "minutes"}
)
_LONGEST_SPAN_S = 366 * 86_400


class FileKind(StrEnum):
    """What a file of devices holds, by the column that only it has."""

    CAMERAS = "cameras"
    VIDEO_KINDS = "video_kinds"
    SENSORS = "sensors"
    SENSOR_RULES = "sensor_rules"
    CITIZEN_KINDS = "citizen_kinds"


_TELLING_COLUMN = {
    "heading_deg": FileKind.CAMERAS,
    "min_confidence": FileKind.VIDEO_KINDS,
    "comparison": FileKind.SENSOR_RULES,
    "component_code": FileKind.SENSORS,
    "matter": FileKind.CITIZEN_KINDS,
}


@dataclass(frozen=True)
class _Known:
    """What rows refer to."""

    session: Session
    unit_ids: dict[str, int]
    coded: CodedRows
    major_kinds: set[str]


def kind_of_file(path: Path) -> FileKind:
    """Return what a file holds, by its header.

    Raises:
        UnreadableFile: it is no CSV file with one of the headers.
    """
    header = csv_header(path)
    for column, kind in _TELLING_COLUMN.items():
        if column in header:
            return kind
    known = ", ".join(f"{kind} (a column {column})" for column, kind in _TELLING_COLUMN.items())
    raise UnreadableFile(f"{path} holds none of {known}.")


def files_of(profile: CityProfile, *kinds: FileKind) -> dict[FileKind, list[Path]]:
    """Return the files of a city profile, of some kinds or (none named) of all.

    Raises:
        InvalidProfile: one is missing.
    """
    files = profile.files
    names = {
        FileKind.CAMERAS: files.cameras,
        FileKind.VIDEO_KINDS: files.video_kinds,
        FileKind.SENSORS: files.sensors,
        FileKind.SENSOR_RULES: files.sensor_rules,
        FileKind.CITIZEN_KINDS: files.citizen_kinds,
    }
    return {kind: profile.paths(names[kind]) for kind in kinds or FileKind}


def load(session: Session, files: dict[FileKind, list[Path]]) -> dict[FileKind, int]:
    """Load files of each kind; what is there already is brought up to date.

    Returns:
        How many rows of each kind were read.

    Raises:
        UnreadableFile: a file cannot be read.
        InvalidInput: a row contradicts itself or names something unknown; file and line say so.
    """
    majors = select(CitizenKind.code).where(CitizenKind.parent_code.is_(None))
    known = _Known(
        session=session,
        unit_ids=units.unit_ids(session),
        coded=CodedRows(session, places.the_city(session)),
        major_kinds=set(session.scalars(majors)),
    )
    counts = {
        kind: _load(known, files.get(kind, []), *_READERS[kind])
        for kind in FileKind
        if kind in files
    }
    if FileKind.SENSOR_RULES in counts:
        _clear_alarms_of_ended_rules(session)
    return counts


def _load(
    known: _Known,
    paths: Iterable[Path],
    table: type[Base],
    key: str,
    columns: set[str],
    read: Callable[[_Known, Row], dict[str, object]],
) -> int:
    values: list[dict[str, object]] = []
    lines: dict[str, str] = {}
    for path in paths:
        for row in read_csv(path, columns):
            code = row.required(key)
            if len(code) > LONGEST_CODE:
                raise row.fault(f"{key} has {len(code)} characters; {LONGEST_CODE} are allowed.")
            if code in lines:
                raise row.fault(f"the {key} {code!r} stands in {lines[code]} already.")
            lines[code] = f"{path.name}, line {row.line},"
            values.append({key: code, **read(known, row)})
    if values:
        statement = insert(table)
        known.session.execute(
            statement.on_conflict_do_update(
                index_elements=[key],
                set_={name: statement.excluded[name] for name in values[0] if name != key},
            ),
            values,
        )
        known.session.expire_all()
    return len(values)


def _clear_alarms_of_ended_rules(session: Session) -> None:
    """Clear open alarms of rules that are no longer active: no reading will."""
    session.execute(
        update(SensorAlarm)
        .where(
            SensorAlarm.cleared_at.is_(None),
            SensorAlarm.rule_id.in_(select(SensorRule.id).where(~SensorRule.is_active)),
        )
        .values(cleared_at=datetime.now(UTC))
    )


def _camera(known: _Known, row: Row) -> dict[str, object]:
    return {
        "name_zh": row.required("name_zh"),
        "name_en": row.text("name_en"),
        "geom": _point(row),
        "height_m": _number(row, "height_m", 0.1, 500),
        "heading_deg": _number(row, "heading_deg", 0, 360) % 360,
        "field_of_view_deg": _number(row, "field_of_view_deg", 1, 170),
        "pitch_deg": _optional_number(row, "pitch_deg", -90, 90),
        "image_width": _whole(row, "image_width", 1, 100_000),
        "image_height": _whole(row, "image_height", 1, 100_000),
        "range_m": _number(row, "range_m", 1, LONGEST_RANGE_M),
        "unit_id": _unit_id(known, row),
        "is_synthetic": row.flag("is_synthetic"),
    }


def _video_kind(known: _Known, row: Row) -> dict[str, object]:
    return {
        "name_zh": row.required("name_zh"),
        "name_en": row.text("name_en"),
        "matter": _matter(known, row) or row.required("matter"),
        "min_confidence": _number(row, "min_confidence", 0, 1),
        "unseen_s": _whole(row, "unseen_s", 1, _LONGEST_SPAN_S),
    }


def _citizen_kind(known: _Known, row: Row) -> dict[str, object]:
    parent, matter = row.optional("parent_code"), row.optional("matter")
    if (parent is None) != (matter is None):
        raise row.fault("a minor kind has both a parent_code and a matter, a major one neither.")
    if parent is None:
        known.major_kinds.add(row.required("code"))
    elif row.required("code") in known.major_kinds:
        raise row.fault(f"{row.required('code')!r} is a major kind, which has no parent_code.")
    elif parent not in known.major_kinds:
        raise row.fault(f"there is no major kind {parent!r}; major kinds stand first.")
    return {
        "parent_code": parent,
        "name_zh": row.required("name_zh"),
        "name_en": row.text("name_en"),
        "matter": _matter(known, row),
    }


def _sensor(known: _Known, row: Row) -> dict[str, object]:
    component = row.optional("component_code")
    has_place = bool(row.optional("lon") or row.optional("lat"))
    if component is not None and has_place:
        raise row.fault("give a component_code, or lon and lat, or (if it moves) neither.")
    if component is not None:
        try:
            parse_identifier(component)
        except InvalidInput as error:
            raise row.fault(str(error)) from error
    return {
        "kind": row.required("kind"),
        "name_zh": row.required("name_zh"),
        "name_en": row.text("name_en"),
        "component_code": component,
        "geom": _point(row) if has_place else None,
        "accuracy_m": _number(row, "accuracy_m", 0.01, 5000) if has_place else None,
        "unit_id": _unit_id(known, row),
        "is_synthetic": row.flag("is_synthetic"),
    }


def _sensor_rule(known: _Known, row: Row) -> dict[str, object]:
    comparison = row.required("comparison")
    if comparison not in set(Comparison):
        raise row.fault(f"comparison is {comparison!r}; write {', '.join(Comparison)}.")
    values: dict[str, object] = {
        "sensor_kind": row.required("sensor_kind"),
        "quantity": row.required("quantity"),
        "measured_in": row.text("measured_in"),
        "comparison": comparison,
        "low": _optional_number(row, "low", -math.inf, math.inf),
        "high": _optional_number(row, "high", -math.inf, math.inf),
        "margin": _optional_number(row, "margin", 0, math.inf) or 0.0,
        "for_s": _whole(row, "for_s", 0, _LONGEST_SPAN_S) if row.optional("for_s") else 0,
        "window_from": _clock(row, "window_from"),
        "window_to": _clock(row, "window_to"),
        "zone_code": row.optional("zone_code"),
        "text_zh": _template(row, "text_zh"),
        "text_en": _template(row, "text_en"),
        "is_active": row.flag("is_active", default=True),
    }
    _check_bounds(row, Comparison(comparison))
    _check_window(row, Comparison(comparison))
    _check_zone(known, row)
    return values | {"matter": _matter(known, row)}


def _check_bounds(row: Row, comparison: Comparison) -> None:
    needed = {
        Comparison.ABOVE: {"high"},
        Comparison.BELOW: {"low"},
        Comparison.OUTSIDE: {"low", "high"},
    }.get(comparison, set())
    given = {name for name in ("low", "high") if row.optional(name) is not None}
    if given != needed:
        wanted = " and ".join(sorted(needed, reverse=True)) or "neither low nor high"
        raise row.fault(f"the comparison {comparison} takes {wanted}.")
    if comparison is Comparison.OUTSIDE:
        room = row.number("high") - row.number("low")
        if room <= 0 or 2 * row.number("margin", 0) > room:
            raise row.fault("between low and high there is no room for values that clear.")
    if not needed and row.number("for_s", 0) <= 0:
        raise row.fault(f"the comparison {comparison} needs for_s, how long in seconds.")


def _check_window(row: Row, comparison: Comparison) -> None:
    begins, ends = _clock(row, "window_from"), _clock(row, "window_to")
    if (begins is None) != (ends is None) or (begins is not None and begins == ends):
        raise row.fault("a window has a window_from and another window_to, or there is none.")
    if comparison in (Comparison.UNCHANGED_FOR, Comparison.SILENT_FOR) and (
        begins is not None or row.optional("zone_code") is not None
    ):
        raise row.fault(f"the comparison {comparison} takes neither a window nor a zone.")


def _check_zone(known: _Known, row: Row) -> None:
    code = row.optional("zone_code")
    if code is None:
        return
    table = GridCell if len(code) == 15 else Division
    if len(code) not in (6, 9, 15) or known.session.get(table, code) is None:
        raise row.fault(
            f"the zone {code!r} is no city, district or subdistrict (6 or 9 digits) and no grid "
            "cell (15 digits)."
        )


def _matter(known: _Known, row: Row) -> str | None:
    """Return a code that is a matter type's or a class's, or None where there is none."""
    known.coded.matter_type_id(row, "matter")
    return row.optional("matter")


def _unit_id(known: _Known, row: Row) -> int | None:
    code = row.optional("unit_code")
    if code is not None and code not in known.unit_ids:
        raise row.fault(f"{code!r} is not a unit.")
    return known.unit_ids[code] if code is not None else None


def _point(row: Row) -> str:
    row.required("lon")
    row.required("lat")
    lon, lat = row.number("lon"), row.number("lat")
    fault = places.position_fault(lon, lat)
    if fault is not None:
        raise row.fault(f"{fault}.")
    return f"SRID={SRID};POINT({lon} {lat})"


def _number(row: Row, column: str, least: float, most: float) -> float:
    row.required(column)
    value = row.number(column)
    if not (math.isfinite(value) and least <= value <= most):
        limits = f"from {least:g} to {most:g}" if math.isfinite(most) else "that is finite"
        raise row.fault(f"{column} is {value:g}; it must be a number {limits}.")
    return value


def _optional_number(row: Row, column: str, least: float, most: float) -> float | None:
    return None if row.optional(column) is None else _number(row, column, least, most)


def _whole(row: Row, column: str, least: int, most: int) -> int:
    value = _number(row, column, least, most)
    if value != int(value):
        raise row.fault(f"{column} is {value:g}; it must be a whole number.")
    return int(value)


def _clock(row: Row, column: str) -> time | None:
    value = row.optional(column)
    try:
        clock = time.fromisoformat(value) if value is not None else None
    except ValueError as error:
        raise row.fault(f"{column} is {value!r}, not a time of day such as 18:30.") from error
    if clock is not None and clock.tzinfo is not None:
        raise row.fault(f"{column} is a time of day in the city: leave the zone out.")
    return clock


def _template(row: Row, column: str) -> str:
    value = row.required(column)
    try:
        parts = list(Formatter().parse(value))
    except ValueError as error:
        raise row.fault(f"{column} cannot be read: {error}.") from error
    for _, name, layout, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or layout or conversion):
            raise row.fault(
                f"{column} names {{{name}}}; it can name {', '.join(sorted(PLACEHOLDERS))}."
            )
    return value


_Reader = tuple[type[Base], str, set[str], Callable[[_Known, Row], dict[str, object]]]
_READERS: dict[FileKind, _Reader] = {
    FileKind.CAMERAS: (
        Camera,
        "code",
        {"code", "name_zh", "lon", "lat", "height_m", "heading_deg", "field_of_view_deg"}
        | {"image_width", "image_height", "range_m"},
        _camera,
    ),
    FileKind.VIDEO_KINDS: (
        VideoKind,
        "label",
        {"label", "name_zh", "matter", "min_confidence", "unseen_s"},
        _video_kind,
    ),
    FileKind.SENSORS: (Sensor, "code", {"code", "kind", "name_zh"}, _sensor),
    FileKind.SENSOR_RULES: (
        SensorRule,
        "code",
        {"code", "sensor_kind", "quantity", "comparison", "text_zh", "text_en"},
        _sensor_rule,
    ),
    FileKind.CITIZEN_KINDS: (
        CitizenKind,
        "code",
        {"code", "parent_code", "name_zh", "matter"},
        _citizen_kind,
    ),
}
