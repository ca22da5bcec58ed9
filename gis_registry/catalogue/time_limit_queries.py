"""Reads and writes of time limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import RowMapping, bindparam, func, insert, select
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import TimeLimit, TimeLimitVersion
from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

# Asked for every case: made once, since to make a statement takes longer than to run it.
_VERSIONS = select(
    TimeLimitVersion.number,
    TimeLimitVersion.title,
    TimeLimitVersion.valid_from,
    TimeLimitVersion.loaded_at,
    TimeLimitVersion.withdrawn_at.is_not(None).label("is_withdrawn"),
).order_by(TimeLimitVersion.valid_from.desc(), TimeLimitVersion.number.desc())
_LIMITS = (
    select(*TimeLimit.__table__.columns)
    .where(TimeLimit.version == bindparam("version"))
    .order_by(TimeLimit.id)
)


def versions(session: Session) -> Sequence[RowMapping]:
    """Return of every version what deciding needs, the latest first."""
    return session.execute(_VERSIONS).mappings().all()


def limits(session: Session, version: int) -> Sequence[RowMapping]:
    """Return the limits of a version in the order of their file."""
    return session.execute(_LIMITS, {"version": version}).mappings().all()


class SubjectRow(NamedTuple):
    """A matter type and a class that are asked about; ``number`` counts the pairs from 1."""

    number: int
    matter_type_id: int | None
    kind: str | None
    matter_edition: str
    matter_major: str
    matter_major_zh: str
    matter_code: str
    matter_zh: str
    matter_en: str
    class_id: int
    class_edition: str
    class_major: str
    class_major_zh: str
    class_major_en: str
    class_code: str
    class_zh: str
    class_en: str


def subjects(session: Session, pairs: Sequence[tuple[int | None, int | None]]) -> list[SubjectRow]:
    """Return for pairs of matter type and class a row for each class: its own, counterparts."""
    values = {"matter_type_ids": [one for one, _ in pairs], "class_ids": [one for _, one in pairs]}
    return [SubjectRow._make(row) for row in session.execute(_QUERIES["subjects"], values)]


def version(session: Session, number: int) -> TimeLimitVersion | None:
    """Return a version, locked until the transaction ends."""
    return session.get(TimeLimitVersion, number, with_for_update=True)


def versions_counted(session: Session) -> list[tuple[TimeLimitVersion, int]]:
    """Return every version with how many limits it has, the latest first."""
    count = (
        select(func.count())
        .select_from(TimeLimit)
        .where(TimeLimit.version == TimeLimitVersion.number)
        .scalar_subquery()
    )
    query = select(TimeLimitVersion, count).order_by(
        TimeLimitVersion.valid_from.desc(), TimeLimitVersion.number.desc()
    )
    return [(one, limits_of_it) for one, limits_of_it in session.execute(query)]


def mark_withdrawn(session: Session, version: TimeLimitVersion, *, by: str, reason: str) -> None:
    """Note that a version was withdrawn now."""
    version.withdrawn_at = session.scalar(select(func.clock_timestamp()))
    version.withdrawn_by, version.withdrawn_reason = by, reason
    session.flush()


def add_limits(session: Session, rows: Sequence[dict[str, object]]) -> None:
    """Add limits in this order."""
    session.execute(insert(TimeLimit), rows)
