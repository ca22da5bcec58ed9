"""Sensors and their alarms, listed and shown."""

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.errors import NotFound
from gis_registry.reports import alarms
from gis_registry.reports import device_queries as queries
from gis_registry.reports.device_schemas import (
    Alarm,
    AlarmPage,
    LastReading,
    SensorDetail,
    SensorEntry,
    SensorPage,
)

#: How many alarms of a device are shown with it; all are listed.
_SHOWN_ALARMS = 100


def page(
    session: Session, *, kind: str | None = None, after: str | None = None, limit: int = 100
) -> SensorPage:
    """Return sensors by code, those after one of them."""
    rows = queries.sensor_rows(session, kind=kind, after=after, limit=limit + 1)
    found = [SensorEntry.model_validate(dict(row)) for row in rows[:limit]]
    return SensorPage(sensors=found, next_after=found[-1].code if len(rows) > limit else None)


def show_sensor(session: Session, code: str) -> SensorDetail:
    """Return a sensor with its newest values and open alarms.

    Raises:
        NotFound: there is no such sensor.
    """
    rows = queries.sensor_rows(session, code=code)
    if not rows:
        raise NotFound(f"There is no sensor {code!r}.")
    sensor_id = rows[0]["id"]
    opened = queries.alarm_rows(session, sensor_id=sensor_id, only_open=True, limit=_SHOWN_ALARMS)
    return SensorDetail(
        **rows[0],
        readings=[
            LastReading.model_validate(dict(row))
            for row in queries.last_readings(session, sensor_id)
        ],
        alarms=[_alarm(row) for row in opened],
    )


def alarm_page(
    session: Session,
    *,
    only_open: bool = False,
    is_reported: bool | None = None,
    before: int | None = None,
    limit: int = 100,
) -> AlarmPage:
    """Return alarms, the newest first; with or without a report, or both."""
    rows = queries.alarm_rows(
        session, only_open=only_open, is_reported=is_reported, before=before, limit=limit + 1
    )
    found = [_alarm(row) for row in rows[:limit]]
    return AlarmPage(alarms=found, next_before=found[-1].id if len(rows) > limit else None)


def _alarm(row: RowMapping) -> Alarm:
    return alarms.entry(row["SensorAlarm"], device=row["device"], rule=row["rule"])
