"""What cases and their events are called, in Chinese and English, and the life cycle as data."""

from collections.abc import Mapping

from gis_registry.cases.life_cycle import STAGES, STATE_NAMES, TRANSITIONS
from gis_registry.cases.schemas import (
    CaseStateEntry,
    LifeCycle,
    TransitionEntry,
)
from gis_registry.cases.tables import CaseEventKind, CaseState

K = CaseEventKind

#: How events are called.
EVENT_NAMES: Mapping[CaseEventKind, tuple[str, str]] = {
    K.REPORTED: ("上报", "reported"),
    K.JOINED: ("并入上报", "another report joined"),
    K.SEPARATED: ("移出上报", "a report was taken out"),
    K.MERGED: ("并案", "merged into another case"),
    K.ASSIGNED: ("人工指派", "assigned by hand"),
    K.IDENTIFIED: ("认定部件", "component named"),
    K.CHECKED: ("核实", "checked"),
    K.FILED: ("立案", "filed"),
    K.NOT_ACCEPTED: ("不予受理", "not accepted"),
    K.DISPATCHED: ("派遣", "dispatched"),
    K.ACCEPTED: ("接收", "accepted by its unit"),
    K.RETURNED: ("退回重派", "returned by a unit"),
    K.HANDLED: ("处置", "handled"),
    K.SENT_BACK: ("返工", "sent back"),
    K.VERIFIED: ("核查", "verified"),
    K.CLOSED: ("结案", "closed"),
    K.SUSPENDED: ("挂起", "suspended"),
    K.RESUMED: ("恢复", "resumed"),
    K.EXTENSION_ASKED: ("申请延期", "extension asked for"),
    K.EXTENDED: ("延期", "extended"),
    K.EXTENSION_DENIED: ("驳回延期", "extension denied"),
    K.APPEALED: ("申诉", "appealed"),
    K.APPEAL_DECIDED: ("申诉裁定", "appeal decided"),
    K.REOPENED: ("重新立案", "reopened"),
    K.URGED: ("督办", "urged"),
    K.WARNED: ("预警", "warned: soon due"),
    K.OVERDUE: ("超时", "overdue"),
}


def life_cycle() -> LifeCycle:
    """Return the states of a case, and all that can be done with one."""
    return LifeCycle(
        states=[
            CaseStateEntry(state=state, name_zh=names[0], name_en=names[1], stage=STAGES.get(state))
            for state, names in STATE_NAMES.items()
        ],
        transitions=[
            TransitionEntry(
                action=one.action,
                event=one.kind,
                name_zh=one.name_zh,
                name_en=one.name_en,
                hint=one.hint,
                before=[state for state in CaseState if state in one.before],
                after=one.after,
                permissions=list(one.permissions),
                needs=sorted(one.needs),
            )
            for one in TRANSITIONS.values()
        ],
    )
