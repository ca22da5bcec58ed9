"""Reports moved between cases: taken out, put in, and every refusal."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from living import close_case
from making import CORNER, moved, register, wait_for_a_lock
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.cases.tables import Case, CaseProgress
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, InvalidPosition, NotFound, RegistryError
from gis_registry.reports import (
    duplicate_queries,
    merging,
    open311,
    queries,
    reward_queries,
    rewards,
    service,
)
from gis_registry.reports.reward_schemas import NewRewardDecision
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.reports.tables import Report

GARBAGE = "06010"


def submit(session: Session, east_m: float = 0, *, matter: str = GARBAGE) -> AnsweredReport:
    lon, lat = moved(*CORNER, azimuth=90, metres=east_m)
    new = NewReport(lon=lon, lat=lat, matter=matter, text="垃圾没人收")
    return service.submit(session, new, reported_by="王巡查")


def separate(session: Session, report_id: int, reason: str = "另一堆") -> AnsweredReport:
    return merging.separate(session, report_id, reason=reason, actor="李派遣")


def merge(session: Session, report_id: int, case_id: int, reason: str = "同一堆") -> AnsweredReport:
    return merging.merge(session, report_id, case_id, reason=reason, actor="李派遣")


def events(session: Session, case_id: int) -> list[tuple[str, str, dict[str, object]]]:
    return [(one.kind, one.actor, one.note) for one in cases.show(session, case_id).events]


def test_a_report_that_joined_is_taken_out_again(session: Session) -> None:
    first, again = submit(session), submit(session, 4)
    assert again.case_id == first.case_id
    alone = separate(session, again.id, "  另一堆 ")
    assert alone.case_id != first.case_id
    assert (alone.is_duplicate, alone.answer) == (False, again.answer)
    assert events(session, first.case_id)[1:] == [
        ("joined", "王巡查", {}),
        ("separated", "李派遣", {"reason": "另一堆", "separated_into": alone.case_id}),
    ]
    assert [one[:2] for one in events(session, alone.case_id)] == [("reported", "李派遣")]
    case = cases.show(session, alone.case_id)
    claim = again.answer.responsible.claim
    assert claim is not None
    assert (case.state, case.stage, case.unit_code) == ("reported", "filing", claim.unit.code)
    assert (case.lon, case.lat) == pytest.approx((again.lon, again.lat))
    assert [one.id for one in service.page(session, case_id=alone.case_id).reports] == [again.id]


def test_what_was_separated_stays_so_when_it_is_reported_again(session: Session) -> None:
    register(session, *CORNER)
    first, again = submit(session, matter="01037"), submit(session, matter="01037")
    alone = separate(session, again.id)
    third = submit(session, matter="01037")
    assert third.is_duplicate
    assert {one.case_id for one in third.answer.similar} == {first.case_id, alone.case_id}
    assert service.show(session, first.id).case_id == first.case_id
    assert service.show(session, again.id).case_id == alone.case_id


def test_a_report_is_put_into_another_case_and_its_own_is_closed(session: Session) -> None:
    first, far = submit(session), submit(session, 500)
    moved_there = merge(session, far.id, first.case_id)
    assert (moved_there.case_id, moved_there.is_duplicate) == (first.case_id, True)
    assert events(session, first.case_id)[-1] == (
        "joined",
        "李派遣",
        {"reason": "同一堆", "merged_from": far.case_id},
    )
    kind, actor, note = events(session, far.case_id)[-1]
    assert (kind, actor) == ("merged", "李派遣")
    assert (note["reason"], note["merged_into"]) == ("同一堆", first.case_id)
    case = cases.show(session, far.case_id)
    assert (case.state, case.is_open, case.due_at) == ("merged", False, None)
    assert len(service.page(session, case_id=first.case_id).reports) == 2
    back = separate(session, far.id)
    assert back.case_id not in (first.case_id, far.case_id)
    again = merge(session, far.id, first.case_id)
    assert again.is_duplicate


def decide(session: Session, report_id: int, decision: str, reference: str | None = None) -> None:
    new = NewRewardDecision.model_validate({"decision": decision, "reference": reference})
    rewards.decide(session, report_id, new, actor="李派遣")


def states(session: Session, report_id: int) -> list[tuple[str, int]]:
    events = rewards.show(session, report_id).events
    return [(one.state, one.case_id) for one in events]


def test_a_report_that_leaves_its_case_loses_the_reward_that_it_got_for_it(
    session: Session,
) -> None:
    new = {"channel": "citizen", "matter": "01037", "lon": CORNER[0], "lat": CORNER[1]}
    first, again = (
        service.submit(
            session,
            NewReport.model_validate(new | {"sender": {"account": account}}),
            reported_by="app",
        )
        for account in ("wx-1", "wx-2")
    )
    far = submit(session, 500)
    assert again.case_id == first.case_id
    decide(session, first.id, "accept")
    decide(session, first.id, "paid", "A1")
    merge(session, first.id, far.case_id)
    lost = rewards.show(session, first.id).events[-1]
    assert (lost.state, lost.actor) == ("reclaimed", "李派遣")
    assert lost.reason is not None
    assert f"The report was taken out of case {first.case_id}." in lost.reason
    decide(session, again.id, "accept")
    decide(session, first.id, "accept")
    assert states(session, first.id) == [
        ("due", first.case_id),
        ("paid", first.case_id),
        ("reclaimed", first.case_id),
        ("due", far.case_id),
    ]
    alone = separate(session, first.id)
    assert states(session, first.id)[4:] == [("refused", far.case_id)]
    assert alone.case_id not in (first.case_id, far.case_id)
    assert states(session, again.id) == [("due", first.case_id)]


def test_a_case_that_keeps_a_report_stays_open(session: Session) -> None:
    first, near, far = submit(session), submit(session, 4), submit(session, 500)
    merge(session, near.id, far.case_id)
    assert cases.show(session, first.case_id).is_open
    assert events(session, first.case_id)[-1][0] == "separated"


def test_a_report_after_a_merge_joins_the_case_that_is_open(session: Session) -> None:
    first, far = submit(session), submit(session, 500)
    merge(session, far.id, first.case_id)
    again = submit(session, 502)
    assert again.case_id == first.case_id
    assert again.answer.similar[0].report_id == first.id


def test_a_service_request_shows_the_state_of_the_case_it_joined(session: Session) -> None:
    first, again = submit(session), submit(session, 4)
    close_case(session, first.case_id)
    rows = queries.service_requests(session, ids=[first.id, again.id], limit=2)
    assert [row["state"] for row in rows] == ["closed", "closed"]
    assert open311.__doc__


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_reason_is_needed(session: Session, reason: str) -> None:
    with pytest.raises(InvalidInput, match="needs a reason"):
        separate(session, 1, reason)
    with pytest.raises(InvalidInput, match="needs a reason"):
        merge(session, 1, 1, reason)


def test_what_cannot_be_moved_is_refused_and_stays(session: Session) -> None:
    first, far, closed = submit(session), submit(session, 500), submit(session, 1000)
    with pytest.raises(Conflict, match=f"^Report {far.id} is the only one of case {far.case_id}"):
        separate(session, far.id)
    with pytest.raises(Conflict, match=r"is in case \d+ already"):
        merge(session, far.id, far.case_id)
    with pytest.raises(NotFound, match=r"^There is no report 4711\.$"):
        separate(session, 4711)
    with pytest.raises(NotFound, match=r"^There is no report 4711\.$"):
        merge(session, 4711, first.case_id)
    with pytest.raises(NotFound, match=r"^There is no case 4711\.$"):
        merge(session, first.id, 4711)
    close_case(session, closed.case_id)
    with pytest.raises(Conflict, match=f"^Case {closed.case_id} is closed"):
        merge(session, first.id, closed.case_id)
    with pytest.raises(Conflict, match=f"^Case {closed.case_id} is closed"):
        merge(session, closed.id, first.case_id)
    with pytest.raises(Conflict, match=f"^Case {closed.case_id} is closed"):
        separate(session, closed.id)
    for one in (first, far, closed):
        assert service.show(session, one.id).case_id == one.case_id
        assert next(kind for kind, _, _ in events(session, one.case_id)) == "reported"


def test_two_who_merge_two_reports_into_each_other_leave_one_case_open(
    own_database: Database,
) -> None:
    with own_database.session() as session:
        one, other = submit(session), submit(session, 500)

    def try_to_merge(report_id: int, case_id: int) -> bool:
        try:
            with own_database.session() as session:
                merge(session, report_id, case_id)
        except RegistryError:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(try_to_merge, (one.id, other.id), (other.case_id, one.case_id)))
    assert sorted(done) == [False, True]
    with own_database.session() as session:
        found = session.execute(select(Report.case_id).distinct()).scalars().all()
        assert [cases.show(session, number).is_open for number in found] == [True]


def test_a_report_that_somebody_else_moves_is_moved_from_where_it_is(
    own_database: Database,
) -> None:
    with own_database.session() as session:
        first, near, far = submit(session), submit(session, 4), submit(session, 500)
    with ThreadPoolExecutor(1) as threads:
        with own_database.session() as session:
            alone = separate(session, near.id)

            def put() -> AnsweredReport:
                with own_database.session() as other:
                    return merge(other, near.id, far.case_id)

            waiting = threads.submit(put)
            wait_for_a_lock(own_database)
        assert waiting.result(30).case_id == far.case_id
    with own_database.session() as session:
        assert cases.show(session, alone.case_id).state == "merged"
        assert cases.show(session, first.case_id).is_open


def test_who_decides_about_a_reward_waits_for_the_case_that_the_report_comes_to(
    own_database: Database,
) -> None:
    with own_database.session() as session:
        near, far = submit(session), submit(session, 500)
    with ThreadPoolExecutor(1) as threads:
        with own_database.session() as session:
            merge(session, near.id, far.case_id)

            def lock() -> tuple[str, int] | None:
                with own_database.session() as other:
                    return reward_queries.lock_case_of(other, near.id)

            waiting = threads.submit(lock)
            wait_for_a_lock(own_database)
        assert waiting.result(30) == (far.division_code, far.case_id)


@pytest.mark.parametrize("take", [separate, reward_queries.lock_case_of])
def test_who_waits_for_the_case_that_a_report_comes_to_lets_go_of_the_one_that_it_left(
    own_database: Database, take: Callable[[Session, int], object]
) -> None:
    with own_database.session() as session:
        near, far = submit(session), submit(session, 500)

    def take_report() -> object:
        with own_database.session() as other:
            return take(other, near.id)

    def take_both_cases() -> None:
        with own_database.session() as third:
            duplicate_queries.lock_cases(third, {(far.division_code, far.case_id)})
            wait_for_a_lock(own_database)
            left = select(CaseProgress.case_id).where(CaseProgress.case_id == near.case_id)
            third.execute(left.with_for_update(nowait=True))
            third.execute(
                select(Report.id).where(Report.id == near.id).with_for_update(nowait=True)
            )

    with ThreadPoolExecutor(2) as threads:
        with own_database.session() as session:
            merge(session, near.id, far.case_id)
            first = threads.submit(take_report)
            wait_for_a_lock(own_database)
            second = threads.submit(take_both_cases)
            wait_for_a_lock(own_database, count=2)
        second.result(30)
        assert first.result(30)


def test_asking_beforehand_says_which_case_it_would_join_and_keeps_nothing(
    session: Session,
) -> None:
    code = register(session, *CORNER)
    lon, lat = CORNER
    new = NewReport(lon=lon, lat=lat, matter="01037", text="路灯不亮")
    alone = merging.similar_to(session, new)
    assert (alone.component_code, alone.joins_case_id, alone.similar) == (code, None, [])
    first = service.submit(session, new, reported_by="王巡查")
    found = merging.similar_to(session, new)
    assert found.joins_case_id == first.case_id
    (suggestion,) = found.similar
    assert (suggestion.report_id, suggestion.case_id) == (first.id, first.case_id)
    assert (suggestion.state, suggestion.text) == ("open", "路灯不亮")
    assert (suggestion.component_code, suggestion.is_same_component) == (code, True)
    assert suggestion.distance_m == 0
    assert suggestion.age_s >= 0
    for table in (Report, Case):
        assert session.scalar(select(func.count()).select_from(table)) == 1
    with pytest.raises(InvalidPosition):
        merging.similar_to(session, NewReport(lon=0, lat=0, matter=GARBAGE))
