"""Tables of drone detections."""

from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base, geometry


class Detection(Base):
    """One thing that one drone image shows, where it is on the ground; its report answers it."""

    __tablename__ = "detections"
    __table_args__ = (
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        ForeignKeyConstraint(
            ["division_code", "report_id"], ["reports.division_code", "reports.id"]
        ),
        Index("ix_detections_id", "id"),
        Index("ix_detections_report_id", "report_id"),
        Index("ix_detections_geom", "geom", postgresql_using="gist"),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    image: Mapped[str]
    geom: Mapped[WKBElement] = geometry("POINT")
    accuracy_m: Mapped[float]
    confidence: Mapped[float]
    taken_at: Mapped[datetime]
    report_id: Mapped[int] = mapped_column(BigInteger)
