"""Histograms say of times what sorting the times themselves would."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import column, select, values
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger, SmallInteger

from gis_registry.cases.indicator_histograms import Histograms, added_up, packed, unpacked
from gis_registry.cases.indicator_measures import UPPER_S, bucket_of

_TIMES = st.lists(st.integers(0, 500 * 24 * 3600), min_size=1)


def _packed(times: list[int]) -> bytes:
    """Return the histogram of times with an entry for each of them."""
    return b"".join(bucket_of(one).to_bytes(2) + (1).to_bytes(4) for one in times)


@given(groups=st.dictionaries(st.text(max_size=3), st.lists(_TIMES, min_size=1), min_size=1))
def test_percentiles_are_those_of_the_sorted_times(groups: dict[str, list[list[int]]]) -> None:
    parts = [(group, _packed(part)) for group, those in groups.items() for part in those]
    found = Histograms.of(reversed(parts))
    for percent in (1, 50, 90, 95, 100):
        bucket = found.percentile(percent)
        for group, those in groups.items():
            times = sorted(one for part in those for one in part)
            place = -(-len(times) * percent // 100) - 1
            assert bucket[group] == bucket_of(times[place])
    for minutes in (1, 30, 60):
        within = found.within(UPPER_S.index(60 * minutes))
        for group, those in groups.items():
            assert within[group] == sum(one <= 60 * minutes for part in those for one in part)


def test_groups_without_cases_have_no_percentile() -> None:
    taken_back = bytes([0, 7, 0, 0, 0, 1, 0, 7, 255, 255, 255, 255])
    found = Histograms.of([("a", b""), ("b", taken_back), ("c", _packed([60]))])
    assert found.percentile(50) == {"c": 0}
    assert found.within(100) == {"a": 0, "b": 0, "c": 1}
    assert Histograms.of([]).percentile(50) == {}
    assert np.array_equal(found.upto[2], np.ones(len(UPPER_S) + 1))


def test_the_database_packs_unpacks_and_adds_up(session: Session) -> None:
    rows = [(0, 1), (7, 2**31 - 1), (255, 256), (256, 65_536), (550, 0), (551, 3), (7, -5)]
    given_rows = values(column("bucket", SmallInteger), column("cases", BigInteger), name="given")
    given_rows = given_rows.data(rows)
    histogram = session.scalar(select(packed(given_rows.c.bucket, given_rows.c.cases)))
    assert isinstance(histogram, bytes)
    assert len(histogram) == 6 * (len(rows) - 1)
    literal_of = f"'\\x{histogram.hex()}'::bytea"
    entries = unpacked(literal_of)
    found = session.execute(select(entries.c.bucket, entries.c.cases)).all()
    assert sorted(tuple(one) for one in found) == sorted(one for one in rows if one[1])
    summed = session.scalar(select(added_up(literal_of)))
    sums: Counter[int] = Counter()
    for bucket, cases in rows:
        sums[bucket] += cases
    entries = unpacked(f"'\\x{summed.hex()}'::bytea")
    found = session.execute(select(entries.c.bucket, entries.c.cases)).all()
    assert dict(found) == {bucket: cases for bucket, cases in sums.items() if cases}
    assert session.scalar(select(added_up("''::bytea"))) == b""
