"""Features of a collection out of it as a whole: text as the database writes it, or a file.

All of an export is of one moment, since it is one statement. Text is handed on while it is read. A
file has an index or a footer that is known at the end, so it is written to disk first, by a program
of its own: what it needs of memory and processor is not taken from those who are answered now.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from gis_registry.components.export_formats import FileFormat
from gis_registry.db.base import SRID
from gis_registry.db.reading import PART_BYTES, Reading
from gis_registry.maps import features
from gis_registry.maps.collections import GEOMETRY, Collection, Property
from gis_registry.maps.crs import OfferedCrs
from gis_registry.maps.features import Condition
from gis_registry.maps.queryables import PropertyType

_WRITER = "gis_registry.maps.export_files"
_BOM = b"\xef\xbb\xbf"  # spreadsheets take a file for UTF-8 by this
#: Bytes that say how long a part is that the writer of a file is given.
_LENGTH_BYTES = 4


@dataclass(frozen=True)
class Wanted:
    """Which features, and in which system.

    Attributes:
        collection: of which they are.
        conditions: what holds for them.
        crs: what their coordinates are told in.
        limit: how many, at most; None: all.
        after: the key of the feature before the first, as text; none: from the first on.
    """

    collection: Collection
    conditions: Sequence[Condition]
    crs: OfferedCrs
    limit: int | None = None
    after: Sequence[str] = ()


async def exported(reading: Reading, wanted: Wanted, form: FileFormat) -> AsyncGenerator[bytes]:
    """Yield features as a whole, in the order of their key.

    Raises:
        DatabaseUnavailable: the database does not answer, or too many read at once.
        RuntimeError: the file could not be written.
    """
    match form:
        case FileFormat.GEOJSON_SEQUENCE:
            parts = _sequence(reading, wanted)
        case FileFormat.CSV:
            parts = _csv(reading, wanted)
        case _:
            parts = _file(reading, wanted, form)
    async with aclosing(parts):
        async for part in parts:
            yield part


async def _sequence(reading: Reading, wanted: Wanted) -> AsyncGenerator[bytes]:
    """Yield a GeoJSON text sequence (RFC 8142): of each feature a mark, the feature, a new line."""
    rows = _whole(
        reading, wanted, f"chr(30) || {features.feature(wanted.collection, wanted.crs)}", "text"
    )
    async with aclosing(rows):
        async for part in rows:
            # A backslash is all that there is to mark in a line of JSON.
            yield part.replace(b"\\\\", b"\\")


async def _csv(reading: Reading, wanted: Wanted) -> AsyncGenerator[bytes]:
    """Yield CSV with a header: the properties, then where it is, x before y."""
    collection = wanted.collection
    columns = {one.name: _value(one) for one in collection.properties}
    for name, sql in _position(collection, wanted.crs):
        columns[_free(name, columns)] = sql
    header = ",".join(f'"{one.replace(chr(34), chr(34) * 2)}"' for one in columns)
    rows = _whole(reading, wanted, ", ".join(columns.values()), "csv")
    async with aclosing(rows):
        before = _BOM + header.encode() + b"\n"
        async for part in rows:
            yield before + part
            before = b""
        if before:
            yield before


async def _file(reading: Reading, wanted: Wanted, form: FileFormat) -> AsyncGenerator[bytes]:
    """Yield a file, once it is whole."""
    with TemporaryDirectory(prefix="gis-registry-export-") as folder:
        path = Path(folder) / f"{wanted.collection.name}.{form}"
        await _write(reading, wanted, form, path)
        with path.open("rb") as file:
            while part := await asyncio.to_thread(file.read, PART_BYTES):
                yield part


async def _write(reading: Reading, wanted: Wanted, form: FileFormat, path: Path) -> None:
    """Have a program write a file of what the database finds.

    Raises:
        RuntimeError: it could not.
    """
    collection = wanted.collection
    columns: dict[str, str] = {}
    for one in collection.properties:
        columns[_free(one.name, {GEOMETRY, *columns})] = one.type
    order = {
        "form": form,
        "path": str(path),
        "columns": columns,
        "boxes": _free("bbox", columns),
        "geometry_type": collection.geometry_type or "Unknown",
        "srid": wanted.crs.srid,
    }
    shape = f"encode(ST_AsBinary({_shape(collection, wanted.crs)}), 'hex')"
    rows = _whole(reading, wanted, ", ".join([*map(_value, collection.properties), shape]), "csv")
    errors = path.with_suffix(".errors")
    with errors.open("wb") as said:
        writer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _WRITER, json.dumps(order)),
            stdin=asyncio.subprocess.PIPE,
            stderr=said,
        )
    try:
        to_writer = writer.stdin
        assert to_writer is not None  # noqa: S101  it was asked for
        async with aclosing(rows):
            async for part in rows:
                to_writer.write(len(part).to_bytes(_LENGTH_BYTES, "big") + part)
                await to_writer.drain()
        to_writer.write(bytes(_LENGTH_BYTES))  # nothing follows: all of it arrived
        to_writer.close()
        await writer.wait()
    except (BrokenPipeError, ConnectionResetError):  # it ended before: it says why
        await writer.wait()
    finally:
        if writer.returncode is None:
            writer.kill()
            await writer.wait()
    if writer.returncode != 0:
        raise RuntimeError(f"no file was written: {errors.read_text(errors='replace')[-2000:]}")


def _whole(
    reading: Reading, wanted: Wanted, told: str, form: Literal["csv", "text"]
) -> AsyncGenerator[bytes]:
    statement = features.listed(
        wanted.collection, wanted.conditions, told, limit=wanted.limit, after=wanted.after
    )
    return reading.whole(statement.sql, statement.values, form=form)


def _value(one: Property) -> str:
    """Return a property as CSV has it."""
    match one.type:
        case PropertyType.BOOLEAN:
            return f"({one.sql})::text"
        case PropertyType.DATETIME:
            return f"to_json({one.sql}) #>> '{{}}'"
        case PropertyType.ARRAY:
            return f"to_json({one.sql})::text"
    return one.sql


def _position(collection: Collection, crs: OfferedCrs) -> Iterable[tuple[str, str]]:
    """Return the columns that say where a feature is: two numbers for a point, or else WKT."""
    shape = _shape(collection, crs)
    axes = zip(("lon", "lat") if crs.is_geographic else ("x", "y"), ("X", "Y"), strict=True)
    if collection.geometry_type == "Point":
        return [(name, f"ST_{axis}({shape})") for name, axis in axes]
    if collection.geometry_type is not None:
        return [("wkt", f"ST_AsText({shape})")]
    is_point = f"GeometryType({collection.geometry}) = 'POINT'"
    return [
        *((name, f"CASE WHEN {is_point} THEN ST_{axis}({shape}) END") for name, axis in axes),
        ("wkt", f"CASE WHEN NOT {is_point} THEN ST_AsText({shape}) END"),
    ]


def _shape(collection: Collection, crs: OfferedCrs) -> str:
    """Return the geometry as files have it: x before y in every system."""
    if crs.srid == SRID:
        return collection.geometry
    return f"ST_Transform({collection.geometry}, {crs.srid})"


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name for a column beside others, which may have its name already."""
    lowered = {one.lower() for one in taken}
    while name.lower() in lowered:
        name = f"{name}_"
    return name
