"""CSV files with coordinate columns, in any encoding, separator and state of order.

Values stay text, as they are in the file: 0137 is no number. A line with too few or too many
values would shift what follows into other columns: it becomes a row without values, and a note says
so.
"""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.surveys.coordinates import (
    CoordinateColumns,
    chosen_columns,
    geometries_of,
)
from gis_registry.surveys.layers import BATCH_ROWS, Piece, refuse_repeated
from gis_registry.surveys.shapefiles import Encoding, known_encoding
from gis_registry.vector_files import readable

_SEPARATORS = ",;\t|"
_CHUNK = 2**22
_SHOWN = 60
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class _Ragged:
    """A line whose number of values is not that of the columns: its row, and what is wrong."""

    row: int
    note: str


@dataclass(frozen=True)
class DelimitedLayer:
    """The table in a CSV file."""

    path: Path
    name: str
    encoding: Encoding
    separator: str
    header: tuple[str, ...]
    lines_before: int
    coordinates: CoordinateColumns
    decimal: str
    row_count: int
    format: str = field(default="CSV", init=False)
    crs: None = field(default=None, init=False)

    @property
    def geometry_type(self) -> str:
        """Points, unless geometries are written out."""
        return "Unknown" if self.coordinates.wkt else "Point"

    @property
    def fields(self) -> tuple[str, ...]:
        """The columns without those that hold coordinates."""
        return tuple(one for one in self.header if one not in self.coordinates.names)

    def pieces(self) -> Iterator[Piece]:
        """Read the rows in the file's order."""
        for table, notes in _tables(
            self.path, self.encoding.name, self.separator, self.header, self.lines_before
        ):
            geometries, faults = geometries_of(table, self.coordinates, self.decimal)
            yield Piece(table.select(list(self.fields)), geometries, faults | notes)


def open_delimited(
    path: Path,
    *,
    encoding: str | None,
    coordinates: CoordinateColumns,
    decimal: str,
    header_row: int | None,
) -> DelimitedLayer:
    """Open a CSV file and count its rows.

    Raises:
        UnreadableFile: it is empty, or has no coordinates.
        InvalidInput: its encoding cannot be told, columns repeat, or a quotation stays open.
    """
    found = _encoding(path, encoding)
    header, separator, lines_before = _header(path, found.name, header_row)
    refuse_repeated(path.name, header)
    chosen = chosen_columns(path.name, header, coordinates)
    count, last = 0, None
    with readable(path):
        for table, _ in _tables(path, found.name, separator, header, lines_before):
            count += len(table)
            last = table.slice(len(table) - 1)
    if last is not None and _ends_in_a_quotation(path, last):
        raise InvalidInput(
            f"{path.name}, row {count}: a quotation mark is opened and never closed, so that the "
            "rest of the file would be one value. Close it, or double it if it is a part of a text."
        )
    return DelimitedLayer(
        path, path.stem, found, separator, header, lines_before, chosen, decimal, count
    )


def _tables(
    path: Path, encoding: str, separator: str, header: tuple[str, ...], lines_before: int
) -> Iterator[tuple[pa.Table, dict[int, str]]]:
    """Read the table in pieces of at most BATCH_ROWS, ragged lines as rows without values."""
    ragged: list[_Ragged] = []

    def keep(line: arrow_csv.InvalidRow) -> str:
        note = (
            f"The line has {line.actual_columns} values for {line.expected_columns} columns, so "
            f"that none can be told: {line.text[:_SHOWN]!r}."
        )
        ragged.append(_Ragged(line.number - lines_before, note))
        return "skip"

    schema = pa.schema([(name, pa.string()) for name in header])
    reader = arrow_csv.open_csv(
        str(path),
        read_options=arrow_csv.ReadOptions(
            column_names=list(header),
            skip_rows_after_names=lines_before,
            encoding="utf8" if encoding in {"utf-8", "utf-8-sig", "ascii"} else encoding,
            use_threads=False,  # or lines have no numbers
            block_size=_CHUNK,
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=keep
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, null_values=[""]
        ),
    )
    row = 1
    for batch in reader:
        table, notes = _with_ragged(pa.Table.from_batches([batch]), ragged, row)
        row += len(table)
        yield from _in_batches(table, notes)
    if ragged:
        nothing = schema.empty_table().take(pa.nulls(len(ragged), pa.int64()))
        yield from _in_batches(nothing, dict(enumerate(one.note for one in ragged)))


def _with_ragged(
    table: pa.Table, ragged: list[_Ragged], first_row: int
) -> tuple[pa.Table, dict[int, str]]:
    """Put the ragged lines that stand between a table's rows where they belong."""
    notes: dict[int, str] = {}
    while ragged and ragged[0].row < first_row + len(table) + len(notes):
        one = ragged.pop(0)
        notes[one.row - first_row] = one.note
    if not notes:
        return table, notes
    is_ragged = np.zeros(len(table) + len(notes), dtype=bool)
    is_ragged[list(notes)] = True
    return table.take(pa.array(np.cumsum(~is_ragged) - 1, mask=is_ragged)), notes


def _in_batches(
    table: pa.Table, notes: dict[int, str]
) -> Iterator[tuple[pa.Table, dict[int, str]]]:
    for start in range(0, len(table), BATCH_ROWS):
        stop = start + BATCH_ROWS
        yield (
            table.slice(start, BATCH_ROWS),
            {row - start: note for row, note in notes.items() if start <= row < stop},
        )


def _encoding(path: Path, declared: str | None) -> Encoding:
    """Find out in which encoding a file is; all of it must fit."""
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise UnreadableFile(f"{path.name} is empty.")
    by_mark = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if declared is not None:
        name = known_encoding(declared)
        said = Encoding("utf-8-sig" if name == "utf-8" else name, "the mapping declares it")
    elif by_mark is not None:
        said = Encoding(by_mark, "its byte order mark says it")
    elif _fits(path, "utf-8"):
        return Encoding("utf-8", "all the text is valid UTF-8")
    elif _fits(path, "gb18030"):
        return Encoding("gb18030", "the text is not UTF-8, but valid GB18030")
    else:
        raise InvalidInput(
            f"{path.name} is neither UTF-8 nor GB18030. Ask who made it, and declare its encoding "
            'in a mapping: encoding = "big5", for instance.'
        )
    if not _fits(path, said.name):
        raise InvalidInput(
            f"{path.name} holds text that is not {said.name}, though {said.reason}. Declare the "
            'right one in a mapping: encoding = "gb18030", or "utf-8".'
        )
    return said


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _header(path: Path, encoding: str, header_row: int | None) -> tuple[tuple[str, ...], str, int]:
    """Return the names of the columns, the separator, and how many lines precede the first row."""
    with path.open(encoding=encoding, newline="") as file:
        start = file.read(_CHUNK)
    if "\x00" in start:
        raise UnreadableFile(f"{path.name} is no table of text: it holds bytes that are no text.")
    lines = start.splitlines()
    wanted = [one for one in lines[(header_row or 1) - 1 :] if one.strip()]
    if not wanted:
        raise UnreadableFile(f"{path.name} has no line with the names of its columns.")
    separator = max(_SEPARATORS, key=wanted[0].count)
    reader = csv.reader(io.StringIO(start, newline=None), delimiter=separator)
    try:
        for number, names in enumerate(reader, start=1):
            if any(one.strip() for one in names) and number >= (header_row or 1):
                header = tuple(
                    one.strip() or f"column {at}" for at, one in enumerate(names, start=1)
                )
                return header, separator, number
    except csv.Error as error:
        raise UnreadableFile(f"{path.name} is no CSV file: {error}.") from error
    raise UnreadableFile(f"{path.name} has no line with the names of its columns.")


def _ends_in_a_quotation(path: Path, last: pa.Table) -> bool:
    """Return whether the last value is what followed a quotation mark without a partner."""
    if not any("\n" in str(column[0]) for column in last.columns):
        return False
    quotes = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            quotes += chunk.count(b'"')
    return quotes % 2 == 1
