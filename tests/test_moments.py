"""Which times something can have happened at."""

from datetime import UTC, datetime, timedelta

import pytest

from gis_registry.moments import time_fault

NOW = datetime(2026, 7, 6, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        (NOW + timedelta(minutes=10), None),
        (NOW + timedelta(minutes=11), "from the future: 2026-07-06T08:11:00+00:00"),
        (datetime(2000, 1, 1, tzinfo=UTC), None),
        (datetime(1999, 12, 31, tzinfo=UTC), "from before 2000: 1999-12-31T00:00:00+00:00"),
    ],
)
def test_what_cannot_have_happened_yet_or_so_long_ago(at: datetime, fault: str | None) -> None:
    assert time_fault(at, now=NOW) == fault
