"""Tables of reports."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.base import Base, geometry


class Channel(StrEnum):
    """Where a report comes from."""

    INSPECTOR = "inspector"
    CITIZEN = "citizen"
    VIDEO = "video"
    SENSOR = "sensor"
    DRONE = "drone"
    PARTNER = "partner"


CHANNEL_ZH = {
    Channel.INSPECTOR: "巡查员",
    Channel.CITIZEN: "市民",
    Channel.VIDEO: "视频",
    Channel.SENSOR: "传感器",
    Channel.DRONE: "无人机",
    Channel.PARTNER: "合作单位",
}


class Outcome(StrEnum):
    """What matching a report to a component came to."""

    UNIQUE = "unique"
    AMBIGUOUS = "ambiguous"
    NONE = "none"
    PLACE = "place"


class Report(Base):
    """One message from one channel that something is wrong somewhere, with its answer.

    Its case can be one of another district, which a report from across the border has joined.
    """

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint(
            "channel in ('inspector', 'citizen', 'video', 'sensor', 'drone', 'partner')",
            name="channel",
        ),
        CheckConstraint("outcome in ('unique', 'ambiguous', 'none', 'place')", name="outcome"),
        ForeignKeyConstraint(
            ["case_division_code", "case_id"], ["cases.division_code", "cases.id"]
        ),
        Index("ix_reports_id", "id"),
        Index("ix_reports_case_id", "case_division_code", "case_id"),
        Index("ix_reports_reported_at", "reported_at"),
        Index("ix_reports_geom_reported_at", "geom", "reported_at", postgresql_using="gist"),
        Index("ix_reports_component_code_reported_at", "component_code", "reported_at"),
        Index("ix_reports_client_key", "reported_by", "client_key", unique=True),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    client_key: Mapped[str | None]
    fingerprint: Mapped[str | None]
    channel: Mapped[str]
    matter_type_id: Mapped[int | None] = mapped_column(ForeignKey(MatterType.id))
    class_id: Mapped[int | None] = mapped_column(ForeignKey(ComponentClass.id))
    text: Mapped[str]
    scanned: Mapped[str | None]
    address: Mapped[str | None]
    media_url: Mapped[str | None]
    sender: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    photos: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    geom: Mapped[WKBElement] = geometry("POINT")
    datum: Mapped[str]
    accuracy_m: Mapped[float]
    reported_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reported_by: Mapped[str]
    subdistrict_code: Mapped[str | None]
    cell_code: Mapped[str | None]
    outcome: Mapped[str]
    component_code: Mapped[str | None]
    case_division_code: Mapped[str]
    case_id: Mapped[int] = mapped_column(BigInteger)
    answer: Mapped[dict[str, Any]]
