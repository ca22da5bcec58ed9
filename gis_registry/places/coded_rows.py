"""What the matter and class codes in a city's files stand for, by the editions that it has."""

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
        self._session = session
        self._city = city
        self._matters: dict[str, int] = {}
        self._classes: dict[str, int] = {}

    def matter_type_id(self, row: Row, column: str = "matter_code") -> int | None:
        """Return the matter type that a column names, or None where it is empty.

        Raises:
            InvalidInput: there is no such matter.
        """
        code = row.optional(column)
        if code is None:
            return None
        if code not in self._matters:
            try:
                found = catalogue.find_matter(
                    self._session,
                    code,
                    matter_edition_key=self._city.matter_edition_key,
                    class_edition_key=self._city.edition_key,
                    earlier_edition_keys=class_editions(self._session),
                )
            except RegistryError as error:
                raise row.fault(str(error)) from error
            self._matters[code] = found.type.id
        return self._matters[code]

    def class_id(self, row: Row, column: str = "class_code") -> int | None:
        """Return the component class that a column names, or None where it is empty.

        Raises:
            InvalidInput: there is no such class.
        """
        code = row.optional(column)
        if code is None:
            return None
        if code not in self._classes:
            try:
                found = catalogue.find_class(
                    self._session,
                    code,
                    edition_key=self._city.edition_key,
                    earlier_edition_keys=class_editions(self._session),
                )
            except RegistryError as error:
                raise row.fault(str(error)) from error
            self._classes[code] = found.id
        return self._classes[code]
