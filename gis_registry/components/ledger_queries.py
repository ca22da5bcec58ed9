"""Everything of the identity ledger that talks to the database: aliases and lineage."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import CursorResult, RowMapping, delete, func, select, text
from sqlalchemy.orm import Session

from gis_registry.components.tables import ComponentAlias, ComponentLineage
from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def component_exists(session: Session, division_code: str, code: str) -> bool:
    """Return whether there is a component with this identifier."""
    values = {"division_code": division_code, "code": code}
    return bool(session.scalar(_QUERIES["component_exists"], values))


def ledger(
    session: Session, division_code: str, code: str, *, moment: datetime | None
) -> RowMapping:
    """Return identifiers, aliases and lineage of a component as they were at a moment."""
    values = {"division_code": division_code, "code": code, "moment": moment}
    return session.execute(_QUERIES["ledger"], values).mappings().one()


def by_identifier(session: Session, division_code: str, code: str) -> Sequence[RowMapping]:
    """Return a component by its own identifier as a look-up lists it, if there is one."""
    values = {"division_code": division_code, "code": code}
    return session.execute(_QUERIES["by_identifier"], values).mappings().all()


def by_alias(session: Session, value: str, inner_value: str) -> Sequence[RowMapping]:
    """Return the components that either value stands or stood for, present ones first."""
    values = {"value": value, "inner_value": inner_value}
    return session.execute(_QUERIES["by_alias"], values).mappings().all()


def aliases(session: Session, division_code: str, code: str) -> Sequence[ComponentAlias]:
    """Return what a component is or was known by, by kind and date."""
    return session.scalars(
        select(ComponentAlias)
        .where(ComponentAlias.division_code == division_code, ComponentAlias.code == code)
        .order_by(ComponentAlias.kind, ComponentAlias.valid_from, ComponentAlias.value_key)
        .execution_options(populate_existing=True)
    ).all()


def add_alias(session: Session, values: Mapping[str, object]) -> None:
    """Keep what a component is known by."""
    session.execute(_QUERIES["add_alias"], values)


def present_alias(
    session: Session, *, division_code: str, code: str, kind: str, value: str
) -> ComponentAlias | None:
    """Return what a component is known by at present, locked, if it is known by this."""
    return session.scalars(
        select(ComponentAlias)
        .where(
            ComponentAlias.division_code == division_code,
            ComponentAlias.code == code,
            ComponentAlias.kind == kind,
            ComponentAlias.value_key == func.alias_key(value),
            ComponentAlias.valid_to.is_(None),
        )
        .order_by(ComponentAlias.valid_from)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def add_survey_aliases(session: Session, values: Mapping[str, object]) -> int:
    """Keep what a survey says its components are known by, and return how many are new."""
    result = session.execute(_QUERIES["add_survey_aliases"], values)
    assert isinstance(result, CursorResult)  # noqa: S101  what a statement that writes returns
    if result.rowcount:
        session.execute(text("ANALYZE component_aliases"))  # look-ups are planned by how many
    return result.rowcount


def undo_aliases(session: Session, change_id: int) -> None:
    """End the aliases that a change made; what it ended goes on."""
    session.execute(_QUERIES["undo_aliases"], {"change_id": change_id})


def successors(session: Session, code: str) -> Sequence[RowMapping]:
    """Return the components at the ends of the lineage of one."""
    return session.execute(_QUERIES["successors"], {"code": code}).mappings().all()


def direct_successors(session: Session, code: str) -> Sequence[str]:
    """Return the identifiers of what took a component's place."""
    return session.scalars(
        select(ComponentLineage.successor_code)
        .where(ComponentLineage.predecessor_code == code)
        .order_by(ComponentLineage.successor_code)
    ).all()


def descending_from(
    session: Session, ancestors: Sequence[str], codes: Sequence[str]
) -> Sequence[str]:
    """Return which of some components come, however far, from any of the ancestors."""
    values = {"ancestors": list(ancestors), "codes": list(codes)}
    return session.scalars(_QUERIES["descends_from"], values).all()


def forget_successors(session: Session, code: str) -> None:
    """Take back that anything took a component's place."""
    session.execute(delete(ComponentLineage).where(ComponentLineage.predecessor_code == code))
