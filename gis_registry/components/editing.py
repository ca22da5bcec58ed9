"""Changing a component by hand: its position, attributes, class or state."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import ledger_queries, queries
from gis_registry.components.lookup import resolve
from gis_registry.components.schemas import ComponentDetail, ComponentEdit
from gis_registry.components.showing import show
from gis_registry.components.tables import Component, ComponentState, Operation
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, InvalidPosition, Outdated
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000


def apply_edit(
    session: Session,
    code: str,
    new: ComponentEdit,
    *,
    actor: str,
    expected_versions: frozenset[int] | None = None,
) -> ComponentDetail:
    """Change a component as somebody asks today; see :func:`edit`.

    Raises:
        InvalidInput: nothing to change, a position for a line or polygon, or a class whose
            components have another kind of geometry.
        InvalidPosition: the position is none or not in the city.
        UnknownClass: there is no such class.
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
        class_code=new.class_code,
        expected_versions=expected_versions,
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
    class_code: str | None = None,
    expected_versions: frozenset[int] | None = None,
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
        state: ``active``, which also takes back what took its place, or ``retired``.
        class_code: the class that it really is of; its identifier stays what it is.
        expected_versions: refuse unless it is at one of these.

    Raises:
        InvalidInput: nothing to change, no reason, a position for a line or polygon, or a class
            whose components have another kind of geometry.
        InvalidPosition: the position is not in the city.
        UnknownClass: there is no such class.
        UnknownIdentifier: there is no such component.
        Outdated: it was changed in the meantime.
    """
    if not reason.strip():
        raise InvalidInput("A change needs a reason.")
    found = resolve(session, code)
    component = queries.locked(session, found.division_code, found.code)
    assert component is not None  # noqa: S101  it was found, and nothing is ever deleted
    if expected_versions is not None and component.version not in expected_versions:
        expected = " or ".join(map(str, sorted(expected_versions)))
        raise Outdated(
            f"{found.code} is at version {component.version}, no longer at {expected}: "
            "somebody changed it. Look at it again, then repeat the change."
        )
    if state is ComponentState.WITHDRAWN:
        raise InvalidInput("Only reverting a survey withdraws a component; retire it instead.")
    class_id = _class_id(session, component, class_code)
    if (
        position is None
        and not attributes
        and state in (None, component.state)
        and class_id == component.class_id
    ):
        raise InvalidInput(
            "There is nothing to change: give a position, an attribute, a state or a class."
        )
    change = queries.new_change(session, actor=actor, reason=reason.strip())
    queries.archive(session, change_id=change.id, keys=[(found.division_code, found.code)])
    operation = Operation.EDITED
    if position is not None:
        _move(session, component, position, on_date)
        operation = Operation.MOVED
    if attributes:
        merged = component.attributes | dict(attributes)
        component.attributes = {key: one for key, one in merged.items() if one is not None}
    if class_id != component.class_id:
        component.class_id = class_id
        operation = Operation.RECLASSIFIED
    if state is not None and state != component.state:
        retired = state is ComponentState.RETIRED
        operation = Operation.RETIRED if retired else Operation.RESTORED
        component.state = state
        if not retired:
            ledger_queries.forget_successors(session, found.code)
    component.version += 1
    component.operation = operation
    component.change_id = change.id
    session.flush()
    return show(session, found.code)


def _class_id(session: Session, component: Component, class_code: str | None) -> int:
    """Return the id of the class that a component is to be of."""
    if class_code is None:
        return component.class_id
    city = places.the_city(session)
    wanted = catalogue.find_class(session, class_code, edition_key=city.edition_key)
    if not queries.geometry_fits(session, component, wanted.geometry_type):
        raise InvalidInput(
            f"{component.code} is no {wanted.geometry_type}, as those of class {wanted.code} "
            f"({wanted.name_zh} {wanted.name_en}) are."
        )
    return wanted.id


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
