"""The benchmark of duplicates reads requests and pairs, and its baseline is what it says."""

from datetime import UTC, datetime
from pathlib import Path

import duplicates as bench
import pytest

HEADER = "CASE_ENQUIRY_ID,OPEN_DT,CLOSED_DT,REASON,TYPE,LATITUDE,LONGITUDE\n"
# 0.0005 degrees of latitude are 56 m
ROWS = """\
d,07/01/2015 09:00:00 AM,07/02/2015 09:00:00 AM,Lights,Out,42.3000,-71.1000
a,05/20/2015 12:30:00 AM,,Lights,Out,42.3005,-71.1000
b,06/20/2015 12:30:00 PM,06/30/2015 12:30:00 PM,Lights,Out,42.3001,-71.1000
c,06/21/2015 12:30:00 PM,,Lights,Other,42.3000,-71.1000
e,03/01/2015 12:30:00 PM,,Lights,Out,42.3000,-71.1000
f,06/22/2015 12:30:00 PM,,Lights,Out,42.3002,-71.1000
g,06/22/2015 12:30:00 PM,,Lights,Out,42.3594,-71.0587
h,06/22/2015 12:30:00 PM,,Lights,Out,42.3200,-71.1000
"""


@pytest.fixture
def requests(tmp_path: Path) -> list[bench.Request]:
    path = tmp_path / "requests.csv"
    path.write_text(HEADER + ROWS)
    return bench.read_requests(path)


def test_requests_are_read_in_order_of_time_with_their_zone(
    requests: list[bench.Request],
) -> None:
    assert [one.key for one in requests] == list("eabcfghd")
    assert requests[1].opened_at == datetime(2015, 5, 20, 4, 30, tzinfo=UTC)
    assert [one.key for one in requests if not one.has_position] == ["g"]


def test_the_baseline_takes_the_nearest_open_one_of_the_type(
    requests: list[bench.Request],
) -> None:
    """b was closed, c is of another type, e too old, h too far, and f nearer than a."""
    assert list(bench.Baseline(requests).ranked("d")) == ["f", "a"]


def test_places_are_counted_as_shares() -> None:
    score = bench.Score("x", [0, 1, 5, None])
    assert score.line(range(4)).split()[1:] == ["25.0%", "50.0%", "0.417"]
    assert score.line([0]).split()[1:] == ["100.0%", "100.0%", "1.000"]
