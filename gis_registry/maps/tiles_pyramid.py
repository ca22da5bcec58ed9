"""A pyramid of a collection's tiles in one PMTiles file, as the registry is at one moment."""

import gzip
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer
from psycopg import AsyncConnection, IsolationLevel
from sqlalchemy import URL

from gis_registry import __version__
from gis_registry.db.base import SRID
from gis_registry.db.reading import Reading
from gis_registry.errors import InvalidInput
from gis_registry.maps import tiles
from gis_registry.maps.published import City, Published
from gis_registry.maps.tiles import Layer, Reads
from gis_registry.maps.tiles_grid import Box, Tile
from gis_registry.users.service import Actor

#: What is made unless asked otherwise, and what is not begun: some hours of work.
DEFAULT_LAST_ZOOM, MOST_TILES = 16, 500_000
_BATCH = 5_000
_OPTIONS = "-c timezone=UTC -c plan_cache_mode=force_custom_plan -c jit=off"

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True)
class Pyramid:
    """What was written.

    Attributes:
        collection: of which collection.
        min_zoom: the first zoom.
        max_zoom: the last zoom.
        tiles: how many tiles have anything.
        size_bytes: how large the file is.
    """

    collection: str
    min_zoom: int
    max_zoom: int
    tiles: int
    size_bytes: int


@dataclass(frozen=True)
class _Snapshot:
    """Statements that all see the same state."""

    connection: AsyncConnection

    async def rows(
        self,
        statement: str,
        values: Mapping[str, Any] | None = None,
        *,
        is_plan_kept: bool = False,
    ) -> list[tuple[Any, ...]]:
        cursor = await self.connection.execute(statement, values, prepare=is_plan_kept)
        return await cursor.fetchall()


async def write(
    url: URL,
    path: Path,
    *,
    collection: str,
    actor: Actor,
    min_zoom: int = 0,
    max_zoom: int = DEFAULT_LAST_ZOOM,
    classes: Sequence[str] = (),
    states: Sequence[str] = (),
    units: Sequence[str] = (),
    is_overwriting: bool = False,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Pyramid:
    """Write a pyramid; the file is there whole or not at all.

    Args:
        url: the database.
        path: the file.
        collection: the name of the collection.
        actor: who asks.
        min_zoom: the first zoom.
        max_zoom: the last zoom, at most 20.
        classes: as in :func:`gis_registry.maps.tiles.layer`, also the next two.
        states: as there.
        units: as there.
        is_overwriting: whether a file that is there is replaced.
        progress: is told the stage, and how much of it is done.

    Raises:
        InvalidInput: something of it cannot be, it would be huge, or there is nothing to show.
        NotFound: there is no such collection.
    """
    if min_zoom > max_zoom:
        raise InvalidInput(f"The first zoom, {min_zoom}, comes after the last one, {max_zoom}.")
    if path.exists() and not is_overwriting:
        raise InvalidInput(f"{path} is there already; --overwrite replaces it.")
    async with _snapshot(url) as reads:
        published = Published(cast(Reading, reads))  # which only reads rows
        city = await published.city()
        found = await published.find(collection, actor=actor)
        layer = await tiles.layer(reads, found, classes=classes, states=states, units=units)
        wanted = await _wanted(reads, layer, min_zoom, max_zoom, progress)
        with _draft(path) as draft, draft.open("wb") as file:
            writer: Any = Writer(file)  # type: ignore[no-untyped-call]
            with closing(writer.tile_f):
                for number, tile in enumerate(wanted):
                    progress("Making tiles", number, len(wanted))
                    content = await tiles.content(reads, layer, tile)
                    if content:
                        packed = gzip.compress(content, compresslevel=6, mtime=0)
                        writer.write_tile(zxy_to_tileid(tile.z, tile.x, tile.y), packed)
                if not writer.addressed_tiles:
                    raise InvalidInput(f"Nothing of {collection} is to be shown: no tile has any.")
                box = await tiles.box(reads, layer, city.box)
                metadata = await _metadata(reads, layer, min_zoom, max_zoom)
                writer.finalize(_header(box, city, min_zoom), metadata)
    return Pyramid(collection, min_zoom, max_zoom, writer.addressed_tiles, path.stat().st_size)


async def _wanted(
    reads: Reads, layer: Layer, min_zoom: int, max_zoom: int, progress: Progress
) -> list[Tile]:
    """Return the tiles that boxes of features reach into, in the order of the file.

    Raises:
        InvalidInput: there are more than are made.
    """
    found: list[Tile] = []
    there = [Tile(0, 0, 0)]
    for z in range(max_zoom + 1):
        progress("Looking where tiles are", z, max_zoom + 1)
        above = there if z == 0 else [one for tile in there for one in tile.children()]
        there = [one for some in _some(above) for one in await _occupied(reads, layer, some)]
        if z >= min_zoom:
            found += there
        # Each tile has one below it at least.
        if len(found) + len(there) * (max_zoom - z) > MOST_TILES:
            raise InvalidInput(
                f"Zooms {min_zoom} to {max_zoom} would be more than {MOST_TILES:,} tiles, "
                f"{len(found):,} to zoom {z} alone: ask for a smaller --max-zoom, or for less."
            )
    return sorted(found, key=lambda one: zxy_to_tileid(one.z, one.x, one.y))


def _some(every: Sequence[Tile]) -> Iterator[Sequence[Tile]]:
    return (every[first : first + _BATCH] for first in range(0, len(every), _BATCH))


async def _occupied(reads: Reads, layer: Layer, among: Sequence[Tile]) -> list[Tile]:
    """Return the tiles that anything may be in."""
    statement = (
        "SELECT tile_box.number FROM unnest(%(wests)s::float8[], %(souths)s::float8[],"  # noqa: S608
        " %(easts)s::float8[], %(norths)s::float8[]) WITH ORDINALITY"
        " AS tile_box (west, south, east, north, number)"
        f" WHERE EXISTS (SELECT FROM {layer.collection.source}"
        f" WHERE {layer.collection.where} AND {layer.where} AND {layer.collection.geometry} &&"
        f" ST_MakeEnvelope(tile_box.west, tile_box.south, tile_box.east, tile_box.north, {SRID}))"
        " ORDER BY tile_box.number"
    )
    names = ("wests", "souths", "easts", "norths")
    boxes = zip(*(tile.box() for tile in among), strict=True)
    values = {**layer.collection.values, **(layer.values or {})}
    values |= dict(zip(names, map(list, boxes), strict=True))
    return [among[number - 1] for (number,) in await reads.rows(statement, values)]


def _header(box: Box, city: City, min_zoom: int) -> dict[str, Any]:
    west, south, east, north = (round(one * 1e7) for one in box)
    lon, lat = (city.box[0] + city.box[2]) / 2, (city.box[1] + city.box[3]) / 2
    return {
        "tile_type": TileType.MVT,
        "tile_compression": Compression.GZIP,
        "min_lon_e7": west,
        "min_lat_e7": south,
        "max_lon_e7": east,
        "max_lat_e7": north,
        "center_zoom": max(min_zoom, 8),
        "center_lon_e7": round(lon * 1e7),
        "center_lat_e7": round(lat * 1e7),
    }


async def _metadata(reads: Reads, layer: Layer, min_zoom: int, max_zoom: int) -> dict[str, Any]:
    collection = layer.collection
    return {
        "name": collection.title,
        "description": collection.description,
        "attribution": await tiles.attribution(reads, layer),
        "type": "overlay",
        "generator": f"gis-registry {__version__}",
        "vector_layers": [
            {
                "id": collection.name,
                "description": collection.description,
                "minzoom": min_zoom,
                "maxzoom": max_zoom,
                "fields": await tiles.fields(reads, layer),
            }
        ],
    }


@asynccontextmanager
async def _snapshot(url: URL) -> AsyncIterator[_Snapshot]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await AsyncConnection.connect(plain, options=_OPTIONS) as connection:
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
        await connection.set_read_only(True)
        yield _Snapshot(connection)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a file to write beside the one that it becomes when it is whole.

    Raises:
        InvalidInput: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        yield draft
        draft.replace(path)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
