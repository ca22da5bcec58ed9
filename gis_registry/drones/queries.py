"""Reads of detections."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry.drones.tables import Detection


def detection(session: Session, detection_id: int) -> Detection | None:
    """Return a detection by its number."""
    return session.scalars(select(Detection).where(Detection.id == detection_id)).one_or_none()


def of_report(session: Session, report_id: int) -> Detection | None:
    """Return the detection that a report answers."""
    return session.scalars(select(Detection).where(Detection.report_id == report_id)).one_or_none()
