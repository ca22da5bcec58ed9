"""Tiles of what a test's own transaction has, decoded."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import mapbox_vector_tile
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.db.reading import Reading
from gis_registry.maps import collections, tiles
from gis_registry.maps.collections import Collection
from gis_registry.maps.layer_collections import LayerCollections
from gis_registry.maps.tiles_grid import LAST_ZOOM, Tile

Feature = dict[str, Any]


@dataclass(frozen=True)
class Reads:
    """Statements within a session's transaction."""

    session: Session

    async def rows(
        self, statement: str, values: Mapping[str, Any] | None = None, **_: bool
    ) -> list[tuple[Any, ...]]:
        connection = self.session.connection()
        return [tuple(row) for row in connection.exec_driver_sql(statement, dict(values or {}))]


def layer_collections(session: Session) -> Mapping[str, Collection]:
    """Return the collections of layers by their names."""
    return asyncio.run(LayerCollections(cast("Reading", Reads(session))).all())


def content(
    session: Session, tile: Tile, collection: Collection | None = None, **asked: Any
) -> bytes:
    """Return a tile as it is told."""
    return asyncio.run(_content(Reads(session), tile, collection, asked))


async def _content(
    reads: Reads, tile: Tile, collection: Collection | None, asked: dict[str, Any]
) -> bytes:
    layer = await tiles.layer(reads, collection or collections.components(), **asked)
    return await tiles.content(reads, layer, tile)


def tag(session: Session, tile: Tile, collection: Collection | None = None, **asked: Any) -> str:
    """Return the version of a tile."""

    async def found() -> str | None:
        reads = Reads(session)
        layer = await tiles.layer(reads, collection or collections.components(), **asked)
        return await tiles.tag(reads, layer, tile)

    return str(asyncio.run(found()))


def features(told: bytes) -> list[Feature]:
    """Return the features of a tile's only layer."""
    assert len(told) <= tiles.MOST_BYTES
    layers = mapbox_vector_tile.decode(told, default_options={"y_coord_down": True})
    assert len(layers) <= 1
    return [
        {"geometry": feature["geometry"], **feature["properties"]}
        for layer in layers.values()
        for feature in layer["features"]
    ]


def count(found: list[Feature]) -> int:
    return sum(one["count"] for one in found)


def by_class(found: list[Feature]) -> Counter[str]:
    """Return how many of each class are told, one by one or by cells."""
    counted: Counter[str] = Counter()
    for one in found:
        if "is_aggregated" in one:
            classes = {name[6:]: n for name, n in one.items() if name.startswith("class_")}
            assert sum(classes.values()) == one["count"]
            counted.update(classes)
        elif one["count"]:
            counted[one["class_code"]] += 1
    return counted


def occupied(session: Session, source: str, geometry: str, z: int) -> list[Tile]:
    """Return the tiles that boxes of features touch, by PostGIS's own transformation."""
    rows = session.execute(
        text(
            f"""
            SELECT DISTINCT x, y FROM (
              SELECT (ST_XMin(b) + 20037508.342789244) / w AS x0,
                (ST_XMax(b) + 20037508.342789244) / w AS x1,
                (20037508.342789244 - ST_YMax(b)) / w AS y0,
                (20037508.342789244 - ST_YMin(b)) / w AS y1
              FROM (SELECT ST_Transform(ST_Envelope({geometry}), 3857) AS b,
                40075016.685578488 / 2 ^ {z} AS w FROM {source}) AS boxes
            ) AS edges
            CROSS JOIN generate_series(floor(x0 - 1e-6)::int, floor(x1 + 1e-6)::int) AS x
            CROSS JOIN generate_series(floor(y0 - 1e-6)::int, floor(y1 + 1e-6)::int) AS y
            """
        )
    )
    return [Tile(z, x, y) for x, y in rows]


def all_features(
    session: Session, z: int, collection: Collection | None = None, **asked: Any
) -> list[Feature]:
    """Return what all tiles of a zoom that features can be in have together."""
    shown = collection or collections.components()
    return [
        feature
        for tile in occupied(session, shown.source, shown.geometry, z)
        for feature in features(content(session, tile, shown, **asked))
    ]


ZOOMS = range(LAST_ZOOM + 1)
