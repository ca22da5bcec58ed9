"""Numbers of rows, taken before the rows are written so that rows can name each other."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.db.base import Base


def taken_numbers(session: Session, table: type[Base], count: int) -> Sequence[int]:
    """Take so many numbers of a table's column ``id``, in rising order; nobody else gets them."""
    sequence = func.pg_get_serial_sequence(table.__tablename__, "id")
    query = select(func.nextval(sequence)).select_from(func.generate_series(1, count))
    return session.scalars(query).all()
