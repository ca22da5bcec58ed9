"""One component: its card, everything about it, how it was at a moment, and its history."""

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components import ledger_queries, queries
from gis_registry.components.identifiers import identifier_in
from gis_registry.components.lookup import Found, class_name, known_by, resolve
from gis_registry.components.schemas import (
    Alias,
    ComponentCard,
    ComponentDetail,
    HistoryEntry,
    KnownIdentifier,
    LineageEntry,
    Named,
    Successor,
)
from gis_registry.components.tables import AliasKind, ComponentState
from gis_registry.errors import NotFound
from gis_registry.places import service as places

#: How a step of lineage reads from its other end.
_SEEN_FROM_SUCCESSOR = {
    "replaced_by": "replaces",
    "split_into": "split_from",
    "merged_into": "merged_from",
}


def show(session: Session, code: str, *, moment: datetime | None = None) -> ComponentDetail:
    """Return everything about a component, now or as the registry had it at a moment.

    Args:
        session: open transaction.
        code: its identifier as people write it, or whatever else it is or was known by.
        moment: None is now.

    Raises:
        InvalidInput, UnknownIdentifier: nothing is known by it.
        Ambiguous: several components have it.
        NotFound: it was not registered yet at that moment.
    """
    found, row = _read(session, code, moment)
    ledger = ledger_queries.ledger(session, found.division_code, found.code, moment=moment)
    is_gone = row["state"] != ComponentState.ACTIVE
    lineage = _lineage(found.code, ledger)
    left = [one.on_date for one in lineage if one.relation in _SEEN_FROM_SUCCESSOR]
    return ComponentDetail(
        code=row["code"],
        identifiers=_identifiers(row, ledger),
        found_by=found.found_by,
        component_class=class_name(row),
        state=row["state"],
        lon=row["lon"],
        lat=row["lat"],
        geometry=row["geometry"],
        accuracy_m=row["accuracy_m"],
        division=_named(row, "division"),
        subdistrict=_named(row, "subdistrict"),
        cell_code=row["cell_code"],
        supervisor=_named(row, "supervisor"),
        owner=_named(row, "owner"),
        maintainer=_named(row, "maintainer"),
        surveyed_on=row["surveyed_on"],
        is_synthetic=row["is_synthetic"],
        ended_on=min(left, default=ledger["gone_on"]) if is_gone else None,
        became=_became(session, found.code) if left else [],
        attributes=row["attributes"],
        version=row["version"],
        changed_at=row["changed_at"],
        aliases=[
            Alias.model_validate(one)
            for one in ledger["aliases"] or []
            if one["kind"] != AliasKind.IDENTIFIER
        ],
        lineage=lineage,
        as_of=moment,
    )


def card(session: Session, code: str) -> ComponentCard:
    """Return what anybody may read of a component; see :func:`show` for what it raises."""
    detail = show(session, code)
    return ComponentCard.model_validate(
        {name: getattr(detail, name) for name in ComponentCard.model_fields}
    )


def history(session: Session, code: str) -> list[HistoryEntry]:
    """Return every state of a component, the first one first.

    Raises:
        InvalidInput, UnknownIdentifier: nothing is known by it.
        Ambiguous: several components have it.
    """
    found = resolve(session, code)
    rows = queries.history(session, found.division_code, found.code)
    return [HistoryEntry.model_validate(dict(row)) for row in rows]


def _read(session: Session, code: str, moment: datetime | None) -> tuple[Found, RowMapping]:
    """Find a component and read it; one that is named by its identifier in a single query."""
    identifier = identifier_in(code)
    if identifier is not None:
        found = Found(identifier.division_code, str(identifier))
        row = queries.component(session, found.division_code, found.code, moment=moment)
        if row is not None:
            return found, row
        if not ledger_queries.component_exists(session, found.division_code, found.code):
            found = known_by(session, code, identifier)
    else:
        found = known_by(session, code, None)
    row = queries.component(session, found.division_code, found.code, moment=moment)
    if row is None:
        assert moment is not None  # noqa: S101  without one, what was found is there
        (first, *_) = queries.history(session, found.division_code, found.code)
        zone = ZoneInfo(places.the_city(session).time_zone)
        raise NotFound(
            f"{found.code} was registered on {first['made_at'].astimezone(zone):%Y-%m-%d %H:%M}; "
            f"at {moment.astimezone(zone):%Y-%m-%d %H:%M} it was not in the registry yet."
        )
    return found, row


def _identifiers(row: RowMapping, ledger: RowMapping) -> list[KnownIdentifier]:
    """Return the identifiers of a component, the city's primary one first, then its own."""
    primary = ledger["primary_edition_key"]
    own = {
        "code": row["code"],
        "edition": ledger["registered_edition"],
        "valid_from": ledger["registered_on"],
    }
    others = [
        {"code": one["value"], "edition": one["edition"], "valid_from": one["valid_from"]}
        for one in ledger["aliases"] or []
        if one["kind"] == AliasKind.IDENTIFIER and one["valid_to"] is None
    ]
    first = next((one for one in others if primary and one["edition"] == primary), own)
    return [
        KnownIdentifier.model_validate(one | {"is_primary": one is first})
        for one in sorted([own, *others], key=lambda one: one is not first)
    ]


def _lineage(code: str, ledger: RowMapping) -> list[LineageEntry]:
    entries = [LineageEntry.model_validate(one) for one in ledger["class_changes"] or []]
    for step in ledger["lineage"] or []:
        is_predecessor = step["predecessor"] == code
        entries.append(
            LineageEntry(
                relation=step["relation"]
                if is_predecessor
                else _SEEN_FROM_SUCCESSOR[step["relation"]],
                code=step["successor"] if is_predecessor else step["predecessor"],
                on_date=date.fromisoformat(step["on_date"]),
                reason=step["reason"],
            )
        )
    return sorted(entries, key=lambda one: one.on_date)


def _became(session: Session, code: str) -> Sequence[Successor]:
    return [
        Successor(code=row["code"], component_class=class_name(row), state=row["state"])
        for row in ledger_queries.successors(session, code)
    ]


def _named(row: RowMapping, what: str) -> Named | None:
    code = row[f"{what}_code"]
    if code is None:
        return None
    return Named(
        code=code, name_zh=row[f"{what}_name_zh"] or code, name_en=row[f"{what}_name_en"] or code
    )
