"""Who may do what with a case: by their role, and by the unit that the case is with."""

from gis_registry.cases.life_cycle import TRANSITIONS, Action, Transition, possible_actions
from gis_registry.cases.tables import CaseState
from gis_registry.errors import NotPermitted
from gis_registry.roles import Permission
from gis_registry.users.service import Actor


def actions_of(actor: Actor, case_id: int, state: CaseState, unit_code: str | None) -> list[Action]:
    """Return what somebody can do with a case that is in a state and with a unit."""
    return [
        one
        for one in possible_actions(state)
        if refusal(actor, TRANSITIONS[one], case_id, unit_code) is None
    ]


def refusal(
    actor: Actor, transition: Transition, case_id: int, unit_code: str | None
) -> NotPermitted | None:
    """Return why somebody may not do something with a case that is with a unit; None: they may."""
    if any(actor.may(one) for one in transition.permissions if one is not Permission.HANDLE):
        return None
    if Permission.HANDLE in transition.permissions and actor.may(Permission.HANDLE):
        return not_theirs(actor, case_id, unit_code)
    needed = " or ".join(f"“{one}”" for one in transition.permissions)
    return NotPermitted(
        f"To {transition.name_en} a case needs the permission {needed}; you are {actor.role}."
    )


def not_theirs(actor: Actor, case_id: int, unit_code: str | None) -> NotPermitted | None:
    """Return why a case is not somebody's to handle: it is with a unit that is not theirs."""
    if actor.may(Permission.DISPATCH):
        return None
    if actor.unit_code is not None and actor.unit_code == unit_code:
        return None
    mine = f"of unit {actor.unit_code}" if actor.unit_code else "of no unit"
    return NotPermitted(f"Case {case_id} is with {unit_code or 'no unit'}; you are {mine}.")
