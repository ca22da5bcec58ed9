"""Write the rows of a survey in the format asked for."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyogrio
import shapely

SUFFIXES = {"gpkg": "gpkg", "fgb": "fgb", "geojson": "geojson.gz"}
GEOMETRY_TYPES = {"point": "Point", "line": "LineString", "polygon": "Polygon"}


def write_survey(
    path: Path, batches: Iterator[pa.RecordBatch], *, geometry: str, file_format: str
) -> None:
    """Write the batches in their order, replacing the file.

    The n-th row is the n-th feature of a GeoPackage or GeoJSON file. A FlatGeobuf is written
    without its spatial index, which would reorder it.

    Args:
        path: of the file.
        batches: rows with WKB (EPSG:4490, lon, lat) in `geom`.
        geometry: point, line or polygon.
        file_format: gpkg, fgb or geojson.
    """
    path.unlink(missing_ok=True)
    first = next(batches, None)
    if first is None:
        return
    batches = itertools.chain([first], batches)
    if file_format == "geojson":
        write_geojson(path, (feature for batch in batches for feature in features_of(batch)))
        return
    pyogrio.write_arrow(
        pa.RecordBatchReader.from_batches(first.schema, batches),
        path,
        driver={"gpkg": "GPKG", "fgb": "FlatGeobuf"}[file_format],
        layer=path.stem,
        geometry_name="geom",
        geometry_type=GEOMETRY_TYPES[geometry],
        crs="EPSG:4490",
        layer_options={"SPATIAL_INDEX": "YES" if file_format == "gpkg" else "NO"},
    )


def features_of(batch: pa.RecordBatch) -> Iterator[dict[str, object]]:
    """GeoJSON features; attributes without a value are left out."""
    geometries = shapely.from_wkb(batch.column("geom").to_numpy(zero_copy_only=False))
    rows = batch.drop_columns(["geom"]).to_pylist()
    for row, geometry in zip(rows, geometries, strict=True):
        properties = {key: value for key, value in row.items() if value is not None}
        yield feature(properties, geometry, digits=7)


def feature(
    properties: dict[str, object], geometry: shapely.Geometry | None, *, digits: int
) -> dict[str, object]:
    """One GeoJSON feature with its coordinates rounded."""
    shape = None
    if geometry is not None:
        mapping = shapely.geometry.mapping(geometry)
        shape = {
            "type": mapping["type"],
            "coordinates": rounded(mapping["coordinates"], digits),
        }
    return {"type": "Feature", "properties": properties, "geometry": shape}


def rounded(coordinates: object, digits: int) -> object:
    """Nested coordinates as lists of rounded numbers."""
    if isinstance(coordinates, (tuple, list)):
        return [rounded(part, digits) for part in coordinates]
    return round(float(coordinates), digits)  # type: ignore[arg-type]


def write_geojson(path: Path, features: Iterator[dict[str, object]]) -> None:
    """A feature collection, one feature a line; gzipped (the same bytes every time) if `.gz`."""
    with path.open("wb") as raw:
        packed = gzip.GzipFile("", "wb", 9, raw, mtime=0) if path.suffix == ".gz" else None
        file = packed or raw
        file.write(b'{"type":"FeatureCollection","features":[\n')
        for number, item in enumerate(features):
            line = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
            file.write((",\n" if number else "").encode() + line.encode())
        file.write(b"\n]}\n")
        if packed:
            packed.close()
