"""Changing cases: what is asked is checked against the life cycle, and done for many at once.

Cases are locked while they are changed, so that of two who do the same the second is refused.
Events are appended; where the case stands, what is counted and who is told follow in the same
transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pyproj import Geod
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import by_hand, indicators, queries
from gis_registry.cases.by_hand import Given
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadlines import Limit
from gis_registry.cases.life_cycle import (
    STAGES,
    STATE_NAMES,
    TRANSITIONS,
    WITH_UNIT,
    Action,
    Need,
    possible_actions,
)
from gis_registry.cases.permitting import actions_of, refusal
from gis_registry.cases.progress import Happening, Progress, advance
from gis_registry.cases.schemas import CaseChange, CaseStatus
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.catalogue.time_limits import AskedLimit, FoundLimit, find_limits
from gis_registry.db import reference
from gis_registry.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    Outdated,
    RegistryError,
)
from gis_registry.notifications.announcing import Notice, announce
from gis_registry.photos import service as photos
from gis_registry.places.datums import to_cgcs2000
from gis_registry.places.working_time import WorkingTime, working_time
from gis_registry.roles import Permission
from gis_registry.users.service import Actor

#: Who verifies must have been as near as this, in metres, beside how exact the position is.
_AT_THE_SCENE_M = 200.0
#: A stage is extended no more often: each deadline is counted again over all that came before.
_MOST_EXTENSIONS = 10
_GEOD = Geod(ellps="GRS80")
_DISPATCHED_AT_ONCE = frozenset({Action.FILE, Action.REOPEN})
#: What a case waits for that is with nobody.
_WAITING = LimitStage.DISPATCH


@dataclass(frozen=True)
class AskedChange:
    """Something to be done with a case, by whom, and what goes with it."""

    case_id: int
    action: Action
    actor: Actor
    change: CaseChange = field(default_factory=CaseChange)
    expected_version: int | None = None


@dataclass(frozen=True)
class _LimitKey:
    """A stage of a case as it is when the stage begins."""

    case_id: int
    stage: LimitStage
    condition: str | None
    class_id: int | None


def change(session: Session, asked: AskedChange) -> CaseStatus:
    """Do something with one case; see :func:`change_all`."""
    (found,) = change_all(session, [asked])
    if isinstance(found, RegistryError):
        raise found
    return found


def change_all(
    session: Session, asked: Sequence[AskedChange], *, at: datetime | None = None
) -> list[CaseStatus | RegistryError]:
    """Do something with each of some cases, one after the other; what is refused gets its error.

    Args:
        session: open transaction; the cases are locked until it ends.
        asked: what is to be done; the same case may come several times.
        at: when; now if not given.

    The errors are NotFound (there is no such case), NotPermitted (it is not theirs to do),
    Outdated (it is not as it was read), Conflict (it cannot be done in this state) and
    InvalidInput (something that it needs is missing or wrong).
    """
    with reference.held(session):
        return _change_all(session, asked, at)


def _change_all(
    session: Session, asked: Sequence[AskedChange], at: datetime | None
) -> list[CaseStatus | RegistryError]:
    work = Appending(session, {one.case_id for one in asked}, at=at)
    names = {sha256 for one in asked for sha256 in one.change.photos}
    known_photos = set(photos.find_all(session, names)) if names else set()
    codes = {one.change.unit_code for one in asked if one.change.unit_code}
    known_units = queries.unit_codes(session, codes) if codes else set()
    work.find_limits([stage for one in asked for stage in _stages_of(one)])
    found: list[CaseStatus | RegistryError] = []
    for one in asked:
        try:
            _Step(work, one, known_photos, known_units).take()
            found.append(status_of(work.progress(one.case_id), one.actor))
        except RegistryError as error:
            found.append(error)
    work.write()
    return found


def status_of(progress: Progress, actor: Actor | None = None) -> CaseStatus:
    """Return where a case stands, and what the actor can do with it now."""
    name_zh, name_en = STATE_NAMES[progress.state]
    actions = actions_of(actor, progress.case_id, progress.state, progress.unit_code)
    return CaseStatus(
        id=progress.case_id,
        division_code=progress.division_code,
        version=progress.version,
        state=progress.state,
        state_zh=name_zh,
        state_en=name_en,
        unit_code=progress.unit_code,
        condition=progress.condition,
        stage=progress.stage,
        stage_began_at=progress.stage_began_at,
        due_at=progress.due_at,
        limit=Clock.model_validate(progress.clock).limit if progress.clock else None,
        actions=list(actions),
    )


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

    def progress(self, case_id: int) -> Progress:
        """Return where a case stands now.

        Raises:
            NotFound: there is no such case.
        """
        if case_id not in self._now:
            raise NotFound(f"There is no case {case_id}.")
        return self._now[case_id]

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
        begun = Clock(
            stage=stage, began_at=self.at, calendar=self.working_time.version, limit=limit
        )
        return noted(begun, self.working_time)

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
        self._events.append(
            {
                "division_code": before.division_code,
                "case_id": case_id,
                "sequence": event.sequence,
                "kind": kind,
                "happened_at": self.at,
                "actor": actor,
                "report_id": report_id,
                "note": dict(note),
            }
        )

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

        A case that was filed is dispatched to the unit at once; with nobody it waits for that.
        """
        state = self.progress(case_id).state
        was_sent = state in WITH_UNIT
        waits = {"state": CaseState.FILED, **self.clock_note(case_id, _WAITING)}
        self.append(
            case_id,
            kind,
            {**note, "unit": unit_code, **(waits if was_sent else {})},
            actor=actor,
        )
        if unit_code is not None and (was_sent or state is CaseState.FILED):
            self.dispatch(case_id, actor=actor)

    def dispatch(self, case_id: int, *, actor: str, note: Mapping[str, Any] | None = None) -> None:
        """Append the event by which a case goes to the unit that it is with."""
        started = self.clock_note(case_id, LimitStage.HANDLING)
        unit = {"unit": self.progress(case_id).unit_code}
        self.append(
            case_id,
            CaseEventKind.DISPATCHED,
            {"state": CaseState.DISPATCHED, **unit, **(note or {}), **started},
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


class _Step:
    """One change of one case."""

    def __init__(
        self, work: Appending, asked: AskedChange, photos: set[str], units: set[str]
    ) -> None:
        self.work = work
        self.asked = asked
        self.photos = photos
        self.units = units
        self.transition = TRANSITIONS[asked.action]

    def take(self) -> None:
        """Check it, then append what happens."""
        progress = self.work.progress(self.asked.case_id)
        refused = refusal(self.asked.actor, self.transition, progress.case_id, progress.unit_code)
        if refused is not None:
            raise refused
        self._require_state(progress)
        self._require_needs(progress)
        note = {**self._said(), **self._following(progress)}
        self.work.append(progress.case_id, self.transition.kind, note, actor=self.asked.actor.name)
        unit_code = self.work.progress(progress.case_id).unit_code
        if unit_code is not None and unit_code != progress.unit_code:
            self.work.give(
                progress.case_id,
                unit_code,
                reason=self.asked.change.reason.strip(),
                actor=self.asked.actor.name,
            )
        if self.asked.action in _DISPATCHED_AT_ONCE and unit_code is not None:
            self.work.dispatch(progress.case_id, actor=self.asked.actor.name)

    def _require_state(self, progress: Progress) -> None:
        expected = self.asked.expected_version
        if expected is not None and expected != progress.version:
            raise Outdated(
                f"Case {progress.case_id} has changed since: it is at version {progress.version}, "
                f"not {expected}. Read it again."
            )
        if progress.state not in self.transition.before:
            possible = ", ".join(possible_actions(progress.state)) or "nothing"
            raise Conflict(
                f"Case {progress.case_id} is {STATE_NAMES[progress.state][1]}, so nobody can "
                f"{self.transition.name_en} it; possible now: {possible}."
            )

    def _require_needs(self, progress: Progress) -> None:
        change, needs = self.asked.change, set(self.transition.needs)
        what = f"To {self.transition.name_en} case {progress.case_id}"
        if self.asked.action is Action.CLOSE and progress.state is not CaseState.VERIFIED:
            needs.add(Need.REASON)
        if Need.POSITION in needs and self.asked.actor.may(Permission.DISPATCH):
            needs ^= {Need.POSITION} | ({Need.REASON} if change.position is None else set())
        if Need.UNIT in needs and progress.unit_code is not None:
            needs.remove(Need.UNIT)
        given = {
            Need.REASON: bool(change.reason.strip()),
            Need.PHOTOS: bool(change.photos),
            Need.POSITION: change.position is not None,
            Need.UNIT: change.unit_code is not None,
            Need.LIMIT: change.amount is not None and change.unit is not None,
            Need.VERDICT: change.is_upheld is not None,
        }
        missing = sorted(one for one in needs if not given[one])
        if missing:
            raise InvalidInput(f"{what} give {' and '.join(_WORDS[Need(one)] for one in missing)}.")
        if change.condition is not None and not _stages_of(self.asked):
            raise InvalidInput(f"{what} name no condition: it is told when a stage begins.")
        unknown = [one for one in change.photos if one not in self.photos]
        if unknown:
            raise InvalidInput(f"There is no photo {unknown[0]}: send it to /api/photos first.")
        if change.unit_code is not None and change.unit_code not in self.units:
            raise NotFound(f"There is no unit {change.unit_code!r}; see `gis-registry units list`.")
        if change.position is not None:
            self._require_scene(progress)

    def _require_scene(self, progress: Progress) -> None:
        position = self.asked.change.position
        if position is None or self.transition.action not in (Action.VERIFY, Action.CHECK):
            return
        lon, lat = to_cgcs2000(position.lon, position.lat, position.datum)
        there = self.work.places[progress.case_id]
        distance_m = _GEOD.inv(float(lon), float(lat), *there)[2]
        if not distance_m <= _AT_THE_SCENE_M + position.accuracy_m:  # no number at a pole
            raise InvalidInput(
                f"You were {distance_m:,.0f} m from case {progress.case_id}: to "
                f"{self.transition.name_en} it, be within {_AT_THE_SCENE_M:.0f} m of it."
            )

    def _said(self) -> dict[str, Any]:
        """Return what was said; how much more time stands together, beside the case's unit."""
        said = self.asked.change.model_dump(mode="json", exclude_defaults=True)
        more = {name: said.pop(name) for name in ("amount", "unit") if name in said}
        return {**said, "more": more} if more else said

    def _following(self, progress: Progress) -> dict[str, Any]:
        """Return what follows for the state, the unit and the clock."""
        work, change, case_id = self.work, self.asked.change, progress.case_id
        actor, after = self.asked.actor.name, self.transition.after
        running = Clock.model_validate(progress.clock) if progress.clock else None
        match self.asked.action:
            case Action.DISPATCH:
                unit_code = change.unit_code or progress.unit_code
                started = work.clock_note(case_id, LimitStage.HANDLING, change.condition)
                return {"state": after, "unit": unit_code, **started}
            case Action.ACCEPT:
                return {"state": after}
            case Action.SUSPEND:
                stopped = running and running.paused(work.at, reason=change.reason, actor=actor)
                return {"state": after, **self._noted(stopped)}
            case Action.RESUME:
                if progress.resumes_to in WITH_UNIT and progress.unit_code is None:
                    return {"state": CaseState.FILED, **work.clock_note(case_id, _WAITING)}
                resumed = running and running.resumed(work.at)
                return {"state": progress.resumes_to, **self._noted(resumed)}
            case Action.EXTEND if change.amount is not None and change.unit is not None:
                if running and len(running.extensions) >= _MOST_EXTENSIONS:
                    raise Conflict(
                        f"Case {case_id} was extended {_MOST_EXTENSIONS} times in this stage, which "
                        "is the most: close it, or suspend it, with a reason."
                    )
                extra = Limit(change.amount, change.unit)
                more = running and running.extended(
                    extra, work.at, reason=change.reason, actor=actor
                )
                return self._noted(more)
        if after is None:
            return {}
        return {"state": after, **work.clock_note(case_id, STAGES.get(after), change.condition)}

    def _noted(self, running: Clock | None) -> dict[str, Any]:
        if running is None:
            return {}
        return noted(running, working_time(self.work.session, version=running.calendar))


_WORDS = {
    Need.REASON: "a reason",
    Need.PHOTOS: "at least one photo",
    Need.POSITION: "where you are",
    Need.UNIT: "a unit (none is known to be responsible)",
    Need.LIMIT: "how much more time (amount and unit)",
    Need.VERDICT: "whether it is upheld",
}


def _stages_of(asked: AskedChange) -> list[tuple[int, LimitStage, str | None]]:
    """Return the stages that a change may begin."""
    after = TRANSITIONS[asked.action].after
    condition = asked.change.condition
    wanted = []
    if after is not None and after in STAGES and asked.action is not Action.ACCEPT:
        wanted.append((asked.case_id, STAGES[after], condition))
    if asked.action in _DISPATCHED_AT_ONCE:
        wanted.append((asked.case_id, LimitStage.HANDLING, condition))
    return wanted


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
