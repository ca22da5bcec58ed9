"""OGC API Tiles: tile matrix sets, tilesets of collections, and their vector tiles."""

from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from gis_registry.api.ogc.asking import Asking, Link
from gis_registry.api.ogc.operations import HTML, JSON, REL, Format, Operation, Parameter
from gis_registry.api.pages import page
from gis_registry.api.preconditions import is_known
from gis_registry.errors import BadRequest, NotFound
from gis_registry.maps import crs as systems
from gis_registry.maps import tiles, tiles_grid, tiles_together
from gis_registry.maps.collections import Collection, components, divisions
from gis_registry.maps.tiles import Layer
from gis_registry.maps.tiles_grid import LAST_ZOOM, TILE_MATRIX_SET

MVT = Format("mvt", tiles.MEDIA_TYPE, "Mapbox Vector Tile")
TILEJSON = Format("tilejson", "application/json", "TileJSON")

TILESETS_VECTOR, TILING_SCHEMES = f"{REL}tilesets-vector", f"{REL}tiling-schemes"
_CLASSES = "http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/"
CONFORMANCE_CLASSES = tuple(
    f"{_CLASSES}{name}"
    for name in (
        *("core", "tileset", "tilesets-list", "dataset-tilesets", "geodata-tilesets"),
        *("collections-selection", "oas30", "mvt"),
    )
)
#: The layers of the tiles that are of no single collection, the first below the others.
_DATASET = (divisions().name, components().name)
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
_ASKED_OF_DATASET = (
    Parameter(
        "collections",
        "Which layers, in this order",
        {**_LIST, "items": {"type": "string", "enum": list(_DATASET)}, "default": list(_DATASET)},
    ),
    *_ASKED,
)
_TITLE = "Vector tiles"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class _Tiled:
    """What tiles are of: one collection, or several as layers of the same tiles."""

    collections: tuple[Collection, ...]
    place: str

    @property
    def title(self) -> str:
        of = self.collections
        zh, en = "、".join(one.title_zh for one in of), ", ".join(one.title_en for one in of)
        return f"{zh} {en}"

    @property
    def description(self) -> str:
        return " ".join(one.description for one in self.collections)


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
    """Answer with the tilesets of a collection, or of several as layers."""
    tiled = await _tiled(asking)
    tileset = {
        **_about(tiled),
        "links": [
            asking.link(f"{tiled.place}/{TILE_MATRIX_SET}", "self", JSON, "this tileset"),
            *_links(asking, tiled),
        ],
    }
    return _json(asking, {"links": asking.own_links(), "tilesets": [tileset]})


async def tileset(asking: Asking) -> Response:
    """Answer with what a tileset is: as metadata, as TileJSON or as a map."""
    _require_known(asking)
    tiled = await _tiled(asking)
    layers = await _layers(asking, tiled)
    if asking.format == HTML:
        return _map(asking, tiled.collections[0])
    city = await asking.published.city()
    box = city.box
    for one in layers:
        box = await tiles.box(asking.reading, one, box)
    if asking.format == TILEJSON:
        return _json(asking, await _tilejson(asking, tiled, layers, box))
    body = {
        **_about(tiled),
        "description": tiled.description,
        "boundingBox": {
            "lowerLeft": list(box[:2]),
            "upperRight": list(box[2:]),
            "crs": systems.CRS84,
        },
        "tileMatrixSetLimits": tiles_grid.limits(box),
        "layers": [await _described(asking, one) for one in layers],
        "links": [*asking.own_links(), *_links(asking, tiled)],
    }
    return _json(asking, body)


async def tile(asking: Asking) -> Response:
    """Answer with a tile, or that it is the one that is known already."""
    _require_known(asking)
    wanted = tiles_grid.find(*map(asking.path, ("tileMatrix", "tileRow", "tileCol")))
    layers = await _layers(asking, await _tiled(asking))
    known = asking.request.headers.get("if-none-match")
    tag, content = await tiles_together.unless_known(
        asking.reading, layers, wanted, is_known=lambda tag: is_known(f'"{tag}"', known)
    )
    headers = _headers(asking, tag)
    if content is None:
        return Response(status_code=304, headers=headers)
    if not content:
        return Response(status_code=204, headers=headers)
    return Response(content, media_type=tiles.MEDIA_TYPE, headers=headers)


def _headers(asking: Asking, tag: str) -> dict[str, str]:
    """Return how a tile may be kept: to be asked about each time, by all if a key is not needed."""
    is_for_all = asking.actor.name == "anonymous"
    return {
        "etag": f'"{tag}"',
        "cache-control": "public, no-cache" if is_for_all else "private, no-cache",
        "vary": "Authorization, X-API-Key, Cookie",
    }


async def _tiled(asking: Asking) -> _Tiled:
    """Return what is asked for: the collection of the path, or those that are named."""
    if "collection" in asking.request.path_params:
        one = await asking.published.find(asking.path("collection"), actor=asking.actor)
        return _Tiled((one,), f"/collections/{one.name}/tiles")
    said = asking.parameters.get("collections")
    names = [one.strip() for one in said.split(",")] if said is not None else _DATASET
    for name in names:
        if name not in _DATASET:
            raise BadRequest(
                f"`collections` must be of {', '.join(_DATASET)}; {name[:100]!r} is not. "
                "Each collection has tiles of its own."
            )
    found = [await asking.published.find(one, actor=asking.actor) for one in dict.fromkeys(names)]
    return _Tiled(tuple(found), "/tiles")


async def _layers(asking: Asking, tiled: _Tiled) -> list[Layer]:
    """Return the layers of what is asked for; beside others, only components are chosen from."""
    asked = {
        plural: [one.strip() for one in asking.parameters[name].split(",")]
        for name, plural in (("class", "classes"), ("state", "states"), ("unit", "units"))
        if name in asking.parameters
    }
    is_alone = len(tiled.collections) == 1
    return [
        await tiles.layer(
            asking.reading, one, **(asked if is_alone or one.name == components().name else {})
        )
        for one in tiled.collections
    ]


async def _described(asking: Asking, layer: Layer) -> dict[str, Any]:
    """Return what a tileset's metadata says of a layer."""
    told = await tiles.fields(asking.reading, layer)
    schema = {name: {"description": said} for name, said in told.items()}
    return {
        "id": layer.collection.name,
        "title": layer.collection.title,
        "dataType": "vector",
        "propertiesSchema": {"type": "object", "properties": schema},
    }


def _require_known(asking: Asking) -> None:
    name = asking.path("tileMatrixSet")
    if name != TILE_MATRIX_SET:
        raise NotFound(f"There is no tile matrix set {name[:100]!r}; there is {TILE_MATRIX_SET}.")


def _about(tiled: _Tiled) -> dict[str, Any]:
    return {
        "title": tiled.title,
        "dataType": "vector",
        "crs": tiles_grid.CRS_URI,
        "tileMatrixSetId": TILE_MATRIX_SET,
        "tileMatrixSetURI": tiles_grid.TILE_MATRIX_SET_URI,
    }


def _links(asking: Asking, tiled: _Tiled) -> list[Link]:
    place, scheme = f"{tiled.place}/{TILE_MATRIX_SET}", f"/tileMatrixSets/{TILE_MATRIX_SET}"
    template: dict[str, Any] = {
        "href": _template(asking, tiled, "{tileMatrix}/{tileRow}/{tileCol}"),
        "rel": "item",
        "type": tiles.MEDIA_TYPE,
        "title": "its tiles",
        "templated": True,
    }
    return [
        template,
        asking.link(scheme, f"{REL}tiling-scheme", JSON, "its tile matrix set"),
        asking.link(place, "describedby", TILEJSON, "as TileJSON", {"f": "tilejson"}),
        *(
            asking.link(f"/collections/{one.name}", f"{REL}geodata", JSON, "the collection")
            for one in tiled.collections
        ),
    ]


def _template(asking: Asking, tiled: _Tiled, place: str) -> str:
    """Return the address of tiles, with what was asked for."""
    asked = {name: said for name, said in asking.parameters.items() if name not in ("f", "lang")}
    path, _, query = asking.url(f"{tiled.place}/{TILE_MATRIX_SET}", asked).partition("?")
    return f"{path}/{place}" + (f"?{query}" if query else "")


async def _tilejson(
    asking: Asking, tiled: _Tiled, layers: list[Layer], box: tiles_grid.Box
) -> dict[str, Any]:
    west, south, east, north = box
    attributions = [await tiles.attribution(asking.reading, one) for one in layers]
    return {
        "tilejson": "3.0.0",
        "name": tiled.title,
        "description": tiled.description,
        "scheme": "xyz",
        "tiles": [_template(asking, tiled, "{z}/{y}/{x}")],
        "minzoom": 0,
        "maxzoom": LAST_ZOOM,
        "bounds": list(box),
        "center": [(west + east) / 2, (south + north) / 2, 8],
        "vector_layers": [
            {
                "id": one.collection.name,
                "description": one.collection.description,
                "minzoom": 0,
                "maxzoom": LAST_ZOOM,
                "fields": await tiles.fields(asking.reading, one),
            }
            for one in layers
        ],
        "attribution": "; ".join(filter(None, attributions)),
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
        tilejson=asking.url(place, {**asked, "f": "tilejson"}),
        borders=asking.url(borders, {"f": "tilejson"}),
    )


_MATRIX, _PLACE = "/{tileMatrixSet}", "/{tileMatrixSet}/{tileMatrix}/{tileRow}/{tileCol}"


def _operations(
    place: str,
    kind: str,
    of: str,
    asked: tuple[Parameter, ...],
    formats: tuple[Format, ...],
) -> tuple[Operation, ...]:
    """Return what is asked of the tiles of a collection, or of several."""
    return (
        Operation(
            place,
            f"tiles.{kind}.vector.getTileSetsList",
            f"List the tilesets of {of}",
            tilesets,
            tag=_TITLE,
            formats=(JSON,),
        ),
        Operation(
            place + _MATRIX,
            f"tiles.{kind}.vector.getTileSet",
            f"Get what a tileset of {of} is, as {' or '.join(one.title for one in formats)}",
            tileset,
            tag=_TITLE,
            parameters=asked,
            formats=formats,
        ),
        Operation(
            place + _PLACE,
            f"tiles.{kind}.vector.getTile",
            f"Get a vector tile of {of}: counts by cell at low zooms, every feature near by",
            tile,
            tag=_TITLE,
            parameters=asked,
            formats=(MVT,),
            also={204: "The tile is empty", 304: "The tile is the one with this ETag"},
        ),
    )


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
    *_operations(
        "/tiles",
        "dataset",
        "the components and divisions together",
        _ASKED_OF_DATASET,
        (JSON, TILEJSON),
    ),
    *_operations(
        "/collections/{collection}/tiles",
        "collection",
        "a collection",
        _ASKED,
        (JSON, TILEJSON, HTML),
    ),
)
