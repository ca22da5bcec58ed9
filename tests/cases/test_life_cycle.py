"""The life cycle as a whole: whatever people do in whatever order, no case is lost."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from living import (
    DISPATCHER,
    INSPECTOR,
    asked,
    at,
    do,
    events,
    moment,
    open_case,
    stands,
)
from making import CORNER, claim, forget_facts, register
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gis_registry.cases import identifying, returning, service
from gis_registry.cases.changing import AskedChange, change_all
from gis_registry.cases.clocks import Clock
from gis_registry.cases.explaining_deadlines import explain_deadlines
from gis_registry.cases.life_cycle import (
    STAGES,
    TRANSITIONS,
    WITH_UNIT,
    Action,
    Need,
    possible_actions,
)
from gis_registry.cases.progress import Progress
from gis_registry.cases.recounting import recount
from gis_registry.cases.schemas import CaseChange, CaseStatus
from gis_registry.cases.tables import CaseEvent, CaseProgress, CaseState
from gis_registry.cases.watching import watch
from gis_registry.catalogue.tables import LimitStage, LimitUnit
from gis_registry.errors import NotFound, RegistryError
from gis_registry.places import calendar_queries
from gis_registry.places.calendars import working_time
from gis_registry.places.tables import CalendarDay, CalendarVersion
from gis_registry.profile import ProfileDeadlines
from gis_registry.reports.tables import Channel
from gis_registry.roles import Role
from gis_registry.users.service import Actor

pytestmark = pytest.mark.slow

UNITS = ("QD-E-01", "QD-E-02")
ACTORS = [
    DISPATCHER,
    INSPECTOR,
    Actor(name="甲班", role=Role.UNIT, unit_code=UNITS[0]),
    Actor(name="乙班", role=Role.UNIT, unit_code=UNITS[1]),
    Actor(name="读者", role=Role.READER),
    Actor(name="匿名", role=None),
]
MOVES = ("return", "assign", "identify", "join", "merge")
#: What is done with a case where nothing comes between.
THE_WAY = (
    Action.CHECK,
    Action.FILE,
    Action.DISPATCH,
    Action.ACCEPT,
    Action.HANDLE,
    Action.VERIFY,
    Action.RESUME,
    Action.REOPEN,
)
#: What comes between, and would seldom be drawn.
SELDOM = (
    Action.CLOSE,
    Action.NOT_ACCEPT,
    Action.ASK_EXTENSION,
    Action.EXTEND,
    Action.SEND_BACK,
)


def test_every_state_can_be_reached_and_from_every_one_the_end() -> None:
    ways: dict[CaseState, set[CaseState]] = {one: set() for one in CaseState}
    for one in TRANSITIONS.values():
        for before in one.before:
            ways[before].add(one.after or before)
    ways[CaseState.SUSPENDED] |= set(STAGES)  # resumed where it was

    def reached(begin: CaseState) -> set[CaseState]:
        found, new = {begin}, [begin]
        while new:
            new = [there for one in new for there in ways[one] if there not in found]
            found |= set(new)
        return found

    # Merging is done to a case with its last report, not asked for.
    assert reached(CaseState.REPORTED) == set(CaseState) - {CaseState.MERGED}
    for state in CaseState:
        assert state is CaseState.MERGED or CaseState.CLOSED in reached(state)


class Living(RuleBasedStateMachine):
    """Three cases to which anything may happen, in any order and at any time."""

    def __init__(self, session: Session, seen: Counter[str]) -> None:
        super().__init__()
        self.session = session
        self.seen = seen
        self.now = moment("06-08 07:30")

    @initialize(
        channels=st.lists(
            st.sampled_from([Channel.INSPECTOR, Channel.CITIZEN]), min_size=3, max_size=3
        )
    )
    def begin(self, channels: list[Channel]) -> None:
        self.session.execute(delete(CaseProgress))
        self.session.execute(delete(CaseEvent))
        with self.at_work():
            self.numbers = [
                open_case(self.session, place, channel=channel)
                for place, channel in enumerate(channels)
            ]
        self.seen.update(stands(self.session, one).state for one in self.numbers)
        self.histories: dict[int, list[tuple[Any, ...]]] = {one: [] for one in self.numbers}

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with at(self.now):
            yield

    @rule(minutes=st.one_of(st.integers(0, 90), st.integers(0, 6000)))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(
        data=st.data(),
        count=st.integers(1, 4),
    )
    def act(self, data: st.DataObject, count: int) -> None:
        wanted = [self._asked(data) for _ in range(count)]
        stood = {one: stands(self.session, one) for one in self.numbers}
        with self.at_work():
            found = change_all(self.session, wanted)
        for one, result in zip(wanted, found, strict=True):
            before = stood.get(one.case_id)
            if before is None:
                assert isinstance(result, NotFound)
            elif isinstance(result, CaseStatus):
                assert before.state in TRANSITIONS[one.action].before
                assert result.version > before.version
                self.seen[one.action] += 1
                self.seen[result.state] += 1
                stood[one.case_id] = replace(
                    before, version=result.version, state=CaseState(result.state)
                )
        for number in self.numbers:
            now = stands(self.session, number)
            assert (now.version, now.state) == (stood[number].version, stood[number].state)

    @rule(data=st.data(), steps=st.integers(1, 6))
    def go_on(self, data: st.DataObject, steps: int) -> None:
        number = data.draw(st.sampled_from(self.numbers))
        for _ in range(steps):
            possible = possible_actions(stands(self.session, number))
            action = next((one for one in THE_WAY if one in possible), None)
            if action is None:
                break
            said = {"unit_code": UNITS[0]} if action is Action.DISPATCH else {}
            self._do(number, action, **said)

    @rule()
    def answer(self) -> None:
        for number in self.numbers:
            for action in possible_actions(stands(self.session, number)):
                if TRANSITIONS[action].answers:
                    self._do(number, action)

    @rule(data=st.data(), action=st.sampled_from(SELDOM))
    def turn(self, data: st.DataObject, action: Action) -> None:
        number = data.draw(st.sampled_from(self.numbers))
        if action in possible_actions(stands(self.session, number)):
            self._do(number, action)
            if action is Action.ASK_EXTENSION and data.draw(st.booleans()):
                self._do(number, Action.DENY_EXTENSION)

    def _do(self, number: int, action: Action, **said: object) -> None:
        with self.at_work():
            found = do(self.session, number, action, **said)
        self.seen[action] += 1
        self.seen[found.state] += 1

    def _asked(self, data: st.DataObject) -> AskedChange:
        number = data.draw(st.sampled_from([*self.numbers, 987654321]))
        action = data.draw(st.sampled_from(Action))
        if number in self.numbers and data.draw(st.integers(0, 4)):  # what can be done, mostly
            possible = possible_actions(stands(self.session, number))
            going_on = [one for one in possible if one is not Action.CLOSE]
            action = data.draw(
                st.sampled_from(going_on if data.draw(st.integers(0, 7)) else possible)
            )
        actor = data.draw(st.one_of(st.just(DISPATCHER), st.sampled_from(ACTORS)))
        said: dict[str, object] = {}
        if data.draw(st.integers(0, 4)) == 0:
            said["condition"] = data.draw(st.sampled_from(["unlit", "fallen", "nonsense"]))
        if Need.UNIT in TRANSITIONS[action].needs or data.draw(st.integers(0, 9)) == 0:
            said["unit_code"] = data.draw(st.sampled_from([*UNITS, "nobody"]))
        if data.draw(st.integers(0, 9)) == 0:
            said["reason"] = ""
        if action in (Action.EXTEND, Action.ASK_EXTENSION):
            said |= {
                "amount": data.draw(st.integers(1, 9)),
                "unit": data.draw(st.sampled_from(LimitUnit)),
            }
        if number not in self.numbers:
            return AskedChange(number, action, actor, CaseChange(reason="无此案件"))
        one = asked(self.session, number, action, actor, **said)
        if data.draw(st.integers(0, 9)) == 0:
            versions = data.draw(st.frozensets(st.integers(1, 9), max_size=2))
            one = AskedChange(one.case_id, action, actor, one.change, versions)
        return one

    @rule(data=st.data(), what=st.sampled_from(MOVES))
    def move(self, data: st.DataObject, what: str) -> None:
        number = data.draw(st.sampled_from(self.numbers))
        before = stands(self.session, number)
        unit = data.draw(st.sampled_from(UNITS))
        try:
            with self.at_work(), self.session.begin_nested():
                match what:
                    case "return":
                        unit = before.unit_code or unit
                        returning.return_case(
                            self.session, number, unit_code=unit, reason="不归我们", actor="甲"
                        )
                    case "assign":
                        returning.assign_case(
                            self.session, number, unit_code=unit, reason="现场", actor="甲"
                        )
                    case "identify":
                        code = data.draw(st.sampled_from(self.codes))
                        identifying.identify_case(
                            self.session, number, component=code, reason="现场", actor="甲"
                        )
                    case "merge" if before.is_open and number != self.numbers[0]:
                        service.merge(
                            self.session, number, self.numbers[0], actor="甲", reason="同"
                        )
                    case "merge":
                        return
                    case _:
                        service.join(
                            self.session,
                            [service.Joining(before.division_code, number, 1, "甲")],
                        )
        except RegistryError:
            assert stands(self.session, number) == before
        else:
            self.seen[what] += 1

    @rule(minutes=st.integers(0, 3000))
    def look(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        with self.at_work():
            done = watch(self.session, ProfileDeadlines())
        self.seen["watched"] += done.warned + done.overdue + done.urged

    @rule(day=st.integers(0, 20))
    def change_the_calendar(self, day: int) -> None:
        calendar_queries.hold_versions(self.session)
        before = self.session.scalars(
            select(CalendarVersion).order_by(CalendarVersion.id.desc()).limit(1)
        ).one()
        new = CalendarVersion(
            time_zone=before.time_zone, hours=before.hours, source="test", actor="test"
        )
        on_date = date(2026, 6, 8) + timedelta(days=day)
        holiday = CalendarDay(on_date=on_date, kind="holiday", name_zh="台风", name_en="Typhoon")
        calendar_queries.add_version(self.session, new, [holiday])

    @invariant()
    def nothing_is_lost(self) -> None:
        for number in getattr(self, "numbers", ()):
            found = recount(self.session, number)
            assert found.fault is None
            progress = found.counted
            happened = [
                (one.sequence, one.kind, one.happened_at, one.actor, one.note)
                for one in events(self.session, number)
            ]
            known = self.histories[number]
            assert happened[: len(known)] == known  # appended, never edited
            assert len(happened) == progress.version
            self.histories[number] = happened
            self._require_sense(progress, [one[1] for one in happened])

    def _require_sense(self, progress: Progress, kinds: list[str]) -> None:
        running = Clock.model_validate(progress.clock) if progress.clock else None
        assert (progress.ended_at is not None) == (not progress.is_open)
        if progress.state in WITH_UNIT:
            assert progress.unit_code is not None
        if progress.state is CaseState.SUSPENDED:
            assert progress.resumes_to is not None
            assert running is not None
            *earlier, pause = running.pauses
            assert pause.ended_at is None
            # Nothing becomes due; what was due before stays so.
            before = running.model_copy(update={"pauses": tuple(earlier)})
            was_due = before.due_at(working_time(self.session, version=running.calendar))
            is_late = was_due is not None and was_due <= pause.began_at
            assert progress.due_at == (was_due if is_late else None)
        elif progress.is_open:
            assert running is not None
            assert running.stage == progress.stage
            stages = {STAGES[progress.state]}
            if progress.state is CaseState.REPORTED:  # what an inspector reports is checked
                stages.add(LimitStage.FILING)
            assert progress.stage in stages
            assert all(one.ended_at is not None for one in running.pauses)
            assert (progress.due_at is None) == (running.limit is None)
        else:
            assert (running, progress.due_at, progress.stage) == (None, None, None)
        for kind in ("returned", "extended", "urged", "appealed", "reopened", "sent_back"):
            assert getattr(progress, kind) == kinds.count(kind)

    @invariant()
    def every_deadline_is_explained(self) -> None:
        for number in getattr(self, "numbers", ())[:1]:
            with self.at_work():
                told = explain_deadlines(self.session, number)
            assert all(one.is_recomputed_equal for one in told.stages)
            *earlier, last = told.stages
            assert all(one.ended_at is not None for one in earlier)
            stood = stands(self.session, number)
            assert (last.ended_at is None) == stood.is_open
            if stood.is_open:
                assert last.due_at == stood.due_at

    codes: list[str] = []  # noqa: RUF012  hypothesis makes the class


def live(session: Session, *, examples: int, steps: int) -> Counter[str]:
    """Let cases live many lives; return what happened how often."""
    forget_facts(session)
    claim(session, UNITS[0], class_code="0137", division="370202")
    Living.codes = [register(session, *CORNER), register(session, *CORNER, maintainer=UNITS[1])]
    seen: Counter[str] = Counter()
    run_machine(
        lambda: Living(session, seen),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return seen


def test_whatever_is_done_in_whatever_order_no_case_is_lost(session: Session) -> None:
    live(session, examples=8, steps=25)


@pytest.mark.slow
def test_all_that_can_happen_does_and_no_case_is_lost(session: Session) -> None:
    seen = live(session, examples=120, steps=60)
    wanted = {*Action, *CaseState, *MOVES, "watched"} - {CaseState.MERGED}
    assert not {one for one in wanted if not seen[one]}
