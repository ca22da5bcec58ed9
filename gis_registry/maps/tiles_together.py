"""Tiles with several layers: the tiles of each, one after the other, and one tag of them all."""

from collections.abc import Callable, Sequence

from gis_registry.maps import tiles
from gis_registry.maps.tiles import Layer, Reads
from gis_registry.maps.tiles_grid import Tile


async def unless_known(
    reads: Reads, shown: Sequence[Layer], tile: Tile, *, is_known: Callable[[str], bool]
) -> tuple[str, bytes | None]:
    """Return the tag of a tile with some layers, and the tile; None: its tag is a known one.

    Where several layers would be too large together, it has the counts of the largest one, or of
    the largest ones.

    Args:
        reads: the database.
        shown: the layers, in their order.
        tile: which.
        is_known: whether a tag is a known one.
    """
    tags, parts = [], []
    for one in shown:
        told = await tiles.tag(reads, one, tile)
        part = await tiles.content(reads, one, tile) if told is None else None
        tags.append(told or tiles.tag_of(part or b""))
        parts.append(part)
    its_tag = tags[0] if len(tags) == 1 else tiles.tag_of(" ".join(tags).encode())
    if is_known(its_tag):
        return its_tag, None
    made = [
        await tiles.content(reads, one, tile) if part is None else part
        for one, part in zip(shown, parts, strict=True)
    ]
    for largest in sorted(range(len(made)), key=lambda number: -len(made[number])):
        if len(made) == 1 or sum(map(len, made)) <= tiles.MOST_BYTES:
            break
        made[largest] = await tiles.content(reads, shown[largest], tile, is_aggregated=True)
    return its_tag, b"".join(made)  # layers after each other are a tile
