"""Tables of the indicators: what cases added, by day and month, and what is still to be added."""

from datetime import date
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Date, Index, LargeBinary, SmallInteger, Table, Text
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.cases.indicator_measures import COUNTED
from gis_registry.db.base import Base, big_identity


class Scope(StrEnum):
    """What totals are kept of: a division as a whole, or each of its units, classes and so on.

    Classes and matters are found in every division, so theirs are kept of the whole city as well,
    under no division: ten times fewer to read where no division is asked for.
    """

    ALL = "all"
    UNIT = "unit"
    CLASS = "class"
    MATTER = "matter"
    SUBDISTRICT = "subdistrict"
    CITY_CLASS = "city_class"
    CITY_MATTER = "city_matter"


#: Scopes of the whole city, and those whose totals they are the sum of.
OF_CITY = {Scope.CITY_CLASS: Scope.CLASS, Scope.CITY_MATTER: Scope.MATTER}


class Period(StrEnum):
    """How long a time totals are of."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class IndicatorChange(Base):
    """What a change of a case adds to a measure, or to a bucket of times; appended, then folded.

    So transactions that change cases at the same time do not wait for each other.
    """

    __tablename__ = "indicator_changes"

    division_code: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = big_identity()
    on_day: Mapped[date]
    unit_code: Mapped[str | None]
    class_id: Mapped[int | None]
    matter_type_id: Mapped[int | None]
    subdistrict_code: Mapped[str | None]
    key: Mapped[str]
    bucket: Mapped[int | None] = mapped_column(SmallInteger)
    count: Mapped[int] = mapped_column(BigInteger)


def _keys() -> list[Column[object]]:
    """Return the columns by which totals are kept; ``item`` is empty for cases that have none."""
    return [
        Column("division_code", Text, primary_key=True),
        Column("scope", Text, primary_key=True),
        Column("period", Text, primary_key=True),
        Column("begins_on", Date, primary_key=True),
        Column("item", Text, primary_key=True),
    ]


#: A column for each measure; of days and months.
TOTALS = Table(
    "indicator_totals",
    Base.metadata,
    *_keys(),
    *(Column(key, BigInteger, nullable=False, server_default="0") for key in COUNTED),
    Index("ix_indicator_totals_scope", "scope", "period", "begins_on"),
)

#: How many cases took how long, of days for divisions, of months and years for all; each packed as
#: :mod:`gis_registry.cases.indicator_histograms` says.
HISTOGRAMS = Table(
    "indicator_histograms",
    Base.metadata,
    Column("scope", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("duration", Text, primary_key=True),
    Column("begins_on", Date, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("division_code", Text, primary_key=True),
    Column("packed", LargeBinary, nullable=False),
)

CHANGES = IndicatorChange.metadata.tables[IndicatorChange.__tablename__]
