"""What the rows of a survey are checked against."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.surveys.row_attributes import SchemaBook
from gis_registry.surveys.row_classes import ClassLookup

#: Least exact position that is still one.
MAX_ACCURACY_M = 1000
#: Surveys before this day were never made; such a date is a slip.
EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True)
class Expectation:
    """What the rows of a survey are checked against.

    Attributes:
        single_class: the class of every row; None: ``class_lookup`` finds each row's.
        class_lookup: finds the class from what the file writes.
        units: the ids of all units by their codes.
        as_of: day of the survey, for rows that have none of their own.
        today: no row can be of a later day.
        zone: the city's time zone.
        accuracy_m: position accuracy of rows that say none; None: that of their class.
        unit_names: what the file calls a unit → its code.
        field_names: canonical column → what the file calls it, for messages.
        schemas: remembers what attributes were found to be; one for a whole survey.
    """

    single_class: ComponentClass | None
    class_lookup: ClassLookup
    units: Mapping[str, int]
    as_of: date
    today: date
    zone: ZoneInfo
    accuracy_m: float | None
    unit_names: Mapping[str, str] = field(default_factory=dict)
    field_names: Mapping[str, str] = field(default_factory=dict)
    schemas: SchemaBook = field(default_factory=SchemaBook)

    def name_of(self, column: str) -> str:
        """Return what the file calls a column."""
        return self.field_names.get(column, column)
