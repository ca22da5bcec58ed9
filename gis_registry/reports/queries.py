"""Reads of reports."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping, exists, func, select
from sqlalchemy.orm import Session

from gis_registry.cases.tables import Case, CaseEvent, CaseEventKind
from gis_registry.catalogue.tables import MatterType
from gis_registry.db.adding import add_rows
from gis_registry.db.sql import load_queries
from gis_registry.reports.tables import Report

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def lock_client_keys(session: Session, keys: Collection[tuple[str, str]]) -> None:
    """Let others with the same sender and key as one of these wait until the transaction ends.

    Many keys are not locked one by one, since the server keeps room for some thousand locks: their
    senders are, and who sends a single report holds a share of that.
    """
    if len(keys) == 1:
        ((sender, key),) = keys
        values = {"sender": sender, "key": f"{sender}\n{key}"}
        session.execute(_QUERIES["lock_client_key"], values)
        return
    for sender in sorted({sender for sender, _ in keys}):  # in an order that is everybody's
        session.execute(_QUERIES["lock_sender"], {"sender": sender})


_SHOWN = select(
    Report,
    MatterType,
    func.ST_X(Report.geom).label("lon"),
    func.ST_Y(Report.geom).label("lat"),
    exists()
    .where(
        CaseEvent.division_code == Report.case_division_code,
        CaseEvent.case_id == Report.case_id,
        CaseEvent.kind == CaseEventKind.JOINED,
        CaseEvent.report_id == Report.id,
    )
    .label("is_duplicate"),
).join(MatterType, MatterType.id == Report.matter_type_id)


def by_client_keys(session: Session, keys: Collection[tuple[str, str]]) -> Sequence[RowMapping]:
    """Return the reports with these senders and keys, as :func:`report` returns one."""
    senders, client_keys = ([one[n] for one in keys] for n in (0, 1))
    values = {"senders": senders, "client_keys": client_keys}
    ids = session.scalars(_QUERIES["with_client_keys"], values).all()
    if not ids:
        return []
    return session.execute(_SHOWN.where(Report.id.in_(ids))).mappings().all()


def report(session: Session, report_id: int) -> RowMapping | None:
    """Return a report (``Report``) with its matter (``MatterType``) and whether it is a duplicate.

    ``lon`` and ``lat`` are degrees in EPSG:4490.
    """
    return session.execute(_SHOWN.where(Report.id == report_id)).mappings().one_or_none()


def next_numbers(session: Session, count: int) -> Sequence[tuple[int, int]]:
    """Take the numbers of so many new reports and of the cases that they may open."""
    rows = session.execute(_QUERIES["next_numbers"], {"count": count})
    return [(report_id, case_id) for report_id, case_id in rows]


def insert_reports(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Keep reports."""
    add_rows(session, Report, rows)


def by_ids(session: Session, ids: Collection[int]) -> Sequence[Report]:
    """Return the reports with these numbers."""
    return session.scalars(select(Report).where(Report.id.in_(ids))).all()


def locked(session: Session, report_id: int) -> Report:
    """Return a report as it is now, and keep others from changing it until this ends."""
    query = select(Report).where(Report.id == report_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def case_of(session: Session, report_id: int) -> tuple[str, int] | None:
    """Return the case (division code, number) of a report."""
    query = select(Report.case_division_code, Report.case_id).where(Report.id == report_id)
    row = session.execute(query).one_or_none()
    return None if row is None else (row[0], row[1])


def count_of_case(session: Session, division_code: str, case_id: int) -> int:
    """Return how many reports a case has."""
    query = select(func.count()).where(
        Report.case_division_code == division_code, Report.case_id == case_id
    )
    return session.scalar(query) or 0


def page(
    session: Session, *, before: int | None, limit: int, case_id: int | None = None
) -> Sequence[RowMapping]:
    """Return reports, the newest first, of all cases or of one."""
    query = (
        select(
            Report.id,
            Report.channel,
            MatterType.code.label("matter_code"),
            MatterType.name_zh.label("matter_name_zh"),
            MatterType.name_en.label("matter_name_en"),
            Report.outcome,
            Report.component_code,
            Report.case_id,
            func.ST_X(Report.geom).label("lon"),
            func.ST_Y(Report.geom).label("lat"),
            Report.reported_at,
        )
        .join(MatterType, MatterType.id == Report.matter_type_id)
        .order_by(Report.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Report.id < before)
    if case_id is not None:
        division_code = select(Case.division_code).where(Case.id == case_id).scalar_subquery()
        query = query.where(Report.case_division_code == division_code, Report.case_id == case_id)
    return session.execute(query).mappings().all()


def service_requests(
    session: Session,
    *,
    ids: list[int] | None = None,
    matter_codes: list[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    states: Sequence[str] | None = None,
    updated_after: datetime | None = None,
    updated_before: datetime | None = None,
    with_events: bool = False,
    limit: int = 1,
    offset: int = 0,
) -> Sequence[RowMapping]:
    """Return reports with the state and the unit of their cases, the newest first.

    What is not given does not count; ``lon`` and ``lat`` are degrees in EPSG:4490.
    """
    values = {
        "ids": ids,
        "matter_codes": matter_codes,
        "since": since,
        "until": until,
        "updated_after": updated_after,
        "updated_before": updated_before,
        "states": None if states is None else list(states),
        "with_events": with_events,
        "limit": limit,
        "offset": offset,
    }
    return session.execute(_QUERIES["service_requests"], values).mappings().all()
