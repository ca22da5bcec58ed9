"""The life cycle of a case in one table: what can be done when, by whom, and what it needs.

A case is reported, checked, filed (立案), dispatched, handled, verified and closed. Every row below
is one thing that can be done. Nothing else changes a case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.roles import Permission


class Action(StrEnum):
    """What can be done with a case."""

    CHECK = "check"
    FILE = "file"
    NOT_ACCEPT = "not-accept"
    DISPATCH = "dispatch"
    ACCEPT = "accept"
    HANDLE = "handle"
    SEND_BACK = "send-back"
    VERIFY = "verify"
    CLOSE = "close"
    SUSPEND = "suspend"
    RESUME = "resume"
    ASK_EXTENSION = "ask-extension"
    EXTEND = "extend"
    DENY_EXTENSION = "deny-extension"
    APPEAL = "appeal"
    DECIDE_APPEAL = "decide-appeal"
    REOPEN = "reopen"
    URGE = "urge"


class Need(StrEnum):
    """What an action cannot do without."""

    REASON = "reason"
    PHOTOS = "photos"
    POSITION = "position"
    UNIT = "unit"
    LIMIT = "limit"
    VERDICT = "verdict"


S = CaseState
_OPEN = frozenset(CaseState) - {S.CLOSED, S.NOT_ACCEPTED, S.MERGED}
#: A unit has it, and its limit for handling runs.
WITH_UNIT = frozenset({S.DISPATCHED, S.IN_HANDLING})

#: The stage whose limit runs in a state; a suspended case has none until it is resumed.
STAGES: Mapping[CaseState, LimitStage] = {
    S.REPORTED: LimitStage.CHECKING,
    S.CHECKED: LimitStage.FILING,
    S.FILED: LimitStage.DISPATCH,
    S.DISPATCHED: LimitStage.HANDLING,
    S.IN_HANDLING: LimitStage.HANDLING,
    S.HANDLED: LimitStage.VERIFICATION,
    S.VERIFIED: LimitStage.CLOSING,
}

#: How states are called, in Chinese and English.
STATE_NAMES: Mapping[CaseState, tuple[str, str]] = {
    S.REPORTED: ("已上报", "reported"),
    S.CHECKED: ("已核实", "checked"),
    S.FILED: ("已立案", "filed"),
    S.DISPATCHED: ("已派遣", "dispatched"),
    S.IN_HANDLING: ("处置中", "in handling"),
    S.HANDLED: ("已处置", "handled"),
    S.VERIFIED: ("已核查", "verified"),
    S.CLOSED: ("已结案", "closed"),
    S.NOT_ACCEPTED: ("不予受理", "not accepted"),
    S.SUSPENDED: ("已挂起", "suspended"),
    S.MERGED: ("已并案", "merged"),
}


@dataclass(frozen=True)
class Transition:
    """One thing that can be done with a case.

    Attributes:
        action: what is done.
        kind: the event that says so.
        before: the states in which it can be done.
        after: the state that follows; None: it stays.
        permissions: who does it needs one of these. Who only has ``handle`` must be of the unit
            that the case is with.
        needs: what it cannot do without.
        name_zh: what it is called in Chinese.
        name_en: what it is called in English.
        hint: what it does, for people who see it first.
    """

    action: Action
    kind: CaseEventKind
    before: frozenset[CaseState]
    after: CaseState | None
    permissions: tuple[Permission, ...]
    name_zh: str
    name_en: str
    hint: str
    needs: frozenset[Need] = field(default_factory=frozenset)


_DISPATCH = (Permission.DISPATCH,)
_AT_THE_SCENE = (Permission.DISPATCH, Permission.REPORT)
_UNIT = (Permission.DISPATCH, Permission.HANDLE)
_REASON = frozenset({Need.REASON})
K = CaseEventKind

TRANSITIONS: Mapping[Action, Transition] = {
    one.action: one
    for one in (
        Transition(
            Action.CHECK, K.CHECKED, frozenset({S.REPORTED}), S.CHECKED, _AT_THE_SCENE,
            "核实", "check", "Say that it is as reported.",
        ),
        Transition(
            Action.FILE, K.FILED, frozenset({S.REPORTED, S.CHECKED}), S.FILED, _DISPATCH,
            "立案", "file", "Accept it; it is dispatched at once where its unit is known.",
        ),
        Transition(
            Action.NOT_ACCEPT, K.NOT_ACCEPTED, frozenset({S.REPORTED, S.CHECKED}), S.NOT_ACCEPTED,
            _DISPATCH, "不予受理", "not accept", "Refuse it, with a reason.", _REASON,
        ),
        Transition(
            Action.DISPATCH, K.DISPATCHED, frozenset({S.FILED}), S.DISPATCHED, _DISPATCH,
            "派遣", "dispatch", "Send it to a unit.", frozenset({Need.UNIT}),
        ),
        Transition(
            Action.ACCEPT, K.ACCEPTED, frozenset({S.DISPATCHED}), S.IN_HANDLING, _UNIT,
            "接收", "accept", "Say that the unit has begun.",
        ),
        Transition(
            Action.HANDLE, K.HANDLED, WITH_UNIT, S.HANDLED, _UNIT,
            "处置", "handle", "Say that it is done, with photos.", frozenset({Need.PHOTOS}),
        ),
        Transition(
            Action.SEND_BACK, K.SENT_BACK, frozenset({S.HANDLED, S.VERIFIED}), S.IN_HANDLING,
            _AT_THE_SCENE, "返工", "send back", "Say that it is not good enough.", _REASON,
        ),
        Transition(
            Action.VERIFY, K.VERIFIED, frozenset({S.HANDLED}), S.VERIFIED, _AT_THE_SCENE,
            "核查", "verify", "Say at the scene that it is done.", frozenset({Need.POSITION}),
        ),
        Transition(
            Action.CLOSE, K.CLOSED, _OPEN, S.CLOSED, _DISPATCH,
            "结案", "close", "Close it; before it is verified, with a reason.",
        ),
        Transition(
            Action.SUSPEND, K.SUSPENDED, _OPEN - {S.SUSPENDED}, S.SUSPENDED, _DISPATCH,
            "挂起", "suspend", "Stop its clock, with a reason.", _REASON,
        ),
        Transition(
            Action.RESUME, K.RESUMED, frozenset({S.SUSPENDED}), None, _DISPATCH,
            "恢复", "resume", "Let its clock run again where it stopped.", _REASON,
        ),
        Transition(
            Action.ASK_EXTENSION, K.EXTENSION_ASKED, WITH_UNIT, None, _UNIT,
            "申请延期", "ask for an extension", "Ask for more time.",
            frozenset({Need.REASON, Need.LIMIT}),
        ),
        Transition(
            Action.EXTEND, K.EXTENDED, WITH_UNIT, None, _DISPATCH,
            "延期", "extend", "Grant more time.", frozenset({Need.REASON, Need.LIMIT}),
        ),
        Transition(
            Action.DENY_EXTENSION, K.EXTENSION_DENIED, WITH_UNIT, None, _DISPATCH,
            "驳回延期", "deny an extension", "Deny more time.", _REASON,
        ),
        Transition(
            Action.APPEAL, K.APPEALED, frozenset(CaseState) - {S.REPORTED, S.CHECKED, S.FILED},
            None, _UNIT, "申诉", "appeal", "Object to how the case was judged.", _REASON,
        ),
        Transition(
            Action.DECIDE_APPEAL, K.APPEAL_DECIDED, frozenset(CaseState), None, _DISPATCH,
            "申诉裁定", "decide an appeal", "Uphold an appeal, or reject it.",
            frozenset({Need.REASON, Need.VERDICT}),
        ),
        Transition(
            Action.REOPEN, K.REOPENED, frozenset({S.CLOSED, S.NOT_ACCEPTED}), S.FILED, _DISPATCH,
            "重新立案", "reopen", "Open it again; where its unit is known it is dispatched.",
            _REASON,
        ),
        Transition(
            Action.URGE, K.URGED, frozenset({S.FILED, S.DISPATCHED, S.IN_HANDLING, S.HANDLED}),
            None, _DISPATCH, "督办", "urge", "Urge whoever it is with.", _REASON,
        ),
    )
}  # fmt: skip


def possible_actions(state: CaseState) -> list[Action]:
    """Return what can be done in a state, by somebody or other."""
    return [one.action for one in TRANSITIONS.values() if state in one.before]
