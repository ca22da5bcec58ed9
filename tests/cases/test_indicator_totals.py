"""What cases add to indicators: totals that are kept equal a recount, whatever happens."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from walking import BEGINNING, add_photo, opened, walk

from gis_registry.cases import indicator_upkeep as upkeep
from gis_registry.cases.indicator_measures import (
    COUNTED,
    DURATIONS,
    MEASURES,
    UPPER_S,
    bucket_of,
    contributions,
)
from gis_registry.cases.indicator_tables import HISTOGRAMS, TOTALS
from gis_registry.cases.progress import Progress
from gis_registry.cases.tables import CaseProgress, CaseState
from gis_registry.db.engine import Database

pytestmark = pytest.mark.slow

NOON = datetime(2026, 6, 30, 4, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _progress(**fields: object) -> Progress:
    of = {"division_code": "370202", "case_id": 1, "version": 1, "reported_at": NOON, **fields}
    return Progress(**{"state": CaseState.REPORTED, **of})  # type: ignore[arg-type]


def _added(progress: Progress) -> dict[str, int]:
    return {one.key: count for one, count in contributions(progress).items() if one.bucket is None}


def test_a_reported_case_is_counted_on_its_day() -> None:
    found = contributions(_progress(unit_code="U", class_id=3, subdistrict_code="370202001"))
    assert {one[:6] for one in found} == {("370202", NOON, "U", 3, None, "370202001")}
    assert _added(_progress()) == {"reported": 1, "reported_valid": 1, "reported_open": 1}


def test_a_case_that_is_closed_in_time_counts_everywhere() -> None:
    closed = _progress(
        state=CaseState.CLOSED,
        channel="drone",
        filed_at=NOON + HOUR,
        is_filed_on_time=True,
        first_dispatched_at=NOON + HOUR,
        dispatched_at=NOON + HOUR,
        is_dispatched_on_time=False,
        redirected=1,
        handling_due_at=NOON + 24 * HOUR,
        handled_at=NOON + 3 * HOUR,
        is_handled_on_time=True,
        ended_at=NOON + 4 * HOUR,
    )
    assert _added(closed) == {
        "reported": 1,
        "reported_valid": 1,
        "reported_filed": 1,
        "reported_by_drone": 1,
        "filed": 1,
        "filed_right": 1,
        "filed_timed": 1,
        "filed_on_time": 1,
        "dispatched": 1,
        "dispatched_timed": 1,
        "due": 1,
        "due_handled": 1,
        "due_handled_on_time": 1,
        "due_closed": 1,
        "due_closed_on_time": 1,
        "handled": 1,
        "closed": 1,
        "report_to_file": 1,
        "report_to_file_s": 3600,
        "file_to_dispatch": 1,
        "file_to_dispatch_s": 0,
        "dispatch_to_handle": 1,
        "dispatch_to_handle_s": 7200,
        "report_to_close": 1,
        "report_to_close_s": 14400,
        "report_to_dispatch_by_drone": 1,
        "report_to_dispatch_by_drone_s": 3600,
    }
    buckets = {one.key: one.bucket for one in contributions(closed) if one.bucket is not None}
    assert buckets["report_to_file"] == 59
    assert buckets["file_to_dispatch"] == 0


def test_every_measure_has_a_column() -> None:
    assert len(set(COUNTED)) == len(MEASURES) + 2 * len(DURATIONS)
    assert [one.name for one in TOTALS.c][5:] == list(COUNTED)


def test_times_are_exact_to_the_minute_for_an_hour_and_then_to_two_percent() -> None:
    assert UPPER_S[:60] == tuple(range(60, 3601, 60))
    assert all(b / a <= 1.02 for a, b in pairwise(UPPER_S[59:]))
    assert [bucket_of(one) for one in (0, 60, 61, 1800, 1801)] == [0, 0, 1, 29, 30]
    assert bucket_of(10**9) == len(UPPER_S)


@pytest.fixture
def walked(own_database: Database) -> Database:
    """Return a database of the test's own with the photo that handling needs."""
    with own_database.session() as session:
        add_photo(session)
    return own_database


@pytest.mark.slow
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32), folds=st.lists(st.booleans(), min_size=4, max_size=8))
def test_totals_equal_a_recount_whatever_way_cases_go(
    walked: Database, seed: int, folds: list[bool]
) -> None:
    with walked.session() as session:
        random = Random(seed)
        case_ids = [opened(session, BEGINNING, random) for _ in range(4)]
    moment = BEGINNING
    for is_folded in folds:
        with walked.session() as session:
            moment = walk(session, case_ids, moment, random, steps=8)
        if is_folded:
            with walked.session() as session:
                upkeep.fold(session)
        with walked.session() as session:
            assert upkeep.differences(session) == []


def test_totals_are_exact_while_several_change_cases_and_fold(walked: Database) -> None:
    def change(seed: int) -> None:
        random = Random(seed)
        with walked.session() as session:
            case_ids = [opened(session, BEGINNING, random) for _ in range(3)]
        moment = BEGINNING
        for _ in range(4):
            with walked.session() as session:
                moment = walk(session, case_ids, moment, random, steps=3)

    def fold() -> None:
        for _ in range(10):
            with walked.session() as session:
                upkeep.fold(session)

    def rebuild() -> None:
        with walked.session() as session:
            upkeep.rebuild(session)

    def check() -> list[upkeep.Difference]:
        with walked.session() as session:
            return upkeep.differences(session)

    with ThreadPoolExecutor(5) as threads:
        work = [threads.submit(change, 1), threads.submit(change, 2)]
        work += [threads.submit(fold), threads.submit(rebuild), threads.submit(fold)]
        checks = [threads.submit(check) for _ in range(3)]
        assert all(one.result() is None for one in work)
        assert all(one.result() == [] for one in checks)
    with walked.session() as session:
        upkeep.fold(session)
        assert session.scalar(text("SELECT count(*) FROM indicator_changes")) == 0
        assert upkeep.differences(session) == []
        days = session.execute(select(TOTALS).where(TOTALS.c.scope == "all")).mappings()
        assert sum(one["reported"] for one in days if one["period"] == "day") == len(
            session.scalars(select(CaseProgress.case_id)).all()
        )


def test_filling_gives_what_was_kept(session: Session) -> None:
    add_photo(session)
    random = Random(7)
    case_ids = [opened(session, BEGINNING, random) for _ in range(5)]
    walk(session, case_ids, BEGINNING, random, steps=40)
    upkeep.fold(session)
    kept, indexes = _kept(session), _indexes(session)
    assert kept.total() > 50
    for _ in range(2):
        upkeep.rebuild(session)
        assert _kept(session) == kept
        assert _indexes(session) == indexes


def _indexes(session: Session) -> list[tuple[str, str]]:
    """Return the names and definitions of the indexes of totals and histograms."""
    rows = session.execute(
        text(
            "SELECT indexname, indexdef FROM pg_indexes"
            " WHERE tablename IN ('indicator_totals', 'indicator_histograms') ORDER BY 1"
        )
    )
    return [(row.indexname, row.indexdef) for row in rows]


def test_nothing_is_made_of_no_cases(session: Session) -> None:
    upkeep.rebuild(session)
    assert upkeep.differences(session) == []
    assert _kept(session) == Counter()


def _kept(session: Session) -> Counter[tuple[object, ...]]:
    """Return the totals, but for those in which nothing is left."""
    found: Counter[tuple[object, ...]] = Counter()
    for row in session.execute(select(TOTALS)):
        if any(row[5:]):
            found[tuple(row)] += 1
    for *keys, packed in session.execute(select(HISTOGRAMS)):
        for n in range(0, len(packed), 6):
            found[*keys, packed[n : n + 6]] += 1
    return found


def test_what_is_wrong_is_found_and_put_right(session: Session) -> None:
    number = opened(session, BEGINNING)
    assert upkeep.differences(session) == []
    session.execute(
        text("UPDATE case_progress SET sent_back = 1, handling_due_at = :at WHERE case_id = :id"),
        {"at": BEGINNING, "id": number},
    )
    found = {
        (one.scope, one.period, one.begins_on.isoformat())
        for one in upkeep.differences(session, most=100)
    }
    assert found >= {
        ("all", "day", "2026-04-30"),
        ("all", "month", "2026-04-01"),
        ("unit", "day", "2026-04-30"),
    }
    assert len(upkeep.differences(session, most=3)) == 3
    upkeep.rebuild(session)
    assert upkeep.differences(session) == []
