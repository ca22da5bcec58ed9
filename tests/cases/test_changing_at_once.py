"""People who change the same cases at the same moment: nothing is lost, one wins, all go on."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from living import DISPATCHER, asked, at, do, events, moment, open_case, photo, stands
from sqlalchemy.orm import Session

from gis_registry.cases import returning
from gis_registry.cases.changing import AskedChange, change_all
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.recounting import recount
from gis_registry.cases.schemas import CaseStatus
from gis_registry.cases.tables import CaseState
from gis_registry.cases.watching import watch
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, Outdated, RegistryError
from gis_registry.profile import ProfileDeadlines

Outcome = CaseStatus | RegistryError


def at_once(
    database: Database, works: Sequence[Callable[[Session], list[Outcome]]]
) -> list[list[Outcome]]:
    """Do each in a thread and a transaction of its own, all at the same moment."""
    start = Barrier(len(works), timeout=30)

    def run(work: Callable[[Session], list[Outcome]]) -> list[Outcome]:
        start.wait()
        with database.session() as session:
            return work(session)

    with ThreadPoolExecutor(len(works)) as threads:
        return [future.result(60) for future in [threads.submit(run, one) for one in works]]


def dispatched(database: Database, count: int = 1) -> list[int]:
    """Return cases that are with their unit."""
    with at(moment("06-10 09:00")), database.session() as session:
        photo(session)
        numbers = [open_case(session, place) for place in range(count)]
        for number in numbers:
            do(session, number, Action.FILE, condition="unlit")
    return numbers


def require_sound(database: Database, numbers: Sequence[int]) -> None:
    """Look whether each case stands where its events say, with none missing."""
    with database.session() as session:
        assert [recount(session, one).fault for one in numbers] == [None] * len(numbers)


def changing(*wanted: AskedChange) -> Callable[[Session], list[Outcome]]:
    return lambda session: change_all(session, wanted)


@pytest.mark.parametrize("count", [2, 8])
def test_of_many_who_handle_a_case_one_does(own_database: Database, count: int) -> None:
    (number,) = dispatched(own_database)
    with own_database.session() as session:
        handle = asked(session, number, Action.HANDLE)
    found = at_once(own_database, [changing(handle)] * count)
    refused = [one for (one,) in found if isinstance(one, Conflict)]
    assert len(refused) == count - 1
    with own_database.session() as session:
        kinds = [one.kind for one in events(session, number)]
    assert kinds.count("handled") == 1
    require_sound(own_database, [number])


def test_of_many_who_read_the_same_version_one_changes_it(own_database: Database) -> None:
    (number,) = dispatched(own_database)
    with own_database.session() as session:
        version = stands(session, number).version
        urge = asked(session, number, Action.URGE)
    read = AskedChange(number, Action.URGE, DISPATCHER, urge.change, frozenset({version}))
    found = at_once(own_database, [changing(read)] * 4)
    assert sum(isinstance(one, Outdated) for (one,) in found) == 3
    with own_database.session() as session:
        assert (stands(session, number).urged, stands(session, number).version) == (1, version + 1)


def test_all_who_urge_a_case_at_once_are_noted_in_order(own_database: Database) -> None:
    (number,) = dispatched(own_database)
    with own_database.session() as session:
        before = len(events(session, number))
        urge = asked(session, number, Action.URGE)
    found = at_once(own_database, [changing(urge)] * 8)
    assert all(isinstance(one, CaseStatus) for (one,) in found)
    with own_database.session() as session:
        happened = events(session, number)
        assert [one.sequence for one in happened] == list(range(1, before + 9))
        moments = [one.happened_at for one in happened[before:]]
        assert moments == sorted(moments)
    require_sound(own_database, [number])


def test_handling_returning_and_suspending_at_once_leave_one_of_their_orders(
    own_database: Database,
) -> None:
    numbers = dispatched(own_database, 4)
    for number in numbers:
        with own_database.session() as session:
            unit = stands(session, number).unit_code
            handle, suspend = (
                asked(session, number, one) for one in (Action.HANDLE, Action.SUSPEND)
            )
        assert unit is not None

        def give_back(session: Session, number: int = number, unit: str = unit) -> list[Outcome]:
            try:
                returning.return_case(
                    session, number, unit_code=unit, reason="不归我们", actor="甲"
                )
            except RegistryError as error:
                session.rollback()
                return [error]
            return []

        ((handled,), _, (suspended,)) = at_once(
            own_database, [changing(handle), give_back, changing(suspend)]
        )
        with own_database.session() as session:
            kinds = [one.kind for one in events(session, number)]
            stood = stands(session, number)
        # Whatever is open can be suspended, so that is never refused: before or after handling.
        assert isinstance(suspended, CaseStatus)
        assert kinds.count("suspended") == 1
        assert kinds.count("handled") == isinstance(handled, CaseStatus)
        assert kinds.count("returned") == stood.returned <= 1
        assert stood.state is CaseState.SUSPENDED
        require_sound(own_database, [number])


def test_changes_of_the_same_cases_in_other_orders_do_not_wait_for_each_other(
    own_database: Database,
) -> None:
    numbers = dispatched(own_database, 10)
    with own_database.session() as session:
        urges = [asked(session, one, Action.URGE) for one in numbers]
    orders = [urges, urges[::-1], urges[5:] + urges[:5], urges[::2] + urges[1::2]]
    found = at_once(own_database, [changing(*order) for order in orders for _ in range(2)])
    assert all(isinstance(one, CaseStatus) for answers in found for one in answers)
    with own_database.session() as session:
        assert [stands(session, one).urged for one in numbers] == [8] * 10
    require_sound(own_database, numbers)


def test_the_watch_beside_those_who_change_loses_nothing(own_database: Database) -> None:
    numbers = dispatched(own_database, 8)
    with own_database.session() as session:
        handles = [asked(session, one, Action.HANDLE) for one in numbers]

    def look(session: Session) -> list[Outcome]:
        watch(session, ProfileDeadlines())
        return []

    with at(moment("06-12 15:00")):
        found = at_once(own_database, [look, changing(*handles), look, changing(*handles[::-1])])
        while True:
            with own_database.session() as session:
                if not watch(session, ProfileDeadlines()).is_more:
                    break
    done = [isinstance(one, CaseStatus) for one in found[1] + found[3]]
    assert done.count(True) == len(numbers)
    with own_database.session() as session:
        for number in numbers:
            kinds = [one.kind for one in events(session, number)]
            assert (kinds.count("handled"), kinds.count("overdue") <= 1) == (1, True)
    require_sound(own_database, numbers)
