"""Layers of the files that GDAL reads, and of GeoParquet, which its build here does not read."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.raw import read as read_raw

from gis_registry.errors import UnreadableFile
from gis_registry.surveys.geometries import geometries_of_wkb
from gis_registry.surveys.layers import BATCH_ROWS, Piece, is_bytes, plain_columns
from gis_registry.surveys.shapefiles import (
    Encoding,
    decoded,
    decoded_name,
    deleted_rows,
    refuse_incomplete,
    shapefile_encoding,
    texts_of,
)
from gis_registry.vector_files import readable

#: How the day that GDAL makes of what is no date is written.
_EPOCH = re.compile(r"1970-?01-?01")
_NO_DATE = "no date that can be read"
_SHAPEFILE = "ESRI Shapefile"
#: What GDAL makes of how Google Earth draws a placemark: no attributes of the thing.
_DRAWING = frozenset(
    {"altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon", "snippet"}
)
#: GeoParquet without ``crs`` is in WGS 84, longitude first.
_PARQUET_DEFAULT_CRS = "OGC:CRS84"


@dataclass(frozen=True)
class GdalLayer:
    """A layer of a file that GDAL reads."""

    path: Path
    name: str
    format: str
    geometry_type: str
    crs: str | None
    row_count: int | None
    fields: tuple[str, ...]
    encoding: Encoding | None

    def pieces(self) -> Iterator[Piece]:
        """Read the rows in the file's order."""
        first = 0
        with (
            readable(self.path),
            pyogrio.open_arrow(
                str(self.path),
                layer=self.name,
                batch_size=BATCH_ROWS,
                use_pyarrow=True,
                encoding=_byte_by_byte(self.format),
            ) as (meta, reader),
        ):
            geometry_column = meta["geometry_name"] or "wkb_geometry"
            for records in reader:
                records.validate(full=True)  # text that is not UTF-8 must not come further
                yield self._piece(records, geometry_column, first)
                first += len(records)

    def _piece(self, records: pa.RecordBatch, geometry_column: str, first: int) -> Piece:
        names = records.schema.names
        # A field may have the geometry's name as well; the geometry is the last.
        at = len(names) - 1 - names[::-1].index(geometry_column)
        geometries, notes, curves = geometries_of_wkb(records.column(at))
        if curves:
            # GDAL's other way of reading turns curves into lines of small steps.
            lines = read_raw(
                str(self.path),
                layer=self.name,
                columns=[],
                skip_features=first,
                max_features=len(records),
            )[2]
            for row in curves:
                geometries[row] = shapely.force_2d(shapely.from_wkb(lines[row]))
                notes[row] = "A curve has been replaced by a line of small steps."
        others = [index for index in range(len(names)) if index != at]
        table = self._with_true_dates(pa.Table.from_batches([records.select(others)]), first)
        if self.encoding is not None:
            table = _decoded(table, self.encoding.name)
        return Piece(plain_columns(table.select(list(self.fields))), geometries, notes)

    def _with_true_dates(self, table: pa.Table, first: int) -> pa.Table:
        """Put text where GDAL made 1970-01-01 of what is no date, so that it is found out."""
        for at, column in enumerate(table.columns):
            if not (pa.types.is_date32(column.type) or pa.types.is_timestamp(column.type)):
                continue
            numbers = pc.cast(column, pa.int32() if pa.types.is_date32(column.type) else pa.int64())
            doubtful = np.flatnonzero(pc.fill_null(pc.equal(numbers, 0), False).to_numpy())
            if len(doubtful) == 0:
                continue
            name = table.column_names[at]
            found = self._dates_as_written(name, first, len(table), doubtful)
            wrong = [row for row, text in found.items() if not _EPOCH.match(text)]
            if wrong:
                texts = pc.cast(column, pa.string()).to_pylist()
                for row in wrong:
                    texts[row] = found[row]
                table = table.set_column(at, name, pa.array(texts, pa.string()))
        return table

    def _dates_as_written(
        self, name: str, first: int, count: int, rows: NDArray[np.int64]
    ) -> dict[int, str]:
        """Return what stands in a column of dates, in some of ``count`` rows from ``first`` on."""
        if self.format == _SHAPEFILE:
            column = self._own_names().index(name)
            written = texts_of(self.path, column, [first + int(row) for row in rows])
            return {int(row): text for row, text in zip(rows, written, strict=True)}
        values = read_raw(
            str(self.path),
            layer=self.name,
            columns=[name],
            read_geometry=False,
            datetime_as_string=True,
            skip_features=first,
            max_features=count,
        )[3][0]
        return {int(row): values[row] or _NO_DATE for row in rows}

    def _own_names(self) -> list[str]:
        info = pyogrio.read_info(str(self.path), encoding=_byte_by_byte(self.format))
        return [str(one) for one in info["fields"]]


def list_gdal_layers(path: Path) -> list[str]:
    """Return the names of the layers that have geometries; of all, if none has."""
    if path.suffix.lower() == ".shp":
        refuse_incomplete(path)
    with readable(path):
        listed = [(str(name), kind) for name, kind in pyogrio.list_layers(str(path))]
    return [name for name, kind in listed if kind is not None] or [name for name, _ in listed]


def open_gdal_layer(path: Path, name: str, declared_encoding: str | None) -> GdalLayer:
    """Open a layer of a file that GDAL reads.

    Raises:
        UnreadableFile: it cannot be read, or has no geometry.
        InvalidInput: its text is in no encoding that is known.
    """
    encoding = None
    if path.suffix.lower() == ".shp":
        encoding = shapefile_encoding(path, declared_encoding)
    with readable(path):
        info = pyogrio.read_info(
            str(path),
            layer=name,
            force_feature_count=True,
            encoding=_byte_by_byte(_SHAPEFILE if encoding else ""),
        )
    if info["geometry_type"] is None:
        raise UnreadableFile(f"{path.name} has no geometry.")
    fields, rows = tuple(map(str, info["fields"])), int(info["features"])
    if encoding is not None:
        fields = tuple(decoded_name(one, encoding.name) for one in fields)
        rows -= deleted_rows(path)  # GDAL counts them, but does not give them
    if "KML" in info["driver"]:
        fields = tuple(one for one in fields if one not in _DRAWING)
    return GdalLayer(
        path=path,
        name=name,
        format=info["driver"],
        geometry_type=info["geometry_type"],
        crs=info["crs"],
        row_count=rows if rows >= 0 else None,
        fields=fields,
        encoding=encoding,
    )


@dataclass(frozen=True)
class ParquetLayer:
    """The table in a GeoParquet file."""

    path: Path
    name: str
    geometry_type: str
    crs: str | None
    row_count: int
    fields: tuple[str, ...]
    geometry_column: str
    format: str = "GeoParquet"
    encoding: None = None

    def pieces(self) -> Iterator[Piece]:
        """Read the rows in the file's order."""
        with readable(self.path), parquet.ParquetFile(self.path) as file:
            columns = [*self.fields, self.geometry_column]
            for records in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
                wkb = records.column(self.geometry_column).cast(pa.binary())
                geometries, notes, curves = geometries_of_wkb(wkb)
                for row in curves:
                    notes[row] = "The geometry is a curve, which GeoParquet must not hold."
                table = pa.Table.from_batches([records]).select(list(self.fields))
                yield Piece(plain_columns(table), geometries, notes)


def open_parquet(path: Path) -> ParquetLayer:
    """Open a GeoParquet file.

    Raises:
        UnreadableFile: it is damaged, or no GeoParquet with geometries in WKB.
    """
    with readable(path), parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    try:
        geo = json.loads((schema.metadata or {})[b"geo"])
        main = str(geo["primary_column"])
        about = dict(geo["columns"][main])
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableFile(
            f"{path.name} is a Parquet file without geometries: it has no `geo` metadata, or these "
            "name no column. Save it as GeoParquet (GeoPandas: to_parquet)."
        ) from error
    if about.get("encoding") != "WKB" or main not in schema.names:
        raise UnreadableFile(
            f"{path.name} holds geometries as {about.get('encoding')!r}; save them as WKB."
        )
    crs = about.get("crs", _PARQUET_DEFAULT_CRS)
    kinds = about.get("geometry_types") or []
    boxes = {one[0] for one in (about.get("covering") or {}).get("bbox", {}).values()}
    fields = tuple(
        one.name
        for one in schema
        if not (one.name in {main, *boxes} or is_bytes(one.type) or one.name.startswith("__index"))
    )
    return ParquetLayer(
        path=path,
        name=path.stem,
        geometry_type=kinds[0] if len(kinds) == 1 else "Unknown",
        crs=json.dumps(crs) if isinstance(crs, dict) else crs,
        row_count=rows,
        fields=fields,
        geometry_column=main,
    )


def _byte_by_byte(driver: str) -> str | None:
    """Return the encoding in which GDAL hands over each byte of a shapefile's text unchanged."""
    return "ISO-8859-1" if driver == _SHAPEFILE else None


def _decoded(table: pa.Table, encoding: str) -> pa.Table:
    names = [decoded_name(name, encoding) for name in table.column_names]
    columns = [
        pa.chunked_array([decoded(chunk, encoding) for chunk in one.chunks], pa.string())
        if pa.types.is_string(one.type)
        else one
        for one in table.columns
    ]
    return pa.table(columns, names=names)
