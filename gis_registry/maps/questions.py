"""What is asked of a collection, as texts from a request, into conditions on its features."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import shapely
from pyproj import CRS
from sqlalchemy import ColumnElement, and_

from gis_registry.errors import InvalidInput
from gis_registry.maps import crs as systems
from gis_registry.maps import features, filters
from gis_registry.maps.collection_search import Interval
from gis_registry.maps.collections import GEOMETRY, Collection
from gis_registry.maps.crs import OfferedCrs
from gis_registry.maps.features import Condition
from gis_registry.maps.filter_geometry import check_projected
from gis_registry.maps.filter_values import date_of, time_of
from gis_registry.maps.filters import FilterLanguage
from gis_registry.maps.queryables import PropertyType

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")


def box_of(said: str, box_crs: OfferedCrs, *, parameter: str = "bbox") -> tuple[float, ...]:
    """Return a box: least x, least y, greatest x, greatest y; heights are left out.

    Args:
        said: four numbers, or six with heights, in the order of the system's axes.
        box_crs: the system.
        parameter: what the box is called.

    Raises:
        InvalidInput: it is no box.
    """
    parts = said.split(",")
    try:
        numbers = [float(one) for one in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or "_" in said or not all(abs(one) < 1e9 for one in numbers):
        raise InvalidInput(f"`{parameter}` must be four numbers with commas between, or six.")
    half = len(numbers) // 2
    west, south, east, north = *numbers[:2], *numbers[half : half + 2]
    if box_crs.is_northing_first:
        west, south, east, north = south, west, north, east
    if south > north or (west > east and not box_crs.is_geographic):
        raise InvalidInput(f"`{parameter}` must give its least corner first.")
    if not box_crs.is_geographic:
        check_projected(
            shapely.box(west, south, east, north),
            CRS.from_epsg(box_crs.srid),
            what=f"`{parameter}` has corners or edges",
        )
    return west, south, east, north


def conditions(
    collection: Collection,
    *,
    box: str | None = None,
    box_crs: OfferedCrs = systems.STORED,
    when: str | None = None,
    properties: Mapping[str, str],
    condition: str | None = None,
    language: FilterLanguage = FilterLanguage.CQL2_TEXT,
    filter_crs: OfferedCrs = systems.STORED,
) -> list[Condition]:
    """Return the conditions on features that a question asks for.

    Args:
        collection: which.
        box: what they touch, as in :func:`box_of`.
        box_crs: what the box is in.
        when: an instant or an interval that their time has in common with.
        properties: values of properties, by name.
        condition: a filter in CQL2.
        language: what the filter is written in.
        filter_crs: what the filter's coordinates are in.

    Raises:
        InvalidInput: something is asked for that cannot be.
    """
    found: list[ColumnElement[bool]] = []
    trees = [_equality(collection, name, said) for name, said in properties.items()]
    if when is not None:
        trees += _time(collection, when)
    found += [_translated(collection, json.dumps(one), FilterLanguage.CQL2_JSON) for one in trees]
    if condition is not None:
        found.append(
            _translated(
                collection,
                condition,
                language,
                None if filter_crs.is_stored else filter_crs.srid,
            )
        )
    asked = [features.of_filter(and_(*found))] if found else []
    if box is not None:
        asked.append(features.in_box(collection, box_of(box, box_crs), box_crs))
    return asked


def _translated(
    collection: Collection, given: str, language: FilterLanguage, srid: int | None = None
) -> ColumnElement[bool]:
    # GeoPackages call the geometry `geom`, and so do filters that are written for them.
    queryables = {"geom": collection.queryables[GEOMETRY], **collection.queryables}
    return filters.condition(given, language=language, queryables=queryables, filter_srid=srid)


def _equality(collection: Collection, name: str, said: str) -> dict[str, Any]:
    """Return that a property has a value."""
    known = {one.name: one.type for one in collection.properties}
    value: Any = said
    match known[name]:
        case PropertyType.INTEGER | PropertyType.NUMBER:
            if not _NUMBER.fullmatch(said):
                raise InvalidInput(f"`{name}` must be a number; {said[:100]!r} is none.")
            value = float(said) if "." in said else int(said)
        case PropertyType.BOOLEAN:
            if said not in ("true", "false"):
                raise InvalidInput(f"`{name}` must be true or false.")
            value = said == "true"
        case PropertyType.DATE | PropertyType.DATETIME:
            value = _instant(said, name)
        case PropertyType.ARRAY:
            return _op("a_contains", {"property": name}, [said])
    return _op("=", {"property": name}, value)


def _time(collection: Collection, said: str) -> Sequence[dict[str, Any]]:
    """Return that the time of features has something in common with an instant or interval."""
    interval_of(said)
    asked: Any = [
        ".." if one in ("", "..") else _instant(one, "datetime") for one in said.split("/")
    ]
    if not collection.temporal:
        return []
    if len(collection.temporal) == 1:
        time = {"interval": asked} if len(asked) == 2 else asked[0]
        return [_op("t_intersects", {"property": collection.temporal[0]}, time)]
    span = {"interval": asked if len(asked) == 2 else asked * 2}
    start, end = ({"property": one} for one in collection.temporal)
    # What has no end yet goes on: as an interval of a filter it would be unknown.
    goes_on = _op("or", _op("isNull", end), _op("not", _op("t_before", end, span)))
    return [_op("not", _op("t_after", start, span)), goes_on]


def _op(name: str, *args: Any) -> dict[str, Any]:
    return {"op": name, "args": list(args)}


def _instant(said: str, parameter: str) -> dict[str, str]:
    """Return a date, or a time with its zone, as a filter writes it."""
    if not said.isascii() or len(said) > 40:
        raise InvalidInput(f"`{parameter}` must be a date or a time with its zone.")
    # GDAL writes a day as 2026-07-01T.
    return {"timestamp" if "T" in said.upper()[:-1] else "date": said.removesuffix("T")}


def interval_of(said: str) -> Interval:
    """Return from when until when an instant or interval of RFC 3339 is; None: that end is open.

    A day lasts until its end, in UTC.

    Raises:
        InvalidInput: it is neither.
    """
    ends = said.split("/")
    if len(ends) > 2 or all(one in ("", "..") for one in ends):
        raise InvalidInput(
            "`datetime` must be an instant (2026-07-01 or 2026-07-01T08:00:00Z), or an interval "
            "with / between its ends, of which `..` leaves one open."
        )
    begins, ends_at = _moment(ends[0], time.min), _moment(ends[-1], time.max)
    if begins is not None and ends_at is not None and ends_at < begins:
        raise InvalidInput("`datetime` ends before it begins.")
    return begins, ends_at


def _moment(said: str, of_day: time) -> datetime | None:
    if said in ("", ".."):
        return None
    ((kind, text),) = _instant(said, "datetime").items()
    value = (date_of if kind == "date" else time_of)(text).value
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date)  # noqa: S101  there is no other kind
    return datetime.combine(value, of_day, UTC)
