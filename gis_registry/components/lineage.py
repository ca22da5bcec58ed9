"""Lineage: what took the place of a component that was replaced, split or merged."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from gis_registry.components import ledger_queries, queries
from gis_registry.components.ledger import day_of, required
from gis_registry.components.lookup import resolve
from gis_registry.components.schemas import ComponentDetail
from gis_registry.components.showing import show
from gis_registry.components.tables import (
    Component,
    ComponentLineage,
    ComponentState,
    Operation,
    Relation,
)
from gis_registry.errors import Conflict, InvalidInput

#: relation → what happened, for the history.
_HAPPENED = {
    Relation.REPLACED_BY: "Replaced by",
    Relation.SPLIT_INTO: "Split into",
    Relation.MERGED_INTO: "Merged into",
}


def succeed(
    session: Session,
    relation: Relation,
    *,
    predecessors: Sequence[str],
    successors: Sequence[str],
    actor: str,
    reason: str,
    on_date: date | None = None,
) -> list[ComponentDetail]:
    """Record that components took the place of others, which are retired if they still stand.

    Args:
        session: open transaction.
        relation: replaced (one by one), split (one into several) or merged (several into one).
        predecessors: components that are gone; of those that are retired already only the lineage
            is added.
        successors: components that stand.
        actor: who says so.
        reason: why.
        on_date: the day on which it was; None is today in the city.

    Returns:
        The predecessors as they are now.

    Raises:
        InvalidInput: their numbers do not fit the relation, one stands on both sides, there is no
            reason, or the day is in the future.
        Conflict: a predecessor was withdrawn or has successors, a successor does not stand, or it
            would become its own ancestor.
        InvalidInput, UnknownIdentifier, Ambiguous: which component is meant is not clear.
    """
    reason = required(reason)
    day = day_of(session, on_date)
    old = [resolve(session, one).code for one in predecessors]
    new = [resolve(session, one).code for one in successors]
    _check_numbers(relation, old, new)
    queries.lock_applying(session)  # two of these at once could close a circle
    components = {code: _locked(session, code) for code in sorted({*old, *new})}
    for code in old:
        _check_predecessor(session, components[code])
    for code in new:
        if components[code].state != ComponentState.ACTIVE:
            raise Conflict(f"{code} is {components[code].state}: it cannot stand in their place.")
    ancestors = ledger_queries.descending_from(session, new, old)
    if ancestors:
        raise Conflict(f"{ancestors[0]} itself took the place of {', '.join(new)} before.")
    change = queries.new_change(
        session, actor=actor, reason=f"{_HAPPENED[relation]} {', '.join(new)}: {reason}"
    )
    _retire(
        session,
        [components[code] for code in old if components[code].state == ComponentState.ACTIVE],
        change.id,
    )
    session.add_all(
        ComponentLineage(
            predecessor_code=one,
            successor_code=other,
            relation=relation,
            on_date=day,
            change_id=change.id,
        )
        for one in old
        for other in new
    )
    session.flush()
    return [show(session, code) for code in old]


def _retire(session: Session, standing: Sequence[Component], change_id: int) -> None:
    if not standing:
        return
    keys = [(one.division_code, one.code) for one in standing]
    queries.archive(session, change_id=change_id, keys=keys)
    for component in standing:
        component.state = ComponentState.RETIRED
        component.operation = Operation.RETIRED
        component.version += 1
        component.change_id = change_id


def _check_numbers(relation: Relation, old: Sequence[str], new: Sequence[str]) -> None:
    both = sorted(set(old) & set(new))
    if both:
        raise InvalidInput(f"{both[0]} cannot take its own place.")
    for codes in (old, new):
        if len(set(codes)) < len(codes):
            raise InvalidInput("A component is named twice.")
    fits, rule = {
        Relation.REPLACED_BY: (len(old) == len(new) == 1, "One component is replaced by one"),
        Relation.SPLIT_INTO: (len(old) == 1 and len(new) > 1, "One is split into two or more"),
        Relation.MERGED_INTO: (len(old) > 0 and len(new) == 1, "They are merged into one"),
    }[relation]
    if not fits:
        raise InvalidInput(f"{rule}; here are {len(old)} and {len(new)}.")


def _check_predecessor(session: Session, component: Component) -> None:
    if component.state == ComponentState.WITHDRAWN:
        raise Conflict(
            f"{component.code} was withdrawn: a survey that was reverted had registered it, so "
            "nothing takes its place."
        )
    taken = ledger_queries.direct_successors(session, component.code)
    if taken:
        raise Conflict(
            f"{component.code} has given its place to {', '.join(taken)} already. If that was "
            f"wrong, `gis-registry component edit {component.code} --state active` takes it back."
        )


def _locked(session: Session, code: str) -> Component:
    component = queries.locked(session, code[:6], code)
    assert component is not None  # noqa: S101  it was found, and nothing is ever deleted
    return component
