"""Everything of rewards that talks to the database."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import RowMapping, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_update
from sqlalchemy.orm import Session

from gis_registry.db.sql import load_queries
from gis_registry.reports.duplicate_queries import lock_cases
from gis_registry.reports.reward_tables import Reward, RewardEvent, RewardRule, RewardState
from gis_registry.reports.tables import Report

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def claim(
    session: Session, report_id: int, *, zone: str, matter_edition_key: str
) -> RowMapping | None:
    """Return all that the reward of a report depends on."""
    values = {"report_id": report_id, "zone": zone, "matter_edition_key": matter_edition_key}
    return session.execute(_QUERIES["claim"], values).mappings().one_or_none()


def lock_case_of(session: Session, report_id: int) -> tuple[str, int] | None:
    """Let nobody else change the case of a report until the transaction ends; return its key."""
    of_report = select(Report.case_division_code, Report.case_id).where(Report.id == report_id)
    while (case := session.execute(of_report).one_or_none()) is not None:
        attempt = session.begin_nested()
        lock_cases(session, {(case.case_division_code, case.case_id)})
        if session.execute(of_report).one_or_none() == case:
            attempt.commit()
            return case.case_division_code, case.case_id
        attempt.rollback()  # it was moved meanwhile: whoever holds its case may wait for this one
    return None


def lock_account(session: Session, reported_by: str, account: str) -> None:
    """Let nobody else decide about the rewards of an account until the transaction ends."""
    key = func.hashtextextended(f"reward\n{reported_by}\n{account}", 1)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def lost(session: Session, case_division_code: str, case_id: int) -> Sequence[RowMapping]:
    """Return the rewards of a case whose reports were taken out of it (division code, report)."""
    values = {"case_division_code": case_division_code, "case_id": case_id}
    return session.execute(_QUERIES["lost"], values).mappings().all()


def put(session: Session, values: dict[str, object]) -> None:
    """Keep the reward of a report (the columns of ``rewards``) as it is now."""
    statement = insert_or_update(Reward).values(**values, decided_at=func.now())
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[Reward.division_code, Reward.report_id],
            set_={
                name: statement.excluded[name]
                for name in [*values, "decided_at"]
                if name not in ("division_code", "report_id")
            },
        )
    )


def set_state(session: Session, division_code: str, report_id: int, state: RewardState) -> None:
    """Change the state of a reward."""
    reward = session.get_one(
        Reward,
        {"division_code": division_code, "report_id": report_id},
        populate_existing=True,
        with_for_update=True,
    )
    reward.state = state
    reward.decided_at = func.now()  # the database's clock
    session.flush()


def append_event(
    session: Session,
    division_code: str,
    report_id: int,
    *,
    actor: str,
    reason: str | None,
    reference: str | None,
) -> None:
    """Append the state that a reward has now to its events: who decided it, and why."""
    key = (RewardEvent.division_code == division_code, RewardEvent.report_id == report_id)
    last = select(func.coalesce(func.max(RewardEvent.sequence), 0)).where(*key)
    reward = session.execute(
        select(Reward.state, Reward.case_id, Reward.amount_yuan).where(
            Reward.division_code == division_code, Reward.report_id == report_id
        )
    ).one()
    session.execute(
        insert(RewardEvent).values(
            division_code=division_code,
            report_id=report_id,
            sequence=last.scalar_subquery() + 1,
            state=reward.state,
            case_id=reward.case_id,
            amount_yuan=reward.amount_yuan,
            actor=actor,
            reason=reason,
            reference=reference,
        )
    )


def events(session: Session, division_code: str, report_id: int) -> Sequence[RewardEvent]:
    """Return what was decided about the reward of a report, the oldest first."""
    return session.scalars(
        select(RewardEvent)
        .where(RewardEvent.division_code == division_code, RewardEvent.report_id == report_id)
        .order_by(RewardEvent.sequence)
    ).all()


def page(
    session: Session,
    *,
    state: str | None,
    account: str | None,
    since: date | None,
    until: date | None,
    zone: str,
    before: int | None,
    limit: int,
) -> tuple[Sequence[RowMapping], Sequence[RowMapping]]:
    """Return rewards, those of the newest reports first, and the totals of all of them by state.

    The days ``since`` and ``until`` are of the last decision, in the zone, both included.
    """
    values = {"state": state, "account": account, "since": since, "until": until, "zone": zone}
    rows = session.execute(_QUERIES["page"], values | {"before": before, "limit": limit})
    totals = session.execute(_QUERIES["totals"], values)
    return rows.mappings().all(), totals.mappings().all()


def rules(session: Session) -> Sequence[RowMapping]:
    """Return all rules with the codes of what they are for, the most specific first."""
    return session.execute(_QUERIES["rules"]).mappings().all()


def all_rules(session: Session) -> Sequence[RewardRule]:
    """Return all rules."""
    return session.scalars(select(RewardRule)).all()


def sender(session: Session, report_id: int) -> dict[str, object] | None:
    """Return what a report says of its sender; None: there is no such report."""
    row = session.execute(select(Report.sender).where(Report.id == report_id)).one_or_none()
    return None if row is None else dict(row.sender)
