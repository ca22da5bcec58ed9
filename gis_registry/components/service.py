"""What the registry can do: show, find nearest, list, edit, and tell a component's history."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import queries
from gis_registry.components.identifiers import Identifier, parse_identifier
from gis_registry.components.schemas import (
    ClassName,
    ComponentCard,
    ComponentDetail,
    ComponentEdit,
    ComponentPage,
    HistoryEntry,
    ListedComponent,
    Named,
    NearComponent,
)
from gis_registry.components.tables import Component, ComponentState, Operation
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, InvalidPosition, Outdated, UnknownIdentifier
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000

MAX_COUNT = 1000


def show(session: Session, code: str) -> ComponentDetail:
    """Return everything about a component.

    Args:
        session: open transaction.
        code: its identifier, as people write it.

    Raises:
        InvalidInput: it is no identifier.
        UnknownIdentifier: it was never issued here.
    """
    identifier = parse_identifier(code)
    row = queries.component(session, identifier.division_code, str(identifier))
    if row is None:
        raise _unknown(session, identifier)
    return ComponentDetail(
        code=row["code"],
        component_class=_class_name(row),
        state=row["state"],
        lon=row["lon"],
        lat=row["lat"],
        geometry=row["geometry"],
        accuracy_m=row["accuracy_m"],
        division=_named(row, "division"),
        subdistrict=_named(row, "subdistrict"),
        cell_code=row["cell_code"],
        supervisor=_named(row, "supervisor"),
        owner=_named(row, "owner"),
        maintainer=_named(row, "maintainer"),
        surveyed_on=row["surveyed_on"],
        is_synthetic=row["is_synthetic"],
        attributes=row["attributes"],
        version=row["version"],
        changed_at=row["changed_at"],
    )


def card(session: Session, code: str) -> ComponentCard:
    """Return what anybody may read of a component.

    Raises:
        InvalidInput: it is no identifier.
        UnknownIdentifier: it was never issued here.
    """
    detail = show(session, code)
    return ComponentCard.model_validate(
        {name: getattr(detail, name) for name in ComponentCard.model_fields}
    )


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
        class_code: only this class of the city's edition.
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
    class_ids = None
    if class_code is not None:
        city = places.the_city(session)
        class_ids = [catalogue.find_class(session, class_code, edition_key=city.edition_key).id]
    rows = queries.nearest(
        session, lon=lon, lat=lat, class_ids=class_ids, radius_m=radius_m, count=count
    )
    return [near_component(row) for row in rows]


def near_component(row: RowMapping) -> NearComponent:
    """Return a row of the nearest components as what is shown."""
    return NearComponent(
        code=row["code"],
        component_class=_class_name(row),
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
) -> ComponentPage:
    """Return active components of a class and of a district or subdistrict, by identifier.

    Raises:
        UnknownClass: there is no such class.
        InvalidInput: the limit, the area or ``after`` cannot be used.
    """
    if not 1 <= limit <= MAX_COUNT:
        raise InvalidInput(f"The limit must be 1 to {MAX_COUNT}.")
    city = places.the_city(session)
    class_id = None
    if class_code is not None:
        class_id = catalogue.find_class(session, class_code, edition_key=city.edition_key).id
    rows = queries.page(
        session,
        class_id=class_id,
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


def history(session: Session, code: str) -> list[HistoryEntry]:
    """Return every state of a component, the first one first.

    Raises:
        InvalidInput: it is no identifier.
        UnknownIdentifier: it was never issued here.
    """
    identifier = parse_identifier(code)
    rows = queries.history(session, identifier.division_code, str(identifier))
    if not rows:
        raise _unknown(session, identifier)
    return [HistoryEntry.model_validate(dict(row)) for row in rows]


def apply_edit(
    session: Session,
    code: str,
    new: ComponentEdit,
    *,
    actor: str,
    expected_version: int | None = None,
) -> ComponentDetail:
    """Change a component as somebody asks today; see :func:`edit`.

    Raises:
        InvalidInput: nothing to change, or a position for a line or polygon.
        InvalidPosition: the position is none or not in the city.
        UnknownIdentifier: there is no such component.
        Outdated: it was changed since the version that is expected.
    """
    position = None
    if new.position is not None:
        fault = places.position_fault(new.position.lon, new.position.lat)
        if fault is not None:
            raise InvalidPosition(f"This position cannot be used: {fault}.")
        lon, lat = to_cgcs2000(new.position.lon, new.position.lat, new.position.datum)
        position = (float(lon), float(lat))
    return edit(
        session,
        code,
        actor=actor,
        reason=new.reason,
        on_date=datetime.now(ZoneInfo(places.the_city(session).time_zone)).date(),
        position=position,
        attributes=new.attributes,
        state=new.state,
        expected_version=expected_version,
    )


def edit(
    session: Session,
    code: str,
    *,
    actor: str,
    reason: str,
    on_date: date,
    position: tuple[float, float] | None = None,
    attributes: Mapping[str, Any] | None = None,
    state: ComponentState | None = None,
    expected_version: int | None = None,
) -> ComponentDetail:
    """Change a component; what it was before stays in its history.

    Args:
        session: open transaction.
        code: its identifier.
        actor: who changes it.
        reason: why.
        on_date: the day whose boundaries count for a new position.
        position: a new longitude and latitude (point components).
        attributes: attributes to set; None as a value removes one.
        state: ``active`` or ``retired``.
        expected_version: refuse if somebody changed it since this version.

    Raises:
        InvalidInput: nothing to change, no reason, or a position for a line or polygon.
        InvalidPosition: the position is not in the city.
        UnknownIdentifier: there is no such component.
        Outdated: it was changed in the meantime.
    """
    if not reason.strip():
        raise InvalidInput("A change needs a reason.")
    identifier = parse_identifier(code)
    component = queries.locked(session, identifier.division_code, str(identifier))
    if component is None:
        raise _unknown(session, identifier)
    if expected_version is not None and component.version != expected_version:
        raise Outdated(
            f"{identifier} is at version {component.version}, no longer at {expected_version}: "
            "somebody changed it. Look at it again, then repeat the change."
        )
    if state is ComponentState.WITHDRAWN:
        raise InvalidInput("Only reverting a survey withdraws a component; retire it instead.")
    if position is None and not attributes and state in (None, component.state):
        raise InvalidInput("There is nothing to change: give a position, an attribute or a state.")
    change = queries.new_change(session, actor=actor, reason=reason.strip())
    queries.archive(
        session, change_id=change.id, keys=[(identifier.division_code, str(identifier))]
    )
    operation = Operation.EDITED
    if position is not None:
        _move(session, component, position, on_date)
        operation = Operation.MOVED
    if attributes:
        merged = component.attributes | dict(attributes)
        component.attributes = {key: one for key, one in merged.items() if one is not None}
    if state is not None and state != component.state:
        retired = state is ComponentState.RETIRED
        operation = Operation.RETIRED if retired else Operation.RESTORED
        component.state = state
    component.version += 1
    component.operation = operation
    component.change_id = change.id
    session.flush()
    return show(session, str(identifier))


def _move(
    session: Session, component: Component, position: tuple[float, float], on_date: date
) -> None:
    detail = show(session, component.code)
    if detail.geometry["type"] != "Point":
        raise InvalidInput("Only a component that is a point can be moved by a position.")
    lon, lat = position
    place = places.locate(session, lon=lon, lat=lat, on_date=on_date)
    district = (component.subdistrict_code or component.division_code)[:6]
    if place.division_code != district:
        raise InvalidInput(
            f"The new position is in district {place.division_code}, the component in {district}. "
            "Retire it and register one there instead."
        )
    component.geom = f"SRID={SRID};POINT({lon} {lat})"  # type: ignore[assignment]
    component.subdistrict_code = place.subdistrict_code
    component.cell_code = place.cell_code


def _unknown(session: Session, identifier: Identifier) -> UnknownIdentifier:
    division = places_queries.division(session, identifier.division_code)
    hint = (
        f"there is no division {identifier.division_code} here"
        if division is None
        else f"in {division.name_en} ({division.name_zh}) no class {identifier.class_code} has the "
        f"serial {identifier.serial:06d}"
    )
    return UnknownIdentifier(f"{identifier} was never issued: {hint}.")


def _class_name(row: RowMapping) -> ClassName:
    return ClassName(
        edition=row["edition_key"],
        code=row["class_code"],
        name_zh=row["class_name_zh"],
        name_en=row["class_name_en"],
    )


def _named(row: RowMapping, what: str) -> Named | None:
    code = row[f"{what}_code"]
    if code is None:
        return None
    return Named(
        code=code, name_zh=row[f"{what}_name_zh"] or code, name_en=row[f"{what}_name_en"] or code
    )
