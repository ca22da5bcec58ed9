"""What the page of a case asks for is what the life cycle needs."""

from datetime import UTC, datetime

import pytest

from gis_registry.cases.permitting import actions_of
from gis_registry.cases.progress import Progress
from gis_registry.cases.tables import CaseState
from gis_registry.roles import Role
from gis_registry.users.service import Actor
from gis_registry.web.case_forms import Form, forms_of

DISPATCHER = Actor("李派遣", Role.DISPATCHER)
INSPECTOR = Actor("王巡查", Role.INSPECTOR)
CREW = Actor("赵班长", Role.UNIT, unit_code="U-1")
OTHERS = Actor("钱班长", Role.UNIT, unit_code="U-2")
NOBODYS = Actor("孙班长", Role.UNIT)


def forms(state: CaseState, actor: Actor, unit_code: str | None = "U-1") -> dict[str, Form]:
    progress = Progress("370202", 1, 3, state, datetime(2026, 6, 10, tzinfo=UTC))
    progress = Progress(**{**vars(progress), "unit_code": unit_code, "is_appealed": True})
    actions = actions_of(actor, progress)
    found = forms_of(actions, progress, actor, has_conditions=True)
    return {one.path: one for one in found}


@pytest.mark.parametrize(
    ("state", "actor", "unit_code", "action", "asked"),
    [
        ("handled", INSPECTOR, "U-1", "verify", "photos position! reason"),
        ("handled", DISPATCHER, "U-1", "verify", "photos position reason"),
        ("filed", DISPATCHER, None, "dispatch", "unit_code! condition reason"),
        ("filed", DISPATCHER, "U-1", "dispatch", "unit_code condition reason"),
        ("verified", DISPATCHER, "U-1", "close", "reason"),
        ("handled", DISPATCHER, "U-1", "close", "reason!"),
        ("dispatched", CREW, "U-1", "handle", "photos! position reason"),
        ("in_handling", CREW, "U-1", "ask-extension", "limit! reason!"),
        ("dispatched", CREW, "U-1", "return", "reason!"),
        ("closed", DISPATCHER, "U-1", "decide-appeal", "is_upheld! reason!"),
    ],
)
def test_a_form_asks_for_what_is_needed(
    state: str, actor: Actor, unit_code: str | None, action: str, asked: str
) -> None:
    form = forms(CaseState(state), actor, unit_code)[action]
    assert " ".join(f"{one}{'!' if is_needed else ''}" for one, is_needed in form.fields) == asked


@pytest.mark.parametrize("state", list(CaseState))
def test_what_is_not_theirs_is_not_offered(state: CaseState) -> None:
    assert forms(state, OTHERS) == forms(state, NOBODYS, None) == {}
    assert not {"return", "assign"} & forms(state, INSPECTOR).keys()


@pytest.mark.parametrize("state", [CaseState.HANDLED, CaseState.VERIFIED])
def test_who_has_handled_it_is_not_asked_whether_it_is_theirs(state: CaseState) -> None:
    assert "return" not in forms(state, CREW) | forms(state, DISPATCHER)
    assert "assign" in forms(state, DISPATCHER)
