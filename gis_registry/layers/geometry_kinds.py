"""Kinds of geometries for people: how many there are of each, and whether a layer mixes them."""

from collections.abc import Mapping

#: As GeoJSON calls them, points before lines before areas.
_NAMES = (
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
)
_BY_LOWER = {one.lower(): one for one in _NAMES}


def listed_kinds(counts: Mapping[str, int]) -> str:
    """Return how many geometries there are of each type, such as 12 Point, 3 LineString.

    Args:
        counts: by type, in whatever case.
    """
    named = {_BY_LOWER.get(one.lower(), one): count for one, count in counts.items()}
    ordered = [one for one in _NAMES if one in named] + sorted(set(named) - set(_NAMES))
    return ", ".join(f"{named[one]:,} {one}" for one in ordered)


def are_mixed(counts: Mapping[str, int]) -> bool:
    """Return whether there are points and lines, or lines and areas; parts make no difference."""
    return len({one.lower().removeprefix("multi") for one in counts}) > 1
