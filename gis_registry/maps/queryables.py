"""What a filter may ask about: the queryables of a collection, and the document that lists them.

The document is a JSON Schema as OGC API Features Part 3 wants it: one property for each queryable,
with its title, its type and what part it plays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement

#: What the document says it is written in.
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class PropertyType(StrEnum):
    """What values a queryable has."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"  #: an instant, ``timestamp with time zone`` in the database
    ARRAY = "array"  #: of strings
    GEOMETRY = "geometry"


@dataclass(frozen=True)
class Queryable:
    """One property that a filter may name.

    Args:
        name: as filters write it.
        type: what its values are.
        column: SQL over whatever the caller selects from, of a type of the database that fits:
            text is ``text`` and no enumeration, a list is ``text[]``, and geometries are valid, no
            collections of several kinds, and in the SRID that the filter is translated for.
    """

    name: str
    type: PropertyType
    column: ColumnElement[Any]


class Role(StrEnum):
    """What part a property plays in a feature, as ``x-ogc-role`` says it."""

    IDENTIFIER = "id"
    PRIMARY_GEOMETRY = "primary-geometry"
    PRIMARY_INSTANT = "primary-instant"
    PRIMARY_INTERVAL_START = "primary-interval-start"
    PRIMARY_INTERVAL_END = "primary-interval-end"


@dataclass(frozen=True)
class Title:
    """What people read about a queryable.

    Args:
        text: its name for people.
        role: the part that it plays.
        choices: the only values that it has, if they are few.
    """

    text: str
    role: Role | None = None
    choices: tuple[str | int, ...] = ()


_SCHEMAS: dict[PropertyType, dict[str, object]] = {
    PropertyType.STRING: {"type": "string"},
    PropertyType.INTEGER: {"type": "integer"},
    PropertyType.NUMBER: {"type": "number"},
    PropertyType.BOOLEAN: {"type": "boolean"},
    PropertyType.DATE: {"type": "string", "format": "date"},
    PropertyType.DATETIME: {"type": "string", "format": "date-time"},
    PropertyType.ARRAY: {"type": "array", "items": {"type": "string"}},
    PropertyType.GEOMETRY: {"format": "geometry-any"},
}


def document(
    queryables: Mapping[str, Queryable],
    *,
    titles: Mapping[str, Title],
    address: str,
    title: str,
    description: str | None = None,
) -> dict[str, object]:
    """Return the JSON Schema that lists a collection's queryables.

    Args:
        queryables: what filters may name, in the order to list them.
        titles: what people read about each of them; one that is not here is titled by its name.
        address: where the document is found, absolute.
        title: of the collection.
        description: of the collection.
    """
    told = {} if description is None else {"description": description}
    return {
        "$schema": DIALECT,
        "$id": address,
        "type": "object",
        "title": title,
        **told,
        "properties": {
            name: _property(one, titles.get(name, Title(name))) for name, one in queryables.items()
        },
        "additionalProperties": False,
    }


def _property(queryable: Queryable, title: Title) -> dict[str, object]:
    schema: dict[str, object] = {"title": title.text}
    if title.role is not None:
        schema["x-ogc-role"] = title.role.value
    schema |= _SCHEMAS[queryable.type]
    if title.choices and queryable.type is PropertyType.ARRAY:
        schema["items"] = {"type": "string", "enum": list(title.choices)}
    elif title.choices:
        schema["enum"] = list(title.choices)
    return schema
