"""What seldom changes and every report asks for: read once for each state that it is in.

Editions, classes, matters, divisions, units, time limits and calendars change a few times a year.
Each statement that changes one of these tables gives their state another token, in its transaction
(migrations 0015 and 0021). Whoever holds the state reads the token once; what was read under the
same token before is still right, and nothing is kept past a change. A token never comes back, so
what a transaction that is rolled back has read is never used again.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import CheckConstraint, func, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from gis_registry.db.base import Base

#: The tables whose state the token is of.
TABLES = (
    "editions",
    "component_classes",
    "class_counterparts",
    "matter_types",
    "matter_type_classes",
    "city",
    "edition_changes",
    "divisions",
    "division_areas",
    "units",
    "calendar_versions",
    "calendar_days",
    "time_limit_versions",
    "time_limits",
)

Row = TypeVar("Row", bound=Base)

_HELD = "reference_token"
_MOST_STATES = 4
_states: OrderedDict[UUID, dict[Hashable, dict[Any, Any]]] = OrderedDict()

#: Reads what is another one whenever anything changed that answers tell of the reference data.
STATE_SQL = "SELECT token FROM reference_state"


class ReferenceState(Base):
    """The token of the state that these tables are in."""

    __tablename__ = "reference_state"
    __table_args__ = (CheckConstraint("is_only", name="is_only"),)

    is_only: Mapped[bool] = mapped_column(primary_key=True, default=True)
    token: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())


_TOKEN = select(ReferenceState.token)


@contextmanager
def held(session: Session) -> Iterator[None]:
    """Take the state as it is now for that of everything in here, which does not change it."""
    before = session.info.get(_HELD)
    session.info[_HELD] = session.scalars(_TOKEN).one()
    try:
        yield
    finally:
        session.info[_HELD] = before


def kept(session: Session, *about: Hashable) -> dict[Any, Any]:
    """Return what is known about something already, to add to it what is read now.

    Outside of :func:`held` nothing is known. What is put in is shared between threads and
    sessions: it is plain data, or objects that no session holds, and is never changed.
    """
    token = session.info.get(_HELD)
    if token is None:
        return {}
    if token not in _states:
        _states[token] = {}
    state = _states[token]
    while len(_states) > _MOST_STATES:
        _states.popitem(last=False)
    return state.setdefault(about, {})


def keepable(session: Session, row: Row) -> Row:
    """Return a row as it can be kept: as an object that no session holds, where a state is held."""
    if session.info.get(_HELD) is None:
        return row
    columns = inspect(type(row)).column_attrs
    return type(row)(**{one.key: getattr(row, one.key) for one in columns})
