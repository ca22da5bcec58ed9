"""Loading a version: rows are checked and placed, wait as text, and become a table with types."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput
from gis_registry.layers import queries
from gis_registry.layers.checking import FAR_FROM_CITY, SURROUNDINGS, Surroundings, check
from gis_registry.layers.columns import ColumnReader, cast
from gis_registry.layers.naming import PLACE_COLUMNS, column_names
from gis_registry.layers.origins import Opened
from gis_registry.layers.schemas import ColumnType, LayerColumn, OriginFacts, Quality, StrayValues
from gis_registry.places.locating import Locator
from gis_registry.places.service import the_city, today
from gis_registry.places.tables import City
from gis_registry.surveys.checked import CheckedRows, Refusal, RowCheck
from gis_registry.surveys.progress import Progress, silent

MISSING_ID, DUPLICATE_ID = "missing-id", "duplicate-id"
#: The order of these values says something; that of texts and truths does not.
_ORDERED = frozenset({ColumnType.INTEGER, ColumnType.NUMBER, ColumnType.DATE, ColumnType.DATETIME})
_SHOWN = 3
_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class RowNote:
    """What was found about a row; ``attributes`` is what a refused one said."""

    row_number: int
    is_refused: bool
    reason: str
    sentence: str
    attributes: dict[str, Any] | None = None


@dataclass(frozen=True)
class Loaded:
    """A table of features with what is known of it."""

    columns: list[LayerColumn]
    id_type: str
    quality: Quality
    facts: OriginFacts
    notes: list[RowNote]


@dataclass
class _Columns:
    """The columns of a layer while it is read."""

    fields: tuple[str, ...]
    names: list[tuple[str, str]]
    readers: list[ColumnReader]
    staged: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.staged = [f"f{number}" for number in range(len(self.fields))]

    def place_of(self, field_name: str, option: str, title: str) -> int:
        if field_name not in self.fields:
            raise InvalidInput(
                f"{title} has no field {field_name!r}, which {option} names; it has: "
                f"{', '.join(self.fields[:50]) or 'none'}."
            )
        return self.fields.index(field_name)


def load(
    session: Session,
    opened: Opened,
    table: str,
    *,
    id_field: str | None,
    time_field: str | None,
    progress: Progress = silent,
) -> Loaded:
    """Read everything into a table of its own, which nobody reads before it is published.

    Raises:
        UnreadableFile: the origin cannot be read to its end.
        InvalidInput: no row can be a feature, or a named field is not there or of a wrong type.
    """
    city = the_city(session)
    columns = _Columns(
        opened.fields,
        column_names(opened.title, opened.fields),
        [
            ColumnReader(
                is_plain=opened.is_plain,
                are_types_found=opened.are_types_found,
                declared=opened.declared.get(one),
            )
            for one in opened.fields
        ],
    )
    key = None if id_field is None else columns.place_of(id_field, "--id", opened.title)
    if time_field is not None:
        columns.place_of(time_field, "--time", opened.title)
    staging = queries.Staging(session, columns.staged)
    notes = _stage(session, opened, columns, staging, city, progress)
    if id_field is not None and key is not None:
        for number, first, shape, values in staging.take_without(columns.staged[key]):
            said = dict(zip(columns.fields, values, strict=True))
            said["geometry"] = _wkt(shapely.from_wkb(shape))
            notes.append(_without_key(number, first, id_field, said))
    progress("Finding out types and counting", 0, None)
    id_type = _make_table(session, table, columns, key, city.time_zone)
    found, quality = _figures(session, table, columns, notes, duplicates=staging.duplicates())
    staging.drop()
    if quality.features == 0:
        raise InvalidInput(_nothing_left(opened, quality.rows, notes))
    _refuse_other_than_times(found, columns, time_field)
    return Loaded(found, id_type, quality, opened.facts(), notes)


def _stage(
    session: Session,
    opened: Opened,
    columns: _Columns,
    staging: queries.Staging,
    city: City,
    progress: Progress,
) -> list[RowNote]:
    """Check and place rows, and let the good ones wait; return what was found about rows."""
    around = _surroundings(session, city)
    locator = Locator(session, city=city, on_date=today(session))
    notes: list[RowNote] = []
    for batch in opened.batches():
        checked = check(batch, around)
        texts = [
            reader.read(batch.fields[name], batch.first_row)
            for name, reader in zip(columns.fields, columns.readers, strict=True)
        ]
        notes += _notes(checked, columns.fields, texts)
        good = np.flatnonzero(checked.good)
        if len(good):
            staging.add(_waiting(checked, good, columns.staged, texts, locator))
        progress("Reading rows", batch.first_row + len(checked) - 1, opened.row_count)
    return notes


def _surroundings(session: Session, city: City) -> Surroundings:
    box = queries.city_box(session, today(session))
    west, south, east, north = box or (-180.0, -90.0, 180.0, 90.0)
    return Surroundings(
        west - SURROUNDINGS,
        south - SURROUNDINGS,
        east + SURROUNDINGS,
        north + SURROUNDINGS,
        city_name=city.name_en,
    )


def _waiting(
    checked: CheckedRows,
    good: NDArray[np.int64],
    staged: Sequence[str],
    texts: Sequence[pa.ChunkedArray],
    locator: Locator,
) -> pa.Table:
    """Return good rows as they wait: number, geometry, places, and values as text."""
    shapes = checked.geometries[good]
    points = shapes.copy()
    extended = shapely.get_type_id(points) > 0
    points[extended] = shapely.point_on_surface(points[extended])
    located = locator.locate(points)
    codes = (located.division_codes, located.subdistrict_codes, located.cell_codes)
    wkb = shapely.to_wkb(shapely.set_srid(shapes, SRID), include_srid=True, output_dimension=2)
    return pa.table(
        {
            queries.ROW: pa.array(good + checked.first_row, pa.int32()),
            queries.GEOMETRY: pa.array(wkb, pa.binary()),
            **{
                name: pa.array(one, pa.string(), from_pandas=True)
                for name, one in zip(PLACE_COLUMNS, codes, strict=True)
            },
            **{name: one.take(pa.array(good)) for name, one in zip(staged, texts, strict=True)},
        }
    )


def _notes(
    checked: CheckedRows, fields: Sequence[str], texts: Sequence[pa.ChunkedArray]
) -> list[RowNote]:
    """Return what was found about the rows of a batch, of refused ones with all that they said."""
    notes = []
    for row in sorted({*np.flatnonzero(~checked.good).tolist(), *checked.issues}):
        number = checked.first_row + row
        if checked.good[row]:
            notes += [
                RowNote(number, False, one.check, one.sentence) for one in checked.issues[row]
            ]
            continue
        said = {name: one[row].as_py() for name, one in zip(fields, texts, strict=True)}
        shape = checked.geometries[row]
        if shape is not None:
            said["geometry"] = _wkt(shape)
        reason = str(checked.refusal[row])
        notes.append(RowNote(number, True, reason, str(checked.reason[row]), said))
    return notes


def _wkt(shape: shapely.Geometry) -> str:
    return str(shapely.to_wkt(shape, rounding_precision=7))


def _without_key(
    number: int, first: int | None, id_field: str, said: dict[str, str | None]
) -> RowNote:
    key = said[id_field]
    if key is None:
        sentence = f"{id_field} is empty, which tells features apart."
        return RowNote(number, True, MISSING_ID, sentence, said)
    sentence = f"{id_field} is {key[:_LONGEST_SHOWN]!r}, as in row {first}."
    return RowNote(number, True, DUPLICATE_ID, sentence, said)


def _make_table(session: Session, table: str, columns: _Columns, key: int | None, zone: str) -> str:
    """Make the table of features; return what PostgreSQL calls the type of their ids."""
    values = {
        name: cast(staged, reader.type, zone)
        for (_, name), staged, reader in zip(
            columns.names, columns.staged, columns.readers, strict=True
        )
    }
    if key is None:
        feature_id: queries.Composed = sql.SQL("row_number::bigint")
        id_type = "bigint"
    elif columns.readers[key].type is ColumnType.INTEGER:
        feature_id = cast(columns.staged[key], ColumnType.INTEGER, zone)
        id_type = "bigint"
    else:
        feature_id = cast(columns.staged[key], ColumnType.STRING, zone)
        id_type = "text"
    queries.make_feature_table(session, table, feature_id=feature_id, columns=values)
    return id_type


def _figures(
    session: Session, table: str, columns: _Columns, notes: Sequence[RowNote], *, duplicates: int
) -> tuple[list[LayerColumn], Quality]:
    """Return the columns of a table with what is in them, and how good its data are."""
    types = [one.type for one in columns.readers]
    asked = [(name, kind in _ORDERED) for (_, name), kind in zip(columns.names, types, strict=True)]
    found = [
        LayerColumn(
            name=property_name,
            column=column,
            title=title,
            type=kind,
            filled=filled,
            least=least,
            greatest=greatest,
        )
        for title, (property_name, column), kind, (filled, least, greatest) in zip(
            columns.fields,
            columns.names,
            types,
            queries.column_figures(session, table, asked),
            strict=True,
        )
    ]
    features, outside, *box = queries.feature_figures(session, table)
    refused = Counter(one.reason for one in notes if one.is_refused)
    quality = Quality(
        rows=features + refused.total(),
        features=features,
        refused=dict(sorted(refused.items())),
        repaired=_rows_with(notes, RowCheck.REPAIRED),
        duplicates=duplicates,
        outside_divisions=outside,
        far_from_city=_rows_with(notes, FAR_FROM_CITY),
        empty_columns=[one.name for one in found if one.filled == 0],
        stray_values=_stray_values(found, columns.readers),
        geometry_types=queries.geometry_types(session, table),
        box=tuple(box) if features else None,
    )
    return found, quality


def _stray_values(
    found: Sequence[LayerColumn], readers: Sequence[ColumnReader]
) -> list[StrayValues]:
    strays = ((column.name, reader.strays) for column, reader in zip(found, readers, strict=True))
    return [
        StrayValues(
            name=name,
            like=one.like,
            values=one.values,
            strays=one.count,
            first=one.first[:_LONGEST_SHOWN],
            first_row=one.first_row,
        )
        for name, one in strays
        if one is not None
    ]


def _rows_with(notes: Sequence[RowNote], reason: str) -> int:
    """Return how many features have a note; a row may be refused later on."""
    refused = {one.row_number for one in notes if one.is_refused}
    return len({one.row_number for one in notes if one.reason == reason} - refused)


def _refuse_other_than_times(
    found: Sequence[LayerColumn], columns: _Columns, time_field: str | None
) -> None:
    if time_field is None:
        return
    kind = found[columns.fields.index(time_field)].type
    if kind not in {ColumnType.DATE, ColumnType.DATETIME}:
        raise InvalidInput(
            f"{time_field} holds values of the type {kind}; --time names a field of days, such as "
            "2026-06-30, or of times."
        )


def _nothing_left(opened: Opened, rows: int, notes: Sequence[RowNote]) -> str:
    if rows == 0:
        return f"{opened.title} has no rows: there is nothing to publish."
    reasons = Counter(one.reason for one in notes if one.is_refused).most_common(_SHOWN)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    first = next(one for one in notes if one.is_refused)
    said = (
        f"No row of {opened.title} can be published ({listed}). Row {first.row_number}: "
        f"{first.sentence}"
    )
    if reasons[0][0] == Refusal.INVALID_POSITION:
        said += (
            f" It was read as {opened.facts().crs}; if that is the wrong system, give the right "
            "one (--crs EPSG:…), or correct a file that says it itself (ogr2ogr -a_srs EPSG:…)."
        )
    return said
