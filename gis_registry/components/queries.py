"""Everything of the registry that talks to the database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import RowMapping, Subquery, column, func, insert, select, text
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.components.tables import Change, Component, IdentifierBlock
from gis_registry.db.sql import load_queries

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

#: Building an index over so many rows at once is quicker than adding each row to it.
_WITHOUT_INDEXES_FROM = 200_000


def new_change(session: Session, *, actor: str, reason: str) -> Change:
    """Open a change, to which the states that it makes refer."""
    # The moment, not that of the transaction: a survey that was matched in between must see it.
    change = Change(actor=actor, reason=reason, made_at=func.clock_timestamp())
    session.add(change)
    session.flush()
    return change


def component(session: Session, division_code: str, code: str) -> RowMapping | None:
    """Return everything about one component."""
    return (
        session.execute(_QUERIES["component"], {"division_code": division_code, "code": code})
        .mappings()
        .one_or_none()
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


def states_as_of(moment: datetime) -> Subquery:
    """Return every component as it was at a moment, as something to select from."""
    columns = [column(one.name, one.type) for one in Component.__table__.columns]
    return (
        _QUERIES["components_as_of"].bindparams(moment=moment).columns(*columns).subquery("states")
    )


def page(
    session: Session,
    *,
    class_id: int | None,
    division_code: str | None,
    after: str | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return active components of a class and area by identifier, those after one of them."""
    query = (
        select(
            Component.code,
            ComponentClass.code.label("class_code"),
            ComponentClass.name_zh.label("class_name_zh"),
            ComponentClass.name_en.label("class_name_en"),
            Component.subdistrict_code,
            func.ST_X(func.ST_PointOnSurface(Component.geom)).label("lon"),
            func.ST_Y(func.ST_PointOnSurface(Component.geom)).label("lat"),
            Component.is_synthetic,
        )
        .join(ComponentClass, ComponentClass.id == Component.class_id)
        .where(Component.state == "active")
        .order_by(Component.division_code, Component.code)
        .limit(limit)
    )
    if class_id is not None:
        query = query.where(Component.class_id == class_id)
    if division_code is not None:
        query = query.where(Component.division_code == division_code[:6])
        if len(division_code) > 6:
            query = query.where(Component.subdistrict_code == division_code[:9])
    if after is not None:
        query = query.where(Component.division_code >= after[:6], Component.code > after)
    return session.execute(query).mappings().all()


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

    They are built again at the end, in the same transaction. Until then others who read the (empty)
    registry wait. Afterwards the planner knows how many components there are.
    """
    rebuilt: list[str] = []
    if count > _WITHOUT_INDEXES_FROM and session.scalar(select(~select(Component).exists())):
        # A table that was emptied in the same transaction is not written twice, into the log too,
        # where the server needs the log for nothing but its own recovery.
        session.execute(text("TRUNCATE components"))
        for index in session.execute(_QUERIES["indexes"]).mappings().all():
            session.execute(text(index["drop"]))
            rebuilt.append(index["build"])
    yield
    for statement in rebuilt:
        session.execute(text(statement))
    session.execute(text("ANALYZE components"))


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
