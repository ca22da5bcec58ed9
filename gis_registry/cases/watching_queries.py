"""What the watch over deadlines reads: cases are locked, those that others change left out."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases.life_cycle import TRANSITIONS, Action
from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

Kind = Mapping[str, object]


def limits(session: Session, at: datetime) -> Sequence[RowMapping]:
    """Return the limits that run: amount, unit, the unit that counts at the end, and calendar."""
    return session.execute(_QUERIES["limits"], {"at": at}).mappings().all()


def overdue_kinds(session: Session, at: datetime) -> Sequence[RowMapping]:
    """Return in which units and by which calendars handling is overdue."""
    return session.execute(_QUERIES["overdue_kinds"], {"at": at}).mappings().all()


def to_warn(
    session: Session, kinds: Sequence[Kind], *, at: datetime, latest: datetime, limit: int
) -> set[int]:
    """Return cases that are due ``until`` the moment of their kind, at the ``latest`` of these."""
    values = {"kinds": _json(kinds), "at": at, "latest": latest, "limit": limit}
    return set(session.scalars(_QUERIES["to_warn"], values))


def to_note(session: Session, *, at: datetime, limit: int) -> set[int]:
    """Return cases that became overdue, of which that was not noted."""
    return set(session.scalars(_QUERIES["to_note"], {"at": at, "limit": limit}))


def to_urge(
    session: Session, kinds: Sequence[Kind], *, at: datetime, limit: int
) -> Sequence[RowMapping]:
    """Return cases with handling due ``before`` the moment of their kind, and parent units."""
    states = sorted(TRANSITIONS[Action.URGE].before)
    values = {"kinds": _json(kinds), "at": at, "limit": limit, "states": states}
    return session.execute(_QUERIES["to_urge"], values).mappings().all()


def _json(kinds: Sequence[Kind]) -> str:
    return json.dumps([dict(one) for one in kinds], default=datetime.isoformat)
