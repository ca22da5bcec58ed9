"""Cases as those see them who work with them all day: what is due next, and all of one case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import changing, listing, queries, service
from gis_registry.cases.clocks import Clock
from gis_registry.cases.deadlines import LedgerEntry
from gis_registry.cases.life_cycle import STAGES, Action
from gis_registry.cases.progress import Progress
from gis_registry.cases.schemas import CaseFilter, CaseOrder, CaseStatus, CaseSummary
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.catalogue.time_limits import Condition
from gis_registry.errors import NotFound
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


@dataclass(frozen=True)
class DeskCounts:
    """How many cases are open in an area or with a unit."""

    count: int
    overdue: int
    soon: int
    by_state: dict[CaseState, int]


@dataclass(frozen=True)
class DeskPage:
    """Some open cases, those due first before others, and where the next ones begin.

    Beside each stands what else people read of it (:func:`gis_registry.cases.queries.described`).
    """

    now: datetime
    cases: Sequence[tuple[CaseSummary, RowMapping]]
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
    described: RowMapping
    actions: list[Action]
    clock: Clock | None
    ledger: list[LedgerEntry]
    conditions: list[Condition]


def open_cases(
    session: Session,
    where: CaseFilter,
    *,
    due: Due | None = None,
    after: str | None = None,
    limit: int = 50,
) -> DeskPage:
    """Return open cases by when they are due, those without a limit last.

    Args:
        session: open transaction.
        where: which are meant.
        due: only those that are overdue, or due soon.
        after: ``next_after`` of the page before.
        limit: how many at most.

    Raises:
        InvalidInput, NotFound: as for :func:`gis_registry.cases.listing.page`.
    """
    now = clock.now()
    soon = now + SOON
    dues: dict[Due | None, dict[str, object]] = {
        None: {},
        Due.OVERDUE: {"overdue": True},
        Due.SOON: {"due_from": now, "due_before": soon},
    }
    wanted = where.model_copy(update=dues[due])
    found = listing.page(session, where=wanted, order=CaseOrder.DUE, after=after, limit=limit)
    described = queries.described(session, [(one.division_code, one.id) for one in found.cases])
    every = CaseFilter(unit=where.unit, division=where.division)
    conditions = listing.conditions_of(session, every)
    counted = queries.open_counts(session, conditions=conditions, now=now, soon=soon)
    return DeskPage(
        now=now,
        cases=[(one, described[one.id]) for one in found.cases],
        counts=DeskCounts(
            count=sum(row["count"] for row in counted),
            overdue=sum(row["overdue"] for row in counted),
            soon=sum(row["soon"] for row in counted),
            by_state={CaseState(row["state"]): row["count"] for row in counted},
        ),
        next_after=found.next_after,
    )


def show(session: Session, case_id: int, *, actor: Actor) -> CaseView:
    """Return everything of a case, and what the actor can do with it.

    Raises:
        NotFound: there is no such case.
    """
    progress = queries.progress(session, case_id)  # before its events: none comes unseen
    if progress is None:
        raise NotFound(f"There is no case {case_id}.")
    now = clock.now()
    summary = service.show(session, case_id)
    status = changing.status_of(progress, actor)
    running = Clock.model_validate(progress.clock) if progress.clock else None
    ledger = []
    if running is not None:
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
        described=queries.described(session, [progress.key])[case_id],
        actions=[one for one in map(Action, status.actions) if asked.get(one, True)],
        clock=running,
        ledger=ledger,
        conditions=service.conditions(session, case_id),
    )


def _is_pending(summary: CaseSummary, asked: CaseEventKind, *answers: CaseEventKind) -> bool:
    """Return whether something was asked and has not been answered since."""
    kinds = [one.kind for one in summary.events if one.kind in (asked, *answers)]
    return bool(kinds) and kinds[-1] == asked
