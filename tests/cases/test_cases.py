"""Cases: opened by a report, closed once, listed page by page."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from living import close_case
from making import CORNER, moved, register, wait_for_a_lock
from sqlalchemy.orm import Session

from gis_registry.cases import listing, service
from gis_registry.cases.schemas import CaseFilter
from gis_registry.cases.tables import CaseEventKind
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport


def open_case(session: Session, matter: str = "06001", *, metres: float = 0) -> int:
    lon, lat = moved(*CORNER, azimuth=90, metres=metres)
    new = NewReport(lon=lon, lat=lat, matter=matter)
    return reports.submit(session, new, reported_by="王巡查").case_id


def test_a_case_says_what_where_and_whose(session: Session) -> None:
    code = register(session, *CORNER, maintainer="QD-G-370202-T07")
    case = service.show(session, open_case(session, "01037"))
    assert (case.state, case.component_code, case.class_code) == ("reported", code, "0137")
    assert (case.matter_code, case.division_code) == ("01037", "370202")
    assert case.matter_name_en is not None
    assert case.unit_code == "QD-G-370202-T07"
    assert case.unit_name_zh
    assert (case.lon, case.lat) == pytest.approx(CORNER)
    assert len(case.responders) == 3
    assert [(one.sequence, one.kind, one.actor) for one in case.events] == [
        (1, "reported", "王巡查")
    ]


def test_a_case_is_closed_once_with_what_was_done(session: Session) -> None:
    number = open_case(session)
    close_case(session, number, actor="赵班长", reason=" 已拆除 ")
    closed = service.show(session, number)
    assert (closed.state, closed.is_open, closed.due_at) == ("closed", False, None)
    assert [(one.sequence, one.kind, one.actor) for one in closed.events] == [
        (1, "reported", "王巡查"),
        (2, "closed", "赵班长"),
    ]
    assert closed.events[-1].note["reason"] == "已拆除"
    with pytest.raises(Conflict, match=rf"^Case {number} is closed, which is no time to close"):
        close_case(session, number, actor="赵班长", reason="again")
    assert len(service.show(session, number).events) == 2


def test_a_case_that_two_close_at_once_is_closed_once(own_database: Database) -> None:
    with own_database.session() as session:
        number = open_case(session)
    start = Barrier(4, timeout=30)

    def close(actor: str) -> bool:
        try:
            with own_database.session() as session:
                assert service.show(session, number).is_open
                start.wait()
                close_case(session, number, actor=actor, reason="done")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(close, "abcd")) == [False, False, False, True]
    with own_database.session() as session:
        assert [one.kind for one in service.show(session, number).events] == ["reported", "closed"]


def test_closing_needs_a_case_and_a_reason(session: Session) -> None:
    with pytest.raises(InvalidInput, match=r"Case \d+: to close, give a reason"):
        close_case(session, open_case(session), actor="a", reason="  ")
    with pytest.raises(NotFound, match="There is no case 4711"):
        close_case(session, 4711, actor="a", reason="done")
    with pytest.raises(NotFound, match="There is no case 4711"):
        service.show(session, 4711)


def test_cases_are_listed_the_newest_first_page_by_page(session: Session) -> None:
    numbers = [open_case(session, metres=400 * n) for n in range(6)]
    for number in numbers[::2]:
        close_case(session, number, actor="a", reason="done")
    for only_open, wanted in ((False, numbers[::-1]), (True, numbers[5::-2])):
        found: list[int] = []
        before: int | None = None
        while True:
            page = listing.page(
                session, where=CaseFilter(only_open=only_open), before=before, limit=2
            )
            assert 1 <= len(page.cases) <= 2
            found += [one.id for one in page.cases]
            before = page.next_before
            if before is None:
                break
        assert found == wanted
    assert all(one.is_open for one in listing.page(session, where=CaseFilter(only_open=True)).cases)


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_has_1_to_1000_cases(session: Session, limit: int) -> None:
    with pytest.raises(InvalidInput, match="1 to 1000"):
        listing.page(session, limit=limit)


def test_events_that_wait_for_each_other_stand_one_after_the_other(own_database: Database) -> None:
    with own_database.session() as session:
        number = open_case(session)
        key = (service.show(session, number).division_code, number)

    def note(session: Session, actor: str) -> None:
        service.note(session, key, CaseEventKind.SEPARATED, actor=actor, note={})

    def later() -> None:
        with own_database.session() as session:
            note(session, "later")

    with ThreadPoolExecutor(1) as pool:
        with own_database.session() as session:
            note(session, "first")
            waiting = pool.submit(later)
            wait_for_a_lock(own_database)
        waiting.result(30)
    with own_database.session() as session:
        events = service.show(session, number).events
    assert [(one.sequence, one.actor) for one in events][1:] == [(2, "first"), (3, "later")]
