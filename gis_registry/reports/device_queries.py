"""Reads and writes of cameras, sensors, and of what they saw and measured."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping, and_, func, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from gis_registry.db.base import without_geom
from gis_registry.db.sql import load_queries
from gis_registry.reports.device_tables import (
    Camera,
    CitizenKind,
    Sensor,
    SensorAlarm,
    SensorReading,
    SensorRule,
    VideoFrame,
    VideoKind,
    VideoSighting,
)
from gis_registry.units.tables import Unit

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def camera_rows(session: Session, *, code: str | None = None) -> Sequence[RowMapping]:
    """Return cameras by code, with where they stand (EPSG:4490) and their unit's code.

    One that is asked for by its code is locked until the transaction ends.
    """
    query = (
        select(
            *without_geom(Camera),
            func.ST_X(Camera.geom).label("lon"),
            func.ST_Y(Camera.geom).label("lat"),
            Unit.code.label("unit_code"),
        )
        .outerjoin(Unit, Unit.id == Camera.unit_id)
        .order_by(Camera.code)
    )
    if code is not None:
        query = query.where(Camera.code == code).with_for_update(of=Camera)
    return session.execute(query).mappings().all()


def video_kind(session: Session, label: str) -> VideoKind | None:
    """Return what a label of the analysis stands for."""
    return session.get(VideoKind, label)


def frame(
    session: Session, camera_id: int, kind: str, frame_at: datetime, box: list[float]
) -> VideoFrame | None:
    """Return a frame that was sent before."""
    return session.scalars(
        select(VideoFrame).where(
            VideoFrame.camera_id == camera_id,
            VideoFrame.kind == kind,
            VideoFrame.frame_at == frame_at,
            VideoFrame.box == box,
        )
    ).one_or_none()


def nearest_frames(
    session: Session, camera_id: int, kind: str, *, at: datetime, unseen_s: int
) -> Sequence[RowMapping]:
    """Return of each sighting the frame nearest in time, the nearest first (sighting, box)."""
    values = {"camera_id": camera_id, "kind": kind, "at": at, "unseen_s": unseen_s}
    return session.execute(_QUERIES["nearest_frames"], values).mappings().all()


def sighting(session: Session, sighting_id: int) -> VideoSighting | None:
    """Return a sighting by its number."""
    return session.get(VideoSighting, sighting_id)


def sighting_rows(
    session: Session,
    *,
    sighting_id: int | None = None,
    is_reported: bool | None = None,
    before: int | None = None,
    limit: int = 1,
) -> Sequence[RowMapping]:
    """Return sightings, the newest first, with camera, names and position (degrees, EPSG:4490)."""
    query = (
        select(
            *without_geom(VideoSighting),
            Camera.code.label("camera"),
            VideoKind.name_zh,
            VideoKind.name_en,
            func.ST_X(VideoSighting.geom).label("lon"),
            func.ST_Y(VideoSighting.geom).label("lat"),
        )
        .join(Camera, Camera.id == VideoSighting.camera_id)
        .outerjoin(VideoKind, VideoKind.label == VideoSighting.kind)
        .order_by(VideoSighting.id.desc())
        .limit(limit)
    )
    if sighting_id is not None:
        query = query.where(VideoSighting.id == sighting_id)
    if is_reported is not None:
        is_none = VideoSighting.report_id.is_(None)
        query = query.where(~is_none if is_reported else is_none)
    if before is not None:
        query = query.where(VideoSighting.id < before)
    return session.execute(query).mappings().all()


def lock_sensors(session: Session, codes: set[str]) -> dict[str, Sensor]:
    """Return sensors by code, and let others wait with theirs until the transaction ends."""
    query = select(Sensor).where(Sensor.code.in_(codes)).order_by(Sensor.id).with_for_update()
    return {one.code: one for one in session.scalars(query)}


def rules(session: Session, kinds: set[str]) -> Sequence[SensorRule]:
    """Return the active rules for kinds of sensors."""
    query = select(SensorRule).where(SensorRule.sensor_kind.in_(kinds), SensorRule.is_active)
    return session.scalars(query.order_by(SensorRule.id)).all()


def quantities(session: Session, kinds: set[str]) -> set[tuple[str, str]]:
    """Return the kinds of sensors with what they measure, by all their rules."""
    query = select(SensorRule.sensor_kind, SensorRule.quantity)
    found = session.execute(query.where(SensorRule.sensor_kind.in_(kinds))).all()
    return {(kind, quantity) for kind, quantity in found}


def newest_times(session: Session, keys: set[tuple[int, str]]) -> dict[tuple[int, str], datetime]:
    """Return the time of the newest reading by sensor and quantity."""
    key = tuple_(SensorReading.sensor_id, SensorReading.quantity)
    found = session.execute(
        select(SensorReading.sensor_id, SensorReading.quantity, func.max(SensorReading.at))
        .where(key.in_(keys))
        .group_by(SensorReading.sensor_id, SensorReading.quantity)
    ).all()
    return {(sensor_id, quantity): at for sensor_id, quantity, at in found}


def values_at(
    session: Session, keys: set[tuple[int, str, datetime]]
) -> dict[tuple[int, str, datetime], float]:
    """Return the values of readings that are there, by sensor, quantity and time."""
    key = tuple_(SensorReading.sensor_id, SensorReading.quantity, SensorReading.at)
    found = session.scalars(select(SensorReading).where(key.in_(keys)))
    return {(one.sensor_id, one.quantity, one.at): one.value for one in found}


def add_readings(session: Session, readings: list[dict[str, object]]) -> None:
    """Keep readings that are not there yet."""
    session.execute(insert(SensorReading), readings)


def series(
    session: Session, sensor_id: int, quantity: str, *, since: datetime
) -> Sequence[RowMapping]:
    """Return readings by time: the last one up to a time, and all after it."""
    values = {"sensor_id": sensor_id, "quantity": quantity, "since": since}
    return session.execute(_QUERIES["series"], values).mappings().all()


def open_alarms(session: Session, sensor_ids: set[int]) -> dict[tuple[int, int], SensorAlarm]:
    """Return the open alarms of sensors, by sensor and rule."""
    query = select(SensorAlarm).where(
        SensorAlarm.sensor_id.in_(sensor_ids), SensorAlarm.cleared_at.is_(None)
    )
    return {(one.sensor_id, one.rule_id): one for one in session.scalars(query)}


def silent(session: Session, now: datetime) -> Sequence[RowMapping]:
    """Return sensors that broke a rule by their silence, without an open alarm for it yet."""
    return session.execute(_QUERIES["silent"], {"now": now}).mappings().all()


def unreported(
    session: Session, *, sensor_ids: set[int] | None, alarm_ids: set[int]
) -> Sequence[RowMapping]:
    """Return alarms without a report by when they were raised, with value and position by then.

    Args:
        session: open transaction.
        sensor_ids: the devices whose open alarms are asked for; None: all.
        alarm_ids: alarms that are asked for although they have cleared.
    """
    then = (
        select(
            SensorReading.value,
            SensorReading.accuracy_m,
            func.ST_X(SensorReading.geom).label("lon"),
            func.ST_Y(SensorReading.geom).label("lat"),
        )
        .where(
            SensorReading.sensor_id == SensorAlarm.sensor_id,
            SensorReading.quantity == SensorRule.quantity,
            SensorReading.at <= SensorAlarm.raised_at,
        )
        .order_by(SensorReading.at.desc())
        .limit(1)
        .lateral()
    )
    is_theirs = true() if sensor_ids is None else SensorAlarm.sensor_id.in_(sensor_ids)
    is_asked = and_(SensorAlarm.cleared_at.is_(None), is_theirs)
    query = (
        select(SensorAlarm, Sensor, SensorRule, then)
        .join(Sensor, Sensor.id == SensorAlarm.sensor_id)
        .join(SensorRule, SensorRule.id == SensorAlarm.rule_id)
        .join(then, true())
        .where(SensorAlarm.report_id.is_(None), or_(is_asked, SensorAlarm.id.in_(alarm_ids)))
        .order_by(SensorAlarm.raised_at, SensorAlarm.id)
    )
    return session.execute(query).mappings().all()


def unreported_devices(session: Session) -> set[str]:
    """Return the devices that have an open alarm without a report."""
    query = (
        select(Sensor.code)
        .join(SensorAlarm, SensorAlarm.sensor_id == Sensor.id)
        .where(SensorAlarm.report_id.is_(None), SensorAlarm.cleared_at.is_(None))
    )
    return set(session.scalars(query))


def alarm_rows(
    session: Session,
    *,
    sensor_id: int | None = None,
    only_open: bool = False,
    is_reported: bool | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return alarms, the newest first, with the codes of their devices and rules."""
    query = (
        select(SensorAlarm, Sensor.code.label("device"), SensorRule.code.label("rule"))
        .join(Sensor, Sensor.id == SensorAlarm.sensor_id)
        .join(SensorRule, SensorRule.id == SensorAlarm.rule_id)
        .order_by(SensorAlarm.id.desc())
        .limit(limit)
    )
    if sensor_id is not None:
        query = query.where(SensorAlarm.sensor_id == sensor_id)
    if only_open:
        query = query.where(SensorAlarm.cleared_at.is_(None))
    if is_reported is not None:
        is_none = SensorAlarm.report_id.is_(None)
        query = query.where(~is_none if is_reported else is_none)
    if before is not None:
        query = query.where(SensorAlarm.id < before)
    return session.execute(query).mappings().all()


def sensor_rows(
    session: Session,
    *,
    code: str | None = None,
    kind: str | None = None,
    after: str | None = None,
    limit: int = 1,
) -> Sequence[RowMapping]:
    """Return sensors by code, with position (EPSG:4490), unit and how many alarms are open."""
    open_count = (
        select(func.count())
        .where(SensorAlarm.sensor_id == Sensor.id, SensorAlarm.cleared_at.is_(None))
        .correlate(Sensor)
        .scalar_subquery()
    )
    query = (
        select(
            *without_geom(Sensor),
            func.ST_X(Sensor.geom).label("lon"),
            func.ST_Y(Sensor.geom).label("lat"),
            Unit.code.label("unit_code"),
            open_count.label("open_alarms"),
        )
        .outerjoin(Unit, Unit.id == Sensor.unit_id)
        .order_by(Sensor.code)
        .limit(limit)
    )
    if code is not None:
        query = query.where(Sensor.code == code)
    if after is not None:
        query = query.where(Sensor.code > after)
    if kind is not None:
        query = query.where(Sensor.kind == kind)
    return session.execute(query).mappings().all()


def last_readings(session: Session, sensor_id: int) -> Sequence[RowMapping]:
    """Return the newest reading of each quantity of a sensor."""
    return session.execute(_QUERIES["last_readings"], {"sensor_id": sensor_id}).mappings().all()


def citizen_kinds(session: Session) -> Sequence[CitizenKind]:
    """Return the kinds of citizen reports by code."""
    return session.scalars(select(CitizenKind).order_by(CitizenKind.code)).all()
