"""Reads of the catalogue."""

from collections.abc import Collection, Sequence

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session, aliased

from gis_registry.catalogue.tables import (
    ClassCounterpart,
    ComponentClass,
    Edition,
    MatterKind,
    MatterType,
    MatterTypeClass,
)

# Asked for every report: made once, since to make a statement takes longer than to run it.
_MATTER_TYPES_CODED = select(MatterType).where(
    MatterType.edition_key.in_(bindparam("edition_keys", expanding=True)),
    MatterType.code.in_(bindparam("codes", expanding=True)),
)
_CLASSES_OF_MATTERS = (
    select(MatterTypeClass.matter_type_id, ComponentClass)
    .join(ComponentClass, MatterTypeClass.class_id == ComponentClass.id)
    .where(MatterTypeClass.matter_type_id.in_(bindparam("ids", expanding=True)))
    .order_by(ComponentClass.edition_key, ComponentClass.code)
)


def editions(session: Session) -> Sequence[Edition]:
    """Return the editions by key."""
    return session.scalars(select(Edition).order_by(Edition.key)).all()


def classes(
    session: Session, *, edition_key: str | None = None, in_profile: bool = False
) -> Sequence[ComponentClass]:
    """Return component classes by edition and code."""
    query = select(ComponentClass).order_by(ComponentClass.edition_key, ComponentClass.code)
    if edition_key is not None:
        query = query.where(ComponentClass.edition_key == edition_key)
    if in_profile:
        query = query.where(ComponentClass.is_in_profile)
    return session.scalars(query).all()


def class_by_code(session: Session, code: str, edition_key: str) -> ComponentClass | None:
    """Return the class with this code in this edition."""
    return session.scalars(
        select(ComponentClass).where(
            ComponentClass.edition_key == edition_key, ComponentClass.code == code
        )
    ).one_or_none()


def counterparts(session: Session, class_id: int) -> Sequence[ComponentClass]:
    """Return the same kind of thing in the other editions."""
    return session.scalars(
        select(ComponentClass)
        .join(ClassCounterpart, ClassCounterpart.counterpart_id == ComponentClass.id)
        .where(ClassCounterpart.class_id == class_id)
        .order_by(ComponentClass.edition_key, ComponentClass.code)
    ).all()


def counterparts_between(
    session: Session, from_edition: str, to_edition: str
) -> dict[int, list[ComponentClass]]:
    """Return for each class of an edition the same kind of thing in another, by code."""
    other = aliased(ComponentClass)
    rows = session.execute(
        select(ComponentClass.id, other)
        .join(ClassCounterpart, ClassCounterpart.class_id == ComponentClass.id)
        .join(other, other.id == ClassCounterpart.counterpart_id)
        .where(ComponentClass.edition_key == from_edition, other.edition_key == to_edition)
        .order_by(ComponentClass.code, other.code)
    )
    found: dict[int, list[ComponentClass]] = {}
    for class_id, counterpart in rows:
        found.setdefault(class_id, []).append(counterpart)
    return found


def all_counterparts(session: Session) -> dict[int, list[int]]:
    """Return for each class that has any the ids of its counterparts in the other editions."""
    found: dict[int, list[int]] = {}
    query = select(ClassCounterpart.class_id, ClassCounterpart.counterpart_id)
    for class_id, counterpart_id in session.execute(query.order_by(*query.selected_columns)):
        found.setdefault(class_id, []).append(counterpart_id)
    return found


def matter_types(
    session: Session,
    *,
    edition_key: str | None = None,
    kind: MatterKind | None = None,
    in_profile: bool = False,
) -> Sequence[MatterType]:
    """Return matter types by edition, kind and code."""
    query = select(MatterType).order_by(MatterType.edition_key, MatterType.kind, MatterType.code)
    if edition_key is not None:
        query = query.where(MatterType.edition_key == edition_key)
    if kind is not None:
        query = query.where(MatterType.kind == kind)
    if in_profile:
        of_profile = (
            select(MatterTypeClass.matter_type_id)
            .join(ComponentClass, ComponentClass.id == MatterTypeClass.class_id)
            .where(ComponentClass.is_in_profile)
        )
        query = query.where(or_(MatterType.kind == MatterKind.PLACE, MatterType.id.in_(of_profile)))
    return session.scalars(query).all()


def matter_type(
    session: Session, code: str, edition_key: str, kind: MatterKind | None = None
) -> MatterType | None:
    """Return the matter type with this code; without a kind, places come first."""
    query = select(MatterType).where(MatterType.edition_key == edition_key, MatterType.code == code)
    if kind is not None:
        query = query.where(MatterType.kind == kind)
    return session.scalars(query.order_by(MatterType.kind.desc()).limit(1)).one_or_none()


def matter_types_coded(
    session: Session, codes: Collection[str], edition_keys: Collection[str]
) -> Sequence[MatterType]:
    """Return the matter types of some editions that have one of these codes."""
    values = {"codes": list(codes), "edition_keys": list(edition_keys)}
    return session.scalars(_MATTER_TYPES_CODED, values).all()


def classes_of_matter(session: Session, matter_type_id: int) -> Sequence[ComponentClass]:
    """Return the classes of every edition that a component matter can be about."""
    return classes_of_matters(session, [matter_type_id]).get(matter_type_id, [])


def classes_of_matters(
    session: Session, matter_type_ids: Collection[int]
) -> dict[int, list[ComponentClass]]:
    """Return for each matter the classes of every edition that it can be about."""
    found: dict[int, list[ComponentClass]] = {}
    for matter_type_id, one in session.execute(_CLASSES_OF_MATTERS, {"ids": list(matter_type_ids)}):
        found.setdefault(matter_type_id, []).append(one)
    return found
