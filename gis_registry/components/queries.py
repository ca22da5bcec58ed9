"""Everything of the registry that talks to the database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import (
    ColumnElement,
    FromClause,
    RowMapping,
    Subquery,
    TextClause,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components.tables import (
    AliasKind,
    Change,
    Component,
    ComponentAlias,
    IdentifierBlock,
)
from gis_registry.db.sql import load_queries
from gis_registry.places.tables import EditionChange

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))


def as_of(query: TextClause) -> TextClause:
    """Return a query that takes components not from their table but as they were at ``:moment``."""
    then = f"FROM ({_QUERIES['components_as_of'].text}) AS c"
    return text(query.text.replace("FROM components c", then, 1))


#: One component as it is told of, taken from the table or from how it was at a moment.
_COMPONENT = _QUERIES["component"]
_COMPONENT_AS_OF = as_of(_QUERIES["component"])

#: Building an index over so many rows at once is quicker than adding each row to it.
_WITHOUT_INDEXES_FROM = 200_000


def lock_matching(session: Session) -> None:
    """Keep components from being changed in bulk meanwhile; it ends with the transaction."""
    session.execute(select(func.pg_advisory_xact_lock_shared(func.hashtextextended("surveys", 0))))


def lock_applying(session: Session) -> None:
    """Let one at a time change components in bulk; it ends with the transaction."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("surveys", 0))))


def lock_components(session: Session) -> None:
    """Let nobody else change components until the transaction ends; reading goes on.

    Whoever is changing one already is waited for.
    """
    session.execute(text("LOCK TABLE components IN EXCLUSIVE MODE"))


def new_change(session: Session, *, actor: str, reason: str) -> Change:
    """Open a change, to which the states that it makes refer.

    Its time is the present one, not that of the transaction's begin: who had to wait for another's
    lock changed things after them, and a survey that was matched in between must see it.
    """
    change = Change(actor=actor, reason=reason, made_at=func.clock_timestamp())
    session.add(change)
    session.flush()
    return change


def component(
    session: Session, division_code: str, code: str, *, moment: datetime | None = None
) -> RowMapping | None:
    """Return everything about one component, now or as it was at a moment."""
    values: dict[str, object] = {"division_code": division_code, "code": code}
    if moment is None:
        return session.execute(_COMPONENT, values).mappings().one_or_none()
    values["moment"] = moment
    return session.execute(_COMPONENT_AS_OF, values).mappings().one_or_none()


def components_as_of(moment: datetime) -> Subquery:
    """Return every component as it was at a moment, with the columns of the table."""
    return (
        _QUERIES["components_as_of"]
        .bindparams(moment=moment)
        .columns(**{one.name: one.type for one in Component.__table__.columns})
        .subquery("components_as_of")
    )


def nearest(
    session: Session,
    *,
    lon: float,
    lat: float,
    class_ids: Sequence[int] | None,
    radius_m: float | None,
    count: int,
) -> Sequence[RowMapping]:
    """Return the active components nearest to a point, in metres; None: of any class, how far."""
    values = {"lon": lon, "lat": lat, "radius_m": radius_m, "count": count}
    if class_ids is None:
        return session.execute(_QUERIES["nearest_of_any"], values).mappings().all()
    return (
        session.execute(_QUERIES["nearest_of_classes"], values | {"class_ids": list(class_ids)})
        .mappings()
        .all()
    )


def history(session: Session, division_code: str, code: str) -> Sequence[RowMapping]:
    """Return every state of a component, the first one first."""
    return (
        session.execute(_QUERIES["history"], {"division_code": division_code, "code": code})
        .mappings()
        .all()
    )


def page(
    session: Session,
    *,
    source: FromClause,
    class_ids: Sequence[int] | None,
    division_code: str | None,
    primary_edition_key: str | None,
    after: str | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return active components of classes and an area by identifier, those after one of them.

    Args:
        session: open transaction.
        source: the components, now or as they were.
        class_ids: only of these classes.
        division_code: only in this district or subdistrict.
        primary_edition_key: edition whose identifier is told first, if a component has one.
        after: only identifiers after this.
        limit: at most so many.
    """
    one = source.c
    query = (
        select(
            one.code,
            func.coalesce(_primary_code(source, primary_edition_key), one.code).label(
                "primary_code"
            ),
            ComponentClass.code.label("class_code"),
            ComponentClass.name_zh.label("class_name_zh"),
            ComponentClass.name_en.label("class_name_en"),
            one.subdistrict_code,
            func.ST_X(func.ST_PointOnSurface(one.geom)).label("lon"),
            func.ST_Y(func.ST_PointOnSurface(one.geom)).label("lat"),
            one.is_synthetic,
        )
        .join_from(source, ComponentClass, ComponentClass.id == one.class_id)
        .where(one.state == "active")
        .order_by(one.division_code, one.code)
        .limit(limit)
    )
    if class_ids is not None:
        query = query.where(one.class_id.in_(class_ids))
    if division_code is not None:
        query = query.where(one.division_code == division_code[:6])
        if len(division_code) > 6:
            query = query.where(one.subdistrict_code == division_code[:9])
    if after is not None:
        query = query.where(one.division_code >= after[:6], one.code > after)
    return session.execute(query).mappings().all()


def _primary_code(source: FromClause, edition_key: str | None) -> ColumnElement[str | None]:
    """Return the present identifier of an edition that a component has besides its own."""
    return (
        select(ComponentAlias.value)
        .join(EditionChange, EditionChange.change_id == ComponentAlias.change_id)
        .where(
            ComponentAlias.division_code == source.c.division_code,
            ComponentAlias.code == source.c.code,
            ComponentAlias.kind == AliasKind.IDENTIFIER,
            ComponentAlias.valid_to.is_(None),
            EditionChange.to_edition_key == edition_key,
        )
        .order_by(ComponentAlias.valid_from.desc(), ComponentAlias.value_key)
        .limit(1)
        .scalar_subquery()
    )


def locked(session: Session, division_code: str, code: str) -> Component | None:
    """Return a component and keep others from changing it until the transaction ends."""
    return session.get(
        Component, {"division_code": division_code, "code": code}, with_for_update=True
    )


def archive(session: Session, *, change_id: int, keys: Iterable[tuple[str, str]]) -> None:
    """Copy the present state of components (division code, code) into their history."""
    division_codes, codes = zip(*keys, strict=True)
    session.execute(
        _QUERIES["archive"],
        {"change_id": change_id, "division_codes": list(division_codes), "codes": list(codes)},
    )


@contextmanager
def bulk_insert(session: Session, count: int) -> Iterator[None]:
    """Insert components; very many into an empty registry without its indexes.

    They are built again at the end, in the same transaction, and the map's counts then as well.
    Until then others who read the (empty) registry wait. Afterwards the planner knows how many
    components there are.
    """
    rebuilt: list[str] = []
    if count > _WITHOUT_INDEXES_FROM and _emptied(session):
        session.execute(text("ALTER TABLE components DISABLE TRIGGER USER"))
        rebuilt += ["ALTER TABLE components ENABLE TRIGGER USER", "SELECT recount_components()"]
        for index in session.execute(_QUERIES["indexes"]).mappings().all():
            session.execute(text(index["drop"]))
            rebuilt.append(index["build"])
    yield
    for statement in rebuilt:
        session.execute(text(statement))
    session.execute(text("ANALYZE components"))


def is_empty(session: Session) -> bool:
    """Return whether no component was ever registered."""
    return bool(session.scalar(select(~select(Component).exists())))


def _emptied(session: Session) -> bool:
    """Empty the components if there are none, and return whether that is so.

    A table that was emptied in the same transaction is not written twice, into the log too, where
    the server needs the log for nothing but its own recovery.
    """
    if not is_empty(session):
        return False
    session.execute(text("LOCK TABLE components IN ACCESS EXCLUSIVE MODE"))
    if not is_empty(session):  # somebody was quicker, before the lock was had
        return False
    session.execute(text("TRUNCATE components"))
    return True


def advance_counters(
    session: Session, asked: Sequence[tuple[tuple[str, str], int]]
) -> Sequence[RowMapping]:
    """Take serials: the division code, class code and count of each run, in locking order."""
    return (
        session.execute(
            _QUERIES["advance_counters"],
            {
                "division_codes": [division for (division, _), _ in asked],
                "class_codes": [class_code for (_, class_code), _ in asked],
                "counts": [count for _, count in asked],
            },
        )
        .mappings()
        .all()
    )


def record_blocks(
    session: Session, change_id: int, runs: Sequence[tuple[tuple[str, str], int, int]]
) -> None:
    """Record runs of serials (key, first serial, count) as issued."""
    session.execute(
        insert(IdentifierBlock),
        [
            {
                "division_code": division,
                "class_code": class_code,
                "first_serial": first,
                "last_serial": first + count - 1,
                "change_id": change_id,
            }
            for (division, class_code), first, count in runs
        ],
    )


def class_counts(session: Session) -> Sequence[RowMapping]:
    """Return how many active components there are of each class."""
    return (
        session.execute(
            select(
                ComponentClass.code.label("class_code"),
                ComponentClass.name_zh,
                ComponentClass.name_en,
                func.count().label("count"),
            )
            .join(Component, Component.class_id == ComponentClass.id)
            .where(Component.state == "active")
            .group_by(ComponentClass.id)
            .order_by(ComponentClass.edition_key, ComponentClass.code)
        )
        .mappings()
        .all()
    )
