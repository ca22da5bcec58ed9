"""Whether the registry can serve now, and how much it holds."""

from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from gis_registry import __version__, clock
from gis_registry.cases.tables import CaseProgress
from gis_registry.components.tables import Component, ComponentState
from gis_registry.db.base import Base
from gis_registry.errors import DatabaseUnsuitable
from gis_registry.places import service as places
from gis_registry.places.schemas import CityEntry
from gis_registry.reports.tables import Report
from gis_registry.startup import SCHEMA_VERSION, schema_version
from gis_registry.units.tables import Responder, Unit

_EXACT_BELOW = 200_000  # rows that are counted in some 20 ms


class Total(BaseModel):
    """How many there are."""

    count: int
    is_exact: bool = Field(description="Counted; otherwise estimated by the database")


class Counts(BaseModel):
    """How much the registry holds."""

    components: Total
    open_cases: Total
    reports: Total
    units: Total
    responders: Total


class Readiness(BaseModel):
    """What a registry that is ready says of itself."""

    status: str = "ready"
    version: str = __version__
    schema_version: str
    city: CityEntry
    counts: Counts
    simulated_time: datetime | None = Field(
        default=None,
        description="What the simulated clock shows: times are made up, and this is no city",
    )


def readiness(session: Session) -> Readiness:
    """Return what is there.

    Raises:
        DatabaseUnavailable: the database does not answer.
        DatabaseUnsuitable: its schema is not this program's, or no city is loaded.
    """
    current = schema_version(session.connection())
    if current != SCHEMA_VERSION:
        raise DatabaseUnsuitable(
            f"The database's schema is at version {current}, this program's at {SCHEMA_VERSION}."
        )
    return Readiness(
        schema_version=current,
        city=places.show_city(session),
        counts=counts(session),
        simulated_time=clock.now() if clock.is_simulated() else None,
    )


def counts(session: Session) -> Counts:
    """Return how much there is: exact where few, estimated where many."""
    return Counts(
        components=_total(session, Component, Component.state == ComponentState.ACTIVE),
        open_cases=_open_cases(session),
        reports=_total(session, Report),
        units=_total(session, Unit),
        responders=_total(session, Responder),
    )


def _total(session: Session, table: type[Base], *conditions: ColumnElement[bool]) -> Total:
    name = table.__tablename__
    estimate = session.scalar(
        text("SELECT reltuples::bigint FROM pg_class WHERE oid = CAST(:name AS regclass)"),
        {"name": name},
    )
    if estimate is not None and estimate >= _EXACT_BELOW:
        return Total(count=estimate, is_exact=False)
    counted = session.scalar(select(func.count()).select_from(table).where(*conditions))
    return Total(count=counted or 0, is_exact=True)


def _open_cases(session: Session) -> Total:
    count = session.scalar(
        select(func.count()).select_from(CaseProgress).where(CaseProgress.is_open)
    )
    return Total(count=count or 0, is_exact=True)
