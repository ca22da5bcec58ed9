"""Everything of cases that talks to the database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    and_,
    bindparam,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from gis_registry.cases.progress import FIELDS, Progress, progress_in
from gis_registry.cases.tables import Case, CaseEvent, CaseProgress
from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.adding import add_rows
from gis_registry.db.sql import load_queries
from gis_registry.dispatch.tables import Decision
from gis_registry.units.tables import Unit

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))
_progress = CaseProgress.metadata.tables[CaseProgress.__tablename__]
_UPDATE_PROGRESS = (
    update(_progress)
    .where(
        _progress.c.division_code == bindparam("of_division"),
        _progress.c.case_id == bindparam("of_case"),
    )
    .values({name: bindparam(name) for name in FIELDS})
)
_OF_CASE = and_(CaseProgress.division_code == Case.division_code, CaseProgress.case_id == Case.id)
_BY_DUE = (CaseProgress.due_at.asc().nulls_last(), CaseProgress.case_id)
_RESPONDERS = (
    select(Decision.responders)
    .where(Decision.division_code == Case.division_code, Decision.case_id == Case.id)
    .order_by(Decision.id.desc())
    .limit(1)
    .scalar_subquery()
)
_SUMMARIES = (
    select(
        Case.id,
        Case.division_code,
        Case.component_code,
        Case.opened_at,
        CaseProgress.state,
        CaseProgress.is_open,
        CaseProgress.version,
        CaseProgress.stage,
        CaseProgress.due_at,
        CaseProgress.condition,
        MatterType.code.label("matter_code"),
        MatterType.name_zh.label("matter_name_zh"),
        MatterType.name_en.label("matter_name_en"),
        ComponentClass.code.label("class_code"),
        CaseProgress.unit_code,
        Unit.name_zh.label("unit_name_zh"),
        Unit.name_en.label("unit_name_en"),
        func.coalesce(_RESPONDERS, text("'[]'::jsonb")).label("responders"),
        func.ST_X(Case.geom).label("lon"),
        func.ST_Y(Case.geom).label("lat"),
    )
    .join(CaseProgress, _OF_CASE)
    .outerjoin(MatterType, MatterType.id == Case.matter_type_id)
    .outerjoin(ComponentClass, ComponentClass.id == Case.class_id)
    .outerjoin(Unit, Unit.code == CaseProgress.unit_code)
)


def summary(session: Session, case_id: int) -> RowMapping | None:
    """Return a case with its state and who was nearest; None: there is none of this number."""
    return session.execute(_SUMMARIES.where(Case.id == case_id)).mappings().one_or_none()


def summaries(
    session: Session,
    *,
    only_open: bool = False,
    conditions: Sequence[ColumnElement[bool]] = (),
    limit: int,
) -> Sequence[RowMapping]:
    """Return cases with their state and who was nearest, the newest first."""
    query = _SUMMARIES.where(*conditions).order_by(Case.id.desc()).limit(limit)
    if only_open:
        query = query.where(CaseProgress.is_open)
    return session.execute(query).mappings().all()


def summaries_by_due(
    session: Session, *, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[RowMapping]:
    """Return open cases as :func:`summaries` does, by when they are due, those without limit last.

    They are chosen before anything is joined: what else is said of them is read for one page alone.

    Args:
        session: open transaction.
        conditions: what holds for them, said of :class:`CaseProgress` alone.
        limit: how many at most.
    """
    chosen = (
        select(CaseProgress.division_code, CaseProgress.case_id)
        .where(CaseProgress.is_open, *conditions)
        .order_by(*_BY_DUE)
        .limit(limit)
        .subquery()
    )
    is_chosen = and_(Case.division_code == chosen.c.division_code, Case.id == chosen.c.case_id)
    query = _SUMMARIES.join(chosen, is_chosen).order_by(*_BY_DUE)
    return session.execute(query).mappings().all()


def open_counts(
    session: Session, *, conditions: Sequence[ColumnElement[bool]], now: datetime, soon: datetime
) -> Sequence[RowMapping]:
    """Return by state how many cases are open, how many of them overdue or due soon."""
    due_at = CaseProgress.due_at
    return (
        session.execute(
            select(
                CaseProgress.state,
                func.count().label("count"),
                func.count().filter(due_at < now).label("overdue"),
                func.count().filter(due_at >= now, due_at < soon).label("soon"),
            )
            .where(CaseProgress.is_open, *conditions)
            .group_by(CaseProgress.state)
        )
        .mappings()
        .all()
    )


def described(session: Session, cases: Sequence[tuple[str, int]]) -> dict[int, RowMapping]:
    """Return what people read of cases (division codes, numbers) beside their summaries."""
    values = {"division_codes": [one[0] for one in cases], "case_ids": [one[1] for one in cases]}
    rows = session.execute(_QUERIES["described"], values).mappings()
    return {row["case_id"]: row for row in rows}


def progress(session: Session, case_id: int) -> Progress | None:
    """Return where a case stands; None: there is none of this number."""
    query = select(_progress).select_from(CaseProgress).join(Case, _OF_CASE)
    row = session.execute(query.where(Case.id == case_id)).mappings().one_or_none()
    return None if row is None else progress_in(row)


def numbers(
    session: Session, *, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Sequence[int]:
    """Return the numbers of cases, the oldest first."""
    query = select(Case.id).join(CaseProgress, _OF_CASE).where(*conditions)
    return session.scalars(query.order_by(Case.id).limit(limit)).all()


def ids_by_code(
    session: Session, table: type[ComponentClass] | type[MatterType], code: str
) -> Sequence[int]:
    """Return the numbers of what has a code in any edition."""
    return session.scalars(select(table.id).where(table.code == code)).all()


def subject(session: Session, case_id: int) -> Case | None:
    """Return a case by its number."""
    return session.scalars(select(Case).where(Case.id == case_id)).one_or_none()


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


def insert_cases(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Add cases."""
    add_rows(session, Case, rows)


def insert_decisions(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Add decisions, whose rows name the unit by ``unit_code``."""
    add_rows(session, _QUERIES["insert_decisions"], rows)


def locked_progress(
    session: Session, case_ids: Collection[int]
) -> list[tuple[Progress, float, float]]:
    """Return where cases stand, with their longitude and latitude, and let nobody change them."""
    rows = session.execute(_QUERIES["locked_progress"], {"case_ids": sorted(case_ids)}).mappings()
    return [(progress_in(row), row["lon"], row["lat"]) for row in rows]


def events_since(
    session: Session, since: datetime, limit: int
) -> list[tuple[dict[str, Any], Progress]]:
    """Return events from a moment on, the oldest first, and where their cases stand now."""
    rows = session.execute(_QUERIES["events_since"], {"since": since, "limit": limit}).mappings()
    return [(dict(row), progress_in(row)) for row in rows]


def insert_progress(session: Session, new: Sequence[Progress]) -> None:
    """Add where new cases stand."""
    add_rows(session, CaseProgress, [_row(one) for one in new])


def update_progress(session: Session, changed: Sequence[Progress]) -> None:
    """Write where cases stand now."""
    rows = [
        {**_row(one), "of_division": one.division_code, "of_case": one.case_id} for one in changed
    ]
    session.connection().execute(_UPDATE_PROGRESS, rows)


def insert_events(session: Session, events: Sequence[Mapping[str, object]]) -> None:
    """Add events, whose places are known."""
    add_rows(session, CaseEvent, events)


def unit_codes(session: Session, codes: Collection[str]) -> set[str]:
    """Return which of these codes are those of units."""
    return set(session.scalars(select(Unit.code).where(Unit.code.in_(codes))))


def _row(progress: Progress) -> dict[str, Any]:
    return {name: getattr(progress, name) for name in FIELDS}
