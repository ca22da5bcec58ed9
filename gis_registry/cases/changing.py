"""Changing cases: what is asked is checked against the life cycle, and done for many at once.

Cases are locked while they are changed, so that of two who do the same the second is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyproj import Geod
from sqlalchemy.orm import Session

from gis_registry.cases import queries
from gis_registry.cases.appending import Appending, noted
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadlines import Limit
from gis_registry.cases.life_cycle import (
    STAGES,
    STATE_NAMES,
    TRANSITIONS,
    WITH_UNIT,
    Action,
    Need,
    needs_of,
    possible_actions,
)
from gis_registry.cases.permitting import actions_of, refusal
from gis_registry.cases.progress import Progress
from gis_registry.cases.schemas import CaseChange, CaseStatus
from gis_registry.cases.tables import CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.db import reference
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError
from gis_registry.photos import service as photos
from gis_registry.places.datums import to_cgcs2000
from gis_registry.places.working_time import working_time
from gis_registry.roles import Permission
from gis_registry.users.service import Actor

#: Who verifies must have been as near as this, in metres, beside how exact the position is.
_AT_THE_SCENE_M = 200.0
#: A stage is extended no more often: each deadline is counted again over all that came before.
_MOST_EXTENSIONS = 10
#: Nor suspended more often than this, for the same reason.
_MOST_PAUSES = 100
_GEOD = Geod(ellps="GRS80")
#: A case that is filed by these is dispatched at once where its unit is known.
_DISPATCHED_AT_ONCE = frozenset({Action.FILE, Action.REOPEN, Action.RESUME})


@dataclass(frozen=True)
class AskedChange:
    """Something to be done with a case, by whom, and what goes with it."""

    case_id: int
    action: Action
    actor: Actor
    change: CaseChange = field(default_factory=CaseChange)
    expected_versions: frozenset[int] | None = None


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


def status_of(progress: Progress, actor: Actor) -> CaseStatus:
    """Return where a case stands, and what the actor can do with it now."""
    name_zh, name_en = STATE_NAMES[progress.state]
    actions = actions_of(actor, progress)
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
        now = self.work.progress(progress.case_id)
        unit_code = now.unit_code
        if unit_code is not None and unit_code != progress.unit_code:
            self.work.give(
                progress.case_id,
                unit_code,
                reason=self.asked.change.reason,
                actor=self.asked.actor.name,
            )
        is_filed = now.state is CaseState.FILED and self.asked.action in _DISPATCHED_AT_ONCE
        if is_filed and unit_code is not None:
            self.work.dispatch(progress.case_id, actor=self.asked.actor.name)

    def _require_state(self, progress: Progress) -> None:
        self.work.progress(progress.case_id, expected_versions=self.asked.expected_versions)
        actions = possible_actions(progress)
        if self.asked.action in actions:
            return
        name = self.transition.name_en
        why = f"is {STATE_NAMES[progress.state][1]}, which is no time to {name}"
        if self.transition.answers is not None and progress.state in self.transition.before:
            first = TRANSITIONS[self.transition.answers].name_en
            why = f"waits for no answer: to {name}, somebody has to {first} first"
        possible = ", ".join(actions) or "nothing"
        raise Conflict(f"Case {progress.case_id} {why}; possible now: {possible}.")

    def _require_needs(self, progress: Progress) -> None:
        change, what = self.asked.change, f"Case {progress.case_id}: to {self.transition.name_en},"
        needs = needs_of(
            self.transition,
            state=progress.state,
            unit_code=progress.unit_code,
            may_dispatch=self.asked.actor.may(Permission.DISPATCH),
        )
        if Need.POSITION in self.transition.needs - needs and change.position is None:
            needs |= {Need.REASON}
        given = {
            Need.REASON: bool(change.reason),
            Need.PHOTOS: bool(change.photos),
            Need.POSITION: change.position is not None,
            Need.UNIT: change.unit_code is not None,
            Need.LIMIT: change.amount is not None and change.unit is not None,
            Need.VERDICT: change.is_upheld is not None,
        }
        missing = sorted(one for one in needs if not given[one])
        if missing:
            words = " and ".join(_WORDS[one] for one in missing)
            or_where = " or where you are" if Need.POSITION in self.transition.needs - needs else ""
            raise InvalidInput(f"{what} give {words}{or_where}.")
        self._require_nothing_else(what)
        if change.condition is not None and not _stages_of(self.asked):
            raise InvalidInput(f"{what} name no condition: it is told when a stage begins.")
        unknown = [one for one in change.photos if one not in self.photos]
        if unknown:
            raise InvalidInput(f"There is no photo {unknown[0]}: send it to /api/photos first.")
        if change.unit_code is not None and change.unit_code not in self.units:
            raise NotFound(f"There is no unit {change.unit_code!r}; see `gis-registry units list`.")
        if change.position is not None:
            self._require_scene(progress)

    def _require_nothing_else(self, what: str) -> None:
        """Refuse what would be kept and followed by nothing, as if it had been done."""
        change = self.asked.change
        said = {
            Need.UNIT: change.unit_code is not None,
            Need.LIMIT: change.amount is not None or change.unit is not None,
            Need.VERDICT: change.is_upheld is not None,
        }
        for one in sorted(said.keys() - self.transition.needs):
            if said[one]:
                raise InvalidInput(f"{what} leave out {_NOT_ASKED[one]}: it decides nothing here.")

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
                if running and len(running.pauses) >= _MOST_PAUSES:
                    raise Conflict(
                        f"Case {case_id} was suspended {_MOST_PAUSES} times in this stage: that is "
                        "the most. Let its clock run, or close it with a reason."
                    )
                stopped = running and running.paused(work.at, reason=change.reason, actor=actor)
                return {"state": after, **self._noted(stopped)}
            case Action.RESUME:
                resumed = running and running.resumed(work.at)
                return {"state": progress.resumes_to, **self._noted(resumed)}
            case Action.EXTEND if change.amount is not None and change.unit is not None:
                if running and len(running.extensions) >= _MOST_EXTENSIONS:
                    raise Conflict(
                        f"Case {case_id} was extended {_MOST_EXTENSIONS} times in this stage: "
                        "that is the most. Close it, or suspend it, with a reason."
                    )
                extra = Limit(change.amount, change.unit)
                more = running and running.extended(
                    extra, work.at, reason=change.reason, actor=actor
                )
                return self._noted(more)
        if after is None:
            return {}
        if after in WITH_UNIT and progress.unit_code is None:
            after = CaseState.FILED  # sent back to nobody: it waits to be dispatched
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
_NOT_ASKED = {Need.UNIT: "the unit", Need.LIMIT: "the time", Need.VERDICT: "the verdict"}


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
