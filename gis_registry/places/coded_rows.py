"""What the matter and class codes in a city's files stand for, by the editions that it has."""

from collections.abc import Callable
from functools import cache

from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.errors import RegistryError
from gis_registry.places.service import class_editions
from gis_registry.places.tables import City
from gis_registry.tabular import Row


class CodedRows:
    """Looks up the codes of rows, each code once; what stands for nothing is the row's fault."""

    def __init__(self, session: Session, city: City) -> None:
        """Begin without any code."""
        editions = class_editions(session)

        @cache
        def matter_type_id(code: str) -> int:
            found = catalogue.find_matter(
                session,
                code,
                matter_edition_key=city.matter_edition_key,
                class_edition_key=city.edition_key,
                earlier_edition_keys=editions,
            )
            return found.type.id

        @cache
        def class_id(code: str) -> int:
            found = catalogue.find_class(
                session, code, edition_key=city.edition_key, earlier_edition_keys=editions
            )
            return found.id

        self._matter_type_id, self._class_id = matter_type_id, class_id

    def matter_type_id(self, row: Row, column: str = "matter_code") -> int | None:
        """Return the matter type that a column names, or None where it is empty.

        Raises:
            InvalidInput: there is no such matter.
        """
        return _id(row, column, self._matter_type_id)

    def class_id(self, row: Row, column: str = "class_code") -> int | None:
        """Return the component class that a column names, or None where it is empty.

        Raises:
            InvalidInput: there is no such class.
        """
        return _id(row, column, self._class_id)


def _id(row: Row, column: str, find: Callable[[str], int]) -> int | None:
    code = row.optional(column)
    try:
        return None if code is None else find(code)
    except RegistryError as error:
        raise row.fault(str(error)) from error
