"""OGC API Features, Part 5: what the features of a collection say, and what of it can be set."""

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from gis_registry.api.ogc.asking import Asking
from gis_registry.api.ogc.items import properties_of
from gis_registry.api.ogc.operations import SCHEMA, Operation
from gis_registry.maps import receiving
from gis_registry.maps.collections import GEOMETRY, Collection

CONFORMANCE_CLASSES = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-5/1.0/conf/{name}"
    for name in ("schemas", "core-roles-features", "returnables-and-receivables")
)
#: Geometries of classes, as schemas name them.
_GEOMETRY_FORMATS = {
    "point": "geometry-point",
    "line": "geometry-linestring-or-multilinestring",
    "polygon": "geometry-polygon-or-multipolygon",
}


async def schema(asking: Asking) -> Response:
    """Answer with what features say, and what of it can be set."""
    collection = await asking.published.find(asking.path("collection"), actor=asking.actor)
    body = properties_of(asking, collection, "schema")
    told: Any = body["properties"]
    settable = receiving.RECEIVABLE if collection.is_editable else ()
    for number, name in enumerate(told, start=1):
        told[name]["x-ogc-propertySeq"] = number
        if name not in (*settable, GEOMETRY):
            told[name]["readOnly"] = True
    if collection.is_editable:
        told[receiving.ATTRIBUTES] = {
            "title": "属性 attributes",
            "description": "Attributes to set; null as a value removes one. The component's card "
            "and /api/components tell them.",
            "type": "object",
            "writeOnly": True,
            "x-ogc-propertySeq": len(told) + 1,
        }
        body["required"] = (
            [GEOMETRY] if "class_id" in collection.values else [GEOMETRY, "class_code"]
        )
        told[GEOMETRY]["format"] = await _geometry_format(asking, collection)
    return asking.text(to_json(body))


async def _geometry_format(asking: Asking, collection: Collection) -> str:
    found = await asking.reading.rows(
        "SELECT geometry_type FROM component_classes WHERE id = %(class_id)s",
        {"class_id": collection.values.get("class_id")},
    )
    return _GEOMETRY_FORMATS[found[0][0]] if found else "geometry-any"


OPERATIONS = (
    Operation(
        "/collections/{collection}/schema",
        "getSchema",
        "Get what features say, and what of it can be set",
        schema,
        formats=(SCHEMA,),
    ),
)
