"""Which open case a report repeats, how probable that is, and that two never miss each other."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from living import close_case
from making import CORNER, moved, register, wait_for_a_lock
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.cases.tables import Case
from gis_registry.db.engine import Database
from gis_registry.errors import RegistryError
from gis_registry.reports import duplicates, explaining, service
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport, NewReport, SimilarReport

LIGHT, GARBAGE, OTHER_PLACE = "01037", "06010", "06013"
NOW = datetime.now(UTC) - timedelta(minutes=1)


def report(
    east_m: float = 0, *, matter: str = GARBAGE, age_h: float = 0, **values: object
) -> NewReport:
    lon, lat = moved(*CORNER, azimuth=90, metres=east_m)
    said: dict[str, object] = {"lon": lon, "lat": lat, "matter": matter, "accuracy_m": 10}
    said["reported_at"] = NOW - timedelta(hours=age_h)
    return NewReport.model_validate(said | values)


def submit(session: Session, *args: float, **values: object) -> AnsweredReport:
    return service.submit(session, report(*args, **values), reported_by="王巡查")  # type: ignore[arg-type]


def submit_all(
    session: Session, reports: Sequence[NewReport]
) -> list[AnsweredReport | RegistryError]:
    return service.submit_all(session, [Submission(one, "王巡查") for one in reports])


def told(answered: AnsweredReport) -> SimilarReport:
    return answered.answer.similar[0]


def test_the_same_component_with_the_same_fault_is_the_same_case(session: Session) -> None:
    """However long ago: a lamp that is out does not go out again."""
    code = register(session, *CORNER)
    first = submit(session, 2, matter=LIGHT, age_h=24 * 200, text="路灯不亮")
    again = submit(session, -3, matter=LIGHT, text="这里很黑")
    assert (first.answer.component_code, again.answer.component_code) == (code, code)
    assert (first.is_duplicate, again.is_duplicate) == (False, True)
    assert (again.case_id, told(again).report_id) == (first.case_id, first.id)
    assert told(again).is_same_component
    sentence = again.answer.grounds[-1]
    assert sentence.step == "case"
    assert sentence.zh.startswith(f"与案件{first.case_id}（200天前，相距5米，同一部件）为同一事件")
    assert sentence.zh.endswith("，并入该案件。")
    assert f"as case {first.case_id} (200 days earlier, 5 m away, the same comp" in sentence.en
    (opened,) = [one.kind for one in cases.show(session, first.case_id).events[:1]]
    assert opened == "reported"
    assert [one.kind for one in cases.show(session, first.case_id).events] == ["reported", "joined"]


def test_a_closed_case_is_joined_by_nothing(session: Session) -> None:
    register(session, *CORNER)
    first = submit(session, matter=LIGHT)
    close_case(session, first.case_id)
    again = submit(session, matter=LIGHT)
    assert (again.is_duplicate, again.answer.similar) == (False, [])
    assert again.case_id != first.case_id


def test_another_lamp_beside_it_is_another_case(session: Session) -> None:
    register(session, *CORNER)
    register(session, *moved(*CORNER, azimuth=90, metres=25))
    first = submit(session, matter=LIGHT, accuracy_m=3)
    other = submit(session, 25, matter=LIGHT, accuracy_m=3)
    assert (first.answer.outcome, other.answer.outcome) == ("unique", "unique")
    assert not other.is_duplicate


@pytest.mark.parametrize(
    ("values", "joins"),
    [
        ({"east_m": 4, "age_h": 3}, True),
        ({"east_m": 4, "age_h": 24 * 90}, False),
        ({"east_m": 55, "age_h": 3}, False),
        ({"east_m": 4, "age_h": 3, "matter": OTHER_PLACE}, False),
        ({"east_m": 400, "age_h": 0}, False),
    ],
    ids=["near and new", "old", "off", "of another matter", "far"],
)
def test_nearness_in_place_and_time_decides(
    session: Session, values: dict[str, object], joins: bool
) -> None:
    first = submit(session, **values)
    again = submit(session)
    assert again.is_duplicate is joins
    assert (again.case_id == first.case_id) is joins
    if not joins and again.answer.similar:
        assert told(again).probability < duplicates.JOINED_FROM
        assert again.answer.grounds[-1].zh.endswith("另立案件，请核对。")


def test_a_coarse_position_is_worth_less(session: Session) -> None:
    submit(session, 45, accuracy_m=5, age_h=24)
    fine = submit(session, accuracy_m=5)
    coarse = submit(session, 45, accuracy_m=150)
    probable = [one.probability for one in fine.answer.similar]
    assert max(probable, default=0) < 0.5
    assert told(coarse).probability < 0.9


def test_where_much_is_reported_nearness_says_less(session: Session) -> None:
    quiet, busy = (report(4, age_h=3), report(1004, age_h=3))
    for n in range(40):
        one = submit(session, 1000 + n % 8, age_h=24 * (30 + 8 * n))
        if not one.is_duplicate:
            close_case(session, one.case_id)
    for one in (quiet, busy):
        service.submit(session, one, reported_by="a")
    in_quiet, in_busy = submit(session), submit(session, 1000)
    assert in_quiet.is_duplicate
    assert told(in_busy).probability < told(in_quiet).probability - 0.05


def test_texts_that_are_alike_count_and_what_everybody_says_does_not(session: Session) -> None:
    submit(session, 20, age_h=30, text="三单元门口旧沙发堆了两天没人拉走")
    same = submit(session, text="旧沙发堆在三单元门口没人拉走")
    other = submit(session, text="沿街商铺后面一地烂菜叶，味道很大")
    assert told(same).text_similarity > told(other).text_similarity
    assert told(same).probability > 0.5
    session.rollback()
    name = submit(session, 20, age_h=30).matter.name_zh
    submit(session, 2020, age_h=30, text=name)
    plain, named = submit(session, text=name), submit(session, 2000, text=name)
    assert told(named).text_similarity == 1
    assert told(named).probability == pytest.approx(told(plain).probability, abs=0.01)


def test_a_chain_leads_to_the_one_case_that_is_open(session: Session) -> None:
    batch = [report(east_m) for east_m in (0, 12, 24, 36)]
    answered = submit_all(session, batch)
    found = [one for one in answered if isinstance(one, AnsweredReport)]
    assert len({one.case_id for one in found}) == 1
    assert [one.is_duplicate for one in found] == [False, True, True, True]
    assert {told(one).report_id for one in found[1:]} == {found[0].id}
    later = submit(session, 48)
    assert later.case_id == found[0].case_id
    assert [one.report_id for one in later.answer.similar] == [found[0].id]


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 120),
            st.sampled_from([GARBAGE, OTHER_PLACE, LIGHT]),
            st.integers(0, 2000),
            st.sampled_from(["", "垃圾没人收", "垃圾堆了好几天没人收拾"]),
        ),
        max_size=12,
    )
)
@example([(0, GARBAGE, 0, ""), (100, GARBAGE, 0, "")])
def test_a_batch_comes_to_what_one_by_one_comes_to(
    session: Session, made: list[tuple[int, str, int, str]]
) -> None:
    register(session, *moved(*CORNER, azimuth=90, metres=30))
    reports = [
        report(east_m, matter=matter, age_h=age_h, text=text)
        for east_m, matter, age_h, text in made
    ]
    told_of = []
    for sizes in (1, len(reports) or 1):
        savepoint = session.begin_nested()
        answered: list[AnsweredReport | RegistryError] = []
        for n in range(0, len(reports), sizes):
            answered += submit_all(session, reports[n : n + sizes])
        savepoint.rollback()
        found = [one for one in answered if isinstance(one, AnsweredReport)]
        order = {one.id: n for n, one in enumerate(found)}
        told_of.append(
            [
                [
                    (order[each.report_id], pytest.approx(each.probability, abs=1e-3))
                    for each in one.answer.similar
                ]
                + [(one.is_duplicate, 0)]
                for one in found
            ]
        )
    assert told_of[0] == told_of[1]


def test_six_at_the_same_moment_come_to_one_case(own_database: Database) -> None:
    start = Barrier(6, timeout=30)

    def send(n: int) -> int:
        start.wait()
        with own_database.session() as session:
            return submit(session, n % 3).case_id

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(send, range(6)))
    assert len(set(found)) == 1
    with own_database.session() as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 1


def test_a_report_waits_for_a_batch_and_joins_what_came_of_it(own_database: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with own_database.session() as session:
            batch = [report(), report(2000)]
            first, _ = submit_all(session, batch)

            def send() -> int:
                with own_database.session() as other:
                    return submit(other, 3).case_id

            waiting = threads.submit(send)
            wait_for_a_lock(own_database)
        assert isinstance(first, AnsweredReport)
        assert waiting.result(30) == first.case_id


def test_a_case_that_is_closed_meanwhile_is_not_joined(own_database: Database) -> None:
    with own_database.session() as session:
        first = submit(session)
    with ThreadPoolExecutor(1) as threads:
        with own_database.session() as session:
            close_case(session, first.case_id)

            def send() -> AnsweredReport:
                with own_database.session() as other:
                    return submit(other, 3)

            waiting = threads.submit(send)
            wait_for_a_lock(own_database)
        answered = waiting.result(30)
    assert not answered.is_duplicate
    assert answered.case_id != first.case_id
    with own_database.session() as session:
        assert cases.show(session, first.case_id).state == "closed"


def test_an_explanation_says_why_it_joined(session: Session) -> None:
    first, again = submit(session, age_h=3), submit(session, 4)
    steps = [one for one in explaining.explain(session, again.id).steps if one.step == "case"]
    (case,) = steps
    assert f"与案件{first.case_id}（3小时前，相距4米）为同一事件" in (case.zh or "")
    assert (case.zh or "").endswith(f"属于案件{first.case_id}。")
    assert (case.en or "").endswith(f"It belongs to case {first.case_id}.")
    assert case.facts["is_duplicate"] is True
