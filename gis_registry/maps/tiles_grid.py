"""The tiles of WebMercatorQuad: where each lies, and the set as the OGC has registered it.

Longitude and latitude go into Web Mercator as those of WGS 84. Rows are counted from the north.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import asinh, atan, degrees, floor, pi, radians, sinh, tan
from typing import Any

from gis_registry.errors import InvalidInput, NotFound

Box = tuple[float, float, float, float]  #: west, south, east, north in degrees

TILE_MATRIX_SET = "WebMercatorQuad"
TILE_MATRIX_SET_TITLE = "Google Maps Compatible for the World"
TILE_MATRIX_SET_URI = f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{TILE_MATRIX_SET}"
CRS_URI = "http://www.opengis.net/def/crs/EPSG/0/3857"
#: The last zoom that tiles are made of; the registered set goes on to 24.
LAST_ZOOM = 20
_LAST_MATRIX = 24
_HALF_WORLD_M = 20037508.342789244
_SCALE_DENOMINATOR = 559082264.0287178
_CELL_SIZE_M = 156543.03392804097
_EDGE_OF_MAP = 85.0511287798066


@dataclass(frozen=True, order=True)
class Tile:
    """A tile: zoom, column from the west and row from the north."""

    z: int
    x: int
    y: int

    def box(self, *, margin: float = 0.0) -> Box:
        """Return where it lies; those at the map's edges have all that lies beyond.

        Args:
            margin: how much to add on each side, as a part of its width.
        """
        last = 2**self.z - 1
        return (
            _longitude(self.x - margin, self.z) if self.x > 0 else -180.0,
            _latitude(self.y + 1 + margin, self.z) if self.y < last else -90.0,
            _longitude(self.x + 1 + margin, self.z) if self.x < last else 180.0,
            _latitude(self.y - margin, self.z) if self.y > 0 else 90.0,
        )

    def children(self) -> Iterator["Tile"]:
        """Iterate over the four tiles of the next zoom that it consists of."""
        for down in range(2):
            for right in range(2):
                yield Tile(self.z + 1, self.x * 2 + right, self.y * 2 + down)


def find(matrix: str, row: str, column: str) -> Tile:
    """Return a tile by what an address calls it.

    Raises:
        InvalidInput: something is no number.
        NotFound: there is no such tile.
    """
    numbers = []
    for name, said in (("tileMatrix", matrix), ("tileRow", row), ("tileCol", column)):
        if not (said.isascii() and said.isdigit() and len(said) <= 9):
            raise InvalidInput(f"`{name}` must be a whole number; {said[:100]!r} is not.")
        numbers.append(int(said))
    z, y, x = numbers
    if z > LAST_ZOOM:
        raise NotFound(f"There is no tile matrix {z}; the last one is {LAST_ZOOM}.")
    if max(x, y) >= 2**z:
        raise NotFound(f"Tile matrix {z} has rows and columns 0 to {2**z - 1}.")
    return Tile(z, x, y)


def at(lon: float, lat: float, z: int) -> Tile:
    """Return the tile of a zoom that a place is in; beyond the map, the nearest."""
    lat = max(-_EDGE_OF_MAP, min(_EDGE_OF_MAP, lat))
    places = ((lon + 180) / 360, 0.5 - asinh(tan(radians(lat))) / (2 * pi))
    x, y = (max(0, min(2**z - 1, floor(place * 2**z))) for place in places)
    return Tile(z, x, y)


def limits(box: Box) -> list[dict[str, Any]]:
    """Return the rows and columns of each zoom that a box touches, as tilesets say it."""
    west, south, east, north = box
    found = []
    for z in range(LAST_ZOOM + 1):
        first, last = at(west, north, z), at(east, south, z)
        found.append(
            {
                "tileMatrix": str(z),
                "minTileRow": first.y,
                "maxTileRow": last.y,
                "minTileCol": first.x,
                "maxTileCol": last.x,
            }
        )
    return found


def definition() -> dict[str, Any]:
    """Return the tile matrix set as registered: 25 matrices of 256 × 256 cells a tile."""
    return {
        "id": TILE_MATRIX_SET,
        "title": TILE_MATRIX_SET_TITLE,
        "uri": TILE_MATRIX_SET_URI,
        "crs": CRS_URI,
        "orderedAxes": ["X", "Y"],
        "wellKnownScaleSet": "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
        "tileMatrices": [
            {
                "id": str(z),
                "scaleDenominator": _SCALE_DENOMINATOR / 2**z,
                "cellSize": _CELL_SIZE_M / 2**z,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": [-_HALF_WORLD_M, _HALF_WORLD_M],
                "tileWidth": 256,
                "tileHeight": 256,
                "matrixWidth": 2**z,
                "matrixHeight": 2**z,
            }
            for z in range(_LAST_MATRIX + 1)
        ],
    }


def _longitude(column: float, z: int) -> float:
    return column / float(2**z) * 360 - 180


def _latitude(row: float, z: int) -> float:
    return degrees(atan(sinh(pi * (1 - 2 * row / float(2**z)))))
