"""Alarms of sensors: raised, reported, updated, cleared.

An alarm whose report is refused keeps the reason, and is reported again until that is accepted or
the alarm clears. That an alarm clears is a fact about the alarm: its case stays open until somebody
closes it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components import lookup
from gis_registry.components import queries as components
from gis_registry.components.tables import ComponentState
from gis_registry.errors import InvalidInput, RegistryError
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.reports import device_queries as queries
from gis_registry.reports import service as reports
from gis_registry.reports import submitting
from gis_registry.reports.alarming import Event, Reading, events, looks_back_to, worse
from gis_registry.reports.device_schemas import Alarm, AlarmEvent
from gis_registry.reports.device_tables import Comparison, Sensor, SensorAlarm, SensorRule
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.reports.tables import Channel

#: How well the place of a device on a component is known: it is the component's.
ON_COMPONENT_M = 1.0
#: Why a new alarm has no report, until it is reported with the others of its transaction.
_NOT_YET = "not reported yet"
_WITH_REPORT = (Event.RAISED, Event.REPORTED)


@dataclass(frozen=True)
class Spot:
    """Where a device is in degrees, EPSG:4490, how well that is known, and what it stands on."""

    lon: float
    lat: float
    accuracy_m: float
    class_code: str | None = None


def follow(
    session: Session,
    sensor: Sensor,
    rules: Sequence[SensorRule],
    quantity: str,
    *,
    first_at: datetime,
    after: datetime | None,
    zone: ZoneInfo,
) -> dict[datetime, list[AlarmEvent]]:
    """Apply rules to a device's readings, which are kept already; return what each of them did.

    What it raises is not reported yet: :func:`report_all` does that.

    Args:
        session: open transaction, which has locked the device.
        sensor: the device.
        rules: those for its kind and the quantity.
        quantity: what was measured.
        first_at: the first reading that has not done anything yet.
        after: the last one that has; None: there is none.
        zone: the city's time zone.
    """
    raised = queries.open_alarms(session, {sensor.id})
    by_value = [one for one in rules if one.comparison != Comparison.SILENT_FOR]
    since = min((looks_back_to(rule, first_at) for rule in by_value), default=first_at)
    rows = queries.series(session, sensor.id, quantity, since=since)
    readings = _readings(session, sensor, rows, rules, zone)
    done: dict[datetime, list[AlarmEvent]] = defaultdict(list)
    for rule in rules:
        alarm = raised.get((sensor.id, rule.id))
        if rule.comparison == Comparison.SILENT_FOR:
            reading = next((one for one in readings if one.at >= first_at), None)
            if alarm is not None and reading is not None and _ends_silence(rule, alarm, reading):
                _change(alarm, rule, reading, Event.CLEARED)
                done[reading.at].append(_event(alarm, sensor, rule, Event.CLEARED))
            continue
        found = events(rule, readings, after=after, is_raised=alarm is not None, zone=zone)
        for reading, event in found:
            if event is Event.RAISED or alarm is None:
                alarm = _raise(session, sensor, rule, reading)
            else:
                _change(alarm, rule, reading, event)
            done[reading.at].append(_event(alarm, sensor, rule, event))
        session.flush()
    return done


def check_silence(session: Session, *, now: datetime, reported_by: str) -> list[AlarmEvent]:
    """Raise an alarm for every device that was silent for as long as a rule says.

    Open alarms whose report was refused, of whatever rule, are reported again.
    """
    silent = {row["device"] for row in queries.silent(session, now)}
    queries.lock_sensors(session, silent | queries.unreported_devices(session))
    raised: list[AlarmEvent] = []
    for row in queries.silent(session, now):
        sensor = session.get_one(Sensor, row["sensor_id"])
        rule = session.get_one(SensorRule, row["rule_id"])
        alarm = _raise(session, sensor, rule, Reading(at=now, value=row["value"]))
        raised.append(_event(alarm, sensor, rule, Event.RAISED))
    return [*raised, *report_all(session, raised, reported_by=reported_by)]


def report_all(
    session: Session,
    done: Sequence[AlarmEvent],
    *,
    sensor_ids: set[int] | None = None,
    reported_by: str,
) -> list[AlarmEvent]:
    """Report the alarms that have no report, all at once; what is refused is kept with the reason.

    Args:
        session: open transaction, which has locked the devices.
        done: what was just done to alarms; it is told their reports.
        sensor_ids: the devices whose open alarms are reported; None: all.
        reported_by: who sends the readings.

    Returns:
        The alarms of before that are reported now.
    """
    events: dict[int, list[AlarmEvent]] = defaultdict(list)
    for event in done:
        events[event.id].append(event)
    rows = queries.unreported(session, sensor_ids=sensor_ids, alarm_ids=set(events))
    if not rows:
        return []
    written = [_report(session, row) for row in rows]
    answers = iter(
        reports.submit_all(
            session,
            [Submission(one, reported_by) for one in written if isinstance(one, NewReport)],
        )
    )
    earlier: list[AlarmEvent] = []
    for row, one in zip(rows, written, strict=True):
        answer = next(answers) if isinstance(one, NewReport) else one
        alarm: SensorAlarm = row["SensorAlarm"]
        if isinstance(answer, AnsweredReport):
            alarm.division_code, alarm.report_id = answer.division_code, answer.id
            alarm.refusal = None
        else:
            alarm.refusal = str(answer)
        is_raised_now = any(event.event is Event.RAISED for event in events[alarm.id])
        if isinstance(answer, AnsweredReport) and not is_raised_now:
            told = _event(alarm, row["Sensor"], row["SensorRule"], Event.REPORTED)
            events[alarm.id].append(told)
            earlier.append(told)
        for event in events[alarm.id]:
            event.report_id, event.refusal = alarm.report_id, alarm.refusal
            if isinstance(answer, AnsweredReport) and event.event in _WITH_REPORT:
                event.report = answer
    session.flush()
    return earlier


def entry(alarm: SensorAlarm, *, device: str, rule: str) -> Alarm:
    """Return an alarm as it is listed."""
    return Alarm(
        id=alarm.id,
        device=device,
        rule=rule,
        raised_at=alarm.raised_at,
        updated_at=alarm.updated_at,
        cleared_at=alarm.cleared_at,
        last_value=alarm.last_value,
        peak=alarm.peak,
        report_id=alarm.report_id,
        refusal=alarm.refusal,
    )


def _event(
    alarm: SensorAlarm,
    sensor: Sensor,
    rule: SensorRule,
    event: Event,
) -> AlarmEvent:
    shown = entry(alarm, device=sensor.code, rule=rule.code)
    return AlarmEvent(**shown.model_dump(), event=event, report=None)


def _ends_silence(rule: SensorRule, alarm: SensorAlarm, reading: Reading) -> bool:
    """Return whether, with a reading, the device was not silent when the alarm was raised."""
    return reading.at + timedelta(seconds=rule.for_s) > alarm.raised_at


def _change(alarm: SensorAlarm, rule: SensorRule, reading: Reading, event: Event) -> None:
    alarm.updated_at = max(alarm.updated_at, reading.at)
    alarm.last_value = reading.value
    if event is Event.CLEARED:
        alarm.cleared_at = max(alarm.raised_at, reading.at)
    else:
        alarm.peak = worse(rule, alarm.peak, reading.value)


def _raise(session: Session, sensor: Sensor, rule: SensorRule, reading: Reading) -> SensorAlarm:
    alarm = SensorAlarm(
        sensor_id=sensor.id,
        rule_id=rule.id,
        raised_at=reading.at,
        updated_at=reading.at,
        last_value=reading.value,
        peak=reading.value,
        refusal=_NOT_YET,
    )
    session.add(alarm)
    session.flush()
    return alarm


def _report(session: Session, row: RowMapping) -> NewReport | RegistryError:
    """Return what is reported of an alarm, or why it cannot be.

    The same whenever it is tried: what there was when the alarm was raised.
    """
    alarm: SensorAlarm = row["SensorAlarm"]
    sensor: Sensor = row["Sensor"]
    rule: SensorRule = row["SensorRule"]
    try:
        spot = _spot(session, sensor, row)
    except submitting.REFUSALS as error:
        return error
    matter = rule.matter or spot.class_code
    if matter is None:
        return InvalidInput(
            f"The rule {rule.code} names no matter, and {sensor.code} is on no component."
        )
    return NewReport(
        lon=spot.lon,
        lat=spot.lat,
        accuracy_m=spot.accuracy_m,
        matter=matter,
        text=_text(sensor, rule, row["value"]),
        channel=Channel.SENSOR,
        client_key=f"sensor:{sensor.id}:{rule.id}:{alarm.raised_at.timestamp():.6f}",
        reported_at=alarm.raised_at,
    )


def _spot(session: Session, sensor: Sensor, row: RowMapping) -> Spot:
    """Return where a device was by a reading: where it said, if it can move, or where it stands.

    Raises:
        InvalidInput, NotFound, Conflict: its component is not known, or is gone.
    """
    if sensor.component_code is None and row["lon"] is not None:
        return Spot(row["lon"], row["lat"], row["accuracy_m"])
    return _standing(session, sensor)


def _standing(session: Session, sensor: Sensor) -> Spot:
    """Return where a device stands: on its component, or at its own place.

    Raises:
        InvalidInput, NotFound, Conflict: its component is not known, or is gone; or it moves.
    """
    if sensor.component_code is not None:
        found = lookup.resolve(session, sensor.component_code)
        component = components.component(session, found.division_code, found.code)
        if component is None or component["state"] != ComponentState.ACTIVE:
            raise InvalidInput(f"The component {found.code} of {sensor.code} is gone.")
        return Spot(
            component["lon"], component["lat"], ON_COMPONENT_M, str(component["class_code"])
        )
    own = queries.sensor_rows(session, code=sensor.code)[0]
    if own["lon"] is None or sensor.accuracy_m is None:
        raise InvalidInput(f"{sensor.code} moves, and did not say where it was.")
    return Spot(own["lon"], own["lat"], sensor.accuracy_m)


def _readings(
    session: Session,
    sensor: Sensor,
    rows: Sequence[RowMapping],
    rules: Sequence[SensorRule],
    zone: ZoneInfo,
) -> list[Reading]:
    """Return readings with the areas that they lie in, where a rule asks for that."""
    zones: dict[tuple[float, float], frozenset[str]] = {}
    points: list[tuple[float, float] | None] = [None] * len(rows)
    if rows and any(rule.zone_code is not None for rule in rules):
        try:
            standing = _standing(session, sensor)
        except submitting.REFUSALS:
            fixed = None
        else:
            fixed = (standing.lon, standing.lat)
        can_move = sensor.component_code is None
        points = [
            (row["lon"], row["lat"]) if can_move and row["lon"] is not None else fixed
            for row in rows
        ]
        on_date = rows[-1]["at"].astimezone(zone).date()
        zones = _zones(session, {point for point in points if point is not None}, on_date)
    return [
        Reading(row["at"], row["value"], zones[point] if point is not None else frozenset())
        for row, point in zip(rows, points, strict=True)
    ]


def _zones(
    session: Session, points: set[tuple[float, float]], on_date: date
) -> dict[tuple[float, float], frozenset[str]]:
    """Return the codes of the city, district, subdistrict and cell that each point lies in."""
    city = places.the_city(session)
    ordered = sorted(points)
    located = places_queries.locate(
        session,
        lons=[lon for lon, _ in ordered],
        lats=[lat for _, lat in ordered],
        on_dates=[on_date] * len(ordered),
        tolerance_m=city.place_tolerance_m,
    )
    found: dict[tuple[float, float], frozenset[str]] = {}
    for point, place in zip(ordered, located, strict=True):
        codes = {place["division_code"], place["subdistrict_code"], place["cell_code"]} - {None}
        found[point] = frozenset({*codes, city.division_code} if codes else ())
    return found


def _text(sensor: Sensor, rule: SensorRule, value: float) -> str:
    """Return what is reported, in both languages."""
    values = {
        "device": sensor.code,
        "name_zh": sensor.name_zh,
        "name_en": sensor.name_en,
        "value": f"{value:g}",
        "unit": rule.measured_in,
        "low": "" if rule.low is None else f"{rule.low:g}",
        "high": "" if rule.high is None else f"{rule.high:g}",
        "hours": f"{rule.for_s / 3600:g}",
        "minutes": f"{rule.for_s / 60:g}",
    }
    lines = (rule.text_zh.format_map(values), rule.text_en.format_map(values))
    return "\n".join(line for line in lines if line)[:4000]
