"""What is said of the deadlines of a case."""

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from gis_registry.cases.clocks import ClockExtension, ClockPause
from gis_registry.cases.deadlines import LedgerEntry
from gis_registry.catalogue.time_limits import FoundLimit

_SECOND = timedelta(seconds=1)


class LedgerLine(BaseModel):
    """A time that counted as a whole or did not, and why."""

    began_at: datetime
    ended_at: datetime
    is_counted: bool
    reason_zh: str
    reason_en: str
    counted_s: float = Field(description="Seconds that counted until its end")
    left_s: float = Field(description="Seconds left at its end; below zero: how late it was")

    @classmethod
    def of(cls, entry: LedgerEntry) -> "LedgerLine":
        """Return an entry of a ledger as it is said."""
        return cls(
            began_at=entry.began_at,
            ended_at=entry.ended_at,
            is_counted=entry.is_counted,
            reason_zh=entry.reason_zh,
            reason_en=entry.reason_en,
            counted_s=entry.counted / _SECOND,
            left_s=entry.left / _SECOND,
        )


class StageDeadline(BaseModel):
    """A stage that a case went through: by when it had to be done, why, and when it was."""

    number: int = Field(description="Its place among the stages of the case, from 1")
    stage: str = Field(description="checking, filing, dispatch, handling, verification or closing")
    name_zh: str
    name_en: str
    limit: FoundLimit | None = Field(description="With why it is this one; none: no deadline")
    calendar: int = Field(description="Version of the city's calendar by which it counts")
    began_at: datetime
    began_by: str = Field(description="The event that began it")
    began_actor: str
    pauses: list[ClockPause]
    extensions: list[ClockExtension]
    due_at: datetime | None = Field(
        description="As it was noted on the case; empty: no limit, or its clock is stopped"
    )
    recomputed_due_at: datetime | None = Field(
        description="As it comes out now, from the limit and the calendar on the case"
    )
    is_recomputed_equal: bool = Field(description="Whether both are the same, as they must be")
    ended_at: datetime | None = Field(description="Empty: it runs")
    ended_by: str | None = Field(description="The event that ended it")
    ended_actor: str | None
    is_on_time: bool | None = Field(description="Empty: it runs, or it had no deadline")
    left_s: float | None = Field(
        description="Counting seconds left when it was done, or now; below zero: how late it is"
    )
    ledger: list[LedgerLine] = Field(description="What became of all the time, in order")
    next_since: datetime | None = Field(description="Give this as `since` for the next lines")


class CaseDeadlines(BaseModel):
    """The deadlines of a case."""

    case_id: int
    state: str
    at: datetime = Field(description="When this was said; what runs is told until then")
    time_zone: str = Field(description="The zone of the city, in which its days are counted")
    stages: list[StageDeadline] = Field(description="In the order in which they were begun")
