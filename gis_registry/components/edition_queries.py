"""Everything of a change of edition that talks to the database, set-based."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import RowMapping, select, text, update
from sqlalchemy.orm import Session

from gis_registry.catalogue.tables import ComponentClass
from gis_registry.db.sql import load_queries
from gis_registry.places.tables import EditionChange

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

Pair = tuple[int, int]


def classes_to_move(session: Session, edition_key: str) -> Sequence[RowMapping]:
    """Return the classes outside an edition that the city keeps or has components of."""
    return session.execute(_QUERIES["classes_to_move"], {"edition": edition_key}).mappings().all()


def collect_moving(session: Session, targets: Mapping[int, int]) -> None:
    """Collect the components to move, by the class that each class becomes."""
    session.execute(_QUERIES["forget_moving"])
    session.execute(_QUERIES["collect_moving"], _moves(targets))


def collect_returning(session: Session, migration_id: int) -> None:
    """Collect the components to move back: those that were not changed since the migration."""
    session.execute(_QUERIES["forget_moving"])
    session.execute(_QUERIES["collect_returning"], {"migration_id": migration_id})


def count_moving(session: Session) -> int:
    """Return how many components are moved."""
    return session.scalar(_QUERIES["count_moving"]) or 0


def count_of_edition(session: Session, edition_key: str) -> int:
    """Return how many active components are of classes of an edition."""
    return session.scalar(_QUERIES["count_of_edition"], {"edition": edition_key}) or 0


def carry_counters(session: Session, targets: Mapping[int, int], change_id: int) -> None:
    """Count on from the serials that are taken over."""
    session.execute(_QUERIES["carry_counters"], _moves(targets) | {"change_id": change_id})


def wanted_identifiers(session: Session) -> dict[tuple[str, str], int]:
    """Return how many identifiers are to be issued for each division code and class code."""
    rows = session.execute(_QUERIES["wanted_identifiers"]).mappings()
    return {(row["division_code"], row["class_code"]): row["wanted"] for row in rows}


def issue_identifiers(session: Session, first_serials: Mapping[tuple[str, str], int]) -> None:
    """Give runs of serials to the components that wait for an identifier."""
    session.execute(
        _QUERIES["issue_identifiers"],
        {
            "division_codes": [division for division, _ in first_serials],
            "class_codes": [class_code for _, class_code in first_serials],
            "serials": list(first_serials.values()),
        },
    )


def move(session: Session, change_id: int) -> None:
    """Move the collected components into their new classes; what they were stays in history."""
    session.execute(text("ANALYZE moving"))
    session.execute(_QUERIES["archive_moving"], {"change_id": change_id})
    session.execute(_QUERIES["move"], {"change_id": change_id})
    session.execute(text("ANALYZE components"))


def move_staged(session: Session, pairs: Iterable[Pair]) -> None:
    """Let rows of staged surveys be of the class that theirs becomes."""
    froms, tos = _columns(pairs)
    session.execute(_QUERIES["move_staged"], {"from_ids": froms, "to_ids": tos})


def name_moving(session: Session, change_id: int, day: date) -> None:
    """Keep the new identifiers of the collected components beside their own."""
    session.execute(_QUERIES["name_moving"], {"change_id": change_id, "day": day})
    session.execute(text("ANALYZE component_aliases"))


def end_names(session: Session, migration_id: int, day: date) -> None:
    """End the identifiers that a migration gave to the components that return."""
    session.execute(_QUERIES["end_names"], {"migration_id": migration_id, "day": day})


def pair_counterparts(session: Session, pairs: Iterable[Pair]) -> list[Pair]:
    """Keep that classes are the same kind of thing; return the pairs that are new."""
    froms, tos = _columns(pairs)
    rows = session.execute(_QUERIES["pair_counterparts"], {"from_ids": froms, "to_ids": tos})
    return [(one, other) for one, other in rows]


def pair_matters(session: Session, pairs: Iterable[Pair]) -> list[Pair]:
    """Let matters of classes be about their counterparts; return matter and class that are new."""
    classes, counterparts = _columns(pairs)
    values = {"class_ids": classes, "counterpart_ids": counterparts}
    return [(matter, one) for matter, one in session.execute(_QUERIES["pair_matters"], values)]


def unpair(session: Session, counterparts: Iterable[Pair], matters: Iterable[Pair]) -> None:
    """Take back pairs of counterparts, and of matters and classes."""
    classes, others = _columns(counterparts)
    values = {"class_ids": classes, "counterpart_ids": others}
    session.execute(_QUERIES["unpair_counterparts"], values)
    matter_types, classes = _columns(matters)
    values = {"matter_type_ids": matter_types, "class_ids": classes}
    session.execute(_QUERIES["unpair_matters"], values)


def profile_class_ids(session: Session) -> set[int]:
    """Return the ids of the classes of the city's profile."""
    return set(session.scalars(select(ComponentClass.id).where(ComponentClass.is_in_profile)))


def set_profile(session: Session, class_ids: Iterable[int]) -> None:
    """Make these classes, and no others, the city's profile."""
    session.execute(
        update(ComponentClass).values(is_in_profile=ComponentClass.id.in_(list(class_ids)))
    )
    session.expire_all()


def last_change(session: Session) -> EditionChange | None:
    """Return the latest change of edition that was not reverted."""
    return session.scalars(
        select(EditionChange)
        .where(EditionChange.reverted_by.is_(None))
        .order_by(EditionChange.change_id.desc())
        .limit(1)
    ).one_or_none()


def _moves(targets: Mapping[int, int]) -> dict[str, object]:
    """Return classes and their targets as columns; the first class of a target is its heir."""
    heirs = {target: one for one, target in reversed(list(targets.items()))}
    return {
        "from_ids": list(targets),
        "to_ids": list(targets.values()),
        "heirs": [heirs[target] == one for one, target in targets.items()],
    }


def _columns(pairs: Iterable[Pair]) -> tuple[list[int], list[int]]:
    listed = list(pairs)
    return [one for one, _ in listed], [other for _, other in listed]
