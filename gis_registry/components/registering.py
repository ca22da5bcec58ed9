"""Registering one component by hand, as a survey registers many."""

from datetime import date

from geoalchemy2.shape import from_shape
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import facts, identifiers, queries
from gis_registry.components.editing import Facts
from gis_registry.components.identifiers import Identifier
from gis_registry.components.tables import Component, ComponentState, Operation
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput
from gis_registry.places import service as places


def register(session: Session, said: Facts, *, actor: str, reason: str, on_date: date) -> str:
    """Register a component and return the identifier that is issued for it.

    What took it for granted that it stands is undone by retiring it: an identifier is never taken
    back.

    Args:
        session: open transaction.
        said: where it is and of which class, and whatever else is known; the day of the survey is
            ``on_date`` unless another is said, the accuracy that of its class.
        actor: who registers it.
        reason: why.
        on_date: the day, whose boundaries count.

    Raises:
        InvalidInput: no reason, no geometry or class, or a fact that cannot be.
        InvalidPosition: it is not in the city.
        UnknownClass: there is no such class.
        SerialsExhausted: the class has no serial left there.
    """
    if not reason.strip():
        raise InvalidInput("Registering a component needs a reason.")
    if said.geometry is None or said.class_code is None:
        raise InvalidInput("A component is somewhere and of a class: give its geometry and class.")
    if said.state not in (None, ComponentState.ACTIVE):
        raise InvalidInput("A component is registered because it stands; retire it afterwards.")
    city = places.the_city(session)
    class_ = catalogue.find_class(session, said.class_code, edition_key=city.edition_key)
    geometry = facts.sound(said.geometry, class_)
    place = facts.locate(session, geometry, on_date)
    change = queries.new_change(session, actor=actor, reason=reason.strip())
    key = (place.division_code, class_.code)
    serial = identifiers.issue(session, change_id=change.id, wanted={key: 1})[key]
    component = Component(
        division_code=place.division_code,
        code=str(Identifier(*key, serial)),
        version=1,
        operation=Operation.REGISTERED,
        state=ComponentState.ACTIVE,
        geom=from_shape(geometry, srid=SRID),
        subdistrict_code=place.subdistrict_code,
        cell_code=place.cell_code,
        accuracy_m=class_.accuracy_m,
        surveyed_on=on_date,
        is_synthetic=False,
        attributes={},
        class_id=class_.id,
        change_id=change.id,
    )
    facts.say(
        session,
        component,
        units=said.units,
        attributes=said.attributes,
        surveyed_on=said.surveyed_on,
        accuracy_m=said.accuracy_m,
        on_date=on_date,
    )
    session.add(component)
    session.flush()
    return component.code
