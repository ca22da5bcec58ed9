"""What pages for people show of features and collections besides what programs are told."""

from collections.abc import Mapping, Sequence
from typing import Any

from gis_registry.maps import outlines
from gis_registry.maps.collections import About, Collection, Property
from gis_registry.maps.published import City
from gis_registry.maps.queryables import PropertyType

Feature = Mapping[str, Any]


def box_of(collection: Collection, city: City) -> tuple[float, ...]:
    """Return where the features of a collection are."""
    return (collection.about or About()).box or city.box


def of_page(
    collection: Collection, features: Sequence[Feature], asked: Mapping[str, str], known: set[str]
) -> dict[str, Any]:
    """Return what the page of a page of features is given.

    Args:
        collection: which.
        features: those of the page.
        asked: the parameters.
        known: parameters that are no properties.
    """
    return {
        "asked": asked,
        "askable": [one for one in collection.properties if one.name not in known],
        "shown": [one for one in collection.properties if _is_telling(one, features)],
        "drawn": outlines.sketched(features),
    }


def examples(collection: Collection, city: City) -> list[str]:
    """Return filters that people can begin with."""
    found = []
    for one in collection.properties:
        if one.choices:
            found.append(f"{one.name} = '{one.choices[0]}'")
        elif one.type is PropertyType.DATE:
            found.append(f"{one.name} >= DATE('2026-01-01')")
        elif one.type is PropertyType.BOOLEAN:
            found.append(f"{one.name} = true")
    texts = [one.name for one in collection.properties if one.type is PropertyType.STRING]
    found += [f"{one} LIKE '%1%'" for one in texts[:1]]
    west, south, east, north = box_of(collection, city)
    middle = f"{west:.4f}, {south:.4f}, {(west + east) / 2:.4f}, {(south + north) / 2:.4f}"
    return [*found, f"S_INTERSECTS(geometry, BBOX({middle}))"]


def _is_telling(one: Property, features: Sequence[Feature]) -> bool:
    """Return whether a column of a property would say anything that the id does not."""
    values = [(feature["properties"].get(one.name), feature["id"]) for feature in features]
    return any(value is not None and value != name for value, name in values)
