"""What is said of one component by hand: that it can be so, and setting it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components.tables import Component
from gis_registry.errors import InvalidInput, InvalidPosition
from gis_registry.places import service as places
from gis_registry.places.service import Place
from gis_registry.units import queries as units_queries
from gis_registry.units.tables import Unit, UnitRole

_GEOMETRIES = {"point": "Point", "line": "LineString", "polygon": "Polygon"}
#: Nothing that was surveyed is less exact.
MAX_ACCURACY_M = 1000.0


def sound(geometry: BaseGeometry, class_: ComponentClass) -> BaseGeometry:
    """Return a geometry as it is stored: in two dimensions, and as one part if it has but one.

    Args:
        geometry: longitude and latitude in EPSG:4490.
        class_: the class that the component is of.

    Raises:
        InvalidInput: it is empty, not valid, or of another kind than those of the class.
        InvalidPosition: a coordinate is none on the ground.
    """
    plain = shapely.force_2d(geometry)
    if plain.is_empty:
        raise InvalidInput("A component is somewhere: give it a geometry with coordinates.")
    west, south, east, north = plain.bounds
    for lon, lat in ((west, south), (east, north)):
        fault = places.position_fault(lon, lat)
        if fault is not None:
            raise InvalidPosition(f"This position cannot be used: {fault}.")
    if plain.geom_type.startswith("Multi") and shapely.get_num_geometries(plain) == 1:
        plain = shapely.get_geometry(plain, 0)
    many_points = plain.geom_type == "MultiPoint"
    if many_points or not fits(plain, class_.geometry_type):
        raise InvalidInput(
            f"The geometry is a {plain.geom_type}; those of class {class_.code} "
            f"({class_.name_zh} {class_.name_en}) are a {class_.geometry_type}."
        )
    if not plain.is_valid:
        raise InvalidInput(f"The geometry is not valid: {shapely.is_valid_reason(plain)}.")
    return plain


def fits(geometry: BaseGeometry, geometry_type: str) -> bool:
    """Return whether a geometry is a point, line or polygon, as asked; parts may be."""
    return bool(geometry.geom_type.removeprefix("Multi") == _GEOMETRIES[geometry_type])


def locate(session: Session, geometry: BaseGeometry, on_date: date) -> Place:
    """Return where a geometry lies, by a point on it; see :func:`places.service.locate`."""
    point = geometry if geometry.geom_type == "Point" else shapely.point_on_surface(geometry)
    return places.locate(session, lon=point.x, lat=point.y, on_date=on_date)


def unit_codes(session: Session, component: Component) -> dict[UnitRole, str | None]:
    """Return the code of the unit of each role."""
    ids = {role: getattr(component, f"{role}_id") for role in UnitRole}
    return {
        role: session.get_one(Unit, one).code if one is not None else None
        for role, one in ids.items()
    }


def say(
    session: Session,
    component: Component,
    *,
    units: Mapping[UnitRole, str | None] | None,
    attributes: Mapping[str, Any] | None,
    surveyed_on: date | None,
    accuracy_m: float | None,
    on_date: date,
) -> None:
    """Set what is said; None: nothing is. None as a value: there is none.

    Raises:
        InvalidInput: there is no such unit, the day is after this one, or the accuracy is none.
    """
    for role, unit_id in _unit_ids(session, units or {}).items():
        setattr(component, f"{role}_id", unit_id)
    if attributes:
        merged = (component.attributes or {}) | dict(attributes)
        component.attributes = {key: one for key, one in merged.items() if one is not None}
    if surveyed_on is not None:
        if surveyed_on > on_date:
            raise InvalidInput(f"The day of the survey, {surveyed_on}, is still to come.")
        component.surveyed_on = surveyed_on
    if accuracy_m is not None:
        if not 0 < accuracy_m <= MAX_ACCURACY_M:
            raise InvalidInput(
                f"The accuracy must be more than 0 and at most {MAX_ACCURACY_M:g} metres."
            )
        component.accuracy_m = accuracy_m


def _unit_ids(session: Session, codes: Mapping[UnitRole, str | None]) -> dict[UnitRole, int | None]:
    known = units_queries.unit_ids(session, {one for one in codes.values() if one is not None})
    for code in codes.values():
        if code is not None and code not in known:
            raise InvalidInput(
                f"There is no unit {code[:100]!r}; `gis-registry units list` shows who there is."
            )
    return {role: known[code] if code is not None else None for role, code in codes.items()}
