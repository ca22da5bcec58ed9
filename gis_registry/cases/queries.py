"""Everything of cases that talks to the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Insert, RowMapping, bindparam, select
from sqlalchemy import insert as insert_into
from sqlalchemy.orm import Session

from gis_registry.cases.tables import Case, CaseEvent
from gis_registry.db.base import Base
from gis_registry.db.sql import load_queries
from gis_registry.dispatch.tables import Decision
from gis_registry.units.tables import Unit

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
# Run for every report: made once, since to make a statement takes longer than to run it.
_INSERT: dict[type[Base], Insert] = {
    table: insert_into(table.metadata.tables[table.__tablename__]) for table in (Case, CaseEvent)
}
_INSERT_DECISIONS = insert_into(Decision.metadata.tables[Decision.__tablename__]).values(
    unit_id=select(Unit.id).where(Unit.code == bindparam("unit_code")).scalar_subquery()
)


def summaries(
    session: Session,
    *,
    case_id: int | None = None,
    only_open: bool = False,
    before: int | None = None,
    limit: int = 1,
) -> Sequence[RowMapping]:
    """Return cases with their state and latest decision, the newest first."""
    values = {"case_id": case_id, "only_open": only_open, "before": before, "limit": limit}
    return session.execute(_QUERIES["summaries"], values).mappings().all()


def locked(session: Session, division_code: str, case_id: int) -> Case:
    """Return a case and keep others from changing it until the transaction ends."""
    return session.get_one(
        Case, {"division_code": division_code, "id": case_id}, with_for_update=True
    )


def events(session: Session, division_code: str, case_id: int) -> Sequence[CaseEvent]:
    """Return what happened to a case, in order."""
    return session.scalars(
        select(CaseEvent)
        .where(CaseEvent.division_code == division_code, CaseEvent.case_id == case_id)
        .order_by(CaseEvent.sequence)
    ).all()


def asked_again(session: Session, division_code: str, case_id: int) -> RowMapping:
    """Return what a case asks of responsibility, as it is reported and as its component is now."""
    values = {"division_code": division_code, "case_id": case_id}
    return session.execute(_QUERIES["asked_again"], values).mappings().one()


def latest_decision(session: Session, division_code: str, case_id: int) -> Decision | None:
    """Return the decision that counts."""
    return session.scalars(
        select(Decision)
        .where(Decision.division_code == division_code, Decision.case_id == case_id)
        .order_by(Decision.id.desc())
        .limit(1)
    ).one_or_none()


def returns(session: Session, *, since: datetime) -> Sequence[RowMapping]:
    """Return how often units returned what since a moment, and how often what followed stands."""
    return session.execute(_QUERIES["returns"], {"since": since}).mappings().all()


def next_id(session: Session) -> int:
    """Take the number of a new case; nobody else gets it."""
    return int(session.scalars(_QUERIES["next_id"]).one())


def insert(session: Session, table: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows to a table of cases."""
    session.execute(_INSERT[table], rows)


def insert_decisions(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Add decisions, whose rows name the unit by ``unit_code``."""
    session.execute(_INSERT_DECISIONS, rows)


def append_events(session: Session, events: Sequence[Mapping[str, object]]) -> None:
    """Add events (without their sequence) to cases, each after the last one of its case.

    The cases are locked until the transaction ends, so that two events never get one place.
    """
    if not events:
        return
    keys = {(str(one["division_code"]), one["case_id"]) for one in events}
    values = {
        "division_codes": [division_code for division_code, _ in sorted(keys)],
        "case_ids": [case_id for _, case_id in sorted(keys)],
    }
    # Two statements: the second sees what was committed while the first waited.
    session.execute(_QUERIES["lock_cases"], values)
    last = {
        row["case_id"]: row["sequence"]
        for row in session.execute(_QUERIES["last_sequences"], values).mappings()
    }
    rows = []
    for one in events:
        last[one["case_id"]] += 1
        rows.append({**one, "sequence": last[one["case_id"]]})
    insert(session, CaseEvent, rows)
