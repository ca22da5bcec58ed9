"""What people at a desk read of cases."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from sqlalchemy import RowMapping, select
from sqlalchemy.orm import Session

from gis_registry.cases.progress import Progress
from gis_registry.cases.tables import CaseProgress, CaseState
from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def open_cases(session: Session, **values: object) -> Sequence[RowMapping]:
    """Return open cases by when they are due; the values are those of the query."""
    return session.execute(_QUERIES["open_cases"], values).mappings().all()


def open_counts(session: Session, **values: object) -> Sequence[RowMapping]:
    """Return counts of open cases by state; the values are those of the query."""
    return session.execute(_QUERIES["open_counts"], values).mappings().all()


def case_places(session: Session, case_id: int) -> RowMapping:
    """Return what the places, the class and the unit of a case are called."""
    return session.execute(_QUERIES["case_places"], {"case_id": case_id}).mappings().one()


def progress(session: Session, case_id: int) -> Progress | None:
    """Return where a case stands; None: there is no such case."""
    row = session.scalars(select(CaseProgress).where(CaseProgress.case_id == case_id)).one_or_none()
    if row is None:
        return None
    values = {one.name: getattr(row, one.name) for one in fields(Progress)}
    return Progress(**{**values, "state": CaseState(row.state)})
