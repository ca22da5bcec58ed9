"""Rows that are added in one statement, however many they are.

They are sent as one JSON value, which the server takes apart: for thousands of rows this is several
times quicker than a statement for each, and for a few it is no slower.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from pydantic_core import to_json
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from gis_registry.db.base import Base

_MOST_AT_ONCE = 2_000


def add_rows(
    session: Session, to: type[Base] | TextClause, rows: Sequence[Mapping[str, object]]
) -> None:
    """Add rows.

    Args:
        session: open transaction.
        to: a table, or a statement that adds what stands in ``:rows``, a JSON array of objects.
        rows: columns by their names, the same ones in each; geometries as EWKT, JSON as what
            pydantic can write. None is NULL, in columns of JSON too.
    """
    for first in range(0, len(rows), _MOST_AT_ONCE):
        some = rows[first : first + _MOST_AT_ONCE]
        adding = to if isinstance(to, TextClause) else _adding(to, tuple(some[0]))
        session.execute(adding, {"rows": to_json(some).decode()})


@cache
def _adding(table: type[Base], columns: tuple[str, ...]) -> TextClause:
    name = table.__tablename__
    listed = ", ".join(f'"{column}"' for column in columns)
    return text(
        f"INSERT INTO {name} ({listed}) SELECT {listed} "  # noqa: S608  names of our own tables
        f"FROM json_populate_recordset(CAST(NULL AS {name}), CAST(:rows AS json))"
    )
