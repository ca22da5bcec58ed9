"""Changing cases: limits by what was found, and what is refused."""

from itertools import count

import pytest
from living import INSPECTOR, change, do
from sqlalchemy.orm import Session

from gis_registry.cases import changing
from gis_registry.cases.changing import AskedChange
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.schemas import CaseChange, CaseStatus, ScenePosition
from gis_registry.catalogue.tables import LimitUnit
from gis_registry.errors import Conflict, InvalidInput
from gis_registry.places.datums import Datum
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.roles import Role
from gis_registry.users.service import Actor

BOSS = Actor("王调度", Role.ADMINISTRATOR)


_steps = count()


def _reported(session: Session) -> int:
    """Report something where nothing was reported before."""
    new = NewReport(lon=120.36 + 0.005 * next(_steps), lat=36.07, matter="0101", accuracy_m=5)
    return reports.submit(session, new, reported_by="李巡查").case_id


def _filed(session: Session, condition: str | None) -> CaseStatus:
    asked = AskedChange(_reported(session), Action.FILE, BOSS, CaseChange(condition=condition))
    return change(session, asked)


def test_what_was_found_decides_the_limit(session: Session) -> None:
    by_condition = {one: _filed(session, one) for one in (None, "missing", "rattling")}
    assert {one.state for one in by_condition.values()} == {"dispatched"}
    limits = {
        condition: (one.limit.amount, one.limit.unit, one.limit.condition_code)
        for condition, one in by_condition.items()
        if one.limit
    }
    assert limits["missing"] == (2, "urgent_hour", "missing")
    assert limits["rattling"] == (2, "working_day", "rattling")
    assert limits[None][2] is None


def test_an_unknown_condition_is_refused_alone(session: Session) -> None:
    asked = [
        AskedChange(_reported(session), Action.FILE, BOSS, CaseChange(condition=condition))
        for condition in ("missing", "haunted", None)
    ]
    found = changing.change_all(session, asked)
    assert [isinstance(one, CaseStatus) for one in found] == [True, False, True]
    assert isinstance(found[1], InvalidInput)
    assert "haunted" in str(found[1])


def test_nobody_is_at_the_scene_where_a_datum_has_no_place(session: Session) -> None:
    nowhere = ScenePosition(lon=-180, lat=-90, datum=Datum.GCJ02)
    with pytest.raises(InvalidInput, match="be within 200 m"):
        do(session, _reported(session), Action.CHECK, INSPECTOR, position=nowhere)


def test_a_stage_is_extended_ten_times_at_most(session: Session) -> None:
    number = _filed(session, None).id
    more = CaseChange(reason="缺配件", amount=1000, unit=LimitUnit.CALENDAR_DAY)
    asked = [AskedChange(number, Action.EXTEND, BOSS, more)] * 12
    found = changing.change_all(session, asked)
    assert [isinstance(one, CaseStatus) for one in found] == [True] * 10 + [False] * 2
    assert isinstance(found[-1], Conflict)
    assert "suspend it" in str(found[-1])


def test_a_stage_is_suspended_a_hundred_times_at_most(session: Session) -> None:
    number = _reported(session)
    suspend = AskedChange(number, Action.SUSPEND, BOSS, CaseChange(reason="等待配件"))
    resume = AskedChange(number, Action.RESUME, BOSS, CaseChange(reason="已到货"))
    found = changing.change_all(session, [suspend, resume] * 100)
    assert all(isinstance(one, CaseStatus) for one in found)
    with pytest.raises(Conflict, match="suspended 100 times in this stage: that is the most"):
        change(session, suspend)
    assert do(session, number, Action.FILE).state in ("filed", "dispatched")
    assert change(session, suspend).state == "suspended"  # another stage, another clock
