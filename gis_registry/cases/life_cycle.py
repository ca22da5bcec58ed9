"""The life cycle of a case in one table: what can be done when, by whom, and what it needs.

A case is reported, checked, filed (立案), dispatched, handled, verified and closed. Every row below
is one thing that can be done. Nothing else changes a case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gis_registry.cases.progress import Progress
from gis_registry.cases.tables import ENDED, CaseEventKind, CaseState
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
    """What goes with an action, beside who does it."""

    REASON = "reason"
    PHOTOS = "photos"
    POSITION = "position"
    UNIT = "unit"
    LIMIT = "limit"
    VERDICT = "verdict"
    CONDITION = "condition"


S = CaseState
_OPEN = frozenset(CaseState) - ENDED
#: A unit has it, and its limit for handling runs.
WITH_UNIT = frozenset({S.DISPATCHED, S.IN_HANDLING})
#: Its unit can say that it is not theirs: not once they have handled it.
_RETURNABLE = _OPEN - {S.HANDLED, S.VERIFIED}

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
        name_zh: what it is called in Chinese.
        name_en: what it is called in English.
        hint_zh: what it does, in Chinese, for people who see it first.
        hint: what it does, in English.
        needs: what it cannot do without, whoever does it (:func:`needs_of` knows the exceptions).
        takes: what else people are asked for.
        answers: what must have been done and not been answered yet.
    """

    action: Action
    kind: CaseEventKind
    before: frozenset[CaseState]
    after: CaseState | None
    permissions: tuple[Permission, ...]
    name_zh: str
    name_en: str
    hint_zh: str
    hint: str
    needs: frozenset[Need] = frozenset()
    takes: frozenset[Need] = frozenset()
    answers: Action | None = None


_DISPATCH = (Permission.DISPATCH,)
_AT_THE_SCENE = (Permission.DISPATCH, Permission.REPORT)
_UNIT = (Permission.DISPATCH, Permission.HANDLE)
_REASON = frozenset({Need.REASON})
_PHOTOS = frozenset({Need.PHOTOS})
_CONDITION = frozenset({Need.CONDITION})
K = CaseEventKind

TRANSITIONS: Mapping[Action, Transition] = {
    one.action: one
    for one in (
        Transition(
            Action.CHECK, K.CHECKED, frozenset({S.REPORTED}), S.CHECKED, _AT_THE_SCENE,
            "核实", "check", "现场情况与上报一致", "Say that it is as reported.",
            takes=frozenset({Need.PHOTOS, Need.POSITION, Need.CONDITION}),
        ),
        Transition(
            Action.FILE, K.FILED, frozenset({S.REPORTED, S.CHECKED}), S.FILED, _DISPATCH,
            "立案", "file", "受理；责任单位明确的立即派遣",
            "Accept it; it is dispatched at once where its unit is known.", takes=_CONDITION,
        ),
        Transition(
            Action.NOT_ACCEPT, K.NOT_ACCEPTED, frozenset({S.REPORTED, S.CHECKED}), S.NOT_ACCEPTED,
            _DISPATCH, "不予受理", "not accept", "不受理，须说明原因", "Refuse it, with a reason.",
            _REASON,
        ),
        Transition(
            Action.DISPATCH, K.DISPATCHED, frozenset({S.FILED}), S.DISPATCHED, _DISPATCH,
            "派遣", "dispatch", "派给一个单位", "Send it to a unit.", frozenset({Need.UNIT}),
            _CONDITION,
        ),
        Transition(
            Action.ACCEPT, K.ACCEPTED, frozenset({S.DISPATCHED}), S.IN_HANDLING, _UNIT,
            "接收", "accept", "本单位已开始处置", "Say that the unit has begun.",
        ),
        Transition(
            Action.HANDLE, K.HANDLED, WITH_UNIT, S.HANDLED, _UNIT,
            "处置", "handle", "处置完毕，附现场照片", "Say that it is done, with photos.",
            _PHOTOS, frozenset({Need.POSITION}),
        ),
        Transition(
            Action.SEND_BACK, K.SENT_BACK, frozenset({S.HANDLED, S.VERIFIED}), S.IN_HANDLING,
            _AT_THE_SCENE, "返工", "send back", "处置不到位，退回重做",
            "Say that it is not good enough.", _REASON, _PHOTOS | _CONDITION,
        ),
        Transition(
            Action.VERIFY, K.VERIFIED, frozenset({S.HANDLED}), S.VERIFIED, _AT_THE_SCENE,
            "核查", "verify", "在现场确认已处置好", "Say at the scene that it is done.",
            frozenset({Need.POSITION}), _PHOTOS,
        ),
        Transition(
            Action.CLOSE, K.CLOSED, _OPEN, S.CLOSED, _DISPATCH, "结案", "close",
            "办结；核查之前结案须说明原因", "Close it; before it is verified, with a reason.",
        ),
        Transition(
            Action.SUSPEND, K.SUSPENDED, _OPEN - {S.SUSPENDED}, S.SUSPENDED, _DISPATCH,
            "挂起", "suspend", "停止计时，须说明原因", "Stop its clock, with a reason.", _REASON,
        ),
        Transition(
            Action.RESUME, K.RESUMED, frozenset({S.SUSPENDED}), None, _DISPATCH, "恢复", "resume",
            "从停止处继续计时", "Let its clock run again where it stopped.", _REASON,
        ),
        Transition(
            Action.ASK_EXTENSION, K.EXTENSION_ASKED, WITH_UNIT, None, _UNIT,
            "申请延期", "ask for an extension", "申请更多时间", "Ask for more time.",
            frozenset({Need.REASON, Need.LIMIT}),
        ),
        Transition(
            Action.EXTEND, K.EXTENDED, WITH_UNIT, None, _DISPATCH, "延期", "extend",
            "给予更多时间", "Grant more time.", frozenset({Need.REASON, Need.LIMIT}),
        ),
        Transition(
            Action.DENY_EXTENSION, K.EXTENSION_DENIED, WITH_UNIT, None, _DISPATCH,
            "驳回延期", "deny an extension", "不给予更多时间", "Deny more time.", _REASON,
            answers=Action.ASK_EXTENSION,
        ),
        Transition(
            Action.APPEAL, K.APPEALED, frozenset(CaseState) - {S.REPORTED, S.CHECKED, S.FILED},
            None, _UNIT, "申诉", "appeal", "对评判有异议", "Object to how the case was judged.",
            _REASON, _PHOTOS,
        ),
        Transition(
            Action.DECIDE_APPEAL, K.APPEAL_DECIDED, frozenset(CaseState), None, _DISPATCH,
            "申诉裁定", "decide an appeal", "支持或驳回申诉", "Uphold an appeal, or reject it.",
            frozenset({Need.REASON, Need.VERDICT}), answers=Action.APPEAL,
        ),
        Transition(
            Action.REOPEN, K.REOPENED, frozenset({S.CLOSED, S.NOT_ACCEPTED}), S.FILED, _DISPATCH,
            "重新立案", "reopen", "再次立案；责任单位明确的立即派遣",
            "Open it again; where its unit is known it is dispatched.", _REASON, _CONDITION,
        ),
        Transition(
            Action.URGE, K.URGED, frozenset({S.FILED, S.DISPATCHED, S.IN_HANDLING, S.HANDLED}),
            None, _DISPATCH, "督办", "urge", "催办", "Urge whoever it is with.", _REASON,
        ),
    )
}  # fmt: skip


def needs_of(
    transition: Transition, *, state: CaseState, unit_code: str | None, may_dispatch: bool = False
) -> frozenset[Need]:
    """Return what something cannot do without, for a case that is in a state and with a unit.

    A dispatcher need not have been at the scene: they say why instead.
    """
    needs = transition.needs
    if transition.action is Action.CLOSE and state is not CaseState.VERIFIED:
        needs |= _REASON
    if unit_code is not None:
        needs -= {Need.UNIT}
    return needs - {Need.POSITION} if may_dispatch else needs


def is_returnable(progress: Progress) -> bool:
    """Return whether a unit can say of a case as it stands that it is not theirs."""
    return (progress.resumes_to or progress.state) in _RETURNABLE


def possible_actions(progress: Progress) -> list[Action]:
    """Return what can be done with a case as it stands, by somebody or other."""
    waits_for = {
        None: True,
        Action.APPEAL: progress.is_appealed,
        Action.ASK_EXTENSION: progress.is_extension_asked,
    }
    return [
        one.action
        for one in TRANSITIONS.values()
        if progress.state in one.before and waits_for[one.answers]
    ]
