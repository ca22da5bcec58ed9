"""What the page of a case asks for before something is done with it, as the life cycle has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gis_registry.cases.life_cycle import (
    TRANSITIONS,
    Action,
    Need,
    Transition,
    is_returnable,
    needs_of,
)
from gis_registry.cases.permitting import not_theirs
from gis_registry.cases.progress import Progress
from gis_registry.cases.tables import CaseState
from gis_registry.roles import Permission
from gis_registry.users.service import Actor
from gis_registry.web import case_wording
from gis_registry.web.case_wording import Words


class Field(StrEnum):
    """Something that a form asks for, in the order in which it does."""

    UNIT = "unit_code"
    VERDICT = "is_upheld"
    LIMIT = "limit"
    PHOTOS = "photos"
    POSITION = "position"
    CONDITION = "condition"
    REASON = "reason"


@dataclass(frozen=True)
class Form:
    """A button and what it asks for; ``is_next`` is what a case waits for."""

    path: str
    name: Words
    hint: Words
    fields: Sequence[tuple[Field, bool]]
    is_next: bool = False


_FIELDS = {
    Need.REASON: Field.REASON,
    Need.PHOTOS: Field.PHOTOS,
    Need.POSITION: Field.POSITION,
    Need.UNIT: Field.UNIT,
    Need.LIMIT: Field.LIMIT,
    Need.VERDICT: Field.VERDICT,
    Need.CONDITION: Field.CONDITION,
}
#: What a case waits for in a state.
_NEXT = {
    CaseState.REPORTED: (Action.FILE, Action.CHECK, Action.NOT_ACCEPT),
    CaseState.CHECKED: (Action.FILE, Action.NOT_ACCEPT),
    CaseState.FILED: (Action.DISPATCH,),
    CaseState.DISPATCHED: (Action.ACCEPT, Action.HANDLE),
    CaseState.IN_HANDLING: (Action.HANDLE,),
    CaseState.HANDLED: (Action.VERIFY, Action.SEND_BACK),
    CaseState.VERIFIED: (Action.CLOSE, Action.SEND_BACK),
    CaseState.SUSPENDED: (Action.RESUME,),
}


def forms_of(
    actions: Sequence[Action], progress: Progress, actor: Actor, *, has_conditions: bool
) -> list[Form]:
    """Return what somebody can do with a case, what it waits for first."""
    waits_for = list(_NEXT.get(progress.state, ()))
    if Action.DENY_EXTENSION in actions:
        waits_for += [Action.EXTEND, Action.DENY_EXTENSION]
    if Action.DECIDE_APPEAL in actions:
        waits_for.append(Action.DECIDE_APPEAL)
    ordered = [one for one in waits_for if one in actions]
    ordered += [one for one in actions if one not in ordered]
    forms = [
        Form(
            path=one.action,
            name=(one.name_zh, one.name_en),
            hint=(one.hint_zh, one.hint),
            fields=_fields(one, progress, actor, has_conditions=has_conditions),
            is_next=one.action in waits_for,
        )
        for one in map(TRANSITIONS.__getitem__, ordered)
    ]
    return forms + _hand_overs(progress, actor)


def _fields(
    transition: Transition, progress: Progress, actor: Actor, *, has_conditions: bool
) -> list[tuple[Field, bool]]:
    """Return what a form asks for, and whether it cannot do without."""
    needed = needs_of(
        transition,
        state=progress.state,
        unit_code=progress.unit_code,
        may_dispatch=actor.may(Permission.DISPATCH),
    )
    shown = needed | transition.needs | transition.takes | {Need.REASON}
    if not has_conditions:
        shown -= {Need.CONDITION}
    fields = {_FIELDS[one]: one in needed for one in shown}
    return [(one, fields[one]) for one in Field if one in fields]


def _hand_overs(progress: Progress, actor: Actor) -> list[Form]:
    if not progress.is_open:
        return []
    forms = []
    needed = [(Field.REASON, True)]
    may_handle = actor.may(Permission.DISPATCH) or actor.may(Permission.HANDLE)
    is_theirs = not_theirs(actor, progress.case_id, progress.unit_code) is None
    has_unit = progress.unit_code is not None and is_returnable(progress)
    if has_unit and may_handle and is_theirs:
        forms.append(Form("return", *case_wording.RETURN, needed))
    if actor.may(Permission.DISPATCH):
        forms.append(Form("assign", *case_wording.ASSIGN, [(Field.UNIT, True), *needed]))
    return forms
