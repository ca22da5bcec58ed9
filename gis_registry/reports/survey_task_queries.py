"""Everything of survey tasks that talks to the database."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping, func, select
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.db.sql import load_queries
from gis_registry.reports.survey_task_tables import TaskState
from gis_registry.reports.weighing import reach_m

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def open_tasks(
    session: Session,
    *,
    edition_key: str,
    epsg: int,
    zone: str,
    since: datetime,
    least_incidents: int,
    place: str | None,
    class_ids: list[int] | None,
    limit: int | None,
) -> Sequence[RowMapping]:
    """Return places and classes where enough incidents came to no certain component."""
    values = {
        "edition_key": edition_key,
        "epsg": epsg,
        "zone": zone,
        "since": since,
        "least_incidents": least_incidents,
        "place": place,
        "class_ids": class_ids,
        "limit": limit,
        "report_reach": float(reach_m(1, 0)),
        "component_reach": float(reach_m(0, 1)),
    }
    return session.execute(_QUERIES["open_tasks"], values).mappings().all()


def closed_tasks(
    session: Session,
    *,
    state: TaskState,
    place: str | None,
    class_ids: list[int] | None,
    limit: int | None,
) -> Sequence[RowMapping]:
    """Return tasks that were done or dismissed, the last first."""
    values = {"state": state, "place": place, "class_ids": class_ids, "limit": limit}
    return session.execute(_QUERIES["closed_tasks"], values).mappings().all()


def class_ids(session: Session, code: str) -> list[int]:
    """Return the classes with a code, of every edition."""
    return list(session.scalars(select(ComponentClass.id).where(ComponentClass.code == code)))


def lock_task(session: Session, place: str) -> None:
    """Let nobody else close tasks of a place until the transaction ends."""
    key = func.hashtextextended(f"survey task\n{place}", 1)
    session.execute(select(func.pg_advisory_xact_lock(key)))
