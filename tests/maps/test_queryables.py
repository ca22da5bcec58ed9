"""The document of queryables is a JSON Schema that says what each one is."""

import json

import jsonschema
from filtered import THINGS

from gis_registry.maps.queryables import PropertyType, Queryable, Role, Title, document

QUERYABLES = {
    name: Queryable(name, kind, THINGS.c.name)
    for name, kind in {
        "code": PropertyType.STRING,
        "state": PropertyType.STRING,
        "floors": PropertyType.INTEGER,
        "height": PropertyType.NUMBER,
        "is_lit": PropertyType.BOOLEAN,
        "built": PropertyType.DATE,
        "seen_at": PropertyType.DATETIME,
        "tags": PropertyType.ARRAY,
        "place": PropertyType.GEOMETRY,
    }.items()
}
TITLES = {
    "code": Title("标识码 Identifier", role=Role.IDENTIFIER),
    "state": Title("状态 State", choices=("active", "removed")),
    "floors": Title("层数 Floors", choices=(1, 2)),
    "tags": Title("标签 Tags", choices=("red", "green")),
    "seen_at": Title("时间 Time", role=Role.PRIMARY_INSTANT),
    "place": Title("位置 Place", role=Role.PRIMARY_GEOMETRY),
}


def test_document_says_what_each_queryable_is() -> None:
    found = document(
        QUERYABLES,
        titles=TITLES,
        address="https://example.org/collections/things/queryables",
        title="Things",
        description="All of them",
    )
    assert found == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.org/collections/things/queryables",
        "type": "object",
        "title": "Things",
        "description": "All of them",
        "properties": {
            "code": {"title": "标识码 Identifier", "x-ogc-role": "id", "type": "string"},
            "state": {
                "title": "状态 State",
                "type": "string",
                "enum": ["active", "removed"],
            },
            "floors": {"title": "层数 Floors", "type": "integer", "enum": [1, 2]},
            "height": {"title": "height", "type": "number"},
            "is_lit": {"title": "is_lit", "type": "boolean"},
            "built": {"title": "built", "type": "string", "format": "date"},
            "seen_at": {
                "title": "时间 Time",
                "x-ogc-role": "primary-instant",
                "type": "string",
                "format": "date-time",
            },
            "tags": {
                "title": "标签 Tags",
                "type": "array",
                "items": {"type": "string", "enum": ["red", "green"]},
            },
            "place": {
                "title": "位置 Place",
                "x-ogc-role": "primary-geometry",
                "format": "geometry-any",
            },
        },
        "additionalProperties": False,
    }


def test_document_is_a_schema_that_refuses_other_properties() -> None:
    found = document(QUERYABLES, titles={}, address="https://example.org/q", title="Things")
    schema = json.loads(json.dumps(found))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"floors": 3, "place": {"type": "Point", "coordinates": [1, 2]}})
    assert not validator.is_valid({"floors": "three"})
    assert not validator.is_valid({"storeys": 3})
