"""Tables without geometries: which columns hold coordinates, and reading numbers from them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from numpy.typing import NDArray

from gis_registry.errors import InvalidInput, UnreadableFile

#: Pairs of names, as :func:`plain_name` writes them, that a contractor's table uses. In Chinese
#: surveying 横坐标 is the easting and 纵坐标 the northing; X坐标 may be either, which the mapping's
#: axis_order says.
_PAIRS = (
    (
        ("lon", "lng", "long", "longitude", "经度", "大地经度"),
        ("lat", "latitude", "纬度", "大地纬度"),
    ),
    (
        ("x", "x坐标", "坐标x", "pointx", "xcoord", "coordx", "xcoordinate"),
        ("y", "y坐标", "坐标y", "pointy", "ycoord", "coordy", "ycoordinate"),
    ),
    (
        ("easting", "east", "东坐标", "东", "横坐标", "东向坐标"),
        ("northing", "north", "北坐标", "北", "纵坐标", "北向坐标"),
    ),
)
_WKT_NAMES = ("wkt", "thegeom", "geomwkt", "wktgeom", "geometry", "geom")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_IN_BRACKETS = re.compile(r"[(\[][^)\]]*[)\]]")
_SHOWN = 40


@dataclass(frozen=True)
class CoordinateColumns:
    """Which columns of a table hold where its rows are: two numbers, or a geometry as WKT."""

    x: str | None = None
    y: str | None = None
    wkt: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are there."""
        return tuple(one for one in (self.x, self.y, self.wkt) if one is not None)


def plain_name(name: str) -> str:
    """Return a column's name in lower case without brackets, spaces, dots and underlines."""
    plain = _IN_BRACKETS.sub("", unicodedata.normalize("NFKC", name)).lower()
    return re.sub(r"[\s._\-:/]", "", plain)


def coordinate_columns(names: Sequence[str]) -> list[CoordinateColumns]:
    """Return every set of columns of a table that holds coordinates, by their names."""
    by_plain = {plain_name(name): name for name in reversed(names)}
    found = []
    for x_names, y_names in _PAIRS:
        x = next((by_plain[one] for one in x_names if one in by_plain), None)
        y = next((by_plain[one] for one in y_names if one in by_plain), None)
        if x is not None and y is not None:
            found.append(CoordinateColumns(x=x, y=y))
    if not found:
        wkt = next((by_plain[one] for one in _WKT_NAMES if one in by_plain), None)
        found += [CoordinateColumns(wkt=wkt)] if wkt is not None else []
    return found


def chosen_columns(
    file_name: str, names: Sequence[str], declared: CoordinateColumns
) -> CoordinateColumns:
    """Return the columns that hold the coordinates of a table.

    Raises:
        UnreadableFile: there are none, by their names.
        InvalidInput: a declared one is missing, or there are several pairs.
    """
    missing = [one for one in declared.names if one not in names]
    if missing:
        raise InvalidInput(
            f"{file_name} has no column {', '.join(missing)}, which the mapping's [coordinates] "
            f"names; it has: {', '.join(names)}."
        )
    if declared.names:
        return declared
    found = coordinate_columns(names)
    if not found:
        raise UnreadableFile(
            f"{file_name} has no coordinates that can be told by their names: name the columns lon "
            "and lat, or x and y, or say them in a mapping: [coordinates] x = …, y = … (and "
            f"header_row, if the names stand further down). It has: {', '.join(names) or 'none'}."
        )
    if len(found) > 1:
        pairs = "; ".join(", ".join(one.names) for one in found)
        raise InvalidInput(
            f"{file_name} has several pairs of coordinates ({pairs}): say which one counts in a "
            "mapping: [coordinates] x = …, y = …."
        )
    return found[0]


def geometries_of(
    table: pa.Table, columns: CoordinateColumns, decimal: str
) -> tuple[NDArray[np.object_], dict[int, str]]:
    """Return the geometries of a table's rows, and why some rows have none."""
    if columns.wkt is not None:
        return _from_wkt(table[columns.wkt], columns.wkt)
    numbers: list[NDArray[np.float64]] = []
    notes: dict[int, str] = {}
    for name in (columns.x or "", columns.y or ""):
        values, faults = as_numbers(table[name], decimal)
        numbers.append(values)
        for row in np.flatnonzero(faults):
            text = str(table[name][int(row)].as_py())[:_SHOWN]
            notes.setdefault(int(row), _not_a_number(name, text, decimal))
    x, y = numbers
    geometries = np.full(len(x), None, dtype=object)
    there = ~(np.isnan(x) | np.isnan(y))
    geometries[there] = shapely.points(x[there], y[there])
    return geometries, notes


def as_numbers(
    column: pa.ChunkedArray, decimal: str = "."
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read numbers from a column.

    Returns:
        The numbers (NaN where there is none), and where something else than a number stands.
    """
    if not pa.types.is_string(column.type):
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            there = column.is_valid().to_numpy().astype(bool)
            return np.full(len(column), np.nan), there
        numbers = pc.cast(column, pa.float64(), safe=False)
        return numbers.to_numpy().astype(np.float64), np.zeros(len(column), dtype=bool)
    texts = pc.utf8_trim_whitespace(pc.utf8_normalize(column, form="NFKC"))
    if decimal == ",":
        texts = pc.replace_substring(pc.replace_substring(texts, ".", ""), ",", ".")
    fits = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    numbers = pc.cast(pc.if_else(fits, texts, None), pa.float64())
    given = pc.fill_null(pc.not_equal(texts, ""), False)
    faults = pc.and_(given, pc.invert(fits))
    return numbers.to_numpy().astype(np.float64), faults.to_numpy().astype(bool)


def has_decimal_commas(texts: Sequence[str]) -> bool:
    """Return whether texts are numbers written as in 120,3826."""
    matching = [re.fullmatch(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+", one.strip()) for one in texts]
    return bool(texts) and all(matching)


def _not_a_number(name: str, text: str, decimal: str) -> str:
    hint = ""
    if decimal == "." and has_decimal_commas([text]):
        hint = ' If the comma is a decimal one, say decimal = "," in a mapping.'
    return f"{name} is {text!r}, not a number.{hint}"


def _from_wkt(column: pa.ChunkedArray, name: str) -> tuple[NDArray[np.object_], dict[int, str]]:
    texts = pc.cast(column, pa.string()).to_numpy(zero_copy_only=False)
    geometries = shapely.from_wkt(texts, on_invalid="ignore")
    notes = {}
    for row in np.flatnonzero(shapely.is_missing(geometries)):
        if texts[row] is not None and texts[row].strip():
            notes[int(row)] = f"{name} is {texts[row][:_SHOWN]!r}, no geometry in WKT."
    return shapely.force_2d(geometries), notes
