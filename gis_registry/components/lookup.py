"""Finding the component that something written on a label, in a list or in a QR code stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components import ledger_queries as queries
from gis_registry.components.identifiers import (
    Identifier,
    identifier_in,
    in_address,
    parse_identifier,
)
from gis_registry.components.schemas import Candidate, ClassName, FoundBy
from gis_registry.components.tables import AliasKind
from gis_registry.errors import Ambiguous, InvalidInput, UnknownIdentifier
from gis_registry.places import queries as places_queries


@dataclass(frozen=True)
class Found:
    """The key of a component, and by which alias it was found."""

    division_code: str
    code: str
    found_by: FoundBy | None = None


def resolve(session: Session, text: str) -> Found:
    """Return the component that an identifier, tag, key or QR code stands for.

    Raises:
        InvalidInput, UnknownIdentifier: nothing is known by it.
        Ambiguous: several components have it.
    """
    identifier = identifier_in(text)
    if identifier is not None:
        division_code = identifier.division_code
        if queries.component_exists(session, division_code, str(identifier)):
            return Found(division_code, str(identifier))
    return known_by(session, text, identifier)


def known_by(session: Session, text: str, identifier: Identifier | None) -> Found:
    """Return the component that has an alias, or that had it last if none has it now.

    Args:
        session: open transaction.
        text: what is written there.
        identifier: the same as an identifier that is no component's own, if it is one.

    Raises:
        InvalidInput: it is no identifier, and nothing is known by it.
        UnknownIdentifier: it is one, but was never issued.
        Ambiguous: several components have it, or had it.
    """
    hits = _hits(session, text)
    if not hits:
        raise _unknown(session, text if identifier is None else str(identifier))
    present = [one for one in hits if one["valid_to"] is None] or hits
    codes = sorted({one["code"] for one in present})
    if len(codes) > 1:
        shown = ", ".join(codes[:10]) + (" and others" if len(codes) > 10 else "")
        verb = "stands" if present[0]["valid_to"] is None else "stood"
        raise Ambiguous(f"{text!r} {verb} for several components: {shown}. Name the one you mean.")
    first = present[0]
    return Found(
        first["division_code"],
        first["code"],
        FoundBy(
            kind=first["kind"],
            value=first["value"],
            valid_from=first["valid_from"],
            valid_to=first["valid_to"],
            others=[_candidate(one) for one in hits if one["code"] != first["code"]],
        ),
    )


def candidates(session: Session, text: str) -> list[Candidate]:
    """Return every component that something stands or stood for, its own identifier first.

    Args:
        session: open transaction.
        text: an identifier, a tag, a key, or the address in a QR code.
    """
    return [_candidate(one) for one in [*_own(session, text), *_hits(session, text)]]


def class_name(row: RowMapping) -> ClassName:
    """Return the class of a row with its edition and names."""
    return _class_name(
        row["edition_key"], row["class_code"], row["class_name_zh"], row["class_name_en"]
    )


@lru_cache(maxsize=1000)  # a day's reports name a few hundred classes some 75,000 times
def _class_name(edition: str, code: str, name_zh: str, name_en: str) -> ClassName:
    return ClassName(edition=edition, code=code, name_zh=name_zh, name_en=name_en)


def _own(session: Session, text: str) -> Sequence[RowMapping]:
    identifier = identifier_in(text)
    if identifier is None:
        return []
    return queries.by_identifier(session, identifier.division_code, str(identifier))


def _hits(session: Session, text: str) -> Sequence[RowMapping]:
    """Return the components by alias: by all of the text, or by what an address of ours ends in."""
    text = text.replace("\x00", "")
    identifier = identifier_in(text)
    return queries.by_alias(session, text, str(identifier) if identifier else in_address(text))


def _candidate(row: RowMapping) -> Candidate:
    return Candidate(
        code=row["code"],
        component_class=class_name(row),
        state=row["state"],
        kind=AliasKind(row["kind"]),
        value=row["value"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )


def _unknown(session: Session, text: str) -> UnknownIdentifier:
    try:
        identifier = parse_identifier(text)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error} Nor is it a tag, QR code or key that is known here."
        ) from error
    division = places_queries.division(session, identifier.division_code)
    hint = (
        f"there is no division {identifier.division_code} here"
        if division is None
        else f"in {division.name_en} ({division.name_zh}) no class {identifier.class_code} has the "
        f"serial {identifier.serial:06d}"
    )
    return UnknownIdentifier(f"{identifier} was never issued: {hint}.")
