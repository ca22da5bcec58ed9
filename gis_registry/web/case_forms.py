"""What the page of a case asks for before something is done with it.

The life cycle decides; this follows it so that people are asked for what they will be refused
without, and for what is worth having.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gis_registry.cases.life_cycle import TRANSITIONS, Action, Need
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
    is_next: bool
    is_negative: bool = False

    def is_needed(self, field: Field) -> bool:
        """Return whether it cannot do without a field."""
        return (field, True) in self.fields


_NEED_FIELDS = {
    Need.REASON: Field.REASON,
    Need.PHOTOS: Field.PHOTOS,
    Need.POSITION: Field.POSITION,
    Need.UNIT: Field.UNIT,
    Need.LIMIT: Field.LIMIT,
    Need.VERDICT: Field.VERDICT,
}
_WORTH_HAVING = {
    Action.CHECK: {Field.PHOTOS},
    Action.FILE: {Field.CONDITION},
    Action.DISPATCH: {Field.CONDITION},
    Action.HANDLE: {Field.POSITION},
    Action.SEND_BACK: {Field.PHOTOS},
    Action.VERIFY: {Field.PHOTOS},
}
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
_NEGATIVE = (Action.NOT_ACCEPT, Action.SEND_BACK, Action.DENY_EXTENSION)


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
            path=one,
            name=case_wording.action_name(one),
            hint=case_wording.action_hint(one),
            fields=_fields(one, progress, actor, has_conditions=has_conditions),
            is_next=one in waits_for,
            is_negative=one in _NEGATIVE,
        )
        for one in ordered
    ]
    return forms + _hand_overs(progress, actor)


def _fields(
    action: Action, progress: Progress, actor: Actor, *, has_conditions: bool
) -> list[tuple[Field, bool]]:
    needed = {_NEED_FIELDS[one] for one in TRANSITIONS[action].needs}
    if action is Action.CLOSE and progress.state is not CaseState.VERIFIED:
        needed.add(Field.REASON)
    if Field.POSITION in needed and actor.may(Permission.DISPATCH):
        needed.remove(Field.POSITION)  # or a reason: whichever is given
    shown = needed | _WORTH_HAVING.get(action, set()) | {Field.REASON}
    if action is Action.VERIFY:
        shown.add(Field.POSITION)
    if not has_conditions:
        shown.discard(Field.CONDITION)
    return [(one, one in needed) for one in Field if one in shown]


def _hand_overs(progress: Progress, actor: Actor) -> list[Form]:
    if not progress.is_open:
        return []
    forms = []
    needed = [(Field.REASON, True)]
    is_theirs = actor.may(Permission.HANDLE) and actor.unit_code == progress.unit_code
    if progress.unit_code is not None and (actor.may(Permission.DISPATCH) or is_theirs):
        path, zh, en, hint_zh, hint_en = case_wording.RETURN
        forms.append(Form(path, (zh, en), (hint_zh, hint_en), needed, is_next=False))
    if actor.may(Permission.DISPATCH):
        path, zh, en, hint_zh, hint_en = case_wording.ASSIGN
        fields = [(Field.UNIT, True), *needed]
        forms.append(Form(path, (zh, en), (hint_zh, hint_en), fields, is_next=False))
    return forms
