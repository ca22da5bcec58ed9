"""Loading units, responsibilities and responders from CSV and GeoJSON files."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.places import queries as places
from gis_registry.places.coded_rows import CodedRows
from gis_registry.places.service import position_fault
from gis_registry.places.tables import City
from gis_registry.tabular import Row, csv_header, read_csv
from gis_registry.units import queries
from gis_registry.units.tables import (
    Responder,
    ResponderKind,
    Responsibility,
    Unit,
    UnitKind,
    UnitRole,
)
from gis_registry.vector_files import read_features, text_of


class FileKind(StrEnum):
    """What a file of units holds."""

    UNITS = "units"
    RESPONSIBILITIES = "responsibilities"
    RESPONDERS = "responders"


_IDENTIFIER = re.compile("[0-9]{16,17}")

#: What a load changes of responders that are there; the rest they tell themselves.
_BROUGHT_UP_TO_DATE = ("unit_id", "name_zh", "name_en", "kind")

_Fact = tuple[int, str, str | None, int | None, int | None, str | None, date]


def kind_of_file(path: Path) -> FileKind:
    """Return what a file holds, by its format and header.

    Raises:
        UnreadableFile: it is a CSV file with neither header.
    """
    if path.suffix.lower() != ".csv":
        return FileKind.RESPONDERS
    header = csv_header(path)
    if "role" in header:
        return FileKind.RESPONSIBILITIES
    if "parent_code" in header:
        return FileKind.UNITS
    raise UnreadableFile(
        f"{path} holds neither units (a column parent_code) nor responsibilities (a column role)."
    )


def load_units(session: Session, paths: Iterable[Path]) -> int:
    """Load units (``code, parent_code, kind, name_zh, name_en, division_code, is_synthetic``).

    Parents may stand before or after their children, or be there already.

    Returns:
        How many were read.

    Raises:
        UnreadableFile: a file cannot be read.
        InvalidInput: a row's kind, parent or division is not known; the file and line say so.
    """
    rows = [row for path in paths for row in read_csv(path, {"code", "parent_code", "kind"})]
    divisions = {one.code for one in places.divisions(session)}
    if not rows:
        return 0
    statement = insert(Unit)
    values = [_unit_values(row, divisions) for row in rows]
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["code"],
            set_={key: statement.excluded[key] for key in values[0] if key != "code"},
        ),
        values,
    )
    units = {one.code: one for one in session.scalars(select(Unit))}
    for row in rows:
        parent = row.optional("parent_code")
        if parent is not None and parent not in units:
            raise row.fault(f"the parent {parent!r} is not a unit.")
        units[row.required("code")].parent_id = units[parent].id if parent else None
    parents = {one.id: one.parent_id for one in units.values()}
    for row in rows:
        _check_no_circle(row, parents, units)
    session.flush()
    return len(rows)


def load_responsibilities(session: Session, paths: Iterable[Path], *, city: City) -> int:
    """Load responsibilities; a fact that is there already (same but for its end) is brought up to
    date, any other is added.

    Columns: ``unit_code, role, component_code, class_code, matter_code, division_code, valid_from,
    valid_to, note``; an empty one means any.

    Returns:
        How many were read.

    Raises:
        UnreadableFile: a file cannot be read.
        InvalidInput: a row names something unknown; the file and line say so.
    """
    unit_ids = queries.unit_ids(session)
    divisions = {one.code for one in places.divisions(session)}
    present: dict[_Fact, Responsibility] = {
        _fact_key(one): one for one in session.scalars(select(Responsibility))
    }
    coded = CodedRows(session, city)
    count = 0
    for path in paths:
        for row in read_csv(path, {"unit_code", "role", "valid_from"}):
            count += 1
            fact = Responsibility(
                unit_id=_known(row, "unit_code", unit_ids),
                role=_one_of(row, "role", UnitRole),
                component_code=row.optional("component_code"),
                class_id=coded.class_id(row),
                matter_type_id=coded.matter_type_id(row),
                division_code=row.optional("division_code"),
                valid_from=row.date("valid_from") or date.min,
                valid_to=row.date("valid_to"),
                note=row.text("note"),
            )
            _check_fact(row, fact, divisions)
            there = present.get(_fact_key(fact))
            if there is None:
                present[_fact_key(fact)] = fact
                session.add(fact)
            else:
                there.valid_to, there.note = fact.valid_to, fact.note
    session.flush()
    return count


def load_responders(session: Session, paths: Iterable[Path]) -> int:
    """Load responders from point files (``code, unit_code, name_zh, name_en, kind, is_available``).

    Of responders that are there, names, unit and kind are brought up to date. Where they are and
    whether they are free stays as it is: crews tell that themselves.

    Returns:
        How many were read.

    Raises:
        UnreadableFile, MissingCrs: a file cannot be read.
        InvalidInput: a row lacks its code or a name, its kind or unit is not known, its position
            can be none on the ground, or a flag is neither true nor false; the file and row say so.
    """
    unit_ids = queries.unit_ids(session)
    values: list[dict[str, object]] = []
    for path in paths:
        frame = read_features(path, {"code", "unit_code", "name_zh", "name_en", "kind"}, {"Point"})
        for number, one in enumerate(frame.to_dict("records"), start=1):
            values.append(_responder_values(f"{path.name}, row {number}", one, unit_ids))
    if values:
        statement = insert(Responder)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["code"],
                set_={key: statement.excluded[key] for key in _BROUGHT_UP_TO_DATE},
            ),
            values,
        )
    return len(values)


def _unit_values(row: Row, divisions: set[str]) -> dict[str, object]:
    division = row.optional("division_code")
    if division is not None and division not in divisions:
        raise row.fault(f"{division!r} is not a division.")
    return {
        "code": row.required("code"),
        "kind": _one_of(row, "kind", UnitKind),
        "name_zh": row.required("name_zh"),
        "name_en": row.text("name_en"),
        "division_code": division,
        "is_synthetic": row.flag("is_synthetic"),
    }


def _responder_values(
    where: str, record: dict[str, Any], unit_ids: dict[str, int]
) -> dict[str, object]:
    texts = {
        column: text_of(record[column])
        for column in ("code", "unit_code", "name_zh", "name_en", "kind")
    }
    for column, value in texts.items():
        if not value:
            raise InvalidInput(f"{where}: {column} is empty.")
    if texts["unit_code"] not in unit_ids:
        raise InvalidInput(f"{where}: {texts['unit_code']!r} is not a unit.")
    if texts["kind"] not in set(ResponderKind):
        raise InvalidInput(f"{where}: the kind is {texts['kind']!r}; write station or crew.")
    lon, lat = record["geometry"].x, record["geometry"].y
    fault = position_fault(lon, lat)
    if fault is not None:
        raise InvalidInput(f"{where}: {fault}.")
    return {
        "code": texts["code"],
        "unit_id": unit_ids[texts["unit_code"]],
        "name_zh": texts["name_zh"],
        "name_en": texts["name_en"],
        "kind": texts["kind"],
        "is_available": _flag(where, record, "is_available", default=True),
        "is_synthetic": _flag(where, record, "is_synthetic", default=False),
        "geom": f"SRID={SRID};POINT({lon} {lat})",
    }


def _flag(where: str, record: dict[str, object], column: str, *, default: bool) -> bool:
    """Return a flag of a vector file, whose format may keep it as a number or a text."""
    value = text_of(record.get(column))
    if not value:
        return default
    flag = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}.get(
        value.lower()
    )
    if flag is None:
        raise InvalidInput(f"{where}: {column} is {value!r}; write true or false.")
    return flag


def _check_no_circle(row: Row, parents: dict[int, int | None], units: dict[str, Unit]) -> None:
    seen: set[int] = set()
    at: int | None = units[row.required("code")].id
    while at is not None:
        if at in seen:
            raise row.fault("the unit is, by its parents, its own parent.")
        seen.add(at)
        at = parents[at]


def _one_of(row: Row, column: str, allowed: type[UnitKind] | type[UnitRole]) -> str:
    value = row.required(column)
    if value not in set(allowed):
        raise row.fault(f"{column} is {value!r}; write {', '.join(allowed)}.")
    return value


def _known(row: Row, column: str, ids: dict[str, int]) -> int:
    value = row.required(column)
    if value not in ids:
        raise row.fault(f"{value!r} is not a unit.")
    return ids[value]


def _check_fact(row: Row, fact: Responsibility, divisions: set[str]) -> None:
    if fact.valid_from == date.min:
        raise row.fault("the column 'valid_from' is empty.")
    if fact.valid_to is not None and fact.valid_to <= fact.valid_from:
        raise row.fault("it ends on or before the day that it begins.")
    if fact.division_code is not None and fact.division_code not in divisions:
        raise row.fault(f"{fact.division_code!r} is not a division.")
    if fact.component_code is not None and not _IDENTIFIER.fullmatch(fact.component_code):
        raise row.fault(f"{fact.component_code!r} is no identifier of 16 or 17 digits.")
    about = (fact.component_code, fact.class_id, fact.matter_type_id, fact.division_code)
    if not any(about):
        raise row.fault("it names no component, class, matter type or division.")


def _fact_key(fact: Responsibility) -> _Fact:
    return (
        fact.unit_id,
        fact.role,
        fact.component_code,
        fact.class_id,
        fact.matter_type_id,
        fact.division_code,
        fact.valid_from,
    )
