"""Cases that are locked, and what is appended to them: events, and all that follows from them.

Where a case stands, what is counted and who is told follow in the same transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import by_hand, indicators, queries
from gis_registry.cases.by_hand import Given
from gis_registry.cases.clocks import Clock
from gis_registry.cases.life_cycle import WITH_UNIT
from gis_registry.cases.progress import Happening, Progress, advance
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.catalogue.time_limits import AskedLimit, FoundLimit, find_limits
from gis_registry.errors import InvalidInput, NotFound, Outdated, RegistryError
from gis_registry.notifications.announcing import Notice, announce
from gis_registry.places.working_time import WorkingTime, working_time

#: What a case waits for that is with nobody.
WAITING = LimitStage.DISPATCH


@dataclass(frozen=True)
class _LimitKey:
    """A stage of a case as it is when the stage begins."""

    case_id: int
    stage: LimitStage
    condition: str | None
    class_id: int | None


class Appending:
    """Cases that are locked, and the events that are appended to them."""

    def __init__(self, session: Session, case_ids: set[int], *, at: datetime | None = None) -> None:
        """Lock the cases that there are."""
        self.session = session
        self.places: dict[int, tuple[float, float]] = {}
        self._before: dict[int, Progress] = {}
        for progress, lon, lat in queries.locked_progress(session, case_ids):
            self._before[progress.case_id] = progress
            self.places[progress.case_id] = (lon, lat)
        self.at = at or clock.now()  # once they are locked: what is appended later happened later
        self._now = dict(self._before)
        self._events: list[dict[str, Any]] = []
        self._limits: dict[_LimitKey, FoundLimit | RegistryError | None] = {}
        self._given: list[Given] = []
        self._working_time: WorkingTime | None = None

    def progress(
        self, case_id: int, *, expected_versions: frozenset[int] | None = None
    ) -> Progress:
        """Return where a case stands now.

        Raises:
            NotFound: there is no such case.
            Outdated: it is at none of the versions that are expected.
        """
        if case_id not in self._now:
            raise NotFound(f"There is no case {case_id}.")
        found = self._now[case_id]
        if expected_versions is not None and found.version not in expected_versions:
            expected = " or ".join(map(str, sorted(expected_versions)))
            raise Outdated(
                f"Case {case_id} has changed since: it is at version {found.version}, "
                f"not {expected}. Read it again."
            )
        return found

    @property
    def working_time(self) -> WorkingTime:
        """The city's working time as it is now."""
        if self._working_time is None:
            self._working_time = working_time(self.session)
        return self._working_time

    def find_limits(self, wanted: Sequence[tuple[int, LimitStage, str | None]]) -> None:
        """Find the limits of stages that may begin, all at once.

        Args:
            wanted: case, stage, and the condition that is told; None: as the case has it.
        """
        self._find({self._limit_key(*one) for one in wanted if one[0] in self._now})

    def clock_note(
        self, case_id: int, stage: LimitStage | None, told: str | None = None
    ) -> dict[str, Any]:
        """Return what an event notes of the clock of a stage that begins now; None: no stage.

        Raises:
            InvalidInput: the condition that is told does not exist. One that the case had before,
                and that what it is about now does not know, counts as nothing in particular.
        """
        if stage is None:
            return {"clock": None, "due_at": None}
        return noted(self._begun(case_id, stage, told), self.working_time)

    def _begun(self, case_id: int, stage: LimitStage, told: str | None = None) -> Clock:
        """Return the clock of a stage that begins now."""
        key = self._limit_key(case_id, stage, told)
        self._find({key})
        limit = self._limits[key]
        if isinstance(limit, RegistryError):
            if told is not None:
                raise limit
            key = replace(key, condition=None)
            self._find({key})
            limit = self._limits[key]
            assert not isinstance(limit, RegistryError)  # noqa: S101  there is no condition
        return Clock(stage=stage, began_at=self.at, calendar=self.working_time.version, limit=limit)

    def _limit_key(self, case_id: int, stage: LimitStage, told: str | None) -> "_LimitKey":
        now = self._now[case_id]
        return _LimitKey(case_id, stage, now.condition if told is None else told, now.class_id)

    def _find(self, keys: set["_LimitKey"]) -> None:
        new = [key for key in keys if key not in self._limits]
        if not new:
            return
        on_date = self.at.astimezone(self.working_time.zone).date()
        asked = [
            AskedLimit(
                one.stage,
                self._now[one.case_id].matter_type_id,
                one.class_id,
                one.condition,
                on_date,
            )
            for one in new
        ]
        try:
            self._limits |= dict(zip(new, find_limits(self.session, asked), strict=True))
        except InvalidInput as error:  # one of the conditions is unknown: who named it is told
            if len(new) == 1:
                self._limits[new[0]] = error
                return
            for one in new:
                self._find({one})

    def append(
        self,
        case_id: int,
        kind: CaseEventKind,
        note: Mapping[str, Any],
        *,
        actor: str,
        report_id: int | None = None,
    ) -> None:
        """Append an event to a case."""
        before = self.progress(case_id)
        event = Happening(before.version + 1, kind, self.at, note)
        self._now[case_id] = advance(before, event)
        self._events.append(event_row(before.key, event, actor=actor, report_id=report_id))

    def hand_over(
        self,
        case_id: int,
        kind: CaseEventKind,
        unit_code: str | None,
        note: Mapping[str, Any],
        *,
        actor: str,
    ) -> None:
        """Append an event by which a case comes to another unit, or to nobody.

        A case that was filed is dispatched to the unit at once; with nobody it waits for that. One
        that is suspended will be, once it is resumed: what another unit had begun does not go on.
        """
        before = self.progress(case_id)
        waits: dict[str, Any] = {}
        if before.state in WITH_UNIT:
            waits = {"state": CaseState.FILED, **self.clock_note(case_id, WAITING)}
        elif before.state is CaseState.SUSPENDED and before.resumes_to in WITH_UNIT:
            waits = {"resumes_to": CaseState.FILED}
            if before.clock:
                why = Clock.model_validate(before.clock).pauses[-1]
                begun = self._begun(case_id, WAITING)
                stopped = begun.paused(self.at, reason=why.reason, actor=why.actor)
                waits |= noted(stopped, self.working_time)
        self.append(case_id, kind, {**note, "unit": unit_code, **waits}, actor=actor)
        if unit_code is not None and self.progress(case_id).state is CaseState.FILED:
            self.dispatch(case_id, actor=actor)

    def dispatch(self, case_id: int, *, actor: str) -> None:
        """Append the event by which a case goes to the unit that it is with."""
        started = self.clock_note(case_id, LimitStage.HANDLING)
        unit = {"unit": self.progress(case_id).unit_code}
        self.append(
            case_id,
            CaseEventKind.DISPATCHED,
            {"state": CaseState.DISPATCHED, **unit, **started},
            actor=actor,
        )

    def give(self, case_id: int, unit_code: str, *, reason: str, actor: str) -> None:
        """Note that somebody decided by hand which unit a case goes to."""
        self._given.append(Given(self.progress(case_id).key, unit_code, reason, actor))

    def write(self) -> None:
        """Write what was appended, and all that follows from it."""
        if not self._events:
            return
        changed = [
            (self._before[case_id], now)
            for case_id, now in self._now.items()
            if now is not self._before[case_id]
        ]
        queries.insert_events(self.session, self._events)
        by_hand.keep(self.session, self._given, self.places, at=self.at)
        queries.update_progress(self.session, [now for _, now in changed])
        indicators.count(self.session, changed)
        announce(self.session, [notice(one, self._now[one["case_id"]]) for one in self._events])
        self._before = dict(self._now)
        self._events, self._given = [], []


def noted(running: Clock, by: WorkingTime) -> dict[str, Any]:
    """Return what an event notes of a clock."""
    due_at = running.due_at(by)
    return {"clock": running.model_dump(mode="json"), "due_at": due_at and due_at.isoformat()}


def event_row(
    case: tuple[str, int], event: Happening, *, actor: str, report_id: int | None
) -> dict[str, Any]:
    """Return the row of an event of a case (division code, number)."""
    return {
        "division_code": case[0],
        "case_id": case[1],
        "sequence": event.sequence,
        "kind": event.kind,
        "happened_at": event.happened_at,
        "actor": actor,
        "report_id": report_id,
        "note": dict(event.note),
    }


#: What is told of a note, beside that something happened.
_TOLD = ("left_s", "late_s", "parent_unit_code")


def notice(event: Mapping[str, Any], progress: Progress) -> Notice:
    """Return what is told of an event, after which a case stands so."""
    return Notice(
        id=f"{event['division_code']}-{event['case_id']}-{event['sequence']}",
        kind=f"case.{event['kind']}",
        case_id=event["case_id"],
        division_code=event["division_code"],
        happened_at=event["happened_at"],
        data={
            "sequence": event["sequence"],
            "actor": event["actor"],
            "state": progress.state,
            "unit_code": progress.unit_code,
            "due_at": progress.due_at.isoformat() if progress.due_at else None,
            **{name: event["note"][name] for name in _TOLD if name in event["note"]},
        },
    )
