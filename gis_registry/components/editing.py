"""Changing a component by hand: where it is, what is said of it, its class or state."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from geoalchemy2.shape import from_shape, to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components import facts, ledger_queries, queries
from gis_registry.components.lookup import resolve
from gis_registry.components.schemas import ComponentDetail, ComponentEdit
from gis_registry.components.showing import show
from gis_registry.components.tables import Component, ComponentState, Operation
from gis_registry.db.base import SRID
from gis_registry.errors import Conflict, InvalidInput, InvalidPosition, Outdated
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000
from gis_registry.units.tables import UnitRole

#: Two geometries that are nowhere farther apart (in degrees: 0.1 mm) are the same.
_SAME = 1e-9


@dataclass(frozen=True)
class Facts:
    """What somebody says of a component; None: nothing is said of it.

    Attributes:
        geometry: where it is, longitude and latitude in EPSG:4490.
        class_code: the class that it is of.
        state: whether it stands or is retired.
        units: the code of the unit of each role; None as a value: there is none.
        attributes: attributes to set; None as a value removes one.
        surveyed_on: the day of the survey.
        accuracy_m: how exact its position is.
    """

    geometry: BaseGeometry | None = None
    class_code: str | None = None
    state: ComponentState | None = None
    units: Mapping[UnitRole, str | None] | None = None
    attributes: Mapping[str, Any] | None = None
    surveyed_on: date | None = None
    accuracy_m: float | None = None


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
        units=new.units,
        surveyed_on=new.surveyed_on,
        accuracy_m=new.accuracy_m,
        expected_versions=expected_versions,
    )


def conform(
    session: Session,
    code: str,
    said: Facts,
    *,
    actor: str,
    reason: str,
    on_date: date,
    expected_versions: frozenset[int] | None = None,
) -> int:
    """Make a component what somebody says it is; where it is so already, nothing is changed.

    Returns:
        Its version: a new one only if something was different.

    Raises:
        What :func:`edit` raises, but that there is nothing to change.
    """
    component = _locked(session, code, expected_versions)
    different = _different(session, component, said)
    if all(one is None for one in asdict(different).values()):
        return component.version
    wanted = {name: getattr(different, name) for name in Facts.__dataclass_fields__}
    return edit(session, code, actor=actor, reason=reason, on_date=on_date, **wanted).version


def edit(
    session: Session,
    code: str,
    *,
    actor: str,
    reason: str,
    on_date: date,
    position: tuple[float, float] | None = None,
    geometry: BaseGeometry | None = None,
    attributes: Mapping[str, Any] | None = None,
    state: ComponentState | None = None,
    class_code: str | None = None,
    units: Mapping[UnitRole, str | None] | None = None,
    surveyed_on: date | None = None,
    accuracy_m: float | None = None,
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
        geometry: a new geometry instead, EPSG:4490.
        attributes: attributes to set; None as a value removes one.
        state: ``active``, which also takes back what took its place, or ``retired``.
        class_code: the class that it really is of; its identifier stays what it is.
        units: the code of the unit of each role to set; None as a value: there is none.
        surveyed_on: the day of the survey that says so.
        accuracy_m: how exact the position is.
        expected_versions: refuse unless it is at one of these.

    Raises:
        InvalidInput: nothing to change, no reason, a position for a line or polygon, a class
            whose components have another kind of geometry, or a fact that cannot be.
        InvalidPosition: the position is not in the city.
        UnknownClass: there is no such class.
        UnknownIdentifier: there is no such component.
        Outdated: it was changed in the meantime.
        Conflict: it is retired or withdrawn, and is not to stand again.
    """
    if not reason.strip():
        raise InvalidInput("A change needs a reason.")
    component = _locked(session, code, expected_versions)
    if state is ComponentState.WITHDRAWN:
        raise InvalidInput("Only reverting a survey withdraws a component; retire it instead.")
    class_ = _class(session, component, class_code)
    given = (position, geometry, surveyed_on, accuracy_m)
    if (
        all(one is None for one in given)
        and not attributes
        and not units
        and state in (None, component.state)
        and class_.id == component.class_id
    ):
        raise InvalidInput(
            "There is nothing to change: give a position, an attribute, a state or a class."
        )
    if ComponentState.ACTIVE not in (component.state, state):
        raise Conflict(
            f"{component.code} is {component.state}: it cannot be changed unless its state becomes "
            "active again."
        )
    change = queries.new_change(session, actor=actor, reason=reason.strip())
    queries.archive(session, change_id=change.id, keys=[(component.division_code, component.code)])
    operation = Operation.EDITED
    if position is not None:
        geometry = _moved_point(component, position)
    if geometry is not None:
        _move(session, component, facts.sound(geometry, class_), on_date)
        operation = Operation.MOVED
    facts.say(
        session,
        component,
        units=units,
        attributes=attributes,
        surveyed_on=surveyed_on,
        accuracy_m=accuracy_m,
        on_date=on_date,
    )
    if class_.id != component.class_id:
        if geometry is None:
            _require_fit(component, class_)
        component.class_id = class_.id
        operation = Operation.RECLASSIFIED
    if state is not None and state != component.state:
        retired = state is ComponentState.RETIRED
        operation = Operation.RETIRED if retired else Operation.RESTORED
        component.state = state
        if not retired:
            ledger_queries.forget_successors(session, component.code)
    component.version += 1
    component.operation = operation
    component.change_id = change.id
    session.flush()
    return show(session, component.code)


def _locked(session: Session, code: str, expected_versions: frozenset[int] | None) -> Component:
    """Find a component and keep others from changing it; it must be of a version, if one is said.

    Raises:
        UnknownIdentifier, InvalidInput, Ambiguous: it is not found.
        Outdated: it is of another version.
    """
    found = resolve(session, code)
    component = queries.locked(session, found.division_code, found.code)
    assert component is not None  # noqa: S101  it was found, and nothing is ever deleted
    if expected_versions is not None and component.version not in expected_versions:
        expected = " or ".join(map(str, sorted(expected_versions)))
        raise Outdated(
            f"{found.code} is at version {component.version}, no longer at {expected}: "
            "somebody changed it. Look at it again, then repeat the change."
        )
    return component


def _different(session: Session, component: Component, said: Facts) -> Facts:
    """Return only what a component is not already."""
    geometry = said.geometry
    if geometry is not None and shapely.equals_exact(
        shapely.force_2d(geometry), to_shape(component.geom), tolerance=_SAME
    ):
        geometry = None
    units, attributes = said.units, said.attributes
    if units is not None:
        present = facts.unit_codes(session, component)
        units = {role: code for role, code in units.items() if code != present[role]} or None
    if attributes is not None:
        before = component.attributes
        attributes = {n: one for n, one in attributes.items() if one != before.get(n)} or None

    def unless(one: Any, present: Any) -> Any:
        return None if one == present else one

    class_ = _class(session, component, said.class_code)
    return Facts(
        geometry=geometry,
        class_code=said.class_code if class_.id != component.class_id else None,
        state=unless(said.state, component.state),
        units=units,
        attributes=attributes,
        surveyed_on=unless(said.surveyed_on, component.surveyed_on),
        accuracy_m=unless(said.accuracy_m, component.accuracy_m),
    )


def _class(session: Session, component: Component, class_code: str | None) -> ComponentClass:
    """Return the class that a component is to be of."""
    if class_code is None:
        return session.get_one(ComponentClass, component.class_id)
    city = places.the_city(session)
    return catalogue.find_class(session, class_code, edition_key=city.edition_key)


def _require_fit(component: Component, class_: ComponentClass) -> None:
    if not facts.fits(to_shape(component.geom), class_.geometry_type):
        raise InvalidInput(
            f"{component.code} is no {class_.geometry_type}, as those of class {class_.code} "
            f"({class_.name_zh} {class_.name_en}) are."
        )


def _moved_point(component: Component, position: tuple[float, float]) -> BaseGeometry:
    if to_shape(component.geom).geom_type != "Point":
        raise InvalidInput("Only a component that is a point can be moved by a position.")
    return shapely.Point(position)


def _move(session: Session, component: Component, geometry: BaseGeometry, on_date: date) -> None:
    place = facts.locate(session, geometry, on_date)
    district = (component.subdistrict_code or component.division_code)[:6]
    if place.division_code != district:
        raise InvalidInput(
            f"The new position is in district {place.division_code}, the component in {district}. "
            "Retire it and register one there instead."
        )
    component.geom = from_shape(geometry, srid=SRID)
    component.subdistrict_code = place.subdistrict_code
    component.cell_code = place.cell_code
