"""The clock of a case: the limit of its stage, copied onto it, with pauses and extensions.

A clock says which version of the city's calendar it counts by. So a deadline stays what it was when
limits or calendars change later, and can be computed again at any time.
"""

from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict

from gis_registry.cases import deadlines
from gis_registry.cases.deadlines import Extension, LedgerEntry, Limit, Pause
from gis_registry.catalogue.tables import LimitStage, LimitUnit
from gis_registry.catalogue.time_limits import FoundLimit
from gis_registry.places.working_time import WorkingTime


class ClockPause(BaseModel):
    """A time that does not count."""

    model_config = ConfigDict(frozen=True)

    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    reason: str
    actor: str


class ClockExtension(BaseModel):
    """More time."""

    model_config = ConfigDict(frozen=True)

    amount: float
    unit: LimitUnit
    granted_at: AwareDatetime
    reason: str
    actor: str


class Clock(BaseModel):
    """What runs since a stage began; without a limit nothing becomes due."""

    model_config = ConfigDict(frozen=True)

    stage: LimitStage
    began_at: AwareDatetime
    calendar: int
    limit: FoundLimit | None
    pauses: tuple[ClockPause, ...] = ()
    extensions: tuple[ClockExtension, ...] = ()

    def due_at(self, working_time: WorkingTime) -> datetime | None:
        """Return when the time is used up; None without a limit, and while it is paused."""
        if self.limit is None:
            return None
        return deadlines.due_at(
            self.began_at,
            Limit(self.limit.amount, LimitUnit(self.limit.unit)),
            working_time,
            pauses=self._pauses(),
            extensions=self._extensions(),
        )

    def ledger(self, working_time: WorkingTime, *, until: datetime) -> list[LedgerEntry]:
        """Return what counted and what did not until a moment; nothing without a limit."""
        if self.limit is None:
            return []
        return deadlines.ledger(
            self.began_at,
            Limit(self.limit.amount, LimitUnit(self.limit.unit)),
            working_time,
            pauses=self._pauses(),
            extensions=self._extensions(),
            until=until,
        )

    @property
    def last_unit(self) -> LimitUnit | None:
        """What counts at the end: the unit of the last extension, or that of the limit."""
        if self.limit is None:
            return None
        return self.extensions[-1].unit if self.extensions else LimitUnit(self.limit.unit)

    def left(self, working_time: WorkingTime, at: datetime) -> timedelta | None:
        """Return how much time is left at a moment; below zero: how late it is. None: no limit."""
        if self.limit is None:
            return None
        entries = self.ledger(working_time, until=at)
        if entries:
            return entries[-1].left
        limit = Limit(self.limit.amount, LimitUnit(self.limit.unit))
        return deadlines.length(limit, working_time, self.began_at)

    def paused(self, at: datetime, *, reason: str, actor: str) -> "Clock":
        """Return it stopped."""
        pause = ClockPause(began_at=at, reason=reason, actor=actor)
        return self.model_copy(update={"pauses": (*self.pauses, pause)})

    def resumed(self, at: datetime) -> "Clock":
        """Return it running again."""
        *earlier, last = self.pauses
        ended = last.model_copy(update={"ended_at": at})
        return self.model_copy(update={"pauses": (*earlier, ended)})

    def extended(self, extra: Limit, at: datetime, *, reason: str, actor: str) -> "Clock":
        """Return it with more time."""
        more = ClockExtension(
            amount=extra.amount, unit=extra.unit, granted_at=at, reason=reason, actor=actor
        )
        return self.model_copy(update={"extensions": (*self.extensions, more)})

    def _pauses(self) -> list[Pause]:
        return [Pause(one.began_at, one.ended_at, one.reason, one.actor) for one in self.pauses]

    def _extensions(self) -> list[Extension]:
        return [
            Extension(Limit(one.amount, one.unit), one.granted_at, one.reason, one.actor)
            for one in self.extensions
        ]
