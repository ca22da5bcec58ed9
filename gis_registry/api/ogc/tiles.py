"""OGC API Tiles: tile matrix sets, tilesets of collections, and their vector tiles."""

from typing import Any
from urllib.parse import urlencode

from pydantic_core import to_json
from starlette.responses import Response

from gis_registry.api.ogc.asking import Asking, Link
from gis_registry.api.ogc.operations import HTML, JSON, Format, Operation, Parameter
from gis_registry.api.pages import page
from gis_registry.errors import NotFound
from gis_registry.maps import crs as systems
from gis_registry.maps import tiles, tiles_grid
from gis_registry.maps.collections import Collection, divisions
from gis_registry.maps.tiles import Layer
from gis_registry.maps.tiles_grid import LAST_ZOOM, TILE_MATRIX_SET

MVT = Format("mvt", tiles.MEDIA_TYPE, "Mapbox Vector Tile")
TILEJSON = Format("tilejson", "application/json", "TileJSON")

_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
TILESETS_VECTOR, TILING_SCHEMES = f"{_REL}tilesets-vector", f"{_REL}tiling-schemes"
_CLASSES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
CONFORMANCE_CLASSES = tuple(
    f"{_CLASSES}{name}"
    for name in ("core", "tileset", "tilesets-list", "geodata-tilesets", "oas30", "mvt")
)
_LIST = {"type": "array", "items": {"type": "string"}}
_ASKED = (
    Parameter("class", "Only components of the classes with these codes", _LIST),
    Parameter(
        "state",
        "Only components in these states",
        {**_LIST, "items": {"type": "string", "enum": list(tiles.STATES)}, "default": ["active"]},
    ),
    Parameter(
        "unit",
        "Only components that units with these codes maintain, or else own; `none`: nobody's",
        _LIST,
    ),
)
_TITLE = "Vector tiles"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


async def matrix_sets(asking: Asking) -> Response:
    """Answer with the tile matrix sets."""
    place = f"/tileMatrixSets/{TILE_MATRIX_SET}"
    known = {
        "id": TILE_MATRIX_SET,
        "title": tiles_grid.TILE_MATRIX_SET_TITLE,
        "uri": tiles_grid.TILE_MATRIX_SET_URI,
        "crs": tiles_grid.CRS_URI,
        "links": [asking.link(place, "self", JSON, "its definition")],
    }
    return _json(asking, {"links": asking.own_links(), "tileMatrixSets": [known]})


async def matrix_set(asking: Asking) -> Response:
    """Answer with the definition of a tile matrix set."""
    _require_known(asking)
    return _json(asking, {**tiles_grid.definition(), "links": asking.own_links()})


async def tilesets(asking: Asking) -> Response:
    """Answer with the tilesets of a collection."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    place = f"/collections/{collection.name}/tiles/{TILE_MATRIX_SET}"
    tileset = {
        **_about(collection),
        "links": [asking.link(place, "self", JSON, "this tileset"), *_links(asking, collection)],
    }
    return _json(asking, {"links": asking.own_links(), "tilesets": [tileset]})


async def tileset(asking: Asking) -> Response:
    """Answer with what a tileset is: as metadata, as TileJSON or as a map."""
    _require_known(asking)
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    layer = await _layer(asking, collection)
    if asking.format == HTML:
        return _map(asking, collection)
    city = await asking.published.city()
    box = await tiles.box(asking.reading, layer, city.box)
    if asking.format == TILEJSON:
        return _json(asking, await _tilejson(asking, layer, box))
    told = await tiles.fields(asking.reading, layer)
    schema = {name: {"description": said} for name, said in told.items()}
    body = {
        **_about(collection),
        "description": collection.description,
        "boundingBox": {
            "lowerLeft": list(box[:2]),
            "upperRight": list(box[2:]),
            "crs": systems.CRS84,
        },
        "tileMatrixSetLimits": tiles_grid.limits(box),
        "layers": [
            {
                "id": collection.name,
                "title": f"{collection.title_zh} {collection.title_en}",
                "dataType": "vector",
                "propertiesSchema": {"type": "object", "properties": schema},
            }
        ],
        "links": [*asking.own_links(), *_links(asking, collection)],
    }
    return _json(asking, body)


async def tile(asking: Asking) -> Response:
    """Answer with a tile, or that it is the one that is known already."""
    _require_known(asking)
    wanted = tiles_grid.find(*map(asking.path, ("tileMatrix", "tileRow", "tileCol")))
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    layer = await _layer(asking, collection)
    known = asking.request.headers.get("if-none-match", "")
    tag = await tiles.tag(asking.reading, layer, wanted)
    if tag is not None and tag in known:
        return Response(status_code=304, headers=_headers(asking, tag))
    content = await tiles.content(asking.reading, layer, wanted)
    if tag is None:
        tag = tiles.tag_of(content)
    if tag in known:
        return Response(status_code=304, headers=_headers(asking, tag))
    if not content:
        return Response(status_code=204, headers=_headers(asking, tag))
    return Response(content, media_type=tiles.MEDIA_TYPE, headers=_headers(asking, tag))


def _headers(asking: Asking, tag: str) -> dict[str, str]:
    """Return how a tile may be kept: to be asked about each time, by all if a key is not needed."""
    is_for_all = asking.actor.name == "anonymous"
    return {
        "etag": f'"{tag}"',
        "cache-control": "public, no-cache" if is_for_all else "private, no-cache",
        "vary": "Authorization, X-API-Key, Cookie",
    }


async def _layer(asking: Asking, collection: Collection) -> Layer:
    classes, states, units = (
        [one.strip() for one in asking.parameters[name].split(",")]
        if name in asking.parameters
        else []
        for name in ("class", "state", "unit")
    )
    return await tiles.layer(
        asking.reading, collection, classes=classes, states=states, units=units
    )


def _require_known(asking: Asking) -> None:
    name = asking.path("tileMatrixSet")
    if name != TILE_MATRIX_SET:
        raise NotFound(f"There is no tile matrix set {name[:100]!r}; there is {TILE_MATRIX_SET}.")


def _about(collection: Collection) -> dict[str, Any]:
    return {
        "title": f"{collection.title_zh} {collection.title_en}",
        "dataType": "vector",
        "crs": tiles_grid.CRS_URI,
        "tileMatrixSetId": TILE_MATRIX_SET,
        "tileMatrixSetURI": tiles_grid.TILE_MATRIX_SET_URI,
    }


def _links(asking: Asking, collection: Collection) -> list[Link]:
    tiled = f"/collections/{collection.name}/tiles/{TILE_MATRIX_SET}"
    scheme = f"/tileMatrixSets/{TILE_MATRIX_SET}"
    template: dict[str, Any] = {
        "href": _template(asking, collection, "{tileMatrix}/{tileRow}/{tileCol}"),
        "rel": "item",
        "type": tiles.MEDIA_TYPE,
        "title": "its tiles",
        "templated": True,
    }
    return [
        template,
        asking.link(scheme, f"{_REL}tiling-scheme", JSON, "its tile matrix set"),
        asking.link(tiled, "describedby", TILEJSON, "as TileJSON", f="tilejson"),
        asking.link(f"/collections/{collection.name}", f"{_REL}geodata", JSON, "the collection"),
    ]


def _template(asking: Asking, collection: Collection, place: str) -> str:
    """Return the address of tiles, with what was asked for."""
    asked = {name: said for name, said in asking.parameters.items() if name not in ("f", "lang")}
    path = asking.url(f"/collections/{collection.name}/tiles/{TILE_MATRIX_SET}")
    return f"{path}/{place}" + (f"?{urlencode(asked)}" if asked else "")


async def _tilejson(asking: Asking, layer: Layer, box: tiles_grid.Box) -> dict[str, Any]:
    collection = layer.collection
    west, south, east, north = box
    return {
        "tilejson": "3.0.0",
        "name": f"{collection.title_zh} {collection.title_en}",
        "description": collection.description,
        "scheme": "xyz",
        "tiles": [_template(asking, collection, "{z}/{y}/{x}")],
        "minzoom": 0,
        "maxzoom": LAST_ZOOM,
        "bounds": list(box),
        "center": [(west + east) / 2, (south + north) / 2, 8],
        "vector_layers": [
            {
                "id": collection.name,
                "description": collection.description,
                "minzoom": 0,
                "maxzoom": LAST_ZOOM,
                "fields": await tiles.fields(asking.reading, layer),
            }
        ],
        "attribution": await tiles.attribution(asking.reading, layer),
    }


def _json(asking: Asking, body: dict[str, Any]) -> Response:
    return asking.text(to_json(body))


def _map(asking: Asking, collection: Collection) -> Response:
    """Return a page with a map of the tiles."""
    place = f"/collections/{collection.name}/tiles/{TILE_MATRIX_SET}"
    asked = {name: said for name, said in asking.parameters.items() if name not in ("f", "lang")}
    borders = f"/collections/{divisions().name}/tiles/{TILE_MATRIX_SET}"
    return page(
        asking.request,
        "ogc_tiles.html",
        headers={"Content-Security-Policy": _POLICY},
        collection=collection,
        tilejson=asking.url(place, **asked, f="tilejson"),
        borders=asking.url(borders, f="tilejson"),
    )


_TILED = "/collections/{collection}/tiles"
OPERATIONS = (
    Operation(
        "/tileMatrixSets",
        "getTileMatrixSetsList",
        "List the tile matrix sets",
        matrix_sets,
        tag=_TITLE,
        formats=(JSON,),
    ),
    Operation(
        "/tileMatrixSets/{tileMatrixSet}",
        "getTileMatrixSet",
        "Get the definition of a tile matrix set",
        matrix_set,
        tag=_TITLE,
        formats=(JSON,),
    ),
    Operation(
        _TILED,
        "tiles.collection.vector.getTileSetsList",
        "List the tilesets of a collection",
        tilesets,
        tag=_TITLE,
        formats=(JSON,),
    ),
    Operation(
        f"{_TILED}/{{tileMatrixSet}}",
        "tiles.collection.vector.getTileSet",
        "Get what a tileset is, as metadata, as TileJSON or as a map",
        tileset,
        tag=_TITLE,
        parameters=_ASKED,
        formats=(JSON, TILEJSON, HTML),
    ),
    Operation(
        f"{_TILED}/{{tileMatrixSet}}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}",
        "tiles.collection.vector.getTile",
        "Get a vector tile: counts by cell at low zooms, every feature near by",
        tile,
        tag=_TITLE,
        parameters=_ASKED,
        formats=(MVT,),
        others=((204, "The tile is empty"), (304, "The tile is the one with this ETag")),
    ),
)
