"""The simulated clock: what it shows, what is no clock, and that nobody overlooks it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from gis_registry import clock
from gis_registry.clock import SimulatedClock
from gis_registry.errors import InvalidInput
from gis_registry.readiness import readiness
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

SHOWN = "2031-06-01T00:00:00+08:00@2020-01-01T00:00:00+00:00*0.001"


@pytest.fixture(autouse=True)
def _real_time_again() -> Iterator[None]:
    yield
    clock.simulate(None)


def test_it_runs_as_many_times_as_fast() -> None:
    real_at = datetime.now(UTC) - timedelta(minutes=10)
    day = SimulatedClock.parse(f"2026-06-01T00:00:00+08:00@{real_at.isoformat()}*144")
    passed = day.now() - datetime.fromisoformat("2026-06-01T00:00:00+08:00")
    assert abs(passed - timedelta(days=1)) < timedelta(minutes=10)
    assert SimulatedClock.parse(str(day)) == day


@pytest.mark.parametrize(
    "said",
    [
        "",
        "tomorrow",
        "2026-06-01T00:00:00+08:00",
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00Z",
        "2026-06-01T00:00:00@2026-06-30T12:00:00Z*144",
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00*144",
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00Z*0",
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00Z*-1",
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00Z*nan",
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00Z*1e300",
        "0001-01-01T00:00:00+14:00@2020-01-01T00:00:00Z*1",
        "1800-01-01T00:00:00Z@2020-01-01T00:00:00Z*1",
        "9500-01-01T00:00:00Z@2020-01-01T00:00:00Z*1",
    ],
)
def test_what_is_no_clock_is_refused(said: str) -> None:
    with pytest.raises(InvalidInput, match="is no simulated clock such as"):
        SimulatedClock.parse(said)
    with pytest.raises(ValidationError, match="is no simulated clock such as"):
        Settings(simulated_clock=said)


def test_a_registry_goes_by_the_clock_of_its_settings_and_says_so(own_settings: Settings) -> None:
    told: list[str] = []
    settings = own_settings.model_copy(update={"simulated_clock": SHOWN})
    with open_registry(settings, tell=told.append) as database, database.session() as session:
        assert abs(clock.now() - datetime(2031, 6, 1, tzinfo=UTC)) < timedelta(days=30)
        assert readiness(session).simulated_time is not None
    assert "THE CLOCK IS SIMULATED" in told[0]


def test_without_one_it_is_the_real_time(own_settings: Settings) -> None:
    with open_registry(own_settings) as database, database.session() as session:
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
        assert readiness(session).simulated_time is None
