"""OGC API Common: what there is, what it conforms to, and its collections."""

from typing import Any

from starlette.responses import Response

from gis_registry.api.ogc.asking import Asking, Link
from gis_registry.api.ogc.openapi import described
from gis_registry.api.ogc.operations import GEOJSON, HTML, JSON, OPENAPI, SCHEMA, Operation
from gis_registry.maps import crs as systems
from gis_registry.maps.collections import Collection
from gis_registry.maps.published import City

_COMMON = "http://www.opengis.net/spec/ogcapi-common-{}/1.0/conf/{}"
CONFORMANCE_CLASSES = (
    *(_COMMON.format(1, name) for name in ("core", "landing-page", "json", "html", "oas30")),
    _COMMON.format(2, "collections"),
)
_DESCRIPTION = (
    "Every component of the city, and what else is published of it, as features and tiles: "
    "OGC API Features and Tiles."
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
            asking.link("/api", "service-doc", HTML, "what can be asked, for people", f="html"),
            asking.link("/conformance", "conformance", JSON, "the standards that it conforms to"),
            asking.link("/collections", "data", JSON, "the collections"),
        ],
    }
    return asking.document(body, "ogc_landing.html")


async def conformance(asking: Asking) -> Response:
    """Answer with the standards that are conformed to."""
    body = {"conformsTo": list(asking.service.conformance_classes)}
    return asking.document(body, "ogc_conformance.html")


async def collections(asking: Asking) -> Response:
    """Answer with every collection."""
    city = await asking.published.city()
    found = await asking.published.all(actor=asking.actor)
    body = {
        "links": asking.own_links(),
        "crs": [one.uri for one in city.systems],
        "collections": [
            about_collection(asking, one, city) | {"crs": ["#/crs"]} for one in found.values()
        ],
    }
    return asking.document(body, "ogc_collections.html")


async def collection(asking: Asking) -> Response:
    """Answer with what one collection is."""
    city = await asking.published.city()
    found = await asking.published.find(asking.path("collection"), actor=asking.actor)
    body = about_collection(asking, found, city)
    return asking.document(body, "ogc_collection.html", collection=found)


def about_collection(asking: Asking, collection: Collection, city: City) -> dict[str, Any]:
    """Return what is told of a collection."""
    return {
        "id": collection.name,
        "title": f"{collection.title_zh} {collection.title_en}",
        "description": collection.description,
        "extent": {
            "spatial": {"bbox": [list(city.box)], "crs": systems.CRS84},
            "temporal": {"interval": [[None, None]]},
        },
        "itemType": "feature",
        "crs": [one.uri for one in city.systems],
        "storageCrs": systems.CRS84,
        "links": _links(asking, collection),
    }


def _links(asking: Asking, collection: Collection) -> list[Link]:
    place = f"/collections/{collection.name}"
    queryables = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
    schema = "http://www.opengis.net/def/rel/ogc/1.0/schema"
    return [
        asking.link(place, "self", JSON, "this collection"),
        asking.link(place, "alternate", HTML, "this collection, for people", f="html"),
        asking.link(f"{place}/items", "items", GEOJSON, "its features"),
        asking.link(f"{place}/items", "items", HTML, "its features, for people", f="html"),
        asking.link(f"{place}/queryables", queryables, SCHEMA, "what filters may name"),
        asking.link(f"{place}/schema", schema, SCHEMA, "what its features say"),
    ]


async def api(asking: Asking) -> Response:
    """Answer with the description of everything that can be asked."""
    return asking.document(described(asking.service.operations, asking.url()), "ogc_api.html")


OPERATIONS = (
    Operation("", "getLandingPage", "Get where everything is", landing),
    Operation("/api", "getApi", "Get what can be asked", api, formats=(OPENAPI, HTML)),
    Operation("/conformance", "getConformance", "List the standards conformed to", conformance),
    Operation("/collections", "getCollections", "List the collections", collections),
    Operation("/collections/{collection}", "describeCollection", "Get one collection", collection),
)
