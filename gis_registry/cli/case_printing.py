"""Cases for people who read them in a terminal."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gis_registry import clock
from gis_registry.cases.life_cycle import STATE_NAMES, TRANSITIONS, Action, Need, needs_of
from gis_registry.cases.schemas import CaseEventEntry, CaseStatus, CaseSummary
from gis_registry.cases.tables import ENDED, CaseState
from gis_registry.catalogue.time_limits import amount_words
from gis_registry.cli.output import print_facts, print_table, results

#: What is typed for each need.
TYPED = {
    Need.REASON: "--reason WHY",
    Need.PHOTOS: "--photo FILE",
    Need.POSITION: "--lon LON --lat LAT",
    Need.UNIT: "--unit CODE",
    Need.LIMIT: "--amount N --amount-unit working_hour",
    Need.VERDICT: "--uphold",
}


def print_cases(cases: list[CaseSummary], zone: ZoneInfo) -> None:
    """Print cases, two lines each: in Chinese and in English."""
    print_table(
        ["case", "state", "due", "matter", "responsible"],
        (
            (
                one.id,
                f"{one.state_zh}\n{one.state_en}",
                f"{_minute(one.due_at, zone)}\n{left(one.due_at)}" if one.due_at else "",
                _both(one.matter_name_zh, one.matter_name_en),
                _both(one.unit_name_zh, one.unit_name_en),
            )
            for one in cases
        ),
    )


def print_case(case: CaseSummary, zone: ZoneInfo) -> None:
    """Print a case: what and where, what happened, whose job it is, what can be done next."""
    print_facts(
        [
            ("case", case.id),
            ("state", f"{case.state_zh} {case.state_en}"),
            ("due", f"{_minute(case.due_at, zone)} ({left(case.due_at)})" if case.due_at else None),
            ("matter", f"{case.matter_name_zh} {case.matter_name_en}"),
            ("component", case.component_code),
            ("responsible", _whose(case)),
            ("position", f"{case.lon:.6f}, {case.lat:.6f}"),
        ]
    )
    _heading("经过 What happened")
    for event in case.events:
        when = _minute(event.happened_at, zone)
        results.print(
            f"{event.sequence:>3}  {when}  {event.name_zh} {event.name_en}: {event.actor}"
        )
        for line in _said(event, zone):
            results.print(f"     {line}")
    if case.responsible:
        _heading("责任单位 Whose job it is")
        for sentence in case.responsible.grounds:
            results.print(f"{sentence.zh}\n{sentence.en}")
    _print_actions(case.id, case.actions, unit_code=case.unit_code, state=CaseState(case.state))


def print_status(status: CaseStatus, zone: ZoneInfo) -> None:
    """Print where a case stands, and what can be done next."""
    due = f"{_minute(status.due_at, zone)} ({left(status.due_at)})" if status.due_at else None
    print_facts(
        [
            ("case", status.id),
            ("state", f"{status.state_zh} {status.state_en}"),
            ("due", due),
            ("why then", status.limit.sentence_zh if status.limit and due else None),
            ("", status.limit.sentence_en if status.limit and due else None),
            ("responsible", status.unit_code),
        ]
    )
    _print_actions(
        status.id, status.actions, unit_code=status.unit_code, state=CaseState(status.state)
    )


def print_life_cycle() -> None:
    """Print the table of what can be done with a case."""
    print_table(
        ["action", "what", "when it is", "then it is", "who", "needs"],
        (
            (
                one.action,
                f"{one.name_zh}\n{one.hint}",
                _states(one.before),
                STATE_NAMES[one.after][1] if one.after else "",
                "\n".join(one.permissions),
                "\n".join(sorted(one.needs)),
            )
            for one in TRANSITIONS.values()
        ),
    )


def left(due_at: datetime | None) -> str:
    """Return how long is left, in words."""
    if due_at is None:
        return ""
    remaining = due_at - clock.now()
    return (
        f"{_long(remaining)} left"
        if remaining > timedelta(0)
        else f"overdue by {_long(-remaining)}"
    )


def _long(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 72 * 60 else f"{minutes // 1440} days"


def _minute(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _both(zh: str | None, en: str | None) -> str:
    return "\n".join(one for one in (zh, en) if one)


def _whose(case: CaseSummary) -> str | None:
    if case.unit_code is None:
        return "nobody: a dispatcher names a unit"
    return f"{case.unit_name_zh} {case.unit_name_en} ({case.unit_code})"


def _states(states: frozenset[CaseState]) -> str:
    if states == frozenset(CaseState):
        return "any"
    if states == frozenset(CaseState) - ENDED:
        return "any open one"
    return ", ".join(STATE_NAMES[one][1] for one in CaseState if one in states)


def _heading(text: str) -> None:
    results.print(f"\n{text}", style="bold")


def _said(event: CaseEventEntry, zone: ZoneInfo) -> Iterator[str]:
    """Return what else an event tells, a line each."""
    note = event.note
    told: list[tuple[str, Any]] = [
        ("单位 unit", note.get("unit_code") or note.get("unit")),
        ("部件 component", note.get("component_code")),
        ("情形 condition", note.get("condition")),
        ("并入案件 into case", note.get("merged_into")),
        ("照片 photos", len(note["photos"]) if note.get("photos") else None),
        ("延长 more time", _more(note)),
        ("成立 upheld", {True: "是 yes", False: "否 no"}.get(note.get("is_upheld"))),  # type: ignore[arg-type]
        ("期限 due", _due(note, zone)),
        ("理由 reason", note.get("reason")),
    ]
    return (f"{name}: {value}" for name, value in told if value)


def _more(note: dict[str, Any]) -> str | None:
    return " ".join(amount_words(**note["more"])) if "more" in note else None


def _due(note: dict[str, Any], zone: ZoneInfo) -> str | None:
    return _minute(datetime.fromisoformat(note["due_at"]), zone) if note.get("due_at") else None


def _print_actions(
    case_id: int, actions: list[str], *, unit_code: str | None, state: CaseState
) -> None:
    if not actions:
        return
    _heading("可以做什么 What can be done next")
    for name in actions:
        transition = TRANSITIONS[Action(name)]
        needs = needs_of(transition, state=state, unit_code=unit_code)
        typed = [TYPED[one] for one in Need if one in needs]
        results.print(f"{transition.name_zh} {transition.hint}")
        results.print("  " + " ".join(["gis-registry case", name, str(case_id), *typed]))
