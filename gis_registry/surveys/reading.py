"""Reading a delivery: any vector file, batch by batch, in CGCS2000.

The coordinate reference system is the one that the file says or the one that is declared. A file
that says none, or another than the declared one, is not guessed at.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, MissingCrs, UnreadableFile
from gis_registry.places.datums import Datum, to_cgcs2000
from gis_registry.vector_files import gdal_path, readable

BATCH_ROWS = 50_000

#: Columns of a CSV file that hold coordinates, as GDAL takes them.
_CSV_OPTIONS = {
    "X_POSSIBLE_NAMES": "lon,lng,long,longitude,x,经度",
    "Y_POSSIBLE_NAMES": "lat,latitude,y,纬度",
    "KEEP_GEOM_COLUMNS": "NO",
}
#: Systems whose longitudes and latitudes are CGCS2000's within centimetres.
_SAME_AS_CGCS2000 = {4326, 4490, 4979, 4480}
#: GeoJSON cannot say its system, so that GDAL says WGS 84 for it: a declared one replaces that.
_WITHOUT_OWN_CRS = {"GeoJSON", "GeoJSONSeq", "CSV"}


#: An authority's code, a definition in WKT, PROJJSON or PROJ.4; not a mere name.
_IN_FULL = re.compile(r"\s*(\w+:[\w:]+\s*$|\w+\[|\{|\+proj=)")


@dataclass(frozen=True)
class Batch:
    """Some rows of a file: the number of the first (from 1), geometries in EPSG:4490, fields.

    ``notes`` are what reading did to a row, by its place in the batch, from 0.
    """

    first_row: int
    geometries: NDArray[np.object_]
    fields: pa.Table
    raw_x: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    raw_y: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    notes: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Source:
    """An opened file: what it is in, how many rows it has (None: unknown), and its fields."""

    path: Path
    layer: str
    crs: str
    row_count: int | None
    fields: tuple[str, ...]
    _target: "CRS | Datum"
    _options: dict[str, str]

    def batches(self) -> Iterator[Batch]:
        """Read the rows in the file's order.

        Raises:
            UnreadableFile: the file is damaged further in.
        """
        first_row = 1
        with (
            readable(self.path),
            pyogrio.open_arrow(
                gdal_path(self.path),
                layer=self.layer,
                batch_size=BATCH_ROWS,
                use_pyarrow=True,
                **self._options,
            ) as (meta, reader),
        ):
            geometry_column = meta["geometry_name"] or "wkb_geometry"
            for record_batch in reader:
                batch = self._batch(record_batch, geometry_column, first_row)
                first_row += len(batch.geometries)
                yield batch
        if self.row_count is not None and first_row - 1 != self.row_count:
            raise UnreadableFile(
                f"{self.path.name} announces {self.row_count} rows, but only {first_row - 1} can "
                "be read: it is damaged or cut short."
            )

    def _batch(self, records: pa.RecordBatch, geometry_column: str, first_row: int) -> Batch:
        records.validate(full=True)  # text that is not UTF-8 must not come further
        names = records.schema.names
        at = (
            len(names) - 1 - names[::-1].index(geometry_column)
        )  # a field may have its name as well
        wkb = records.column(at).to_numpy(zero_copy_only=False)
        geometries = shapely.force_2d(shapely.from_wkb(wkb, on_invalid="ignore"))
        others = [index for index in range(len(names)) if index != at]
        fields = pa.Table.from_batches([records.select(others)])
        return Batch(first_row, _to_cgcs2000(geometries, self._target), fields)


def open_source(path: Path, *, crs: str | None = None, layer: str | None = None) -> Source:
    """Open a vector file.

    Args:
        path: GeoJSON, GeoPackage, Shapefile (zipped too), CSV with coordinate columns, or anything
            else that GDAL reads; ``.gz`` is unpacked.
        crs: ``EPSG:…`` or another definition, or a datum: ``gcj02``, ``bd09``, ``wgs84``,
            ``cgcs2000``.
        layer: which layer, if there are several.

    Raises:
        UnreadableFile: it cannot be read, or has no geometry.
        MissingCrs: it does not say its system and none is declared.
        InvalidInput: the declared system is none, contradicts the file's, or the layer is unclear;
            or it has no rows, or several fields of one name.
    """
    name = path.name.lower().removesuffix(".gz")
    options = dict(_CSV_OPTIONS) if name.endswith(".csv") else {}
    with readable(path):
        layer = _choose_layer(path, layer)
        info = pyogrio.read_info(gdal_path(path), layer=layer, force_feature_count=True, **options)
    fields = tuple(map(str, info["fields"]))
    if info["geometry_type"] is None:
        wanted = (
            f": name the columns of its coordinates lon and lat, or x and y; it has: "
            f"{', '.join(fields) or 'none'}"
            if options
            else ""
        )
        raise UnreadableFile(f"{path.name} has no geometry{wanted}.")
    repeated = sorted({name for name in fields if fields.count(name) > 1})
    if repeated:
        raise InvalidInput(
            f"{path.name} has several fields named {', '.join(repeated)}; rename all but one."
        )
    if info["features"] == 0:
        raise InvalidInput(f"{path.name} has no rows: there is nothing to load.")
    target, said = _system(path, info["crs"], crs, info["driver"])
    return Source(
        path=path,
        layer=layer,
        crs=said,
        row_count=info["features"] if info["features"] >= 0 else None,
        fields=fields,
        _target=target,
        _options=options,
    )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a folder such as a FileGDB."""
    digest = hashlib.sha256()
    files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
    for one in files:
        with one.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _choose_layer(path: Path, layer: str | None) -> str:
    layers = [str(name) for name, kind in pyogrio.list_layers(gdal_path(path)) if kind is not None]
    if not layers:
        layers = [str(name) for name, _ in pyogrio.list_layers(gdal_path(path))]
    if not layers:
        raise UnreadableFile(f"{path.name} has no layer.")
    if layer is not None and layer not in layers:
        raise InvalidInput(f"{path.name} has no layer {layer!r}; it has: {', '.join(layers)}.")
    if layer is None and len(layers) > 1:
        raise InvalidInput(
            f"{path.name} has several layers ({', '.join(layers)}); choose one with --layer."
        )
    return layer or layers[0]


def _system(
    path: Path, said: str | None, declared: str | None, driver: str
) -> tuple[CRS | Datum, str]:
    """Return what the coordinates are in, and its name for people."""
    own = CRS.from_user_input(said) if said and driver != "CSV" else None
    if own is not None and not _is_on_earth(own):
        own = None  # a local system: where it lies on the ground is not said
    if declared is None:
        if own is None:
            raise MissingCrs(
                f"{path.name} does not say its coordinate reference system. Declare it: --crs "
                "EPSG:4549 (or another EPSG code), --crs wgs84, --crs gcj02 or --crs bd09."
            )
        return own, said or own.name
    if driver in _WITHOUT_OWN_CRS and own is not None and _is_like_cgcs2000(own):
        own = None  # this is what GDAL says for a file that says nothing
    if declared.lower() in set(Datum):
        datum = Datum(declared.lower())
        if own is not None and not _is_like_cgcs2000(own):
            raise InvalidInput(
                f"{path.name} says it is in {own.name}, but {datum} is declared. Leave --crs out "
                "if the file is right; otherwise correct the file."
            )
        return datum, datum.value
    chosen = _declared_system(declared)
    same = own is None or own.equals(chosen, ignore_axis_order=True)
    if own is not None and not same and not (_is_like_cgcs2000(own) and _is_like_cgcs2000(chosen)):
        raise InvalidInput(
            f"{path.name} says it is in {own.name}, but {chosen.name} is declared. Leave --crs out "
            "if the file is right; otherwise correct the file."
        )
    return chosen, declared


def _declared_system(declared: str) -> CRS:
    # PROJ takes any word that resembles a name; a system is declared in full or not at all.
    try:
        chosen = CRS.from_user_input(declared) if _IN_FULL.match(declared) else None
    except CRSError:
        chosen = None
    if chosen is None or not _is_on_earth(chosen):
        raise InvalidInput(
            f"--crs {declared!r} is no coordinate reference system such as EPSG:4549, and no datum "
            f"({', '.join(Datum)})."
        )
    return chosen


def _is_on_earth(system: CRS) -> bool:
    return system.is_geographic or system.is_projected


def _is_like_cgcs2000(system: CRS) -> bool:
    return system.to_epsg() in _SAME_AS_CGCS2000 or system.to_authority() == ("OGC", "CRS84")


def _to_cgcs2000(geometries: NDArray[np.object_], system: CRS | Datum) -> NDArray[np.object_]:
    moved: NDArray[np.object_]
    if isinstance(system, Datum):
        if system in {Datum.WGS84, Datum.CGCS2000}:
            return geometries
        moved = shapely.transform(
            geometries, lambda x, y: to_cgcs2000(x, y, system), interleaved=False
        )
    elif _is_like_cgcs2000(system):
        return geometries
    else:
        transformer = Transformer.from_crs(system, SRID, always_xy=True)
        moved = shapely.transform(geometries, transformer.transform, interleaved=False)
    return moved
