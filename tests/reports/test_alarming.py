"""When readings are an alarm: by hand, and against an oracle that steps through minutes."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_registry.reports.alarming import Event, Reading, events, looks_back_to
from gis_registry.reports.device_tables import SensorRule

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 7, 8, 0, 0, tzinfo=UTC)  # 08:00 in the city
MINUTE = timedelta(minutes=1)


def rule(comparison: str = "above", **values: object) -> SensorRule:
    return SensorRule(
        **(
            {
                "comparison": comparison,
                "low": None,
                "high": None,
                "margin": 0.0,
                "for_s": 0,
                "window_from": None,
                "window_to": None,
                "zone_code": None,
            }
            | values
        )
    )


def read(*values: float, every: timedelta = MINUTE, start: datetime = START) -> list[Reading]:
    return [Reading(start + n * every, value) for n, value in enumerate(values)]


def told(one: SensorRule, readings: list[Reading]) -> list[str]:
    """Return what each reading did, by its number."""
    found = events(one, readings, after=None, is_raised=False, zone=ZONE)
    numbers = {reading.at: n for n, reading in enumerate(readings)}
    return [f"{numbers[reading.at]} {event}" for reading, event in found]


def test_above_raises_updates_and_clears_with_hysteresis() -> None:
    tilt = rule(high=15, margin=5)
    assert told(tilt, read(3, 16, 30, 12, 10, 14, 16)) == [
        "1 raised",
        "2 updated",
        "3 updated",
        "4 cleared",
        "6 raised",
    ]


def test_what_must_hold_a_while_is_broken_by_one_good_reading() -> None:
    hot = rule(high=10, for_s=180)
    assert told(hot, read(11, 11, 9, 11, 11, 11, 11, 11)) == ["6 raised", "7 updated"]


def test_below_and_outside() -> None:
    assert told(rule("below", low=2), read(3, 1, 2)) == ["1 raised", "2 cleared"]
    pressure = rule("outside", low=2, high=3, margin=0.1)
    assert told(pressure, read(2.5, 3.1, 2.95, 2.9, 1.9, 2.05, 2.1)) == [
        "1 raised",
        "2 updated",
        "3 cleared",
        "4 raised",
        "5 updated",
        "6 cleared",
    ]


def test_no_use_in_24_hours_is_raised_when_the_day_is_full_and_cleared_by_use() -> None:
    no_use = rule("unchanged_for", for_s=86_400)
    hourly = read(*[100.0] * 26, 100.2, 100.2, every=timedelta(hours=1))
    assert told(no_use, hourly) == ["24 raised", "25 updated", "26 cleared"]


def test_only_readings_in_the_window_count() -> None:
    dark = rule(
        "below", low=0.05, for_s=1800, window_from=time(19, 30), window_to=time(5), margin=0.05
    )
    noon = datetime(2026, 7, 8, 12, tzinfo=ZONE)
    off_all_day = read(*[0.0] * 18, every=timedelta(minutes=30), start=noon)
    assert told(dark, off_all_day)[:2] == ["16 raised", "17 updated"]
    before_dawn = datetime(2026, 7, 8, 4, 40, tzinfo=ZONE)
    over_dawn = read(0, 0, 0, 0, every=timedelta(minutes=10), start=before_dawn)
    assert told(dark, over_dawn) == []
    seen = events(
        dark,
        read(2.0, start=noon),
        after=None,
        is_raised=True,
        zone=ZONE,
    )
    assert list(seen) == []


def test_a_zone_counts_only_inside_and_leaving_it_clears() -> None:
    speed = rule(high=40, zone_code="370202")
    inside = frozenset({"370202"})
    readings = [
        Reading(START, 60),
        Reading(START + MINUTE, 60, inside),
        Reading(START + 2 * MINUTE, 60),
    ]
    assert told(speed, readings) == ["1 raised", "2 cleared"]


LEVELS = st.sampled_from([0.0, 4.0, 5.0, 5.5, 6.0, 8.0])
SERIES = st.lists(st.one_of(st.none(), LEVELS), min_size=1, max_size=60)
HOLD = st.integers(0, 6)


def oracle(
    values: list[float | None],
    is_bad: Callable[[float], bool],
    is_good: Callable[[float], bool],
    hold: int,
) -> list[str]:
    """Step through the minutes; at each look back over all that is known."""
    told: list[str] = []
    is_raised = False
    for now, value in enumerate(values):
        if value is None:
            continue
        known = [(n, v) for n, v in enumerate(values[: now + 1]) if v is not None]
        run = []
        for n, v in reversed(known):
            if not is_bad(v):
                break
            run.append(n)
        if not is_raised and run and now - run[-1] >= hold:
            is_raised = True
            told.append(f"{now} raised")
        elif is_raised and is_good(value):
            is_raised = False
            told.append(f"{now} cleared")
    return told


def changes(
    one: SensorRule, values: list[float | None], cuts: list[int] | None = None
) -> list[str]:
    """Return raises and clears, the readings sent in portions that end before the cuts."""
    readings = [Reading(START + n * MINUTE, v) for n, v in enumerate(values) if v is not None]
    told: list[str] = []
    is_raised, after = False, None
    bounds = [START + cut * MINUTE for cut in sorted(cuts or [])]
    for end in [*bounds, START + len(values) * MINUTE]:
        fresh = [r for r in readings if r.at < end and (after is None or r.at > after)]
        if not fresh:
            continue
        since = looks_back_to(one, fresh[0].at)
        older = [r.at for r in readings if r.at <= since]
        first = max(older, default=since)
        seen = [r for r in readings if first <= r.at < end]
        for reading, event in events(one, seen, after=after, is_raised=is_raised, zone=ZONE):
            if event is not Event.UPDATED:
                is_raised = event is Event.RAISED
                told.append(f"{(reading.at - START) // MINUTE} {event}")
        after = fresh[-1].at
    return told


@given(values=SERIES, hold=HOLD, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_alarms_above_are_those_of_the_oracle_however_the_series_is_cut(
    values: list[float | None], hold: int, cuts: list[int]
) -> None:
    one = rule(high=5, margin=1, for_s=60 * hold)
    expected = oracle(values, lambda v: v > 5, lambda v: v <= 4, hold)
    assert changes(one, values, cuts) == expected


@given(values=SERIES, hold=HOLD, cuts=st.lists(st.integers(0, 60), max_size=8))
def test_alarms_outside_are_those_of_the_oracle_however_the_series_is_cut(
    values: list[float | None], hold: int, cuts: list[int]
) -> None:
    one = rule("outside", low=4, high=6, margin=0.5, for_s=60 * hold)
    expected = oracle(values, lambda v: not 4 <= v <= 6, lambda v: 4.5 <= v <= 5.5, hold)
    assert changes(one, values, cuts) == expected


@given(
    steps=st.lists(st.one_of(st.none(), st.sampled_from([0, 0, 0, 1])), min_size=1, max_size=60),
    hold=st.integers(1, 6),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_alarms_of_no_use_are_those_of_the_oracle_however_the_series_is_cut(
    steps: list[int | None], hold: int, cuts: list[int]
) -> None:
    total, values = 0, []
    for step in steps:
        total += step or 0
        values.append(None if step is None else float(total))
    told, is_raised = [], False
    for now, value in enumerate(values):
        if value is None:
            continue
        same_since = min(n for n, v in enumerate(values) if v == value)
        was_used = any(v is not None and v < value for v in values[:now]) and same_since == now
        if not is_raised and now - same_since >= hold:
            is_raised = True
            told.append(f"{now} raised")
        elif is_raised and was_used:
            is_raised = False
            told.append(f"{now} cleared")
    assert changes(rule("unchanged_for", for_s=60 * hold), values, cuts) == told


@pytest.mark.parametrize("hold", [0, 3])
def test_nothing_is_raised_twice_without_clearing(hold: int) -> None:
    told = changes(rule(high=5, for_s=60 * hold), [6.0] * 20 + [1.0] + [6.0] * 20)
    assert [one.split()[1] for one in told] == ["raised", "cleared", "raised"]
