"""Tables of cameras and sensors, of what they see and measure, and of what citizens can report."""

from datetime import datetime, time
from enum import StrEnum

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.db.base import Base, big_identity, geometry
from gis_registry.units.tables import Unit


class NotReported(StrEnum):
    """Why a sighting is kept without a report."""

    LOW_CONFIDENCE = "low_confidence"
    UNKNOWN_KIND = "unknown_kind"
    REFUSED = "refused"


class Comparison(StrEnum):
    """How a rule looks at readings."""

    ABOVE = "above"
    BELOW = "below"
    OUTSIDE = "outside"
    UNCHANGED_FOR = "unchanged_for"
    SILENT_FOR = "silent_for"


class CitizenKind(Base):
    """What a citizen's app lets people choose: major kinds, and minor ones with their matter."""

    __tablename__ = "citizen_kinds"
    __table_args__ = (
        CheckConstraint("(parent_code is null) = (matter is null)", name="matter_of_minor"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("citizen_kinds.code"), index=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    matter: Mapped[str | None]


class Camera(Base):
    """A fixed camera: where it stands and what it looks at."""

    __tablename__ = "cameras"
    __table_args__ = (
        CheckConstraint("height_m > 0", name="height_m"),
        CheckConstraint("heading_deg >= 0 and heading_deg < 360", name="heading_deg"),
        CheckConstraint(
            "field_of_view_deg > 0 and field_of_view_deg < 180", name="field_of_view_deg"
        ),
        CheckConstraint("pitch_deg between -90 and 90", name="pitch_deg"),
        CheckConstraint("image_width > 0 and image_height > 0", name="image_size"),
        CheckConstraint("range_m > 0", name="range_m"),
        Index("ix_cameras_geom", "geom", postgresql_using="gist"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    geom: Mapped[WKBElement] = geometry("POINT")
    height_m: Mapped[float]
    heading_deg: Mapped[float]
    field_of_view_deg: Mapped[float]
    pitch_deg: Mapped[float | None]
    image_width: Mapped[int]
    image_height: Mapped[int]
    range_m: Mapped[float]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey(Unit.id), index=True)
    is_synthetic: Mapped[bool] = mapped_column(default=False)


class VideoKind(Base):
    """What a label of the video analysis stands for."""

    __tablename__ = "video_kinds"
    __table_args__ = (
        CheckConstraint("min_confidence between 0 and 1", name="min_confidence"),
        CheckConstraint("unseen_s > 0", name="unseen_s"),
    )

    label: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    matter: Mapped[str]
    min_confidence: Mapped[float]
    unseen_s: Mapped[int]


class VideoSighting(Base):
    """One thing that a camera saw, over all its frames; its report, or why there is none."""

    __tablename__ = "video_sightings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "report_id"], ["reports.division_code", "reports.id"]
        ),
        CheckConstraint("(report_id is null) = (not_reported is not null)", name="reported_or_not"),
        Index("ix_video_sightings_camera_id", "camera_id", "kind", "last_seen_at"),
        Index("ix_video_sightings_report_id", "report_id"),
    )

    id: Mapped[int] = big_identity()
    camera_id: Mapped[int] = mapped_column(ForeignKey(Camera.id))
    kind: Mapped[str]
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    frame_count: Mapped[int]
    best_confidence: Mapped[float]
    geom: Mapped[WKBElement] = geometry("POINT")
    accuracy_m: Mapped[float]
    division_code: Mapped[str | None]
    report_id: Mapped[int | None] = mapped_column(BigInteger)
    not_reported: Mapped[str | None]
    refusal: Mapped[str | None]


class VideoFrame(Base):
    """One frame that shows a sighting, as the analysis sent it; ``box`` in fractions."""

    __tablename__ = "video_frames"
    __table_args__ = (
        Index("ix_video_frames_camera_id", "camera_id", "kind", "frame_at", "box", unique=True),
        Index("ix_video_frames_sighting_id", "sighting_id"),
    )

    id: Mapped[int] = big_identity()
    sighting_id: Mapped[int] = mapped_column(BigInteger, ForeignKey(VideoSighting.id))
    camera_id: Mapped[int] = mapped_column(ForeignKey(Camera.id))
    kind: Mapped[str]
    frame_at: Mapped[datetime]
    frame_id: Mapped[str | None]
    box: Mapped[list[float]] = mapped_column(ARRAY(Double))
    confidence: Mapped[float]
    image_url: Mapped[str | None]
    note: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reported_by: Mapped[str]


class Sensor(Base):
    """A device that measures: on a component, at a place, or (with neither) on the move."""

    __tablename__ = "sensors"
    __table_args__ = (
        CheckConstraint("num_nonnulls(component_code, geom) <= 1", name="one_place"),
        CheckConstraint("(geom is null) = (accuracy_m is null)", name="accuracy_m"),
        Index("ix_sensors_geom", "geom", postgresql_using="gist"),
        Index("ix_sensors_component_code", "component_code"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    component_code: Mapped[str | None]
    geom: Mapped[WKBElement | None] = geometry("POINT", nullable=True)
    accuracy_m: Mapped[float | None]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey(Unit.id), index=True)
    is_synthetic: Mapped[bool] = mapped_column(default=False)


class SensorRule(Base):
    """When readings of a kind of sensor are an alarm, and what is reported then.

    ``margin``: how far back inside its bounds a value must come to clear the alarm; for
    ``unchanged_for`` the largest step between two readings that still counts as none.
    ``window_from`` and ``window_to`` are times of day in the city; readings outside do not count.
    """

    __tablename__ = "sensor_rules"
    __table_args__ = (
        CheckConstraint(
            "comparison in ('above', 'below', 'outside', 'unchanged_for', 'silent_for')",
            name="comparison",
        ),
        CheckConstraint("margin >= 0 and for_s >= 0", name="amounts"),
        CheckConstraint("low < high", name="bounds"),
        CheckConstraint("(window_from is null) = (window_to is null)", name="window"),
        Index("ix_sensor_rules_sensor_kind", "sensor_kind", "quantity"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    sensor_kind: Mapped[str]
    quantity: Mapped[str]
    measured_in: Mapped[str]
    comparison: Mapped[str]
    low: Mapped[float | None]
    high: Mapped[float | None]
    margin: Mapped[float]
    for_s: Mapped[int]
    window_from: Mapped[time | None]
    window_to: Mapped[time | None]
    zone_code: Mapped[str | None]
    matter: Mapped[str | None]
    text_zh: Mapped[str]
    text_en: Mapped[str]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class SensorReading(Base):
    """A value that a device measured; the same device, quantity and time is one reading."""

    __tablename__ = "sensor_readings"

    sensor_id: Mapped[int] = mapped_column(ForeignKey(Sensor.id), primary_key=True)
    quantity: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float]
    geom: Mapped[WKBElement | None] = geometry("POINT", nullable=True)
    accuracy_m: Mapped[float | None]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SensorAlarm(Base):
    """From when to when a device's readings broke a rule, and the report about it."""

    __tablename__ = "sensor_alarms"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "report_id"], ["reports.division_code", "reports.id"]
        ),
        CheckConstraint("(report_id is null) = (refusal is not null)", name="reported_or_not"),
        Index(
            "ix_sensor_alarms_open",
            "sensor_id",
            "rule_id",
            unique=True,
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index("ix_sensor_alarms_sensor_id", "sensor_id", "id"),
        Index("ix_sensor_alarms_report_id", "report_id"),
    )

    id: Mapped[int] = big_identity()
    sensor_id: Mapped[int] = mapped_column(ForeignKey(Sensor.id))
    rule_id: Mapped[int] = mapped_column(ForeignKey(SensorRule.id))
    raised_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    last_value: Mapped[float]
    peak: Mapped[float]
    division_code: Mapped[str | None]
    report_id: Mapped[int | None] = mapped_column(BigInteger)
    refusal: Mapped[str | None]
