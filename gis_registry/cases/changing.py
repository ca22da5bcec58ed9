"""Changing cases: what is asked is checked against the life cycle, and done for many at once.

Cases are locked while they are changed, so that of two who do the same the second is refused.
Events are appended; where the case stands, what is counted and who is told follow in the same
transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyproj import Geod
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import indicators, queries
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadlines import Limit
from gis_registry.cases.life_cycle import (
    STAGES,
    STATE_NAMES,
    TRANSITIONS,
    Action,
    Need,
    Transition,
    possible_actions,
)
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
    NotPermitted,
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
_GEOD = Geod(ellps="GRS80")
_DISPATCHED_AT_ONCE = frozenset({Action.FILE, Action.REOPEN})


@dataclass(frozen=True)
class AskedChange:
    """Something to be done with a case, by whom, and what goes with it."""

    case_id: int
    action: Action
    actor: Actor
    change: CaseChange = field(default_factory=CaseChange)
    expected_version: int | None = None


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


def actions_of(
    actor: Actor | None, case_id: int, state: CaseState, unit_code: str | None
) -> list[Action]:
    """Return what somebody can do with a case that is in a state and with a unit."""
    if actor is None:
        return []
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
    """Return why a case is not for somebody to handle: it is with a unit that is not theirs."""
    if actor.may(Permission.DISPATCH):
        return None
    if actor.unit_code is not None and actor.unit_code == unit_code:
        return None
    mine = f"of unit {actor.unit_code}" if actor.unit_code else "of no unit"
    return NotPermitted(f"Case {case_id} is with {unit_code or 'no unit'}; you are {mine}.")


class Appending:
    """Cases that are locked, and the events that are appended to them."""

    def __init__(self, session: Session, case_ids: set[int], *, at: datetime | None = None) -> None:
        """Lock the cases that there are."""
        self.session = session
        self.at = at or clock.now()
        self.places: dict[int, tuple[float, float]] = {}
        self._before: dict[int, Progress] = {}
        for progress, lon, lat in queries.locked_progress(session, case_ids):
            self._before[progress.case_id] = progress
            self.places[progress.case_id] = (lon, lat)
        self._now = dict(self._before)
        self._events: list[dict[str, Any]] = []
        self._limits: dict[tuple[int, LimitStage, str | None], FoundLimit | RegistryError | None]
        self._limits = {}
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
        """Find the limits of stages (case, stage, condition) that may begin, all at once."""
        asked = {
            key: AskedLimit(
                key[1],
                self._now[key[0]].matter_type_id,
                self._now[key[0]].class_id,
                key[2],
                self.at.astimezone(self.working_time.zone).date(),
            )
            for one in wanted
            if one[0] in self._now and (key := self._with_condition(*one)) not in self._limits
        }
        if not asked:
            return
        try:
            found = find_limits(self.session, list(asked.values()))
            self._limits |= dict(zip(asked, found, strict=True))
        except InvalidInput as error:  # one of the conditions is unknown: who named it is told
            if len(asked) == 1:
                self._limits |= dict.fromkeys(asked, error)
                return
            for one in asked:
                self.find_limits([one])

    def _with_condition(
        self, case_id: int, stage: LimitStage, condition: str | None
    ) -> tuple[int, LimitStage, str | None]:
        return case_id, stage, self._now[case_id].condition if condition is None else condition

    def clock_note(
        self, case_id: int, stage: LimitStage | None, condition: str | None = None
    ) -> dict[str, Any]:
        """Return what an event notes of the clock of a stage that begins now; None: no stage."""
        if stage is None:
            return {"clock": None, "due_at": None}
        self.find_limits([(case_id, stage, condition)])
        limit = self._limits[self._with_condition(case_id, stage, condition)]
        if isinstance(limit, RegistryError):
            raise limit
        begun = Clock(
            stage=stage, began_at=self.at, calendar=self.working_time.version, limit=limit
        )
        return noted(begun, self.working_time)

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
        was_sent = state in (CaseState.DISPATCHED, CaseState.IN_HANDLING)
        waits = {"state": CaseState.FILED, **self.clock_note(case_id, LimitStage.DISPATCH)}
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
        queries.update_progress(self.session, [now for _, now in changed])
        indicators.count(self.session, changed)
        announce(self.session, [notice(one, self._now[one["case_id"]]) for one in self._events])
        self._before = dict(self._now)
        self._events = []


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
        if distance_m > _AT_THE_SCENE_M + position.accuracy_m:
            raise InvalidInput(
                f"You were {distance_m:,.0f} m from case {progress.case_id}: to "
                f"{self.transition.name_en} it, be within {_AT_THE_SCENE_M:.0f} m of it."
            )

    def _said(self) -> dict[str, Any]:
        return self.asked.change.model_dump(mode="json", exclude_defaults=True)

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
                resumed = running and running.resumed(work.at)
                return {"state": progress.resumes_to, **self._noted(resumed)}
            case Action.EXTEND if change.amount is not None and change.unit is not None:
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
        },
    )
