"""Cases that change hands: returned as not theirs, decided again, counted; assigned by hand."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from living import close_case, do, stands
from making import CORNER, border_between, forget_facts, moved, register
from sqlalchemy.orm import Session

from gis_registry.cases import returning, service
from gis_registry.cases.counting import count_returns
from gis_registry.cases.explaining_deadlines import explain_deadlines
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.recounting import recount
from gis_registry.cases.schemas import CaseSummary
from gis_registry.cases.tables import CaseState
from gis_registry.catalogue import service as catalogue
from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places import service as places
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility

MATTER, LIGHT_MATTER = "06001", "01037"
CITY, SHINAN, SHIBEI = "370200", "370202", "370203"


def state(
    session: Session,
    unit: str,
    *,
    area: str | None = None,
    matter: str | None = None,
    until: date | None = None,
) -> int:
    city = places.the_city(session)
    editions = {
        "matter_edition_key": city.matter_edition_key,
        "class_edition_key": city.edition_key,
    }
    fact = Responsibility(
        unit_id=units.unit_ids(session)[unit],
        role="maintainer",
        matter_type_id=catalogue.find_matter(session, matter, **editions).type.id
        if matter
        else None,
        division_code=area,
        valid_from=date(2020, 1, 1),
        valid_to=until,
    )
    session.add(fact)
    session.flush()
    return fact.id


@pytest.fixture
def facts(session: Session) -> dict[str, int]:
    """State who answers for the matter, the district and the city, in this order."""
    forget_facts(session)
    return {
        "QD-E-01": state(session, "QD-E-01", area=SHINAN, matter=MATTER),
        "QD-E-02": state(session, "QD-E-02", area=SHINAN),
        "QD-CC": state(session, "QD-CC", area=CITY),
    }


def apart(number: int) -> tuple[float, float]:
    """Return a place of its own for each number, so far off that no report repeats another."""
    return moved(*CORNER, azimuth=180, metres=330 * number)


def open_case(
    session: Session,
    at: tuple[float, float] = CORNER,
    *,
    matter: str = MATTER,
    accuracy_m: float = 10,
    reported_at: datetime | None = None,
) -> int:
    new = NewReport(
        lon=at[0], lat=at[1], matter=matter, accuracy_m=accuracy_m, reported_at=reported_at
    )
    return reports.submit(session, new, reported_by="王巡查").case_id


def returned(session: Session, number: int, unit: str, reason: str = "不归我们") -> CaseSummary:
    return returning.return_case(session, number, unit_code=unit, reason=reason, actor="李")


def test_each_return_asks_again_without_all_who_returned_it(
    session: Session, facts: dict[str, int]
) -> None:
    number = open_case(session)
    for unit, then in (("QD-E-01", "QD-E-02"), ("QD-E-02", "QD-CC"), ("QD-CC", None)):
        case = returned(session, number, unit, " 不归我们 ")
        assert (case.is_open, case.unit_code) == (True, then)
        assert case.responsible is not None
        assert (case.responsible.claim is None) == (then is None)
        name = next(one for one in units.units(session) if one.code == unit)
        first = case.responsible.grounds[0]
        assert first.zh == f"{name.name_zh}退回了本案：“不归我们”。"
        assert first.en == f"{name.name_en} returned the case: “不归我们”."
        assert len(case.responders) == 3
    assert case.responsible.grounds[-1].zh.endswith(
        "除已退回的单位外，没有其他单位对此负责：须人工指派。"
    )
    assert [one.unit.code for one in case.responsible.returned] == list(facts)
    told = [
        (one.kind, one.actor, one.note.get("unit_code"), one.note.get("responsibility_id"))
        for one in case.events
    ]
    assert told == [("reported", "王巡查", None, None)] + [
        ("returned", "李", unit, fact) for unit, fact in facts.items()
    ]
    assert service.show(session, number) == case


def test_nothing_but_the_unit_that_has_it_returns_a_case_and_with_a_reason(
    session: Session, facts: dict[str, int]
) -> None:
    number = open_case(session)
    with pytest.raises(InvalidInput, match="needs a reason"):
        returned(session, number, "QD-E-01", "  ")
    with pytest.raises(NotFound, match="There is no unit 'QD-X'"):
        returned(session, number, "QD-X")
    with pytest.raises(NotFound, match="There is no case 4711"):
        returned(session, 4711, "QD-E-01")
    with pytest.raises(Conflict, match=rf"Case {number} is with .* \(QD-E-01\), not with .*QD-CC"):
        returned(session, number, "QD-CC")
    for unit in facts:
        returned(session, number, unit)
    with pytest.raises(Conflict, match="is with nobody"):
        returned(session, number, "QD-CC")
    other = open_case(session, matter="08004")
    close_case(session, other)
    with pytest.raises(Conflict, match=f"Case {other} was closed on"):
        returned(session, other, "QD-E-02")
    assert count_returns(session).count == 3


def test_a_case_that_two_return_at_once_is_returned_once(own_database: Database) -> None:
    with own_database.session() as session:
        number = open_case(session)
        unit = service.show(session, number).unit_code
    assert unit is not None
    start = Barrier(3, timeout=30)

    def give_back(_: int) -> bool:
        try:
            with own_database.session() as session:
                start.wait()
                returned(session, number, unit)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(give_back, range(3))) == [False, False, True]
    with own_database.session() as session:
        kinds = [one.kind for one in service.show(session, number).events]
    assert kinds == ["reported", "returned"]


def test_asking_again_is_by_the_day_of_the_report(session: Session) -> None:
    forget_facts(session)
    state(session, "QD-E-01", area=SHINAN, matter=MATTER)
    state(session, "QD-E-02", area=SHINAN, until=date(2026, 6, 1))
    state(session, "QD-CC", area=CITY)
    for n, (day, then) in enumerate(((31, "QD-E-02"), (32, "QD-CC"))):
        reported_at = datetime(2026, 4, 30, 4, tzinfo=UTC) + timedelta(days=day)
        number = open_case(session, apart(n), reported_at=reported_at)
        assert returned(session, number, "QD-E-01").unit_code == then


def test_a_component_goes_to_its_owner_when_its_maintainer_returns_it(session: Session) -> None:
    register(session, *CORNER, maintainer="QD-E-01", owner="QD-E-02")
    number = open_case(session, matter=LIGHT_MATTER)
    assert service.show(session, number).unit_code == "QD-E-01"
    case = returned(session, number, "QD-E-01")
    assert case.unit_code == "QD-E-02"
    assert case.responsible is not None
    assert case.responsible.claim is not None
    assert case.responsible.claim.basis == "recorded_owner"
    assert not case.responsible.is_ambiguous


def test_across_a_boundary_the_other_side_counts_next(session: Session) -> None:
    forget_facts(session)
    state(session, "QD-E-01", area=SHINAN)
    state(session, "QD-E-02", area=SHIBEI)
    state(session, "QD-CC", area=CITY)
    number = open_case(session, border_between(session, SHINAN, SHIBEI)[0], accuracy_m=20)
    before = service.show(session, number).responsible
    assert before is not None
    assert before.is_ambiguous
    case = returned(session, number, "QD-E-01")
    assert case.unit_code == "QD-E-02"
    assert case.responsible is not None
    there = before.sides[1].subdistrict
    assert there is not None
    assert f"改按边界另一侧的{there.name_zh}认定" in case.responsible.grounds[0].zh
    assert f"{there.name_en} counts now" in case.responsible.grounds[0].en
    assert returned(session, number, "QD-E-02").unit_code == "QD-CC"


def test_returns_are_counted_with_the_facts_that_they_cast_doubt_on(
    session: Session, facts: dict[str, int]
) -> None:
    empty = count_returns(session)
    assert (empty.count, empty.stood, empty.units, empty.facts) == (0, 0, [], [])
    first, second, third = (open_case(session, apart(n)) for n in range(3))
    returned(session, first, "QD-E-01")
    returned(session, second, "QD-E-01")
    returned(session, second, "QD-E-02", "不在辖区")
    returned(session, third, "QD-E-01", "另一原因")
    close_case(session, first)
    found = count_returns(session)
    assert (found.count, found.stood) == (4, 3)
    told = [
        (one.unit.code, each.reason, each.count, each.stood)
        for one in found.units
        for each in one.returns
    ]
    assert told == [
        ("QD-E-01", "不归我们", 2, 1),
        ("QD-E-01", "另一原因", 1, 1),
        ("QD-E-02", "不在辖区", 1, 1),
    ]
    assert [(one.count, one.stood) for one in found.units] == [(3, 2), (1, 1)]
    matters = {each.matter.code for one in found.units for each in one.returns if each.matter}
    assert matters == {MATTER}
    assert [(one.fact.responsibility_id, one.count) for one in found.facts] == [
        (facts["QD-E-01"], 3),
        (facts["QD-E-02"], 1),
    ]
    today = datetime.now(UTC).date()
    assert count_returns(session, since=today - timedelta(days=2)).count == 4
    assert count_returns(session, since=today + timedelta(days=2)).count == 0
    assert count_returns(session, since=date(1, 1, 1)).count == 4


def test_a_dispatcher_assigns_by_hand_with_a_reason(
    session: Session, facts: dict[str, int]
) -> None:
    number = open_case(session)
    returned(session, number, "QD-E-01")
    case = returning.assign_case(
        session, number, unit_code=" QD-E-31 ", reason="现场核实", actor="赵派遣"
    )
    assert case.unit_code == "QD-E-31"
    assert case.responsible is not None
    assert case.responsible.claim is not None
    assert (case.responsible.claim.basis, case.responsible.claim.role) == ("by_hand", "")
    assert [one.unit.code for one in case.responsible.others] == ["QD-E-02", "QD-CC"]
    assert case.responsible.grounds[0].zh == (
        f"赵派遣人工指派由{case.unit_name_zh}负责：“现场核实”。"
    )
    assert case.responsible.grounds[0].en == (
        f"赵派遣 assigned it by hand to {case.unit_name_en}: “现场核实”."
    )
    assert case.events[-1].kind == "assigned"
    assert count_returns(session).stood == 0
    assert returned(session, number, "QD-E-31").unit_code == "QD-E-02"


def test_assigning_is_refused_where_it_says_nothing(
    session: Session, facts: dict[str, int]
) -> None:
    number = open_case(session)

    def assign(unit: str, reason: str) -> None:
        returning.assign_case(session, number, unit_code=unit, reason=reason, actor="a")

    with pytest.raises(InvalidInput, match="needs a reason"):
        assign("QD-CC", " ")
    with pytest.raises(NotFound, match="There is no unit 'QD-X'"):
        assign("QD-X", "why")
    with pytest.raises(Conflict, match=r"is with .* \(QD-E-01\) already"):
        assign("QD-E-01", "why")
    close_case(session, number)
    with pytest.raises(Conflict, match="was closed on"):
        assign("QD-CC", "why")
    assert [one.kind for one in service.show(session, number).events] == ["reported", "closed"]


def test_what_another_unit_had_begun_does_not_go_on_when_a_case_is_resumed(
    session: Session, facts: dict[str, int]
) -> None:
    number = open_case(session)
    for action in (Action.FILE, Action.ACCEPT, Action.SUSPEND):
        do(session, number, action)
    returning.assign_case(session, number, unit_code="QD-CC", reason="归市里", actor="a")
    assert stands(session, number).state is CaseState.SUSPENDED
    assert stands(session, number).due_at is None
    resumed = do(session, number, Action.RESUME)
    assert (resumed.state, resumed.unit_code) == ("dispatched", "QD-CC")
    kinds = [one.kind for one in service.show(session, number).events]
    assert kinds[-4:] == ["suspended", "assigned", "resumed", "dispatched"]
    assert recount(session, number).fault is None
    stages = explain_deadlines(session, number).stages
    assert [one.stage for one in stages][-3:] == ["handling", "dispatch", "handling"]
    assert all(one.is_recomputed_equal for one in stages)
