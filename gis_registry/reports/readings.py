"""Taking in what sensors measure: each reading is kept once, and changes alarms by the rules."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.db.base import SRID
from gis_registry.moments import time_fault
from gis_registry.places import service as places
from gis_registry.places.datums import Datum, to_cgcs2000
from gis_registry.reports import alarms
from gis_registry.reports import device_queries as queries
from gis_registry.reports.device_schemas import (
    AlarmEvent,
    AnsweredReading,
    AnsweredReadings,
    NewReading,
    ReadingOutcome,
    Why,
)
from gis_registry.reports.device_tables import Sensor

_Key = tuple[int, str, datetime]


@dataclass
class _Batch:
    """Readings that came together: what is known of their devices, and what to keep of them."""

    sensors: dict[str, Sensor]
    quantities: set[tuple[str, str]]
    newest: dict[tuple[int, str], datetime]
    values: dict[_Key, float]
    rows: list[dict[str, object]]


def submit(session: Session, new: Sequence[NewReading], *, reported_by: str) -> AnsweredReadings:
    """Keep readings, and raise, update and clear alarms by them.

    The same device, quantity and time is one reading. Readings may come in any order, but only one
    that is newer than all of its device and quantity before changes an alarm.
    """
    batch = _batch(session, new)
    answers = [_answer(batch, one) for one in new]
    if batch.rows:
        queries.add_readings(session, batch.rows)
    done = _follow(session, batch, answers, reported_by=reported_by)
    for answer in answers:
        if answer.outcome is ReadingOutcome.KEPT:
            key = (batch.sensors[answer.device].id, answer.quantity, answer.at)
            answer.alarms = done.get(key, [])
    return AnsweredReadings(readings=answers)


def _batch(session: Session, new: Sequence[NewReading]) -> _Batch:
    sensors = queries.lock_sensors(session, {one.device for one in new})
    keys = {(sensors[one.device].id, one.quantity, one.at) for one in new if one.device in sensors}
    return _Batch(
        sensors=sensors,
        quantities=queries.quantities(session, {one.kind for one in sensors.values()}),
        newest=queries.newest_times(session, {key[:2] for key in keys}),
        values=queries.values_at(session, keys),
        rows=[],
    )


def _answer(batch: _Batch, new: NewReading) -> AnsweredReading:
    """Return what becomes of a reading, and put it among those to keep."""
    answer = AnsweredReading(
        device=new.device,
        quantity=new.quantity,
        at=new.at,
        outcome=ReadingOutcome.REFUSED,
        why=_fault(batch, new),
        alarms=[],
    )
    if answer.why is not None:
        return answer
    sensor = batch.sensors[new.device]
    key = (sensor.id, new.quantity, new.at)
    if key in batch.values:
        answer.outcome = ReadingOutcome.REPEAT
        return answer
    batch.values[key] = new.value
    batch.rows.append(_row(sensor, new))
    newest = batch.newest.get(key[:2])
    is_late = newest is not None and new.at < newest
    answer.outcome = ReadingOutcome.LATE if is_late else ReadingOutcome.KEPT
    return answer


def _row(sensor: Sensor, new: NewReading) -> dict[str, object]:
    geom = None
    if new.lon is not None and new.lat is not None:
        geom = "SRID={};POINT({} {})".format(SRID, *_on_ground(new.lon, new.lat, new.datum))
    return {
        "sensor_id": sensor.id,
        "quantity": new.quantity,
        "at": new.at,
        "value": new.value,
        "geom": geom,
        "accuracy_m": None if geom is None else new.accuracy_m,
    }


def _on_ground(lon: float, lat: float, datum: Datum) -> tuple[float, float]:
    """Return a position in CGCS2000; far from China there may be none."""
    x, y = to_cgcs2000(lon, lat, datum)
    return float(x), float(y)


def _fault(batch: _Batch, new: NewReading) -> Why | None:
    """Return why a reading cannot be kept."""
    sensor = batch.sensors.get(new.device)
    if sensor is None:
        return Why(
            code="unknown_device",
            zh=f"没有编号为{new.device}的设备。",
            en=f"There is no device {new.device!r}.",
        )
    if (sensor.kind, new.quantity) not in batch.quantities:
        return Why(
            code="unknown_quantity",
            zh=f"{sensor.kind}类设备没有关于{new.quantity}的规则。",
            en=f"No rule for the kind {sensor.kind!r} knows the quantity {new.quantity!r}.",
        )
    if not math.isfinite(new.value):
        return Why(code="not_finite", zh="数值不是有限数。", en="The value is no finite number.")
    fault = time_fault(new.at, now=clock.now())
    if fault is not None:
        return Why(
            code="impossible_time",
            zh=f"时间不可能：{new.at.isoformat()}。",
            en=f"The time cannot be: it is {fault}.",
        )
    known = batch.values.get((sensor.id, new.quantity, new.at))
    if known is not None and known != new.value:
        return Why(
            code="another_value",
            zh=f"该时刻已有读数{known:g}，先到的有效。",
            en=f"At this time it was {known:g} already; what came first counts.",
        )
    return _position_fault(sensor, new)


def _position_fault(sensor: Sensor, new: NewReading) -> Why | None:
    if new.lon is None or new.lat is None:
        if sensor.component_code is not None or sensor.geom is not None:
            return None
        return Why(
            code="no_position",
            zh="该设备没有固定位置：请给出lon和lat。",
            en="The device has no place of its own: give lon and lat.",
        )
    fault = places.position_fault(new.lon, new.lat) or places.position_fault(
        *_on_ground(new.lon, new.lat, new.datum)
    )
    if fault is None:
        return None
    return Why(code="no_position", zh="坐标不可用。", en=f"The position cannot be used: {fault}.")


def _follow(
    session: Session, batch: _Batch, answers: Sequence[AnsweredReading], *, reported_by: str
) -> dict[_Key, list[AlarmEvent]]:
    """Return what the readings that are newer than all before do to alarms.

    What was refused before and is reported now stands with the first of its device's readings.
    """
    fresh: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for answer in answers:
        if answer.outcome is ReadingOutcome.KEPT:
            fresh[answer.device, answer.quantity].append(answer.at)
    if not fresh:
        return {}
    rules = queries.rules(session, {batch.sensors[device].kind for device, _ in fresh})
    city = places.the_city(session)
    done: dict[_Key, list[AlarmEvent]] = {}
    first: dict[str, _Key] = {}
    for (device, quantity), times in fresh.items():
        sensor = batch.sensors[device]
        found = alarms.follow(
            session,
            sensor,
            [one for one in rules if (one.sensor_kind, one.quantity) == (sensor.kind, quantity)],
            quantity,
            first_at=min(times),
            after=batch.newest.get((sensor.id, quantity)),
            zone=ZoneInfo(city.time_zone),
        )
        first.setdefault(device, (sensor.id, quantity, min(times)))
        done |= {(sensor.id, quantity, at): events for at, events in found.items()}
    reported = alarms.report_all(
        session,
        [event for events in done.values() for event in events],
        sensor_ids={sensor_id for sensor_id, _, _ in first.values()},
        reported_by=reported_by,
    )
    for event in reported:
        done.setdefault(first[event.device], []).append(event)
    return done
