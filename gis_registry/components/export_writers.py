"""Writing components into files of each format, batch by batch."""

import json
import shutil
import struct
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyogrio
import shapely
from numpy.typing import NDArray
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import IllegalCharacterError, WorkbookAlreadySaved

from gis_registry.components.export_formats import GEOMETRY, FileFormat
from gis_registry.components.export_systems import System
from gis_registry.errors import InvalidInput

#: What Excel's sheets hold, the header left aside, and each of their cells.
_SHEET_ROWS = 1_048_575
_CELL_CHARACTERS = 32_767
#: What spreadsheets take for something else than text.
_FORMULA_OR_ERROR = ("=", "#")
#: What a shapefile's table holds of text, and in all.
_TEXT_BYTES = 254
_TABLE_BYTES = 2**31
#: How many bytes a shapefile's table has for values that are no text.
_WIDTHS = {pa.int64(): 18, pa.int32(): 9, pa.float64(): 24, pa.date32(): 8, pa.bool_(): 1}
_WIDTH = b"GDAL:OGR:width"
#: What GeoParquet calls the types of geometry, by their numbers in shapely.
_TYPE_NAMES = {
    0: "Point",
    1: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_BOX = pa.struct([pa.field(side, pa.float64()) for side in _SIDES])


@dataclass(frozen=True)
class Layer:
    """Components of one type of geometry on their way into a file.

    Attributes:
        name: what the layer is called, where it has a name.
        geometry_type: as GDAL names it, such as ``MultiPolygon``; ``Unknown`` is any.
        schema: the columns, the last of them the geometry as WKB.
        batches: the components.
        count: how many there are, for formats that hold only so many.
    """

    name: str
    geometry_type: str
    schema: pa.Schema
    batches: Generator[pa.RecordBatch]
    count: int = 0


def write_layers(form: FileFormat, path: Path, layers: Sequence[Layer], system: System) -> None:
    """Write layers into one file; a format without layers takes one.

    Raises:
        InvalidInput: the format cannot hold them.
        OSError, RuntimeError: the file cannot be written.
    """
    if form is FileFormat.CSV:
        _write_csv(path, layers[0], system)
    elif form is FileFormat.XLSX:
        _write_xlsx(path, layers, system)
    elif form is FileFormat.GEOPARQUET:
        write_geoparquet(path, layers[0], system)
    elif path.suffix.lower() == ".zip":
        _write_zipped(path, layers[0], system)
    else:
        for layer in layers:
            _write_with_gdal(form, path, layer, system)


class _Feed:
    """Batches for a writer in C, which cannot pass on what interrupts them: it is kept here."""

    def __init__(self, layer: Layer) -> None:
        self.interruption: BaseException | None = None
        self.count = 0
        self.reader = pa.RecordBatchReader.from_batches(layer.schema, self._batches(layer))

    def _batches(self, layer: Layer) -> Iterator[pa.RecordBatch]:
        try:
            for batch in layer.batches:
                self.count += batch.num_rows
                yield batch
        except BaseException as interruption:
            self.interruption = interruption
            raise


def _write_with_gdal(form: FileFormat, path: Path, layer: Layer, system: System) -> None:
    crs = None if system.crs is None else system.crs.to_wkt()
    if form is FileFormat.GEOJSON_SEQUENCE:  # by its standard always in WGS 84, so nothing is said
        if not (system.is_like_cgcs2000 or system.crs is None):
            raise InvalidInput(
                f"A sequence of GeoJSON features cannot say that it is in {system.name}: leave "
                "--crs out, or write another format."
            )
        crs = None
    if form is FileFormat.SHAPEFILE:
        _check_table(layer)
    feed = _Feed(layer)
    try:
        with warnings.catch_warnings():
            # A datum of map services has no definition that a file could hold.
            warnings.filterwarnings("ignore", message=".*'crs' was not provided")
            warnings.filterwarnings("ignore", message="No SRS set on layer")
            pyogrio.write_arrow(
                feed.reader,
                path,
                layer=layer.name,
                driver=form.driver,
                geometry_name=GEOMETRY,
                geometry_type=layer.geometry_type,
                crs=crs,
                encoding="GB18030" if form is FileFormat.SHAPEFILE else "UTF-8",
                layer_options=form.options,
            )
    except RuntimeError as error:
        if feed.interruption is not None:
            raise feed.interruption from None
        if "accessing batch" in str(error):  # Ctrl-C, before the feed had come to its first line
            raise KeyboardInterrupt from None
        raise
    _check_whole(form, path, layer.name, feed.count)


def _check_whole(form: FileFormat, path: Path, layer: str, count: int) -> None:
    """Look whether everything arrived: not every driver says when the disk is full."""
    if form is FileFormat.SHAPEFILE:
        is_whole = _is_whole_shapefile(path, count)
    elif form in {FileFormat.GEOJSON, FileFormat.GEOJSON_SEQUENCE}:
        with path.open("rb") as file:
            file.seek(-min(path.stat().st_size, 8), 2)
            end = file.read().rstrip()
        is_whole = end.endswith(b"]\n}" if form is FileFormat.GEOJSON else b"}")
    else:
        found = pyogrio.read_info(path, layer=layer, force_feature_count=True)["features"]
        is_whole = found == count
    if not is_whole:
        raise RuntimeError("not all of it arrived in the file")


def _is_whole_shapefile(path: Path, count: int) -> bool:
    """Return whether the three files are as long as their headers and the count say."""
    with path.with_suffix(".dbf").open("rb") as file:
        rows, header_bytes, row_bytes = struct.unpack("<4xIHH", file.read(12))
    with path.open("rb") as file:
        words = int.from_bytes(file.read(28)[24:], "big")
    return (
        rows == count
        and path.with_suffix(".dbf").stat().st_size >= header_bytes + rows * row_bytes
        and path.with_suffix(".shx").stat().st_size == 100 + 8 * count
        and path.stat().st_size == 2 * words
    )


def _check_table(layer: Layer) -> None:
    """Refuse what a shapefile's table would cut.

    Raises:
        InvalidInput: a text is too long, or all of it too much.
    """
    row_bytes = 1
    for field in layer.schema:
        if field.name == GEOMETRY:
            continue
        width = int((field.metadata or {}).get(_WIDTH, b"0")) or _WIDTHS[field.type]
        if field.type == pa.string() and width > _TEXT_BYTES:
            raise InvalidInput(
                f"The column {field.name} has a text of {width} bytes, and a shapefile holds "
                f"{_TEXT_BYTES}: write .gpkg instead."
            )
        row_bytes += width
    if row_bytes * layer.count > _TABLE_BYTES:
        raise InvalidInput(
            f"The table of {layer.count:,} rows of {row_bytes} bytes is larger than the 2 GiB that "
            "a shapefile holds: write .gpkg, or choose fewer classes."
        )


def with_widths(schema: pa.Schema, widths: Sequence[int | None]) -> pa.Schema:
    """Return a schema that tells GDAL how many bytes its text columns have; None: not text."""
    for index, width in enumerate(widths):
        if width is not None:
            field = schema.field(index).with_metadata({_WIDTH: str(width)})
            schema = schema.set(index, field)
    return schema


def with_json(schema: pa.Schema, are_json: Sequence[bool]) -> pa.Schema:
    """Return a schema that tells GDAL which of its text columns hold JSON."""
    for index, is_json in enumerate(are_json):
        if is_json:
            metadata = {"GDAL:OGR:type": "String", "GDAL:OGR:subtype": "JSON"}
            schema = schema.set(index, schema.field(index).with_metadata(metadata))
    return schema


def _write_zipped(path: Path, layer: Layer, system: System) -> None:
    folder = path.parent / "unzipped"
    folder.mkdir()
    _write_with_gdal(FileFormat.SHAPEFILE, folder / f"{layer.name}.shp", layer, system)
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for one in sorted(folder.iterdir()):
            archive.write(one, one.name)
    shutil.rmtree(folder)


def write_geoparquet(path: Path, layer: Layer, system: System, *, boxes: str | None = None) -> None:
    """Write a layer as GeoParquet.

    Args:
        path: the file.
        layer: what it holds.
        system: what its coordinates are in.
        boxes: what a column with the box of each geometry is called; None: there is none.

    Raises:
        OSError: the file cannot be written.
    """
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    types: set[int] = set()
    schema = layer.schema if boxes is None else layer.schema.append(pa.field(boxes, _BOX))
    with pyarrow.parquet.ParquetWriter(
        path,
        schema,
        compression="zstd",
        store_schema=False,  # it would hide from pyarrow what is added at the end
    ) as writer:
        for batch in layer.batches:
            geometries = _geometries(batch)
            if boxes is not None:
                batch = batch.append_column(schema.field(boxes), _boxes(geometries))
            writer.write_batch(batch)
            bounds = shapely.total_bounds(geometries)
            low, high = np.fmin(low, bounds[:2]), np.fmax(high, bounds[2:])
            types |= set(np.unique(shapely.get_type_id(geometries)).tolist())
        column: dict[str, object] = {
            "encoding": "WKB",
            "geometry_types": [name for number, name in _TYPE_NAMES.items() if number in types],
            "crs": None if system.crs is None else system.crs.to_json_dict(),
        }
        if np.isfinite(low).all():
            column["bbox"] = [*low.tolist(), *high.tolist()]
        if boxes is not None:
            column["covering"] = {"bbox": {side: [boxes, side] for side in _SIDES}}
        described = {
            "version": "1.1.0",
            "primary_column": GEOMETRY,
            "columns": {GEOMETRY: column},
        }
        writer.add_key_value_metadata({"geo": json.dumps(described)})


def _boxes(geometries: NDArray[np.object_]) -> pa.StructArray:
    bounds = shapely.bounds(geometries)
    sides = [pa.array(bounds[:, number]) for number in range(len(_SIDES))]
    return pa.StructArray.from_arrays(
        sides, fields=list(_BOX), mask=pa.array(np.isnan(bounds).any(axis=1))
    )


def _write_csv(path: Path, layer: Layer, system: System) -> None:
    schema = _with_coordinates(layer, system)
    with path.open("wb") as file:
        file.write(b"\xef\xbb\xbf")  # Excel takes it for UTF-8 by this
        with pyarrow.csv.CSVWriter(file, schema) as writer:
            for batch in layer.batches:
                writer.write_batch(_flat(batch, schema))


def _write_xlsx(path: Path, layers: Sequence[Layer], system: System) -> None:
    for layer in layers:
        if layer.count > _SHEET_ROWS:
            raise InvalidInput(
                f"{layer.count:,} components are more than the {_SHEET_ROWS:,} that a sheet of an "
                "Excel file holds: write .csv or .gpkg, or choose fewer classes."
            )
    workbook = Workbook(write_only=True)
    try:
        for layer in layers:
            _write_sheet(workbook, layer, system)
        workbook.save(path)
    finally:
        for (
            sheet
        ) in workbook.worksheets:  # a sheet that is not closed complains when it is forgotten
            with suppress(OSError, WorkbookAlreadySaved):
                sheet.close()


def _write_sheet(workbook: Workbook, layer: Layer, system: System) -> None:
    sheet = workbook.create_sheet(layer.name[:31])
    schema = _with_coordinates(layer, system)
    sheet.append(schema.names)
    for batch in layer.batches:
        columns = [column.to_pylist() for column in _flat(batch, schema).columns]
        for row in zip(*columns, strict=True):
            try:
                sheet.append([_cell(sheet, value) for value in row])
            except IllegalCharacterError as error:
                raise _unfit(row, "a control character") from error
            except _TooLong as error:
                raise _unfit(row, f"a text of more than {_CELL_CHARACTERS:,} characters") from error


class _TooLong(Exception):
    """A text is longer than a cell, where it would be cut."""


def _cell(sheet: object, value: object) -> object:
    if isinstance(value, float) and float(f"{value:.16g}") != value:
        cell = WriteOnlyCell(sheet, repr(value))  # openpyxl would write 16 digits
        cell.data_type = "n"
        return cell
    if not isinstance(value, str):
        return value
    if len(value) > _CELL_CHARACTERS:
        raise _TooLong
    if not value.startswith(_FORMULA_OR_ERROR):
        return value
    cell = WriteOnlyCell(sheet, value)
    cell.data_type = "s"
    return cell


def _unfit(row: Sequence[object], what: str) -> InvalidInput:
    return InvalidInput(
        f"The component {row[0]} has {what}, which an Excel file cannot hold: write .csv or .gpkg."
    )


def _with_coordinates(layer: Layer, system: System) -> pa.Schema:
    """Return the columns of a layer with its geometry as two numbers or, if it needs it, as WKT."""
    schema = layer.schema.remove(len(layer.schema) - 1)
    if layer.geometry_type != "Point":
        return schema.append(pa.field("wkt", pa.string()))
    for name in ("lon", "lat") if system.is_in_degrees else ("x", "y"):
        schema = schema.append(pa.field(name, pa.float64()))
    return schema


def _flat(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with its geometry in the columns of :func:`_with_coordinates`."""
    geometries = _geometries(batch)
    if schema.names[-1] == "wkt":
        texts = shapely.to_wkt(geometries, rounding_precision=-1)
        written = [pa.array(texts, pa.string())]
    else:
        written = [pa.array(shapely.get_x(geometries)), pa.array(shapely.get_y(geometries))]
    return pa.RecordBatch.from_arrays([*batch.columns[:-1], *written], schema=schema)


def _geometries(batch: pa.RecordBatch) -> NDArray[np.object_]:
    wkb = batch.column(batch.num_columns - 1).to_numpy(zero_copy_only=False)
    return np.asarray(shapely.from_wkb(wkb), dtype=object)
