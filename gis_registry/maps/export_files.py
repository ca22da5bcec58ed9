"""The program that writes an export's file: ``python -m gis_registry.maps.export_files ORDER``.

It reads rows as the database writes them from its standard input, in parts with their lengths
before them, and writes them as GeoParquet or FlatGeobuf. It knows nothing of the database, and
imports nothing that does, so that it begins at once.
"""

import json
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from pyproj import CRS

from gis_registry.components.export_batches import batch_of
from gis_registry.components.export_formats import GEOMETRY, FileFormat
from gis_registry.components.export_systems import System
from gis_registry.components.export_writers import Layer, write_geoparquet, write_layers

#: Bytes that say how long a part is.
_LENGTH_BYTES = 4
#: Rows become columns in batches of about so many bytes.
_BATCH_BYTES = 8 * 2**20
_ARROW_TYPES = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
_LIST = pa.list_(pa.string())


def main() -> None:
    """Write the file that the order in the first argument describes."""
    os.nice(5)  # those who wait for a page go first
    order = json.loads(sys.argv[1])
    path = Path(order["path"])
    fields = [
        pa.field(name, _ARROW_TYPES.get(type_, pa.string()))
        for name, type_ in order["columns"].items()
    ]
    schema = pa.schema([*fields, pa.field(GEOMETRY, pa.binary())])
    batches = _batches(sys.stdin.buffer, schema)
    lists = [name for name, type_ in order["columns"].items() if type_ == "array"]
    if lists and order["form"] == FileFormat.GEOPARQUET:
        batches = _with_lists(batches, lists)
        for name in lists:
            schema = schema.set(schema.get_field_index(name), pa.field(name, _LIST))
    layer = Layer(path.stem, order["geometry_type"], schema, batches)
    srid = order["srid"]
    system = System(f"EPSG:{srid}", CRS.from_epsg(srid))
    if order["form"] == FileFormat.GEOPARQUET:
        write_geoparquet(path, layer, system, boxes=order["boxes"])
    else:
        write_layers(FileFormat.FLATGEOBUF, path, [layer], system)


def _with_lists(
    batches: Iterable[pa.RecordBatch], names: Sequence[str]
) -> Generator[pa.RecordBatch]:
    """Make lists of columns of JSON; only GeoParquet has such columns."""
    for batch in batches:
        for name in names:
            told = batch.column(name).to_pylist()
            lists = pa.array([one and json.loads(one) for one in told], _LIST)
            batch = batch.set_column(batch.schema.get_field_index(name), name, lists)
        yield batch


def _batches(source: BinaryIO, schema: pa.Schema) -> Generator[pa.RecordBatch]:
    parts: list[bytes] = []
    size = 0
    while length := _length(source):
        parts.append(source.read(length))
        size += length
        if size >= _BATCH_BYTES:
            yield batch_of(b"".join(parts), schema)
            parts, size = [], 0
    if parts:
        yield batch_of(b"".join(parts), schema)


def _length(source: BinaryIO) -> int:
    """Return how long the next part is; 0: it was the last.

    Raises:
        EOFError: whoever writes it ended before.
    """
    told = source.read(_LENGTH_BYTES)
    if len(told) < _LENGTH_BYTES:
        raise EOFError("the rows ended before they were all there")
    return int.from_bytes(told, "big")


if __name__ == "__main__":
    main()
    # The file is whole. A thread that a library leaves behind can bring down a program that ends.
    os._exit(0)
