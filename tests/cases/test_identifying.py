"""Saying which component a case is about: decided again, kept as an event."""

import pytest
from living import close_case, do, stands
from making import CORNER, forget_facts, register
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.cases.identifying import identify_case
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.recounting import recount
from gis_registry.errors import Conflict, InvalidInput, UnknownIdentifier
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport

LAMP, COVER = "0137", "0101"
LON, LAT = CORNER
EAST = 0.00004


@pytest.fixture
def codes(session: Session) -> list[str]:
    """Return two lamps close together, each with a maintainer of its own, and a cover."""
    return [
        register(session, LON, LAT, class_code=LAMP, maintainer="QD-E-01"),
        register(session, LON + EAST, LAT, class_code=LAMP, maintainer="QD-E-02"),
        register(session, LON, LAT, class_code=COVER),
    ]


@pytest.fixture
def case_id(session: Session, codes: list[str]) -> int:
    """Return the case of a report that could be about either lamp."""
    new = NewReport(lon=LON + EAST / 2, lat=LAT, matter=LAMP, accuracy_m=10)
    report = reports.submit(session, new, reported_by="test")
    assert report.answer.outcome == "ambiguous"
    assert {one.code for one in report.answer.candidates} == set(codes[:2])
    return report.case_id


def test_the_unit_of_the_component_gets_the_case(
    session: Session, codes: list[str], case_id: int
) -> None:
    for code, unit in zip(codes[:2], ("QD-E-01", "QD-E-02"), strict=True):
        found = identify_case(session, case_id, component=code, reason=" 现场核实 ", actor="li")
        assert (found.component_code, found.unit_code, found.class_code) == (code, unit, LAMP)
    *_, first, second = found.events
    assert (first.kind, first.note["before"], first.note["reason"]) == (
        "identified",
        None,
        "现场核实",
    )
    assert (second.actor, second.note["before"]) == ("li", codes[0])
    assert found.responsible is not None
    assert found.responsible.grounds[0].en == f"li named {codes[1]} as the component: “现场核实”."


def test_one_that_was_handled_and_is_nobodys_now_waits_when_it_is_sent_back(
    session: Session, codes: list[str], case_id: int
) -> None:
    forget_facts(session)
    nobodys = register(session, LON - EAST, LAT, class_code=LAMP)
    identify_case(session, case_id, component=codes[0], reason="现场", actor="li")
    for action in (Action.FILE, Action.HANDLE):
        do(session, case_id, action)
    handled = identify_case(session, case_id, component=nobodys, reason="现场", actor="li")
    assert (handled.state, handled.unit_code) == ("handled", None)
    assert do(session, case_id, Action.SEND_BACK).state == "filed"
    assert stands(session, case_id).stage == "dispatch"
    assert do(session, case_id, Action.DISPATCH, unit_code="QD-E-02").state == "dispatched"
    assert recount(session, case_id).fault is None


def test_what_cannot_be_is_refused_and_changes_nothing(
    session: Session, codes: list[str], case_id: int
) -> None:
    def identify(component: str, reason: str = "seen") -> None:
        identify_case(session, case_id, component=component, reason=reason, actor="li")

    before = cases.show(session, case_id)
    with pytest.raises(InvalidInput, match="needs a reason"):
        identify(codes[0], " ")
    with pytest.raises(InvalidInput, match="cannot be about"):
        identify(codes[2])
    with pytest.raises(UnknownIdentifier):
        identify("3702020137999999")
    assert cases.show(session, case_id) == before
    identify(codes[0])
    with pytest.raises(Conflict, match="already"):
        identify(codes[0])
    close_case(session, case_id)
    with pytest.raises(Conflict, match="was closed"):
        identify(codes[1])
