"""What recounting reads: cases with all their events."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

Key = tuple[str, int]


def keys_after(session: Session, after: Key, *, limit: int) -> list[Key]:
    """Return division codes and numbers of cases, in order after one of them."""
    values = {"division_code": after[0], "case_id": after[1], "limit": limit}
    return [(code, number) for code, number in session.execute(_QUERIES["keys_after"], values)]


def sampled_keys(session: Session, *, about: int) -> list[Key]:
    """Return the keys of about so many cases from all over the table, or of all if they are few."""
    count = int(session.scalars(_QUERIES["estimated_count"]).one())
    share = min(100.0, 100.0 * about / count) if count > 0 else 100.0
    found = session.execute(_QUERIES["sampled_keys"], {"share": share})
    return [(code, number) for code, number in found]


def keys_of(session: Session, case_id: int) -> list[Key]:
    """Return the key of a case, or none if there is no such case."""
    found = session.execute(_QUERIES["key_of"], {"case_id": case_id})
    return [(code, number) for code, number in found]


def with_events(session: Session, keys: Sequence[Key]) -> Sequence[RowMapping]:
    """Return cases with where they are said to stand and their events, both as JSON."""
    values = {"division_codes": [one[0] for one in keys], "case_ids": [one[1] for one in keys]}
    return session.execute(_QUERIES["with_events"], values).mappings().all()
