"""XLSX workbooks with coordinate columns: a sheet is a layer, formulas count by their last value.

A sheet has a million rows at most, so it is read whole; a column then has one type for all of them.
"""

import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl
import pyarrow as pa
from openpyxl.utils.exceptions import InvalidFileException

from gis_registry.archives import MAX_UNPACKED_BYTES
from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.surveys.coordinates import CoordinateColumns, chosen_columns, geometries_of
from gis_registry.surveys.layers import BATCH_ROWS, Piece, refuse_repeated

_CHUNK = 2**22
#: What a cell shows whose formula went wrong.
_FAULTS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#GETTING_DATA"}
)
#: A formula, and nothing or an empty value after it: the file was never opened by what calculates.
_UNCALCULATED = (b"</f></c>", b"</f><v></v>", b"</f><v/>", b"</f><v />")

Cell = object


@dataclass(frozen=True)
class SheetLayer:
    """The table in one sheet."""

    name: str
    table: pa.Table
    notes: dict[int, str]
    coordinates: CoordinateColumns
    decimal: str
    format: str = field(default="XLSX", init=False)
    crs: None = field(default=None, init=False)
    encoding: None = field(default=None, init=False)

    @property
    def geometry_type(self) -> str:
        """Points, unless geometries are written out."""
        return "Unknown" if self.coordinates.wkt else "Point"

    @property
    def row_count(self) -> int:
        """How many rows the sheet has."""
        return len(self.table)

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns without those that hold coordinates."""
        names = self.table.column_names
        return tuple(one for one in names if one not in self.coordinates.names)

    def pieces(self) -> Iterator[Piece]:
        """Give the rows in the sheet's order; rows without any value are none."""
        for start in range(0, len(self.table), BATCH_ROWS):
            table = self.table.slice(start, BATCH_ROWS)
            geometries, faults = geometries_of(table, self.coordinates, self.decimal)
            for row in range(start, start + len(table)):
                if row in self.notes:
                    faults[row - start] = " ".join(
                        filter(None, (faults.get(row - start), self.notes[row]))
                    )
            yield Piece(table.select(list(self.fields)), geometries, faults)


def sheet_names(path: Path) -> list[str]:
    """Return the names of a workbook's sheets that hold anything.

    Raises:
        UnreadableFile: it is no workbook.
    """
    with _workbook(path) as book:
        return [sheet.title for sheet in book.worksheets if next(_rows(sheet), None) is not None]


def open_sheet(
    path: Path,
    name: str,
    *,
    coordinates: CoordinateColumns,
    decimal: str,
    header_row: int | None,
) -> SheetLayer:
    """Read a sheet.

    Raises:
        UnreadableFile: it has no header or no coordinates.
        InvalidInput: columns repeat, or formulas were never calculated.
    """
    _refuse_uncalculated(path)
    with _workbook(path) as book:
        rows = _rows(book[name])
        header = next((cells for number, cells in rows if number >= (header_row or 1)), None)
        if header is None:
            raise UnreadableFile(f"{path.name} has no row with the names of its columns.")
        table, notes = _table(header, rows)
    chosen = chosen_columns(path.name, table.column_names, coordinates)
    return SheetLayer(name, table, notes, chosen, decimal)


@contextmanager
def _workbook(path: Path) -> Iterator[openpyxl.Workbook]:
    """Open a workbook for reading it once, with one error for all that can be wrong with it."""
    try:
        with ZipFile(path) as archive:
            size = sum(one.file_size for one in archive.infolist())
        if size > MAX_UNPACKED_BYTES:
            raise InvalidInput(f"{path.name} unpacks to {size:,} bytes: more than is read.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and the like
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            try:
                yield book
            finally:
                book.close()
    except (BadZipFile, InvalidFileException, zlib.error, SyntaxError, EOFError, OSError) as error:
        raise _unreadable(path) from error  # an XML error is a SyntaxError
    except (KeyError, ValueError, TypeError) as error:  # parts that are missing or make no sense
        raise _unreadable(path) from error


def _unreadable(path: Path) -> UnreadableFile:
    empty = path.stat().st_size == 0
    return UnreadableFile(
        f"{path.name} is empty."
        if empty
        else f"{path.name} is no XLSX workbook, or it is damaged: save it again as .xlsx."
    )


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """Give the rows of a sheet that hold a value, with their numbers from 1."""
    sheet.reset_dimensions()  # what the file says of its size is often wrong
    for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if any(one is not None and one != "" for one in cells):
            yield number, cells


def _refuse_uncalculated(path: Path) -> None:
    """Refuse a workbook with formulas that have no value: it would seem to be empty there."""
    try:
        with ZipFile(path) as archive:
            sheets = [one for one in archive.namelist() if one.startswith("xl/worksheets/sheet")]
            for name in sheets:
                with archive.open(name) as file:
                    tail = b""
                    while chunk := file.read(_CHUNK):
                        text = tail + chunk
                        if any(one in text for one in _UNCALCULATED):
                            raise InvalidInput(
                                f"{path.name} holds formulas without values: open it in a "
                                "spreadsheet program, save it there, and load it again."
                            )
                        tail = text[-16:]
    except (BadZipFile, zlib.error, EOFError, OSError) as error:
        raise _unreadable(path) from error


def _table(
    header: Sequence[Cell], rows: Iterator[tuple[int, tuple[Cell, ...]]]
) -> tuple[pa.Table, dict[int, str]]:
    """Return the table below a header, and what its cells could not say."""
    names = [
        f"column {at}" if one is None or not str(one).strip() else str(one).strip()
        for at, one in enumerate(header, start=1)
    ]
    columns: list[list[Cell]] = [[] for _ in names]
    notes: dict[int, str] = {}
    for row, (_, cells) in enumerate(rows):
        while len(columns) < len(cells):  # a value beside the table
            columns.append([None] * row)
            names.append(f"column {len(columns)}")
        for at, values in enumerate(columns):
            cell = cells[at] if at < len(cells) else None
            if isinstance(cell, str) and cell in _FAULTS:
                notes.setdefault(row, f"{names[at]} is the fault {cell} of a formula.")
                cell = None
            values.append(None if cell == "" else cell)
    named = [at for at, one in enumerate(columns) if at < len(header) and header[at] is not None]
    kept = [at for at, one in enumerate(columns) if at in named or any(c is not None for c in one)]
    refuse_repeated("The sheet", [names[at] for at in kept])
    return pa.table({names[at]: _column(columns[at]) for at in kept}), notes


def _column(values: list[Cell]) -> pa.Array:
    """Return the values of a column in the one type that holds all of them."""
    kinds = {type(one) for one in values if one is not None}
    if kinds and kinds <= {datetime, date}:
        if all(one is None or not _time_of(one) for one in values):
            days = [one.date() if isinstance(one, datetime) else one for one in values]
            return pa.array(days, type=pa.date32())
    elif kinds == {bool}:
        return pa.array(values, type=pa.bool_())
    elif kinds == {int} and all(one is None or abs(one) < 2**63 for one in values):  # type: ignore[arg-type]
        return pa.array(values, type=pa.int64())
    elif kinds and kinds <= {int, float}:
        return pa.array(values, type=pa.float64())
    return pa.array([_text(one) for one in values], type=pa.string())


def _time_of(value: Cell) -> bool:
    return isinstance(value, datetime) and value.time() != time()


def _text(value: Cell) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime) and not _time_of(value):
        return value.date().isoformat()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)
