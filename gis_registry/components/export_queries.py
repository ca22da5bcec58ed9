"""What an export asks of the database: which components, what they have, and the rows themselves.

Rows come as CSV through COPY and become Arrow's columns without a loop over their values, in
batches that bound what is in memory at once.
"""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import ColumnElement, FromClause, Numeric, Select, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session, aliased

from gis_registry.catalogue.tables import ComponentClass, GeometryType
from gis_registry.components import queries
from gis_registry.components.as_of import moment_of
from gis_registry.components.classes import class_ids
from gis_registry.components.export_batches import batch_of
from gis_registry.components.export_columns import AttributeKind, Column
from gis_registry.components.export_formats import GEOMETRY
from gis_registry.components.service import area_code
from gis_registry.components.tables import Component, ComponentState
from gis_registry.places import service as places
from gis_registry.units.tables import Unit

BATCH_ROWS = 50_000
#: A batch of large polygons ends before it has so many rows.
_BATCH_BYTES = 32 * 2**20

_DIMENSIONS = {GeometryType.POINT: 0, GeometryType.LINE: 1, GeometryType.POLYGON: 2}


@dataclass(frozen=True)
class Selection:
    """Which components.

    Attributes:
        class_codes: those of these classes of the city's edition; none: of any class.
        division_code: those in this district or subdistrict; None: in the whole city.
        state: those in this state; None: in any.
        as_of: as they were at the end of this day in the city's zone; None: as they are now.
        geometry_type: those of this type; None: of any.
    """

    class_codes: Sequence[str] = ()
    division_code: str | None = None
    state: ComponentState | None = ComponentState.ACTIVE
    as_of: date | None = None
    geometry_type: GeometryType | None = None


@dataclass(frozen=True)
class Chosen:
    """A selection that was found to make sense: what to select from, and on which conditions."""

    states: FromClause
    conditions: tuple[ColumnElement[bool], ...]

    def of_type(self, geometry_type: GeometryType) -> "Chosen":
        """Return those of them that are of a type of geometry."""
        dimension = func.ST_Dimension(self.states.c.geom) == _DIMENSIONS[geometry_type]
        return Chosen(self.states, (*self.conditions, dimension))


def choose(session: Session, selection: Selection) -> Chosen:
    """Check a selection against the catalogue and the divisions.

    Raises:
        UnknownClass: there is no such class in the city's edition.
        InvalidInput: there is no such division, or the day is still to come.
    """
    city = places.the_city(session)
    states: FromClause = Component.__table__
    if selection.as_of is not None:
        zone = ZoneInfo(city.time_zone)
        states = queries.components_as_of(moment_of(selection.as_of.isoformat(), zone))
    conditions: list[ColumnElement[bool]] = []
    if selection.state is not None:
        conditions.append(states.c.state == selection.state.value)
    if selection.class_codes:
        classes = [one for code in selection.class_codes for one in class_ids(session, code)]
        conditions.append(states.c.class_id.in_(classes))
    division_code = area_code(session, selection.division_code)
    if division_code is not None:
        conditions.append(states.c.division_code == division_code[:6])
        if len(division_code) > 6:
            conditions.append(states.c.subdistrict_code == division_code)
    chosen = Chosen(states, tuple(conditions))
    return chosen if selection.geometry_type is None else chosen.of_type(selection.geometry_type)


def count_types(session: Session, chosen: Chosen) -> dict[GeometryType, dict[str, int]]:
    """Return how many components there are of each type of geometry, by its name in PostGIS."""
    name = func.ST_GeometryType(chosen.states.c.geom)
    dimension = func.ST_Dimension(chosen.states.c.geom)
    query = (
        select(dimension, name, func.count())
        .select_from(chosen.states)
        .where(*chosen.conditions)
        .group_by(dimension, name)
        .order_by(dimension, name)
    )
    counted = [tuple(row) for row in session.execute(query)]
    return {
        kind: {name.removeprefix("ST_"): count for found, name, count in counted if found == number}
        for kind, number in _DIMENSIONS.items()
        if any(found == number for found, _, _ in counted)
    }


def attribute_kinds(session: Session, chosen: Chosen) -> list[AttributeKind]:
    """Return every attribute that one of the components has, and what its values are."""
    entry = func.jsonb_each(chosen.states.c.attributes).table_valued("key", "value").lateral()
    kind = func.jsonb_typeof(entry.c.value)
    number = cast(entry.c.value, Numeric)
    is_whole = (func.scale(number) == 0) & number.between(-(2**63), 2**63 - 1)
    query = (
        select(entry.c.key, kind, func.bool_and(is_whole).filter(kind == "number"))
        .select_from(chosen.states)
        .join(entry, literal(True))
        .where(*chosen.conditions, kind != "null")
        .group_by(entry.c.key, kind)
    )
    found: dict[str, dict[str, bool]] = {}
    for name, type_, whole in session.execute(query):
        found.setdefault(name, {})[type_] = whole
    return [
        AttributeKind(name, frozenset(types), types.get("number") is True)
        for name, types in found.items()
    ]


def text_widths(session: Session, chosen: Chosen, columns: Sequence[Column]) -> dict[str, int]:
    """Return how many bytes of GB18030 the longest text of each text column has, at least 1."""
    texts = [one for one in columns if one.type == pa.string()]
    query = _rows(chosen, texts)
    widths = [
        func.coalesce(func.max(func.octet_length(func.convert_to(value, "GB18030"))), 1)
        for value in query.selected_columns
    ]
    (found,) = session.execute(query.with_only_columns(*(func.greatest(one, 1) for one in widths)))
    return {one.name: width for one, width in zip(texts, found, strict=True)}


def batches(
    session: Session, chosen: Chosen, columns: Sequence[Column]
) -> Generator[pa.RecordBatch]:
    """Return the components by identifier, up to 50,000 at a time.

    Returns:
        Batches of the columns under their names here, and last ``geometry`` as WKB in EPSG:4490.
    """
    hexadecimal = func.encode(func.ST_AsBinary(chosen.states.c.geom), "hex")
    query = (
        _rows(chosen, columns)
        .add_columns(hexadecimal)
        .order_by(chosen.states.c.division_code, chosen.states.c.code)
    )
    schema = pa.schema([*((one.name, one.type) for one in columns), (GEOMETRY, pa.binary())])
    # Until it is closed, the connection can do nothing else, not even end its transaction.
    with closing(_copied(session, query)) as copied:
        for lines in copied:
            yield batch_of(lines, schema)


def _rows(chosen: Chosen, columns: Sequence[Column]) -> Select[*tuple[Any, ...]]:
    """Return the query for some columns of the chosen components."""
    states = chosen.states.c
    supervisor, owner, maintainer = aliased(Unit), aliased(Unit), aliased(Unit)
    special: dict[str, ColumnElement[Any]] = {
        "identifier": states.code,
        "class_code": ComponentClass.code.expression,
        "class_name": ComponentClass.name_zh.expression,
        "edition": ComponentClass.edition_key.expression,
        "supervisor_code": supervisor.code.expression,
        "owner_code": owner.code.expression,
        "maintainer_code": maintainer.code.expression,
    }

    def value(column: Column) -> ColumnElement[Any]:
        if column.is_attribute:
            return _attribute(states.attributes, column)
        return special[column.name] if column.name in special else states[column.name]

    return (
        select(*(value(one) for one in columns))
        .select_from(chosen.states)
        .join(ComponentClass, ComponentClass.id == states.class_id)
        .outerjoin(supervisor, supervisor.id == states.supervisor_id)
        .outerjoin(owner, owner.id == states.owner_id)
        .outerjoin(maintainer, maintainer.id == states.maintainer_id)
        .where(*chosen.conditions)
    )


def _attribute(attributes: ColumnElement[Any], column: Column) -> ColumnElement[Any]:
    if column.is_json:
        return func.nullif(attributes.op("->")(column.name), cast("null", JSONB)).cast(Text)
    return attributes.op("->>")(column.name)


def _copied(session: Session, query: Select[*tuple[Any, ...]]) -> Generator[bytes]:
    """Run a query through COPY; return its rows as CSV, some whole lines at a time."""
    connection = session.connection()
    compiled = query.compile(
        dialect=connection.dialect, compile_kwargs={"render_postcompile": True}
    )
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None  # noqa: S101  a session in a transaction has one
    statement = f"COPY ({compiled}) TO STDOUT (FORMAT csv)"
    lines: list[bytes] = []
    size = 0
    with driver_connection.cursor() as cursor, cursor.copy(statement, compiled.params) as copy:
        for line in copy:
            lines.append(line)
            size += len(line)
            if len(lines) == BATCH_ROWS or size > _BATCH_BYTES:
                yield b"".join(lines)
                lines, size = [], 0
        if lines:
            yield b"".join(lines)
