"""Deadlines that watch themselves: warned before, noted after, urged when it stays so."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from living import ZONE, at, do, events, minutes, moment, open_case, stands
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import watching
from gis_registry.cases import watching_queries as queries
from gis_registry.cases.deadlines import counted, moment_after, moment_before
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.tables import CaseEvent
from gis_registry.cases.watching import Watched, watch
from gis_registry.catalogue.tables import LimitUnit
from gis_registry.clock import SimulatedClock
from gis_registry.db.engine import Database
from gis_registry.places.working_time import STANDARD_WEEK, WorkingTime
from gis_registry.profile import ProfileDeadlines, find_profile

RULES = ProfileDeadlines()


def watch_at(session: Session, when: str) -> Watched:
    with at(moment(when)):
        return watch(session, RULES)


def told(session: Session, number: int) -> list[tuple[str, dict[str, Any]]]:
    """Return what the watch noted on a case."""
    found = [one for one in events(session, number) if one.actor == watching.ACTOR]
    return [(one.kind, {k: v for k, v in one.note.items() if k != "reason"}) for one in found]


def kinds(found: Sequence[CaseEvent]) -> list[str]:
    return [one.kind for one in found]


def in_handling(session: Session, place: int = 0, *, since: str = "06-10 09:00") -> int:
    """Return a case that its unit has to handle within a working day."""
    with at(moment(since)):
        number = open_case(session, place)
        do(session, number, Action.FILE, condition="unlit")
    return number


def test_what_was_done_while_the_watch_began_was_done_before_it_notes_anything(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = in_handling(session)
    find = queries.to_note

    def do_and_find(session: Session, **asked: Any) -> list[int]:
        do(session, number, Action.ACCEPT)
        return find(session, **asked)

    monkeypatch.setattr(queries, "to_note", do_and_find)
    with clock.simulated(SimulatedClock(moment("06-11 10:00"), datetime.now(ZONE), 60.0)):
        assert watch(session, RULES).overdue == 1
    *_, accepted, overdue = events(session, number)
    assert (accepted.kind, overdue.kind) == ("accepted", "overdue")
    assert accepted.happened_at < overdue.happened_at


def test_a_case_is_warned_of_once_when_a_fifth_of_its_limit_is_left(session: Session) -> None:
    number = in_handling(session)
    progress = stands(session, number)
    assert progress.clock is not None
    assert (progress.stage, progress.clock["limit"]["unit"]) == ("handling", "working_day")
    assert progress.clock["limit"]["amount"] == 1
    assert progress.due_at == moment("06-11 09:00")
    # A fifth of 8 hours is 96 minutes, of which 60 are in the morning: 36 before 18:00.
    assert watch_at(session, "06-10 17:23") == Watched()
    assert watch_at(session, "06-10 17:24") == Watched(warned=1)
    assert watch_at(session, "06-10 17:25") == Watched()
    ((kind, note),) = told(session, number)
    assert (kind, note["stage"], note["left_s"]) == ("warned", "handling", 96 * 60)
    assert datetime.fromisoformat(note["due_at"]) == progress.due_at
    assert stands(session, number).warned_at == moment("06-10 17:24")


def test_at_least_fifteen_minutes_are_left_when_somebody_is_warned(session: Session) -> None:
    with at(moment("06-10 13:51")):
        number = open_case(session)
    assert stands(session, number).due_at == moment("06-10 14:30")
    assert watch_at(session, "06-10 14:14") == Watched()
    assert watch_at(session, "06-10 14:15") == Watched(warned=1)


def test_a_deadline_is_met_to_the_moment_and_missed_after_it(session: Session) -> None:
    number = in_handling(session)
    assert watch_at(session, "06-11 09:00") == Watched(warned=1)
    with at(moment("06-11 09:00") + timedelta(seconds=30)):
        assert watch(session, RULES) == Watched(overdue=1)
        assert watch(session, RULES) == Watched()
    kind, note = told(session, number)[-1]
    assert (kind, note["late_s"]) == ("overdue", 30)


def test_who_was_not_warned_in_time_is_not_warned_afterwards(session: Session) -> None:
    number = in_handling(session)
    assert watch_at(session, "06-11 09:20") == Watched(overdue=1)
    assert [kind for kind, _ in told(session, number)] == ["overdue"]
    assert told(session, number)[0][1]["late_s"] == 20 * 60


def test_handling_that_stays_overdue_is_urged_once_and_names_the_parent(session: Session) -> None:
    number = in_handling(session)
    unit = stands(session, number).unit_code
    parent = session.scalar(
        text("SELECT p.code FROM units u JOIN units p ON p.id = u.parent_id WHERE u.code = :unit"),
        {"unit": unit},
    )
    assert parent is not None
    watch_at(session, "06-11 10:00")
    assert watch_at(session, "06-11 10:59") == Watched()
    assert watch_at(session, "06-11 11:00") == Watched(urged=1)
    assert watch_at(session, "06-12 11:00") == Watched()
    kind, note = told(session, number)[-1]
    assert (kind, note["late_s"]) == ("urged", 120 * 60)
    assert (note["unit_code"], note["parent_unit_code"]) == (unit, parent)
    assert "督办" in events(session, number)[-1].note["reason"]
    assert stands(session, number).urged == 1


def test_late_minutes_are_those_that_count(session: Session) -> None:
    number = in_handling(session, since="06-11 17:00")  # due on Friday at 17:00
    assert stands(session, number).due_at == moment("06-12 17:00")
    watch_at(session, "06-12 18:30")
    assert told(session, number)[-1][1]["late_s"] == 60 * 60
    assert watch_at(session, "06-14 12:00") == Watched()  # a Sunday
    assert watch_at(session, "06-15 08:59") == Watched()
    assert watch_at(session, "06-15 09:00") == Watched(urged=1)


def test_who_urged_by_hand_does_not_stand_in_for_the_system(session: Session) -> None:
    number = in_handling(session)
    watch_at(session, "06-11 09:30")
    with at(moment("06-11 10:00")):
        do(session, number, Action.URGE)
    assert watch_at(session, "06-11 11:00") == Watched(urged=1)


def test_a_clock_that_was_extended_is_watched_anew(session: Session) -> None:
    number = in_handling(session)
    assert watch_at(session, "06-11 08:30") == Watched(warned=1)
    with at(moment("06-11 08:40")):
        do(session, number, Action.EXTEND, amount=4, unit="working_hour")
    progress = stands(session, number)
    assert (progress.warned_at, progress.unit_code is None) == (None, False)
    assert progress.due_at == moment("06-11 15:00")
    assert watch_at(session, "06-11 11:23") == Watched()
    assert watch_at(session, "06-11 11:24") == Watched(warned=1)
    assert watch_at(session, "06-11 15:01") == Watched(overdue=1)
    with at(moment("06-11 15:02")):
        do(session, number, Action.EXTEND, amount=1, unit="working_hour")
    assert stands(session, number).overdue_at is None
    assert watch_at(session, "06-11 16:10") == Watched(overdue=1)
    assert watch_at(session, "06-11 18:00") == Watched(urged=1)


def test_a_clock_that_was_paused_is_watched_anew(session: Session) -> None:
    number = in_handling(session)
    assert watch_at(session, "06-11 08:30") == Watched(warned=1)
    with at(moment("06-11 08:40")):
        do(session, number, Action.SUSPEND)
    assert stands(session, number).warned_at is None
    assert watch_at(session, "06-12 08:40") == Watched()
    with at(moment("06-12 10:00")):
        do(session, number, Action.RESUME)
    assert stands(session, number).due_at == moment("06-12 10:20")
    assert watch_at(session, "06-12 10:00") == Watched(warned=1)
    assert watch_at(session, "06-12 10:21") == Watched(overdue=1)
    with at(moment("06-12 10:22")):
        do(session, number, Action.SUSPEND)
    with at(moment("06-12 11:22")):
        do(session, number, Action.RESUME)
    assert stands(session, number).due_at == moment("06-12 10:20")
    assert watch_at(session, "06-12 11:22") == Watched(overdue=1)
    assert told(session, number)[-1][1]["late_s"] == 120  # the pause does not count


def test_nothing_is_watched_while_a_case_is_suspended_or_over(session: Session) -> None:
    suspended, over = in_handling(session), in_handling(session, 1)
    with at(moment("06-10 10:00")):
        do(session, suspended, Action.SUSPEND)
        do(session, over, Action.CLOSE)
    assert watch_at(session, "06-20 10:00") == Watched()


def test_a_case_that_was_suspended_when_it_was_late_is_urged_once_it_is_resumed(
    session: Session,
) -> None:
    number = in_handling(session)
    with at(moment("06-11 10:30")):
        do(session, number, Action.SUSPEND)
    assert stands(session, number).due_at == moment("06-11 09:00")
    assert watch_at(session, "06-12 10:00") == Watched(overdue=1)
    assert watch_at(session, "06-12 11:00") == Watched()
    with at(moment("06-12 14:00")):
        do(session, number, Action.RESUME)
    assert watch_at(session, "06-12 14:01") == Watched(overdue=1, urged=1)


def test_rules_are_data(session: Session) -> None:
    in_handling(session)
    with at(moment("06-10 15:00")):
        assert watch(session, ProfileDeadlines(warn_share=0.5)) == Watched(warned=1)
    assert find_profile("qingdao").deadlines == RULES


def test_batches_take_the_most_urgent_first_and_say_that_there_is_more(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_BATCH", 2)
    with at(moment("06-10 09:00")):
        numbers = [open_case(session, number) for number in range(5)]
    with at(moment("06-10 10:00")):
        task = watching.watching(RULES)
        assert [task.run(session) for _ in range(4)] == [True, True, True, False]
    assert all(kinds(events(session, one))[-1] == "overdue" for one in numbers)


def test_two_workers_at_once_warn_and_note_once(own_database: Database) -> None:
    with at(moment("06-10 09:00")), own_database.session() as session:
        numbers = [open_case(session, number) for number in range(12)]
    start = Barrier(4, timeout=30)

    def work(_: int) -> int:
        start.wait()
        count = 0
        for _ in range(3):
            with own_database.session() as session:
                count += watch(session, RULES).overdue
        return count

    with at(moment("06-10 10:00")), ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(work, range(4))) == len(numbers)
    with own_database.session() as session:
        assert [kinds(events(session, one)).count("overdue") for one in numbers] == [1] * 12


def test_a_case_that_somebody_changes_meanwhile_is_left_for_the_next_time(
    own_database: Database,
) -> None:
    with at(moment("06-10 09:00")), own_database.session() as session:
        held, free = open_case(session), open_case(session, 1)
    with at(moment("06-10 10:00")):
        with own_database.session() as session:
            do(session, held, Action.FILE)
            with own_database.session() as other:
                assert watch(other, RULES) == Watched(overdue=1)
                assert kinds(events(other, free))[-1] == "overdue"
        with own_database.session() as other:
            assert watch(other, RULES) == Watched()


_WORKING = WorkingTime(ZONE, [STANDARD_WEEK])


@given(
    since=st.integers(0, 60 * 24 * 20),
    amount=st.integers(0, 60 * 40),
    unit=st.sampled_from(LimitUnit),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_time_is_counted_forwards_and_backwards(since: int, amount: int, unit: LimitUnit) -> None:
    here = moment("06-01 00:00") + minutes(since)
    after = moment_after(here, minutes(amount), unit, _WORKING)
    assert counted(here, after, unit, _WORKING) == minutes(amount)
    before = moment_before(here, minutes(amount), unit, _WORKING)
    assert counted(before, here, unit, _WORKING) == minutes(amount)
