"""Reads of reports."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping, func, select
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import MatterType
from gis_registry.db.base import SRID
from gis_registry.db.sql import load_queries
from gis_registry.reports.tables import Report

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def by_client_key(session: Session, reported_by: str, client_key: str) -> Report | None:
    """Return the report with a sender's key."""
    return session.scalars(
        select(Report).where(Report.reported_by == reported_by, Report.client_key == client_key)
    ).one_or_none()


def lock_client_key(session: Session, reported_by: str, client_key: str) -> None:
    """Let others with the same sender and key wait until the transaction ends."""
    key = func.hashtextextended(f"{reported_by}\n{client_key}", 1)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def report(session: Session, report_id: int) -> RowMapping | None:
    """Return a report with its position and matter."""
    return (
        session.execute(
            select(
                Report,
                MatterType,
                func.ST_X(Report.geom).label("lon"),
                func.ST_Y(Report.geom).label("lat"),
            )
            .join(MatterType, MatterType.id == Report.matter_type_id)
            .where(Report.id == report_id)
        )
        .mappings()
        .one_or_none()
    )


def page(session: Session, *, before: int | None, limit: int) -> Sequence[RowMapping]:
    """Return reports, the newest first."""
    query = (
        select(
            Report.id,
            Report.channel,
            MatterType.code.label("matter_code"),
            MatterType.name_zh.label("matter_name_zh"),
            MatterType.name_en.label("matter_name_en"),
            Report.outcome,
            Report.component_code,
            Report.case_id,
            func.ST_X(Report.geom).label("lon"),
            func.ST_Y(Report.geom).label("lat"),
            Report.reported_at,
        )
        .join(MatterType, MatterType.id == Report.matter_type_id)
        .order_by(Report.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Report.id < before)
    return session.execute(query).mappings().all()


def service_requests(
    session: Session,
    *,
    ids: list[int] | None = None,
    matter_codes: list[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    states: Sequence[str] | None = None,
    with_events: bool = False,
    limit: int = 1,
    offset: int = 0,
) -> Sequence[RowMapping]:
    """Return reports with the state and the unit of their cases, the newest first."""
    values = {
        "ids": ids,
        "matter_codes": matter_codes,
        "since": since,
        "until": until,
        "states": None if states is None else list(states),
        "with_events": with_events,
        "limit": limit,
        "offset": offset,
    }
    return session.execute(_QUERIES["service_requests"], values).mappings().all()


def distance_m(session: Session, one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far apart two points (longitude, latitude) are on the ground, in metres."""
    points = [
        func.geography(func.ST_SetSRID(func.ST_MakePoint(*point), SRID)) for point in (one, other)
    ]
    return float(session.scalar(select(func.ST_Distance(*points))) or 0)
