"""Reads of units."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, func, select
from sqlalchemy.orm import Session, aliased

from gis_registry.units.tables import Responder, Responsibility, Unit, UnitKind


def units(session: Session, *, kind: UnitKind | None = None) -> Sequence[Unit]:
    """Return units by code."""
    query = select(Unit).order_by(Unit.code)
    if kind is not None:
        query = query.where(Unit.kind == kind)
    return session.scalars(query).all()


def unit_ids(session: Session) -> dict[str, int]:
    """Return the id of every unit by its code."""
    return {unit.code: unit.id for unit in session.scalars(select(Unit))}


def unit_id(session: Session, code: str) -> int | None:
    """Return the id of a unit by its code."""
    return session.scalar(select(Unit.id).where(Unit.code == code))


def responsibilities(session: Session, *, unit_id: int) -> Sequence[Responsibility]:
    """Return what a unit is or was responsible for."""
    return session.scalars(
        select(Responsibility)
        .where(Responsibility.unit_id == unit_id)
        .order_by(Responsibility.valid_from, Responsibility.id)
    ).all()


def responders(session: Session, *, only_available: bool = False) -> Sequence[Responder]:
    """Return responders by code."""
    query = select(Responder).order_by(Responder.code)
    if only_available:
        query = query.where(Responder.is_available)
    return session.scalars(query).all()


def unit_rows(session: Session, *, kind: UnitKind | None = None) -> Sequence[RowMapping]:
    """Return units by code, with the code of the one above."""
    parent = aliased(Unit)
    query = (
        select(
            Unit.code,
            parent.code.label("parent_code"),
            Unit.kind,
            Unit.name_zh,
            Unit.name_en,
            Unit.division_code,
            Unit.is_synthetic,
        )
        .outerjoin(parent, parent.id == Unit.parent_id)
        .order_by(Unit.code)
    )
    if kind is not None:
        query = query.where(Unit.kind == kind)
    return session.execute(query).mappings().all()


def responder_rows(
    session: Session,
    *,
    code: str | None = None,
    only_available: bool = False,
    unit_code: str | None = None,
) -> Sequence[RowMapping]:
    """Return responders by code, with their unit's code and where they are."""
    query = (
        select(
            Responder.code,
            Unit.code.label("unit_code"),
            Responder.kind,
            Responder.name_zh,
            Responder.name_en,
            Responder.is_available,
            Responder.is_synthetic,
            func.ST_X(Responder.geom).label("lon"),
            func.ST_Y(Responder.geom).label("lat"),
            Responder.positioned_at,
        )
        .join(Unit, Unit.id == Responder.unit_id)
        .order_by(Responder.code)
    )
    if code is not None:
        query = query.where(Responder.code == code)
    if only_available:
        query = query.where(Responder.is_available)
    if unit_code is not None:
        query = query.where(Unit.code == unit_code)
    return session.execute(query).mappings().all()


def locked_responder(session: Session, code: str) -> Responder | None:
    """Return a responder and keep others from changing it until the transaction ends."""
    return session.scalars(
        select(Responder).where(Responder.code == code).with_for_update()
    ).one_or_none()
