"""Reads of units."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

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
