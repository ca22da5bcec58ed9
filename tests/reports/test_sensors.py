"""What sensors measure: alarms with one report each, whatever order readings arrive in."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import CORNER, GEOD, moved, register, wait_for_a_lock
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.db.base import SRID
from gis_registry.db.engine import Database
from gis_registry.errors import NotFound
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.reports import alarms, readings, sensors
from gis_registry.reports import service as reports
from gis_registry.reports.device_loading import FileKind, load
from gis_registry.reports.device_schemas import AnsweredReading, NewReading
from gis_registry.reports.device_tables import Sensor, SensorAlarm, SensorReading, SensorRule
from gis_registry.reports.keeping import Submission
from gis_registry.reports.tables import Report

START = datetime(2026, 7, 8, 0, 0, tzinfo=UTC)


def add_sensor(session: Session, code: str, kind: str, **values: object) -> None:
    session.add(Sensor(code=code, kind=kind, name_zh=f"设备{code}", name_en=code, **values))
    session.flush()


def add_cover(session: Session) -> str:
    """Register a manhole cover and another near it, with a sensor on the first."""
    code = register(session, *CORNER, class_code="0103")
    register(session, *moved(*CORNER, azimuth=90, metres=6), class_code="0103")
    add_sensor(session, "C1", "cover", component_code=code)
    return code


def reading(device: str, quantity: str, value: float, minute: float = 0, **more: object) -> object:
    at = START + timedelta(minutes=minute)
    return {"device": device, "quantity": quantity, "value": value, "at": at} | more


def send(session: Session, *new: object) -> list[AnsweredReading]:
    parsed = [NewReading.model_validate(one) for one in new]
    return readings.submit(session, parsed, reported_by="gateway").readings


def tilt(session: Session, *values: tuple[float, float]) -> list[str]:
    """Send tilts (minute, degrees) together; return what each did."""
    answers = send(session, *(reading("C1", "tilt", value, minute) for minute, value in values))
    return [", ".join(one.event for one in answer.alarms) or answer.outcome for answer in answers]


def count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_tilted_cover_raises_a_report_about_that_cover(session: Session) -> None:
    code = add_cover(session)
    (answer,) = send(session, reading("C1", "tilt", 32.5))
    (alarm,) = answer.alarms
    report = alarm.report
    assert (answer.outcome, alarm.event, alarm.rule) == ("kept", "raised", "cover-tilt")
    assert report is not None
    assert (report.channel, report.accuracy_m, report.reported_at) == ("sensor", 1, START)
    assert (report.answer.outcome, report.answer.component_code) == ("unique", code)
    assert report.text.splitlines() == [
        "设备C1倾斜32.5°，超过15°，井盖可能被打开或移位。",
        "C1: tilted by 32.5°, above 15°; the cover may be open or displaced.",
    ]


def test_an_alarm_is_updated_and_cleared_and_its_case_stays_open(session: Session) -> None:
    add_cover(session)
    assert tilt(session, (0, 3), (1, 20), (2, 40), (3, 12), (4, 10), (5, 14)) == [
        "kept",
        "raised",
        "updated",
        "updated",
        "cleared",
        "kept",
    ]
    alarm = sensors.alarm_page(session).alarms[0]
    assert (alarm.peak, alarm.last_value) == (40, 10)
    assert alarm.raised_at == START + timedelta(minutes=1)
    assert alarm.cleared_at == START + timedelta(minutes=4)
    assert alarm.report_id is not None
    report = session.scalars(select(Report)).one()
    assert cases.show(session, report.case_id).is_open
    assert sensors.alarm_page(session, only_open=True).alarms == []


def test_after_clearing_it_is_raised_anew_with_another_report(session: Session) -> None:
    add_cover(session)
    assert tilt(session, (0, 20), (1, 3), (2, 20)) == ["raised", "cleared", "raised"]
    assert tilt(session, (3, 3), (4, 20)) == ["cleared", "raised"]
    assert count(session, Report) == 3


def test_the_same_readings_again_change_nothing(session: Session) -> None:
    add_cover(session)
    tilt(session, (0, 3), (1, 20), (2, 3))
    before = sensors.alarm_page(session)
    assert tilt(session, (0, 3), (1, 20), (2, 3)) == ["repeat"] * 3
    assert tilt(session, (3, 4), (3, 4)) == ["kept", "repeat"]
    assert sensors.alarm_page(session) == before
    assert (count(session, SensorReading), count(session, Report)) == (4, 1)


def test_late_readings_neither_raise_nor_clear(session: Session) -> None:
    add_cover(session)
    assert tilt(session, (10, 3)) == ["kept"]
    assert tilt(session, (5, 60)) == ["late"]
    assert tilt(session, (20, 30)) == ["raised"]
    assert tilt(session, (15, 3)) == ["late"]
    assert sensors.show_sensor(session, "C1").open_alarms == 1
    assert tilt(session, (21, 3)) == ["cleared"]


def test_a_late_reading_breaks_a_run_that_looked_unbroken(session: Session) -> None:
    add_sensor(session, "G1", "gas_meter", geom=point(), accuracy_m=5)
    assert [one.outcome for one in send(session, pressure(0, 1), pressure(3, 1))] == ["kept"] * 2
    assert send(session, pressure(2, 2.5))[0].outcome == "late"
    assert send(session, pressure(6, 1))[0].alarms == []
    (alarm,) = send(session, pressure(8, 1))[0].alarms
    assert (alarm.event, alarm.rule) == ("raised", "gas-pressure")


def pressure(minute: float, value: float) -> object:
    return reading("G1", "pressure", value, minute)


def point(lon: float = CORNER[0], lat: float = CORNER[1]) -> str:
    return f"SRID={SRID};POINT({lon} {lat})"


def test_no_gas_use_in_24_hours(session: Session) -> None:
    box = register(session, *CORNER, class_code="0149")
    add_sensor(session, "G1", "gas_meter", component_code=box)
    hourly = [reading("G1", "volume", 812.4, 60 * hour) for hour in range(25)]
    answers = send(session, *hourly)
    assert [len(one.alarms) for one in answers] == [0] * 24 + [1]
    report = answers[-1].alarms[0].report
    assert report is not None
    assert report.answer.component_code == box
    assert "24小时内没有用气" in report.text
    assert send(session, reading("G1", "volume", 812.6, 60 * 25))[0].alarms[0].event == "cleared"


def test_a_lamp_without_current_after_dusk(session: Session) -> None:
    lamp = register(session, *CORNER, class_code="0137")
    add_sensor(session, "L1", "lamp", component_code=lamp)
    dusk = datetime(2026, 7, 8, 19, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
    sent = [
        reading("L1", "current", 0, at=dusk + timedelta(minutes=minute))
        for minute in (0, 29, 30, 59, 60, 90)
    ]
    events = [[one.event for one in answer.alarms] for answer in send(session, *sent)]
    assert events == [[], [], [], [], ["raised"], ["updated"]]
    by_day = reading("L1", "current", 0.6, at=dusk + timedelta(hours=12))
    assert send(session, by_day)[0].alarms == []
    at_night = reading("L1", "current", 0.6, at=dusk + timedelta(hours=25))
    assert [one.event for one in send(session, at_night)[0].alarms] == ["cleared"]


def test_a_vehicle_too_fast_in_a_zone_is_reported_where_it_was(session: Session) -> None:
    add_sensor(session, "T1", "vehicle")
    lon, lat = from_cgcs2000(*CORNER, Datum.GCJ02)
    here = {"lon": float(lon), "lat": float(lat), "datum": "gcj02", "accuracy_m": 8}
    outside = {"lon": 120.319, "lat": 36.0705}  # another district
    fast = [
        reading("T1", "speed", 60, 0, **outside),
        reading("T1", "speed", 60, 1, **here),
        reading("T1", "speed", 66, 2, **here),
        reading("T1", "speed", 66, 3, **outside),
    ]
    events = [[one.event for one in answer.alarms] for answer in send(session, *fast)]
    assert events == [[], [], ["raised"], ["cleared"]]
    report = session.scalars(select(Report)).one()
    shown = sensors.alarm_page(session).alarms[0]
    assert (shown.report_id, shown.peak) == (report.id, 66)
    assert report.accuracy_m == 8
    answered = report.answer["place"]["division"]["code"]
    assert answered == "370202"
    lon_lat = session.execute(select(func.ST_X(Report.geom), func.ST_Y(Report.geom))).one()
    assert GEOD.inv(*CORNER, *lon_lat)[2] < 0.01


def test_a_silent_device_is_raised_by_the_check_and_cleared_by_its_next_reading(
    session: Session,
) -> None:
    add_cover(session)
    tilt(session, (0, 3))
    now = START + timedelta(hours=47)
    assert alarms.check_silence(session, now=now, reported_by="clock") == []
    now = START + timedelta(hours=48, minutes=10)
    (raised,) = alarms.check_silence(session, now=now, reported_by="clock")
    assert (raised.rule, raised.raised_at, raised.report is not None) == ("cover-silent", now, True)
    assert alarms.check_silence(session, now=now, reported_by="clock") == []
    assert tilt(session, (5, 3)) == ["kept"]
    assert tilt(session, (49 * 60, 3)) == ["cleared"]


def test_sensors_come_in_pages_by_code(session: Session) -> None:
    first = sensors.page(session, limit=20)
    rest = sensors.page(session, after=first.next_after, limit=20)
    codes = [one.code for one in [*first.sensors, *rest.sensors]]
    assert codes == sorted(codes)
    assert (len(codes), rest.next_after) == (28, None)


def test_the_same_reading_from_two_senders_at_once_is_one_report(own_database: Database) -> None:
    with own_database.session() as session:
        add_cover(session)
    with ThreadPoolExecutor() as pool, own_database.session() as session:
        assert tilt(session, (0, 30)) == ["raised"]

        def again() -> list[str]:
            with own_database.session() as other:
                return tilt(other, (0, 30), (1, 40))

        waiting = pool.submit(again)
        wait_for_a_lock(own_database)
        session.commit()
        assert waiting.result(60) == ["repeat", "updated"]
    with own_database.session() as session:
        assert count(session, Report) == 1


def test_each_fault_is_answered_and_the_rest_is_kept(session: Session) -> None:
    add_cover(session)
    add_sensor(session, "T1", "vehicle")
    tilt(session, (0, 3))
    ahead = datetime.now(UTC) + timedelta(minutes=11)
    answers = send(
        session,
        reading("NOBODY", "tilt", 3, 1),
        reading("C1", "volume", 3, 1),
        reading("C1", "tilt", float("inf"), 1),
        reading("C1", "tilt", float("nan"), 1),
        reading("C1", "tilt", 3, at=ahead),
        reading("C1", "tilt", 3, at=datetime(1999, 1, 1, tzinfo=UTC)),
        reading("C1", "tilt", 4, 0),
        reading("T1", "speed", 3, 1),
        reading("T1", "speed", 3, 1, lon=0, lat=0),
        reading("T1", "speed", 3, 1, lon=0.1, lat=90, datum=Datum.GCJ02),
        reading("T1", "speed", 3, 1, lon=180, lat=-90, datum=Datum.BD09),
        reading("C1", "tilt", 3, 2),
    )
    assert [one.why.code if one.why else one.outcome for one in answers] == [
        "unknown_device",
        "unknown_quantity",
        "not_finite",
        "not_finite",
        "impossible_time",
        "impossible_time",
        "another_value",
        "no_position",
        "no_position",
        "no_position",
        "no_position",
        "kept",
    ]
    assert all(one.why.zh and one.why.en for one in answers if one.why)
    assert count(session, SensorReading) == 2


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"component_code": "3702020103999999"}, "was never issued"),
        ({"geom": point(121.5, 36.0), "accuracy_m": 5}, "names no matter"),
    ],
    ids=["no such component", "no matter"],
)
def test_an_alarm_that_cannot_be_reported_is_kept_with_the_reason(
    session: Session, values: dict[str, object], message: str
) -> None:
    add_sensor(session, "C1", "cover", **values)
    assert tilt(session, (0, 30), (1, 3)) == ["raised", "cleared"]
    (alarm,) = sensors.alarm_page(session).alarms
    assert alarm.report_id is None
    assert message in (alarm.refusal or "")
    assert count(session, Report) == 0


def put_right(session: Session) -> None:
    """Put the sensor C1, which was on no component, onto one."""
    code = register(session, *CORNER, class_code="0103")
    sensor = session.scalars(select(Sensor).where(Sensor.code == "C1")).one()
    sensor.component_code = code
    session.flush()


def test_a_refused_alarm_is_reported_with_the_next_reading(session: Session) -> None:
    add_sensor(session, "C1", "cover", component_code="3702020103999999")
    assert tilt(session, (0, 30)) == ["raised"]
    assert tilt(session, (1, 31)) == ["updated"]
    (waiting,) = sensors.alarm_page(session, is_reported=False).alarms
    assert "was never issued" in (waiting.refusal or "")
    assert sensors.alarm_page(session, is_reported=True).alarms == []
    put_right(session)
    answers = send(session, reading("C1", "tilt", 32, 2), reading("C1", "tilt", 33, 3))
    assert [[one.event for one in answer.alarms] for answer in answers] == [
        ["updated", "reported"],
        ["updated"],
    ]
    updated, reported = answers[0].alarms
    assert (reported.id, reported.refusal) == (waiting.id, None)
    assert reported.report is not None
    assert reported.report_id == updated.report_id == reported.report.id
    assert updated.report is None
    assert (reported.report.reported_at, "30°" in reported.report.text) == (START, True)
    assert sensors.alarm_page(session, is_reported=False).alarms == []
    assert tilt(session, (4, 32)) == ["updated"]
    assert count(session, Report) == 1


def test_a_refused_alarm_is_reported_by_the_check(session: Session) -> None:
    add_sensor(session, "C1", "cover", component_code="3702020103999999")
    tilt(session, (0, 30))
    now = START + timedelta(minutes=5)
    assert alarms.check_silence(session, now=now, reported_by="clock") == []
    put_right(session)
    (reported,) = alarms.check_silence(session, now=now, reported_by="clock")
    assert (reported.event, reported.rule) == ("reported", "cover-tilt")
    assert reported.report is not None
    assert reported.report.reported_by == "clock"
    assert alarms.check_silence(session, now=now, reported_by="clock") == []


def test_a_refused_alarm_that_has_cleared_stays_listed_but_is_not_tried(session: Session) -> None:
    add_sensor(session, "C1", "cover", component_code="3702020103999999")
    assert tilt(session, (0, 30), (1, 3)) == ["raised", "cleared"]
    put_right(session)
    assert tilt(session, (2, 3)) == ["kept"]
    assert alarms.check_silence(session, now=START, reported_by="clock") == []
    assert len(sensors.alarm_page(session, is_reported=False).alarms) == 1


def test_a_reading_that_clears_a_refused_alarm_tries_it_once_more(session: Session) -> None:
    add_sensor(session, "C1", "cover", component_code="3702020103999999")
    tilt(session, (0, 30))
    put_right(session)
    assert tilt(session, (1, 3)) == ["cleared, reported"]


def test_a_vehicle_is_reported_later_where_it_was_when_the_alarm_was_raised(
    session: Session,
) -> None:
    add_sensor(session, "T1", "vehicle")
    rule = session.scalars(select(SensorRule).where(SensorRule.sensor_kind == "vehicle")).one()
    matter, rule.matter = rule.matter, "99999"
    there = moved(*CORNER, azimuth=90, metres=200)
    here = {"lon": CORNER[0], "lat": CORNER[1], "accuracy_m": 8}
    _, first = send(session, *(reading("T1", "speed", 60, minute, **here) for minute in (0, 1)))
    assert "99999" in (first.alarms[0].refusal or "")
    rule.matter = matter
    later = reading("T1", "speed", 66, 2, lon=there[0], lat=there[1])
    (second,) = send(session, later)
    report = second.alarms[-1].report
    assert report is not None
    assert GEOD.inv(*CORNER, report.lon, report.lat)[2] < 0.01
    assert (report.accuracy_m, "60" in report.text, "66" in report.text) == (8, True, False)


def test_the_alarms_of_one_delivery_are_reported_in_one_batch(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        spot = moved(*CORNER, azimuth=90, metres=30 * n)
        code = register(session, *spot, class_code="0103") if n != 2 else "3702020103999999"
        add_sensor(session, f"C{n}", "cover", component_code=code)
    batches: list[int] = []
    submit_all = reports.submit_all

    def counted(session: Session, new: Sequence[Submission]) -> object:
        batches.append(len(new))
        return submit_all(session, new)

    monkeypatch.setattr(reports, "submit_all", counted)
    answers = send(session, *(reading(f"C{n}", "tilt", 30 + n, n) for n in range(5)))
    assert batches == [4]
    told = [one.alarms[0] for one in answers]
    assert [one.report is None for one in told] == [False, False, True, False, False]
    assert "was never issued" in (told[2].refusal or "")
    assert [f"{30 + n}°" in one.report.text for n, one in enumerate(told) if one.report] == [
        True
    ] * 4
    listed = {one.id: one.report_id for one in sensors.alarm_page(session).alarms}
    assert listed == {one.id: one.report_id for one in told}


def test_a_rule_that_is_ended_clears_its_alarms(session: Session, tmp_path: Path) -> None:
    add_cover(session)
    tilt(session, (0, 30))
    path = tmp_path / "rules.csv"
    path.write_text(
        "code,sensor_kind,quantity,comparison,high,text_zh,text_en,is_active\n"
        "cover-tilt,cover,tilt,above,15,倾斜,tilted,false\n",
        encoding="utf-8",
    )
    load(session, {FileKind.SENSOR_RULES: [path]})
    assert sensors.alarm_page(session, only_open=True).alarms == []
    assert tilt(session, (1, 30)) == ["kept"]


def test_a_sensor_is_shown_with_its_newest_values_and_open_alarms(session: Session) -> None:
    code = add_cover(session)
    tilt(session, (0, 3), (1, 30))
    shown = sensors.show_sensor(session, "C1")
    assert (shown.component_code, shown.open_alarms) == (code, 1)
    assert [(one.quantity, one.value) for one in shown.readings] == [("tilt", 30)]
    assert [one.rule for one in shown.alarms] == ["cover-tilt"]
    opened = {one.code: one.open_alarms for one in sensors.page(session, kind="cover").sensors}
    assert (opened["C1"], opened["COVER-001"]) == (1, 0)
    with pytest.raises(NotFound, match="There is no sensor 'NOBODY'"):
        sensors.show_sensor(session, "NOBODY")


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    values=st.lists(st.sampled_from([3.0, 12.0, 20.0]), min_size=1, max_size=12),
    portion=st.integers(1, 5),
    repeated=st.integers(0, 3),
)
def test_however_readings_are_portioned_and_repeated_alarms_are_those_of_the_series(
    session: Session, values: list[float], portion: int, repeated: int
) -> None:
    session.execute(delete(SensorAlarm))
    session.execute(delete(SensorReading))
    if session.scalars(select(Sensor).where(Sensor.code == "C1")).one_or_none() is None:
        add_cover(session)
    series = list(enumerate(values))
    for begin in range(0, len(series), portion):
        tilt(session, *series[max(0, begin - repeated) : begin + portion])
    expected: list[tuple[int, int | None]] = []
    for minute, value in series:
        is_open = bool(expected) and expected[-1][1] is None
        if value > 15 and not is_open:
            expected.append((minute, None))
        elif value <= 10 and is_open:
            expected[-1] = (expected[-1][0], minute)
    found = sensors.alarm_page(session).alarms[::-1]
    minutes = [
        tuple(
            None if at is None else (at - START) // timedelta(minutes=1)
            for at in (one.raised_at, one.cleared_at)
        )
        for one in found
    ]
    assert minutes == expected
