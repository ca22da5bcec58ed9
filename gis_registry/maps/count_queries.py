"""Everything of the counts of components that talks to the database.

The texts stand in ``count_queries.sql``. Each is one statement, so that it sees all of what another
transaction changed or nothing.
"""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries

QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


class Difference(NamedTuple):
    """Where a count is not what the components give: how many are missing, or too many if < 0."""

    level: int
    x: int
    y: int
    class_id: int
    state: str
    unit_id: int
    missing: int


def total(session: Session) -> int:
    """Return how many components are counted, in whatever state."""
    return int(session.execute(QUERIES["total"]).scalar_one())


def fold_alone(session: Session) -> None:
    """Let nobody else fold until the transaction ends."""
    session.execute(QUERIES["fold_alone"])


def may_fold_alone(session: Session) -> bool:
    """Return whether nobody else folds, who then has to wait until the transaction ends."""
    return bool(session.execute(QUERIES["may_fold_alone"]).scalar_one())


def is_long(session: Session, *, most: int) -> bool:
    """Return whether more changes wait than this."""
    return bool(session.execute(QUERIES["is_long"], {"most": most}).scalar_one())


def fold(session: Session) -> None:
    """Add what waits to counts and versions."""
    session.execute(QUERIES["fold_counts"])
    session.execute(QUERIES["fold_blocks"])


def recount(session: Session) -> None:
    """Make all counts anew."""
    session.execute(QUERIES["recount"])


def differences(session: Session, *, most: int) -> list[Difference]:
    """Return where counts are wrong, at most so many; reads every component once."""
    rows = session.execute(QUERIES["differences"], {"most": most})
    return [Difference(*row) for row in rows]
