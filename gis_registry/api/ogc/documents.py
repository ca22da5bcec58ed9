"""OGC API Common: what there is, what it conforms to, and its collections."""

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from gis_registry.api.ogc.asking import Asking, Link
from gis_registry.api.ogc.openapi import described
from gis_registry.api.ogc.operations import (
    BBOX,
    DCAT,
    HTML,
    JSON,
    OPENAPI,
    REL,
    SCHEMA,
    TOKEN,
    Format,
    Operation,
    Parameter,
)
from gis_registry.api.ogc.tiles import TILESETS_VECTOR, TILING_SCHEMES
from gis_registry.errors import BadRequest
from gis_registry.maps import collection_search, dcat, questions
from gis_registry.maps import crs as systems
from gis_registry.maps.collection_search import Search
from gis_registry.maps.collections import About, Collection
from gis_registry.maps.published import City
from gis_registry.maps.tiles_grid import TILE_MATRIX_SET

_AS_PAGE = {"f": HTML.name}
_COMMON = "http://www.opengis.net/spec/ogcapi-common-{}/1.0/conf/{}"
CONFORMANCE_CLASSES = (
    *(_COMMON.format(1, name) for name in ("core", "landing-page", "json", "html", "oas30")),
    _COMMON.format(2, "collections"),
)
_DESCRIPTION = (
    "Every component of the city, and what else is published of it, as features and tiles: "
    "OGC API Features and Tiles."
)

_SEARCHED = (
    Parameter(
        "q",
        "Only collections that these words stand in, in Chinese or English: in their names, "
        "titles, keywords or descriptions; with commas between, one of several is enough",
    ),
    BBOX,
    Parameter(
        "datetime",
        "Only collections of a time that has something in common with an instant or an interval "
        "(RFC 3339; `..` leaves an end open)",
    ),
    Parameter(
        "limit",
        "How many collections a page has at most; all of them unless asked otherwise",
        {"type": "integer", "minimum": 1, "maximum": 10_000},
    ),
    TOKEN,
)


async def landing(asking: Asking) -> Response:
    """Answer with where everything is."""
    city = await asking.published.city()
    body = {
        "title": f"{city.name_zh}部件一张图 Component one-map of {city.name_en}",
        "description": _DESCRIPTION,
        "links": [
            *asking.own_links(),
            asking.link("/api", "service-desc", OPENAPI, "what can be asked, for programs"),
            asking.link("/api", "service-doc", HTML, "what can be asked, for people", _AS_PAGE),
            asking.link("/conformance", "conformance", JSON, "the standards that it conforms to"),
            asking.link("/collections", "data", JSON, "the collections"),
            # as OGC API Common calls the same two
            asking.link("/conformance", f"{REL}conformance", JSON, "the standards"),
            asking.link("/collections", f"{REL}data", JSON, "the collections"),
            asking.link(
                "/collections",
                f"{REL}ogc-catalog",
                DCAT,
                "the collections as DCAT",
                {"f": DCAT.name},
            ),
            asking.link("/tiles", TILESETS_VECTOR, JSON, "components and divisions as tiles"),
            asking.link("/tileMatrixSets", TILING_SCHEMES, JSON, "the tile matrix sets"),
        ],
    }
    return asking.document(body, "ogc_landing.html")


async def conformance(asking: Asking) -> Response:
    """Answer with the standards that are conformed to."""
    body = {"conformsTo": list(asking.service.conformance_classes)}
    return asking.document(body, "ogc_conformance.html")


async def collections(asking: Asking) -> Response:
    """Answer with the collections that are looked for, those best hit first."""
    city = await asking.published.city()
    published = await asking.published.all(actor=asking.actor)
    said = asking.parameters
    box, when = said.get("bbox"), said.get("datetime")
    asked = Search(
        words=said.get("q", ""),
        box=None if box is None else questions.box_of(box, systems.STORED),
        interval=None if when is None else questions.interval_of(when),
    )
    found = collection_search.search(published.values(), asked, city_box=city.box)
    if asking.format == DCAT:
        return asking.text(to_json(_catalogue(asking, found, city)))
    told, following = _page(asking, found)
    body = {
        "links": [*asking.own_links(), *following],
        "numberMatched": len(found),
        "numberReturned": len(told),
        "crs": [one.uri for one in city.systems],
        "collections": [about_collection(asking, one, city) | {"crs": ["#/crs"]} for one in told],
    }
    return asking.document(
        body, "ogc_collections.html", found=told, is_searched=asked != Search(), asked=said
    )


async def collection(asking: Asking) -> Response:
    """Answer with what one collection is."""
    city = await asking.published.city()
    found = await asking.published.find(asking.path("collection"), actor=asking.actor)
    body = about_collection(asking, found, city)
    return asking.document(body, "ogc_collection.html", collection=found, city=city)


def about_collection(asking: Asking, collection: Collection, city: City) -> dict[str, Any]:
    """Return what is told of a collection."""
    about = collection.about or About()
    known = {
        "keywords": about.keywords,
        "license": about.licence,
        "publisher": about.department,
        "field": about.field,
        "updated": about.updated_at,
        "source": about.source,
        "lineage": about.lineage,
    }
    return {
        "id": collection.name,
        "title": collection.title,
        "description": collection.description,
        **{name: one for name, one in known.items() if one},
        "extent": {
            "spatial": {"bbox": [list(about.box or city.box)], "crs": systems.CRS84},
            "temporal": {"interval": [list(about.interval)]},
        },
        "itemType": "feature",
        "crs": [one.uri for one in city.systems],
        "storageCrs": systems.CRS84,
        "links": _links(asking, collection),
    }


def _page(asking: Asking, found: list[Collection]) -> tuple[list[Collection], list[Link]]:
    """Return the collections of the page that is asked for, and the link to the next one."""
    names = [one.name for one in found]
    last = asking.after[0] if asking.after else None
    if last is not None and last not in names:
        raise BadRequest("`token` names a collection that there is no more; begin again.")
    begin = 0 if last is None else names.index(last) + 1
    end = begin + (asking.limit or len(found))
    told = found[begin:end]
    if end >= len(found):
        return told, []
    return told, [asking.following("/collections", (told[-1].name,))]


def _catalogue(asking: Asking, found: list[Collection], city: City) -> dict[str, object]:
    """Return collections as portals of open data read them."""
    datasets = []
    for one in found:
        place = f"/collections/{one.name}/items"
        ways = [
            dcat.Access(way.title, way.media_type, asking.url(place, {"f": way.name}))
            for way in _feature_formats(asking)
        ]
        datasets.append(dcat.dataset(one, ways, base=asking.url(), city_box=city.box))
    return dcat.document(datasets, base=asking.url(), name_zh=city.name_zh, name_en=city.name_en)


def _feature_formats(asking: Asking) -> tuple[Format, ...]:
    """Return how features can be written."""
    (operation,) = [one for one in asking.service.operations if one.name == "getFeatures"]
    return operation.formats


def _links(asking: Asking, collection: Collection) -> list[Link]:
    place = f"/collections/{collection.name}"
    first, *others = _feature_formats(asking)  # programs add to the address of the first
    return [
        asking.link(place, "self", JSON, "this collection"),
        asking.link(place, "alternate", HTML, "this collection, for people", _AS_PAGE),
        asking.link(f"{place}/items", "items", first, f"its features, as {first.title}"),
        *(
            asking.link(
                f"{place}/items", "items", one, f"its features, as {one.title}", {"f": one.name}
            )
            for one in others
        ),
        asking.link(f"{place}/queryables", f"{REL}queryables", SCHEMA, "what filters may name"),
        asking.link(f"{place}/tiles", TILESETS_VECTOR, JSON, "its vector tiles"),
        asking.link(
            f"{place}/tiles/{TILE_MATRIX_SET}", "alternate", HTML, "its tiles on a map", _AS_PAGE
        ),
        asking.link(f"{place}/schema", f"{REL}schema", SCHEMA, "what its features say"),
    ]


async def api(asking: Asking) -> Response:
    """Answer with the description of everything that can be asked."""
    return asking.document(described(asking.service.operations, asking.url()), "ogc_api.html")


OPERATIONS = (
    Operation("", "getLandingPage", "Get where everything is", landing),
    Operation("/api", "getApi", "Get what can be asked", api, formats=(OPENAPI, HTML)),
    Operation("/conformance", "getConformance", "List the standards conformed to", conformance),
    Operation(
        "/collections",
        "getCollections",
        "List the collections, or search them",
        collections,
        parameters=_SEARCHED,
        formats=(JSON, HTML, DCAT),
    ),
    Operation("/collections/{collection}", "describeCollection", "Get one collection", collection),
)
