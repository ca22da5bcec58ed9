"""Everything of the counts of components that talks to the database.

The texts stand in ``count_queries.sql``. Each is one statement, so that it sees all of what another
transaction changed or nothing.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.orm import Session

from gis_registry.components.tables import ComponentState
from gis_registry.db.sql import load_queries
from gis_registry.maps.count_tables import LAST_COUNTED_ZOOM

QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

#: What is on a map unless somebody asks for others.
SHOWN = (ComponentState.ACTIVE,)


class Cell(NamedTuple):
    """How many components of a class are in a map cell: four levels below the tile's zoom."""

    x: int
    y: int
    class_id: int
    components: int


class Difference(NamedTuple):
    """Where a count is not what the components give: how many are missing, or too many if < 0."""

    level: int
    x: int
    y: int
    class_id: int
    state: str
    unit_id: int
    missing: int


def filters(
    *,
    class_ids: Iterable[int] | None = None,
    states: Iterable[str] | None = SHOWN,
    unit_ids: Iterable[int] | None = None,
) -> dict[str, object]:
    """Return the values of a statement's filters.

    Args:
        class_ids: only of these classes; None: of any.
        states: only in these states; None: in any.
        unit_ids: only of these units, ``NO_UNIT`` for those that are nobody's; None: of any.
    """
    return {
        "class_ids": None if class_ids is None else list(class_ids),
        "states": None if states is None else [str(one) for one in states],
        "unit_ids": None if unit_ids is None else list(unit_ids),
    }


def cells(
    session: Session,
    z: int,
    x: int,
    y: int,
    *,
    class_ids: Iterable[int] | None = None,
    states: Iterable[str] | None = SHOWN,
    unit_ids: Iterable[int] | None = None,
) -> list[Cell]:
    """Return what the cells of a tile hold, by cell and class; exact, empty cells left out.

    Args:
        session: open transaction.
        z: zoom of the tile, at most 13.
        x: column of the tile.
        y: row of the tile, from the north.
        class_ids: as in :func:`filters`, also the others.
        states: as in :func:`filters`.
        unit_ids: as in :func:`filters`.

    Raises:
        ValueError: the tile's components are not counted at this zoom.
    """
    if not 0 <= z <= LAST_COUNTED_ZOOM:
        raise ValueError(f"Components are counted for zooms 0 to {LAST_COUNTED_ZOOM}, not {z}.")
    asked = filters(class_ids=class_ids, states=states, unit_ids=unit_ids)
    rows = session.execute(QUERIES["cells"], {"z": z, "x": x, "y": y, **asked})
    return list(map(Cell._make, rows))


def total(
    session: Session,
    *,
    class_ids: Iterable[int] | None = None,
    states: Iterable[str] | None = SHOWN,
    unit_ids: Iterable[int] | None = None,
) -> int:
    """Return how many components there are of some classes, states and units; exact."""
    asked = filters(class_ids=class_ids, states=states, unit_ids=unit_ids)
    return int(session.execute(QUERIES["total"], asked).scalar_one())


def totals_by_class(
    session: Session,
    *,
    states: Iterable[str] | None = SHOWN,
    unit_ids: Iterable[int] | None = None,
) -> dict[int, int]:
    """Return how many components there are of each class that has any; exact."""
    asked = filters(states=states, unit_ids=unit_ids)
    rows = session.execute(QUERIES["totals_by_class"], asked)
    return {one["class_id"]: one["count"] for one in rows.mappings()}


def version_of(session: Session, z: int, x: int, y: int) -> int:
    """Return a number that is another one whenever anything changed that a tile shows, at any zoom.

    It only grows, and holds what is committed. Whoever reads it first and the tile then, in this
    order or in one snapshot, may take it for the tile's version. Names of classes and units are not
    in it (:mod:`gis_registry.db.reference` knows when these change). Below zoom 13 it is of all
    components that reach into the tile, and a sixteenth of its width around it.
    """
    return int(session.execute(QUERIES["version"], {"z": z, "x": x, "y": y}).scalar_one())


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
