"""Preparing what the rows of a file are checked against."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.tables import ComponentClass
from gis_registry.errors import InvalidInput, UnknownClass
from gis_registry.places.tables import City
from gis_registry.surveys.expectation import EARLIEST, MAX_ACCURACY_M, Expectation
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.reading import Source
from gis_registry.surveys.row_classes import ClassLookup, class_lookup
from gis_registry.units import queries as units


def expectation_of(session: Session, source: Source, city: City) -> Expectation:
    """Return what the rows are checked against."""
    mapping = source.mapping
    zone = ZoneInfo(city.time_zone)
    today = datetime.now(zone).date()
    as_of = mapping.as_of or today
    if not EARLIEST <= as_of <= today:
        raise InvalidInput(f"The survey's date {as_of} is in the future or before {EARLIEST.year}.")
    if mapping.accuracy_m is not None and not 0 < mapping.accuracy_m <= MAX_ACCURACY_M:
        raise InvalidInput(
            f"The accuracy must be more than 0 and at most {MAX_ACCURACY_M:,} metres."
        )
    lookup = class_lookup(session, city_edition_key=city.edition_key, edition_key=mapping.edition)
    return Expectation(
        single_class=_single_class(session, source, city, lookup),
        class_lookup=lookup,
        field_names=_field_names(mapping),
        units=units.unit_ids(session),
        as_of=as_of,
        today=today,
        zone=zone,
        accuracy_m=mapping.accuracy_m,
    )


def _single_class(
    session: Session, source: Source, city: City, lookup: ClassLookup
) -> ComponentClass | None:
    """Return the class of all rows; None if each says its own."""
    code = source.mapping.class_.code
    if code is not None:
        if lookup.counterparts is None:
            return catalogue.find_class(session, code, edition_key=city.edition_key)
        found = lookup.find(code)
        if isinstance(found, str):
            raise UnknownClass(f"--class is {found}")
        return found
    if not {"class_code", "class_name"} & set(source.columns):
        raise InvalidInput(
            f"{source.path.name} does not say what its rows are: name their class with --class, or "
            "the field that holds it with --class-field. Its fields: "
            f"{', '.join(source.fields) or 'none'}."
        )
    return None


def _field_names(mapping: Mapping) -> dict[str, str]:
    """Return what the file calls the columns that the program knows by other names."""
    names = {name: one for name, one in mapping.columns if one is not None}
    return names | ({"class_code": mapping.class_.field} if mapping.class_.field else {})
