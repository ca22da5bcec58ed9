"""What the registry can do: show, find nearest, list, register, edit, tell the history."""

from datetime import datetime

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components import as_of, queries
from gis_registry.components.classes import class_ids
from gis_registry.components.editing import Facts, apply_edit, conform, edit
from gis_registry.components.identifiers import parse_identifier
from gis_registry.components.lookup import class_name
from gis_registry.components.registering import register
from gis_registry.components.schemas import ComponentPage, ListedComponent, NearComponent
from gis_registry.components.showing import card, history, show
from gis_registry.components.tables import Component
from gis_registry.errors import InvalidInput, InvalidPosition
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places

__all__ = [
    "MAX_COUNT",
    "Facts",
    "apply_edit",
    "area_code",
    "card",
    "conform",
    "edit",
    "history",
    "near_component",
    "nearest",
    "page",
    "register",
    "show",
]

MAX_COUNT = 1000


def nearest(
    session: Session,
    *,
    lon: float,
    lat: float,
    class_code: str | None = None,
    radius_m: float | None = None,
    count: int = 5,
) -> list[NearComponent]:
    """Return the active components nearest to a point, by metres on the ground, then by identifier.

    Args:
        session: open transaction.
        lon: longitude in degrees, EPSG:4490.
        lat: latitude in degrees, EPSG:4490.
        class_code: only this class, by its code in an edition that the city has or had.
        radius_m: only those within this many metres.
        count: at most so many, 1 to 1000.

    Raises:
        InvalidPosition: the coordinates are none.
        InvalidInput: radius or count is out of range.
        UnknownClass: there is no such class.
    """
    fault = places.position_fault(lon, lat)
    if fault is not None:
        raise InvalidPosition(f"This position cannot be used: {fault}.")
    if radius_m is not None and not 0 < radius_m <= 1_000_000:
        raise InvalidInput("The radius must be more than 0 and at most 1,000,000 metres.")
    if not 1 <= count <= MAX_COUNT:
        raise InvalidInput(f"The number of components must be 1 to {MAX_COUNT}.")
    rows = queries.nearest(
        session,
        lon=lon,
        lat=lat,
        class_ids=class_ids(session, class_code) if class_code is not None else None,
        radius_m=radius_m,
        count=count,
    )
    return [near_component(row) for row in rows]


def near_component(row: RowMapping) -> NearComponent:
    """Return a row of the nearest components as what is shown."""
    return NearComponent(
        code=row["code"],
        component_class=class_name(row),
        distance_m=round(row["distance_m"], 3),
        accuracy_m=row["accuracy_m"],
        lon=row["lon"],
        lat=row["lat"],
    )


def page(
    session: Session,
    *,
    class_code: str | None = None,
    division_code: str | None = None,
    after: str | None = None,
    limit: int = 100,
    moment: datetime | None = None,
) -> ComponentPage:
    """Return active components of a class and of a district or subdistrict, by identifier.

    Args:
        session: open transaction.
        class_code: only this class, by its code in an edition that the city has or had.
        division_code: only this district or subdistrict.
        after: only those after this identifier.
        limit: at most so many, 1 to 1000.
        moment: as the registry had them then; None is now.

    Raises:
        UnknownClass: there is no such class.
        InvalidInput: the limit, the area or ``after`` cannot be used.
    """
    if not 1 <= limit <= MAX_COUNT:
        raise InvalidInput(f"The limit must be 1 to {MAX_COUNT}.")
    city = places.the_city(session)
    rows = queries.page(
        session,
        source=Component.__table__ if moment is None else as_of.components(moment),
        class_ids=class_ids(session, class_code) if class_code is not None else None,
        primary_edition_key=city.primary_edition_key,
        division_code=area_code(session, division_code),
        after=str(parse_identifier(after)) if after else None,
        limit=limit + 1,
    )
    listed = [ListedComponent.model_validate(dict(row)) for row in rows[:limit]]
    return ComponentPage(
        components=listed, next_after=listed[-1].code if len(rows) > limit else None
    )


def area_code(session: Session, division_code: str | None) -> str | None:
    """Return the code of a district or subdistrict to select components by; None: the whole city.

    Raises:
        InvalidInput: it is neither of them, nor the city's.
    """
    if division_code is None:
        return None
    code = division_code.strip()
    city = places.the_city(session)
    if places_queries.division(session, code) is None or len(code) > 9:
        raise InvalidInput(f"{code!r} is no district or subdistrict of {city.name_en}.")
    return None if code == city.division_code else code
