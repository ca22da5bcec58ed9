"""Reading a delivery: any file with places, batch by batch, in CGCS2000, as its mapping says."""

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis_registry.archives import Unpacked, unpacked
from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.places.datums import Datum
from gis_registry.surveys.coordinates import CoordinateColumns
from gis_registry.surveys.datasets import list_gdal_layers, open_gdal_layer, open_parquet
from gis_registry.surveys.delimited import open_delimited
from gis_registry.surveys.geometries import first_vertices
from gis_registry.surveys.layers import BATCH_ROWS, Layer, Piece, refuse_repeated
from gis_registry.surveys.mapping import AxisOrder, Mapping
from gis_registry.surveys.systems import in_cgcs2000, system_of
from gis_registry.surveys.workbooks import open_sheet, sheet_names

__all__ = ["BATCH_ROWS", "Batch", "Source", "open_source", "sha256_of"]

_DELIMITED = frozenset({".csv", ".tsv", ".txt"})
_WORKBOOK = frozenset({".xlsx", ".xlsm"})
_PARQUET = frozenset({".parquet", ".geoparquet"})


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        first_row: the number of the first one in the file's order, from 1.
        geometries: in EPSG:4490, x = longitude, in two dimensions; None where there is none.
        fields: the columns as the mapping names them.
        raw_x: the first coordinate of each geometry's first vertex as the file has it, before
            any system or order of axes was applied; NaN without one.
        raw_y: the second coordinate of it.
        notes: by a row's index within the batch, what reading did to it or could not read.
    """

    first_row: int
    geometries: NDArray[np.object_]
    fields: pa.Table
    raw_x: NDArray[np.float64]
    raw_y: NDArray[np.float64]
    notes: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """An opened file.

    Attributes:
        path: the file that was delivered.
        layer: the name of the layer.
        crs: what its coordinates are in, for people.
        row_count: how many rows it has; None: not known before they are read.
        fields: the names of its fields as the file has them, without columns of coordinates.
        columns: the names of the columns of each batch, as the mapping has them.
        mapping: how the file is to be understood.
        system: what its coordinates are in, to calculate with.
    """

    path: Path
    layer: str
    crs: str
    row_count: int | None
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    mapping: Mapping
    system: CRS | Datum
    _layer: Layer
    _unpacked: Unpacked  # the folder of an archive is there as long as this is

    @property
    def format(self) -> str:
        """What kind of file it is."""
        return self._layer.format

    def batches(self) -> Iterator[Batch]:
        """Read the rows in the file's order.

        Raises:
            UnreadableFile: the file is damaged further in.
        """
        first_row = 1
        for piece in self._layer.pieces():
            yield self._batch(piece, first_row)
            first_row += len(piece.geometries)
        if self.row_count is not None and first_row - 1 != self.row_count:
            raise UnreadableFile(
                f"{self.path.name} announces {self.row_count} rows, but only {first_row - 1} can "
                "be read: it is damaged or cut short."
            )

    def _batch(self, piece: Piece, first_row: int) -> Batch:
        geometries = piece.geometries
        raw_x, raw_y = first_vertices(geometries)
        if self.mapping.axis_order is AxisOrder.NORTHING_EASTING:
            geometries = shapely.transform(geometries, lambda x, y: (y, x), interleaved=False)
        return Batch(
            first_row=first_row,
            geometries=in_cgcs2000(geometries, self.system),
            fields=self.mapping.applied_to(piece.fields),
            raw_x=raw_x,
            raw_y=raw_y,
            notes=piece.notes,
        )


def open_source(path: Path, mapping: Mapping) -> Source:
    """Open a file.

    Args:
        path: Shapefile, GeoPackage, GeoJSON, GeoJSONSeq, FileGDB, KML, KMZ, FlatGeobuf, GeoParquet,
            CSV or XLSX with columns of coordinates, or what else GDAL reads; ``.gz`` and ``.zip``
            are unpacked.
        mapping: how it is to be understood; ``Mapping()`` where nothing needs to be said.

    Raises:
        UnreadableFile: it cannot be read, or has no geometry.
        MissingCrs: it does not say its system and none is declared.
        InvalidInput: the declared system is none, contradicts the file's, or the layer is unclear;
            it has no rows, or several fields of one name, or the mapping names what it has not.
    """
    plain = unpacked(path)
    layer = open_layer(path, plain.path, mapping)
    if layer.row_count == 0:
        raise InvalidInput(f"{path.name} has no rows: there is nothing to load.")
    system, said = system_of(path.name, layer.crs, mapping.crs, layer.format)
    return Source(
        path=path,
        layer=layer.name,
        crs=said,
        row_count=layer.row_count,
        fields=layer.fields,
        columns=mapping.columns_of(path.name, layer.fields),
        mapping=mapping,
        _layer=layer,
        system=system,
        _unpacked=plain,
    )


def open_layer(delivered: Path, path: Path, mapping: Mapping) -> Layer:
    """Open the layer of an unpacked file that is meant, without asking for its system.

    Args:
        delivered: the file as it was delivered, for messages.
        path: the same, unpacked.
        mapping: which layer, encoding and columns of coordinates.

    Raises:
        UnreadableFile: it cannot be read.
        InvalidInput: the layer is unclear, or several fields have one name.
    """
    name = _chosen_layer(delivered, list_layers(path), mapping.layer)
    suffix = path.suffix.lower()
    coordinates = CoordinateColumns(
        x=mapping.coordinates.x, y=mapping.coordinates.y, wkt=mapping.coordinates.wkt
    )
    layer: Layer
    if suffix in _DELIMITED:
        layer = open_delimited(
            path,
            encoding=mapping.encoding,
            coordinates=coordinates,
            decimal=mapping.decimal,
            header_row=mapping.header_row,
        )
    elif suffix in _WORKBOOK:
        layer = open_sheet(
            path,
            name,
            coordinates=coordinates,
            decimal=mapping.decimal,
            header_row=mapping.header_row,
        )
    elif suffix in _PARQUET:
        layer = open_parquet(path)
    else:
        layer = open_gdal_layer(path, name, mapping.encoding)
    refuse_repeated(delivered.name, layer.fields)
    return layer


def list_layers(path: Path) -> list[str]:
    """Return the names of an unpacked file's layers.

    Raises:
        UnreadableFile: it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in _DELIMITED | _PARQUET:
        return [path.stem]
    return sheet_names(path) if suffix in _WORKBOOK else list_gdal_layers(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, of all parts of a shapefile, or of a folder's files."""
    digest = hashlib.sha256()
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
    elif path.suffix.lower() == ".shp":
        files = sorted(one for one in path.parent.glob(f"{glob.escape(path.stem)}.*"))
    else:
        files = [path]
    for one in files:
        with one.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _chosen_layer(path: Path, layers: list[str], wanted: str | None) -> str:
    if not layers:
        raise UnreadableFile(f"{path.name} has no layer with anything in it.")
    if wanted is not None and wanted not in layers:
        raise InvalidInput(f"{path.name} has no layer {wanted!r}; it has: {', '.join(layers)}.")
    if wanted is None and len(layers) > 1:
        raise InvalidInput(
            f"{path.name} has several layers ({', '.join(layers)}); choose one with --layer."
        )
    return wanted or layers[0]
