"""Tables of photos."""

from datetime import datetime

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base, geometry


class Photo(Base):
    """One photo by the hash of its bytes, with what the camera wrote into it as evidence.

    Width and height are as it is shown. Time and position are those of the camera, and null where
    it wrote none or none that can be true.
    """

    __tablename__ = "photos"
    __table_args__ = (
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint(
            "media_type in ('image/jpeg', 'image/png', 'image/webp')", name="media_type"
        ),
        CheckConstraint("heading_deg >= 0 and heading_deg < 360", name="heading_deg"),
    )

    sha256: Mapped[str] = mapped_column(primary_key=True)
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    taken_at: Mapped[datetime | None]
    geom: Mapped[WKBElement | None] = geometry("POINT", nullable=True)
    heading_deg: Mapped[float | None]
    camera: Mapped[str | None]
    received_at: Mapped[datetime]
    received_by: Mapped[str]
