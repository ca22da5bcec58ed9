"""Whether cases stand where their events say, and putting right those that do not."""

import pytest
from living import at, do, moment, open_case, stands
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.cases import recounting
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.recounting import check_cases, recount, repair
from gis_registry.errors import Conflict, NotFound


@pytest.fixture
def numbers(session: Session) -> list[int]:
    """Return three cases that are with their units."""
    with at(moment("06-10 09:00")):
        found = [open_case(session, place) for place in range(3)]
        for number in found:
            do(session, number, Action.FILE)
    return found


def spoil(session: Session, number: int, change: str) -> None:
    session.execute(
        text(f"UPDATE case_progress SET {change} WHERE case_id = :number"),
        {"number": number},
    )


@pytest.mark.parametrize("reads_all", [False, True])
def test_cases_that_stand_where_their_events_say_are_sound(
    session: Session, numbers: list[int], reads_all: bool
) -> None:
    found = check_cases(session, reads_all=reads_all)
    assert (found.name, found.is_passed) == ("case-progress", True)
    said = "Every case stands" if reads_all else f"{len(numbers)} cases stand"
    assert found.message == f"{said} where the events say."


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("state = 'handled'", "state is handled, by its events dispatched"),
        ("unit_code = 'QD-E-01'", "unit_code is QD-E-01, by its events "),
        ("due_at = NULL", "due_at is None, by its events 2026-"),
        ("clock = clock - 'pauses'", "clock is "),
        ("urged = 3", "urged is 3, by its events 0"),
        ("is_filed_on_time = false", "is_filed_on_time is False, by its events True"),
        ("channel = 'citizen'", "channel is citizen, by its events inspector"),
        ("subdistrict_code = '370202999'", "subdistrict_code is 370202999, by its events "),
        ("version = 9", "version is 9, by its events 3"),
    ],
)
def test_what_differs_is_named_and_put_right(
    session: Session, numbers: list[int], change: str, named: str
) -> None:
    before = stands(session, numbers[1])
    spoil(session, numbers[1], change)
    found = check_cases(session, reads_all=True)
    assert not found.is_passed
    assert found.message.startswith("1 of 3 cases do not stand where their events say: case ")
    assert f"case {numbers[1]}: {named}" in found.message
    assert recount(session, numbers[1]).differences
    assert repair(session, numbers[1]).differences
    assert stands(session, numbers[1]) == before
    assert repair(session, numbers[1]).differences == {}
    assert check_cases(session, reads_all=True).is_passed


def test_batches_leave_no_case_out(
    session: Session, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recounting, "_BATCH", 2)
    assert [one.counted.case_id for one in recounting.recount_all(session)] == numbers
    for number in numbers:
        spoil(session, number, "state = 'closed'")
    assert check_cases(session).message.startswith("3 of 3 cases")


def test_an_event_that_is_missing_is_named_and_not_made_up(
    session: Session, numbers: list[int]
) -> None:
    session.execute(
        text("DELETE FROM case_events WHERE case_id = :number AND sequence = 2"),
        {"number": numbers[0]},
    )
    assert recount(session, numbers[0]).fault == f"case {numbers[0]}: an event is missing"
    with pytest.raises(Conflict, match="restore it from a backup"):
        repair(session, numbers[0])


def test_a_case_of_which_nothing_says_where_it_stands_is_named(
    session: Session, numbers: list[int]
) -> None:
    session.execute(
        text("DELETE FROM case_progress WHERE case_id = :number"), {"number": numbers[0]}
    )
    said = f"case {numbers[0]}: nothing says where it stands"
    assert recount(session, numbers[0]).fault == said
    assert said in check_cases(session).message


def test_a_case_that_there_is_not_cannot_be_recounted(session: Session) -> None:
    for work in (recount, repair):
        with pytest.raises(NotFound, match="There is no case 4711"):
            work(session, 4711)
