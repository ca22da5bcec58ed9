"""Which classes a code means in a registry that may have moved between editions."""

from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue_queries
from gis_registry.catalogue import service as catalogue
from gis_registry.places import service as places


def class_ids(session: Session, code: str) -> list[int]:
    """Return the class of a code in the city's edition, or in one that it had before.

    Once the registry has moved to another edition, counterparts in the editions that it had count
    as well: the old code goes on finding what it found.

    Raises:
        UnknownClass: no edition that the city has or had knows it.
    """
    editions = places.class_editions(session)
    found = catalogue.find_class(
        session, code, edition_key=editions[0], earlier_edition_keys=editions[1:]
    )
    if len(editions) == 1:
        return [found.id]
    counterparts = catalogue_queries.counterparts(session, found.id)
    return [found.id, *(one.id for one in counterparts if one.edition_key in editions)]
