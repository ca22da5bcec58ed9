"""Reads of units."""

from collections.abc import Collection, Sequence

from sqlalchemy import RowMapping, func, select
from sqlalchemy.orm import Session, aliased

from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.places.tables import Division
from gis_registry.units.tables import Responder, Responsibility, Unit, UnitKind


def units(session: Session, *, kind: UnitKind | None = None) -> Sequence[Unit]:
    """Return units by code."""
    query = select(Unit).order_by(Unit.code)
    if kind is not None:
        query = query.where(Unit.kind == kind)
    return session.scalars(query).all()


def unit_ids(session: Session, codes: Collection[str] | None = None) -> dict[str, int]:
    """Return the ids of units by their codes: of these, or of every unit."""
    query = select(Unit.code, Unit.id)
    if codes is not None:
        query = query.where(Unit.code.in_(codes))
    return {row.code: row.id for row in session.execute(query)}


def responsibilities(session: Session, *, unit_code: str) -> Sequence[RowMapping]:
    """Return what a unit is, was or will be responsible for, by the day from which it holds."""
    return (
        session.execute(
            select(
                Responsibility.role,
                Responsibility.component_code,
                ComponentClass.code.label("class_code"),
                ComponentClass.name_zh.label("class_name_zh"),
                ComponentClass.name_en.label("class_name_en"),
                MatterType.code.label("matter_code"),
                MatterType.name_zh.label("matter_name_zh"),
                MatterType.name_en.label("matter_name_en"),
                Responsibility.division_code,
                Division.name_zh.label("division_name_zh"),
                Division.name_en.label("division_name_en"),
                Responsibility.valid_from,
                Responsibility.valid_to,
                Responsibility.note,
            )
            .join(Unit, Unit.id == Responsibility.unit_id)
            .outerjoin(ComponentClass, ComponentClass.id == Responsibility.class_id)
            .outerjoin(MatterType, MatterType.id == Responsibility.matter_type_id)
            .outerjoin(Division, Division.code == Responsibility.division_code)
            .where(Unit.code == unit_code)
            .order_by(Responsibility.valid_from, Responsibility.id)
        )
        .mappings()
        .all()
    )


def unit_rows(
    session: Session, *, code: str | None = None, kind: UnitKind | None = None
) -> Sequence[RowMapping]:
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
    if code is not None:
        query = query.where(Unit.code == code)
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
