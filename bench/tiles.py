"""How large the busiest tiles of components are at each zoom, and how quickly they are made.

    python bench/tiles.py HOME [--times 7]

makes the five tiles of each zoom that hold the most, in the registry in HOME, and the busiest of
the other collections. A tile may take 50 ms and 250 KB; asking whether it changed is timed too, and
how long the server's processor worked, which has to run on this machine.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from counts import worked_s
from sqlalchemy import text

from gis_registry.db.reading import Reading
from gis_registry.maps import collections, tiles
from gis_registry.maps.count_tables import LAST_LEVEL
from gis_registry.maps.tiles_grid import LAST_ZOOM, Tile
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

LIMIT_MS, LIMIT_BYTES = 50.0, tiles.MOST_BYTES
_BUSIEST = """
SELECT x >> :down, y >> :down FROM component_counts_now WHERE level = :level
GROUP BY 1, 2 ORDER BY sum(count) DESC, 1, 2 LIMIT 5
"""


async def measure(reading: Reading, layer: tiles.Layer, tile: Tile, *, times: int) -> bool:
    """Make a tile several times; print and return whether it keeps within the limits."""
    made, asked = [], []
    ((process,),) = await reading.rows("SELECT pg_backend_pid()")
    before_s = worked_s(process)
    for _ in range(times):
        started = perf_counter()
        await tiles.tag(reading, layer, tile)
        between = perf_counter()
        content = await tiles.content(reading, layer, tile)
        asked.append((between - started) * 1000)
        made.append((perf_counter() - between) * 1000)
    server_ms = (worked_s(process) - before_s) / times * 1000
    least, usual = min(made), median(made)
    share = max(usual / LIMIT_MS, len(content) / LIMIT_BYTES)
    print(f"  {layer.collection.name} {tile.z}/{tile.x}/{tile.y}: {len(content):7,} bytes,"
          f" median {usual:5.1f} ms, least {least:5.1f} ms, server {server_ms:5.1f} ms,"
          f" asking {median(asked):4.1f} ms,"
          f" of the limit {share:.2f}", flush=True)  # fmt: skip
    return share <= 1


async def run(home: Path, *, times: int) -> bool:
    """Measure all; return whether everything kept within the limits."""
    is_well = True
    with open_registry(Settings(home=home)) as database:
        busiest: list[Tile] = []
        with database.session() as session:
            for z in range(LAST_ZOOM + 1):
                level = min(z + 4, LAST_LEVEL)
                down = max(0, level - z)
                for x, y in session.execute(text(_BUSIEST), {"level": level, "down": down}):
                    busiest.append(Tile(z, x << max(0, z - level), y << max(0, z - level)))
        reading = Reading(database.url, connections=1, longest_s=30)
        await reading.open()
        try:
            layer = await tiles.layer(reading, collections.components())
            for tile in busiest:
                is_well &= await measure(reading, layer, tile, times=times)
            for other in (collections.divisions(), collections.grid_cells()):
                layer = await tiles.layer(reading, other)
                for tile in [one for one in busiest if one.z % 4 == 0][::5]:
                    is_well &= await measure(reading, layer, tile, times=times)
        finally:
            await reading.close()
    return is_well


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("--times", type=int, default=7)
    options = parser.parse_args()
    sys.exit(0 if asyncio.run(run(options.home, times=options.times)) else 1)


if __name__ == "__main__":
    main()
