"""Cases as those see them who work with them all day: what is due next, and all of one case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import changing, desk_queries, service
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadlines import LedgerEntry
from gis_registry.cases.life_cycle import STAGES, STATE_NAMES, Action
from gis_registry.cases.progress import Progress
from gis_registry.cases.schemas import CaseStatus, CaseSummary
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.catalogue.time_limits import Condition, conditions_of
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places.working_time import working_time
from gis_registry.users.service import Actor

#: What is due within this is due soon.
SOON = timedelta(hours=2)
#: The states of open cases, in the order of their lives.
OPEN_STATES = (*STAGES, CaseState.SUSPENDED)


class Due(StrEnum):
    """When something has to be done."""

    OVERDUE = "overdue"
    SOON = "soon"


class DeskFilter(BaseModel):
    """Which open cases are wanted; what is left out does not matter."""

    state: CaseState | None = None
    stage: LimitStage | None = None
    unit_code: Annotated[str, Field(max_length=100)] | None = None
    division_code: Annotated[str, Field(max_length=20)] | None = None
    due: Due | None = None


@dataclass(frozen=True)
class DeskCounts:
    """How many cases are open in an area or with a unit."""

    count: int
    overdue: int
    soon: int
    by_state: dict[CaseState, int]


@dataclass(frozen=True)
class DeskPage:
    """Some open cases, those due first before others, and where the next ones begin."""

    now: datetime
    cases: Sequence[RowMapping]
    counts: DeskCounts
    next_after: str | None


@dataclass(frozen=True)
class CaseView:
    """Everything of one case.

    ``actions`` is what the actor can do with it now, without deciding on what nobody asked for.
    """

    now: datetime
    summary: CaseSummary
    status: CaseStatus
    progress: Progress
    names: RowMapping
    actions: list[Action]
    clock: Clock | None
    ledger: list[LedgerEntry]
    conditions: list[Condition]


def open_cases(
    session: Session, wanted: DeskFilter, *, after: str | None = None, limit: int = 50
) -> DeskPage:
    """Return open cases by when they are due, those without a limit last.

    Raises:
        InvalidInput: ``after`` is not the ``next_after`` of a page.
    """
    now = clock.now()
    soon = now + SOON
    due_from, due_before = {
        None: (None, None),
        Due.OVERDUE: (None, now),
        Due.SOON: (now, soon),
    }[wanted.due]
    after_due_at, after_case = _place(after)
    rows = desk_queries.open_cases(
        session,
        **wanted.model_dump(exclude={"due"}),
        due_from=due_from,
        due_before=due_before,
        after_due_at=after_due_at,
        after_case=after_case,
        limit=limit + 1,
    )
    scope = {"unit_code": wanted.unit_code, "division_code": wanted.division_code}
    counted = desk_queries.open_counts(session, now=now, soon=soon, **scope)
    return DeskPage(
        now=now,
        cases=rows[:limit],
        counts=DeskCounts(
            count=sum(row["count"] for row in counted),
            overdue=sum(row["overdue"] for row in counted),
            soon=sum(row["soon"] for row in counted),
            by_state={CaseState(row["state"]): row["count"] for row in counted},
        ),
        next_after=_token(rows[limit - 1]) if len(rows) > limit else None,
    )


def show(session: Session, case_id: int, *, actor: Actor) -> CaseView:
    """Return everything of a case, and what the actor can do with it.

    Raises:
        NotFound: there is no such case.
    """
    progress = desk_queries.progress(session, case_id)
    if progress is None:
        raise NotFound(f"There is no case {case_id}.")
    now = clock.now()
    summary = service.show(session, case_id)
    status = changing.status_of(progress, actor)
    running = Clock.model_validate(progress.clock) if progress.clock else None
    ledger = []
    if running is not None and running.limit is not None:
        ledger = running.ledger(working_time(session, version=running.calendar), until=now)
    asked = {
        Action.DECIDE_APPEAL: _is_pending(
            summary, CaseEventKind.APPEALED, CaseEventKind.APPEAL_DECIDED
        ),
        Action.DENY_EXTENSION: _is_pending(
            summary,
            CaseEventKind.EXTENSION_ASKED,
            CaseEventKind.EXTENDED,
            CaseEventKind.EXTENSION_DENIED,
        ),
    }
    return CaseView(
        now=now,
        summary=summary,
        status=status,
        progress=progress,
        names=desk_queries.case_places(session, case_id),
        actions=[one for one in map(Action, status.actions) if asked.get(one, True)],
        clock=running,
        ledger=ledger,
        conditions=conditions_of(
            session,
            progress.matter_type_id,
            progress.class_id,
            now.astimezone(working_time(session).zone).date(),
        ),
    )


def state_name(state: str) -> tuple[str, str]:
    """Return what a state is called in Chinese and English."""
    return STATE_NAMES[CaseState(state)]


def _is_pending(summary: CaseSummary, asked: CaseEventKind, *answers: CaseEventKind) -> bool:
    """Return whether something was asked and has not been answered since."""
    kinds = [one.kind for one in summary.events if one.kind in (asked, *answers)]
    return bool(kinds) and kinds[-1] == asked


def _token(row: RowMapping) -> str:
    due_at = row["due_at"]
    return f"{due_at.isoformat() if due_at else 'infinity'}_{row['id']}"


def _place(after: str | None) -> tuple[str | None, int | None]:
    if after is None:
        return None, None
    due_at, _, case_id = after.rpartition("_")
    try:
        if due_at != "infinity":
            due_at = datetime.fromisoformat(due_at).isoformat()
        return due_at, int(case_id)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("`after` must be what a page before gave.") from error
