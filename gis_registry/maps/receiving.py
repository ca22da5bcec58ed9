"""What clients send of a component as a GeoJSON feature: read, checked, and taken to facts.

What a feature says is read in three ways. One that is *created* has no identifier yet. One that is
*replaced* is said whole: units that are not said are none; what no component can be without (its
class, day of survey and accuracy) stays as it is. Of one that is *merged* (RFC 7396) only what is
said changes, and null takes away. Whether it stands is not said: what is retired is deleted.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from typing import Annotated, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError
from pydantic_core import PydanticCustomError, from_json, to_json
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from gis_registry.components.service import Facts
from gis_registry.errors import InvalidInput, InvalidPosition
from gis_registry.maps.collections import Collection
from gis_registry.maps.crs import OfferedCrs, to_stored
from gis_registry.units.tables import UnitRole

#: Properties beside those that features tell: they can be set, and are told by the component.
ATTRIBUTES = "attributes"
_VERSION = "version"
#: How else what cannot be set is changed.
_INSTEAD = {"state": " DELETE retires a component."}
#: How many coordinates the coordinates of each kind of geometry are nested around.
_DEPTHS = {
    "Point": 1,
    "MultiPoint": 2,
    "LineString": 2,
    "MultiLineString": 3,
    "Polygon": 3,
    "MultiPolygon": 4,
}


class How(Enum):
    """How what is sent is meant."""

    CREATED = auto()
    REPLACED = auto()
    MERGED = auto()


def _day(said: object) -> date:
    if isinstance(said, str) and len(said) == len("2026-05-31"):
        with suppress(ValueError):
            return date.fromisoformat(said)
    raise PydanticCustomError("day", "it must be a day, such as 2026-05-31")


class Receivable(BaseModel):
    """The properties that can be set."""

    model_config = ConfigDict(extra="forbid", strict=True)

    class_code: Annotated[str, Field(max_length=20)] | None = None
    supervisor_code: Annotated[str, Field(max_length=100)] | None = None
    owner_code: Annotated[str, Field(max_length=100)] | None = None
    maintainer_code: Annotated[str, Field(max_length=100)] | None = None
    surveyed_on: Annotated[date, BeforeValidator(_day)] | None = None
    accuracy_m: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    attributes: dict[Annotated[str, Field(min_length=1, max_length=200)], JsonValue] | None = None


#: The names of the properties that can be set.
RECEIVABLE = tuple(Receivable.model_fields)
_UNITS = {f"{role}_code": role for role in UnitRole}


@dataclass(frozen=True)
class Sent:
    """What was sent of a component: what it says, and for which version; None: for any."""

    facts: Facts
    version: int | None


def feature(
    said: Mapping[str, Any],
    collection: Collection,
    how: How,
    *,
    crs: OfferedCrs,
    present: Mapping[str, Any] | None = None,
) -> Sent:
    """Read a feature.

    Args:
        said: the feature, or what is to be merged into it.
        collection: what it belongs to.
        how: how it is meant.
        crs: what its coordinates are in.
        present: the feature as it is told now, if there is one.

    Raises:
        InvalidInput: it is no feature, or says what cannot be set.
        InvalidPosition: its coordinates are none.
    """
    if said.get("crs") is not None:
        raise InvalidInput("A feature does not name its system of coordinates; Content-Crs does.")
    if said.get("type", "Feature" if how is How.MERGED else None) != "Feature":
        raise InvalidInput("Send a GeoJSON object whose `type` is Feature, one at a time.")
    _check_id(said.get("id"), present)
    if how is How.MERGED:
        other = sorted(set(said) - {"type", "id", "geometry", "properties"})
        if other:
            raise InvalidInput(f"A feature has no member {other[0][:100]!r} that can be changed.")
    properties = said.get("properties", {})
    if properties is None and how is not How.MERGED:
        properties = {}
    if not isinstance(properties, dict):
        raise InvalidInput("`properties` must be an object.")
    version = _read_only(properties, collection, how, present)
    facts = _facts(properties, collection, how, _geometry(said, how, crs, present))
    return Sent(facts, version)


def _check_id(said: object, present: Mapping[str, Any] | None) -> None:
    if said is None:
        return
    if present is None:
        raise InvalidInput("An identifier is issued, never chosen: send the feature without `id`.")
    if said != present["id"]:
        raise InvalidInput(
            f"The feature's `id` is {str(said)[:100]!r}, that of the address {present['id']!r}."
        )


def _read_only(
    properties: Mapping[str, Any],
    collection: Collection,
    how: How,
    present: Mapping[str, Any] | None,
) -> int | None:
    """Check what cannot be set, and return the version that is said."""
    told = present["properties"] if present is not None else {}
    version = None
    for one in collection.properties:
        if one.name in RECEIVABLE or one.name not in properties:
            continue
        said = properties[one.name]
        if said is None and how is not How.MERGED:
            continue
        if one.name == _VERSION and present is not None:
            if isinstance(said, bool) or not isinstance(said, int) or not 0 < said < 2**31:
                raise InvalidInput("`version` must be the number of the version that is changed.")
            version = said
        elif said != told.get(one.name):
            raise InvalidInput(
                f"`{one.name}` ({one.title}) cannot be set: the registry says it."
                f"{_INSTEAD.get(one.name, '')}"
            )
    return version


def _facts(
    properties: Mapping[str, Any],
    collection: Collection,
    how: How,
    geometry: BaseGeometry | None,
) -> Facts:
    read_only = {one.name for one in collection.properties} - set(RECEIVABLE)
    try:
        sent = Receivable.model_validate(
            {name: one for name, one in properties.items() if name not in read_only}
        )
    except ValidationError as error:
        raise InvalidInput(_explained(error)) from error
    try:  # a number such as 1e400 is no JSON any more once it is read
        from_json(to_json(sent.attributes, inf_nan_mode="constants"), allow_inf_nan=False)
    except ValueError as error:
        raise InvalidInput("`attributes` has a number that is too large.") from error
    said = sent.model_fields_set
    if how is How.MERGED:
        empty = sorted(name for name in said - set(_UNITS) if getattr(sent, name) is None)
        if empty:
            raise InvalidInput(f"`{empty[0]}` cannot be empty.")
    units = {role: getattr(sent, name) or None for name, role in _UNITS.items() if name in said}
    if how is How.REPLACED:
        units = {role: units.get(role) for role in UnitRole}
    return Facts(
        geometry=geometry,
        class_code=_class_code(sent.class_code, collection, how),
        units=units or None,
        attributes=sent.attributes,
        surveyed_on=sent.surveyed_on,
        accuracy_m=sent.accuracy_m,
    )


def _class_code(said: str | None, collection: Collection, how: How) -> str | None:
    own = collection.name.partition("-")[2] or None
    if how is not How.CREATED or own is None:
        return said
    if said not in (None, own):
        raise InvalidInput(f"{collection.name} holds components of the class {own} only.")
    return own


def _explained(error: ValidationError) -> str:
    first = error.errors()[0]
    name = ".".join(map(str, first["loc"]))[:100]
    if first["type"] == "extra_forbidden":
        return f"There is no property {name!r}; those that can be set are {', '.join(RECEIVABLE)}."
    return f"`{name}`: {first['msg']}."


def _geometry(
    said: Mapping[str, Any], how: How, crs: OfferedCrs, present: Mapping[str, Any] | None
) -> BaseGeometry | None:
    """Return what is said of the geometry, in EPSG:4490."""
    if how is How.MERGED and "geometry" not in said:
        return None
    geometry = said.get("geometry")
    if not isinstance(geometry, dict):
        raise InvalidInput("A component is somewhere: send its `geometry`, a GeoJSON geometry.")
    kind = geometry.get("type")
    if how is How.MERGED and present is not None and "type" not in geometry:
        kind = present["geometry"]["type"]
    if not isinstance(kind, str) or kind not in _DEPTHS:
        raise InvalidInput(f"The type of a geometry is one of {', '.join(_DEPTHS)}.")
    coordinates = geometry.get("coordinates")
    if not _is_nested(coordinates, _DEPTHS[kind]):
        raise InvalidInput(f"The coordinates are not those of a {kind}: see RFC 7946.")
    try:
        made: BaseGeometry = shapely.geometry.shape({"type": kind, "coordinates": coordinates})
    except (ShapelyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise InvalidInput(f"The geometry is none: {str(error)[:200]}.") from error
    return _stored(shapely.force_2d(made), crs)


def _is_nested(coordinates: object, depth: int) -> bool:
    """Return whether coordinates are lists of lists of numbers, so deep."""
    if not isinstance(coordinates, list):
        return False
    if depth > 1:
        return bool(coordinates) and all(_is_nested(one, depth - 1) for one in coordinates)
    return 2 <= len(coordinates) <= 4 and all(
        isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 1e300
        for one in coordinates
    )


def _stored(geometry: BaseGeometry, crs: OfferedCrs) -> BaseGeometry:
    """Take a geometry from a system, in the order of its axes, to EPSG:4490."""
    if crs.is_stored:
        return geometry
    transformer = to_stored(crs.srid)

    def taken(x: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
        east, north = (y, x) if crs.is_northing_first else (x, y)
        return transformer.transform(east, north)

    moved: BaseGeometry = shapely.transform(geometry, taken, interleaved=False)
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise InvalidPosition(f"The coordinates are no place on earth in {crs.uri}.")
    return moved
