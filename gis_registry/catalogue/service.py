"""Listing the catalogue, and finding a class or matter type from what people and files say."""

import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from gis_registry.catalogue import queries
from gis_registry.catalogue.attribute_schemas import SEVERITY_KEYWORD
from gis_registry.catalogue.schemas import (
    ClassDetail,
    ClassEntry,
    EditionEntry,
    MatterTypeEntry,
)
from gis_registry.catalogue.tables import ComponentClass, MatterKind, MatterType
from gis_registry.db import reference
from gis_registry.errors import NotFound, UnknownClass, UnknownMatterType


@dataclass(frozen=True)
class Matter:
    """What a report is about: a matter type, and the classes it can concern (none: a place)."""

    type: MatterType
    classes: tuple[ComponentClass, ...]


@dataclass(frozen=True)
class CodeEditions:
    """The editions to which a city's codes belong, of classes the present one first."""

    matter_edition: str
    class_editions: Sequence[str]


def list_editions(session: Session) -> list[EditionEntry]:
    """Return the editions by key."""
    return [EditionEntry.model_validate(one) for one in queries.editions(session)]


def list_classes(
    session: Session, *, edition_key: str | None = None, in_profile: bool = False
) -> list[ClassEntry]:
    """Return component classes by edition and code.

    Args:
        session: open transaction.
        edition_key: only those of this edition.
        in_profile: only those that the city keeps components of.

    Raises:
        NotFound: there is no such edition.
    """
    _require_edition(session, edition_key)
    found = queries.classes(session, edition_key=edition_key, in_profile=in_profile)
    return [ClassEntry.model_validate(one) for one in found]


def show_class(session: Session, code: str, *, edition_key: str) -> ClassDetail:
    """Return a class with its counterparts in the other editions and its matter type.

    Raises:
        NotFound: there is no such edition.
        UnknownClass: it has no such class.
    """
    _require_edition(session, edition_key)
    found = find_class(session, code, edition_key=edition_key)
    matter = queries.matter_type(session, found.code, edition_key, MatterKind.COMPONENT)
    return ClassDetail(
        **ClassEntry.model_validate(found).model_dump(),
        counterparts=[
            ClassEntry.model_validate(one) for one in queries.counterparts(session, found.id)
        ],
        matter_type=MatterTypeEntry.model_validate(matter) if matter is not None else None,
        attribute_schema=found.attribute_schema,
    )


def described_attributes(schema: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return for each attribute of a schema what it must hold, and what happens otherwise."""
    described = []
    for name, one in sorted(schema["properties"].items()):
        rules = one if isinstance(one, dict) else {}
        severity = rules.get(SEVERITY_KEYWORD, "error")
        words = [f"{key} {json.dumps(value, ensure_ascii=False)}" for key, value in rules.items()]
        kept = [word for word in words if not word.startswith((SEVERITY_KEYWORD, "title"))]
        required = ["required"] if name in schema["required"] else []
        described.append((name, ", ".join([*required, *kept]) or "anything", severity))
    return described


def list_matter_types(
    session: Session,
    *,
    edition_key: str | None = None,
    kind: MatterKind | None = None,
    in_profile: bool = False,
) -> list[MatterTypeEntry]:
    """Return matter types by edition, kind and code.

    Args:
        session: open transaction.
        edition_key: only those of this edition.
        kind: only those about components, or about places.
        in_profile: only those about places, or about classes that the city keeps components of.

    Raises:
        NotFound: there is no such edition.
    """
    _require_edition(session, edition_key)
    found = queries.matter_types(session, edition_key=edition_key, kind=kind, in_profile=in_profile)
    return [MatterTypeEntry.model_validate(one) for one in found]


def find_class(
    session: Session, code: str, *, edition_key: str, earlier_edition_keys: Sequence[str] = ()
) -> ComponentClass:
    """Return the class with this code in this edition.

    Args:
        session: open transaction.
        code: the code.
        edition_key: the edition.
        earlier_edition_keys: editions in which to look if it is not there, in this order.

    Raises:
        UnknownClass: there is none; the message lists editions in which the code exists.
    """
    code = unicodedata.normalize("NFKC", code).strip()
    for key in (edition_key, *earlier_edition_keys):
        found = queries.class_by_code(session, code, key)
        if found is not None:
            return found
    elsewhere = [
        f"{one.edition_key} ({one.name_zh}, {one.name_en})"
        for one in queries.classes(session)
        if one.code == code
    ]
    hint = (
        f"It exists in {'; '.join(elsewhere)}: name that edition if it is meant."
        if elsewhere
        else "`gis-registry catalogue list` shows the classes there are."
    )
    raise UnknownClass(f"There is no class {code!r} in the edition {edition_key}. {hint}")


def find_matter(
    session: Session,
    code: str,
    *,
    matter_edition_key: str,
    class_edition_key: str,
    earlier_edition_keys: Sequence[str] = (),
) -> Matter:
    """Return the matter type with this code, or the one of the class with this code.

    Args:
        session: open transaction.
        code: a matter type's code in the city's matter edition, or a class code of its class
            edition, which stands for "something is wrong with one of these".
        matter_edition_key: edition of matter codes.
        class_edition_key: edition of class codes.
        earlier_edition_keys: editions of class codes in which to look last, in this order.

    Raises:
        UnknownMatterType: the code is neither.
    """
    found = find_matters(
        session,
        [code],
        matter_edition_key=matter_edition_key,
        class_edition_key=class_edition_key,
        earlier_edition_keys=earlier_edition_keys,
    )
    if code not in found:
        raise unknown_matter(
            code, matter_edition_key=matter_edition_key, class_edition_key=class_edition_key
        )
    return found[code]


def find_matters(
    session: Session,
    codes: Collection[str],
    *,
    matter_edition_key: str,
    class_edition_key: str,
    earlier_edition_keys: Sequence[str] = (),
) -> dict[str, Matter]:
    """Return by its code what each of many codes stands for, as :func:`find_matter` does.

    A code that stands for nothing is left out.
    """
    known: dict[str, Matter] = reference.kept(
        session, "matters", matter_edition_key, class_edition_key, *earlier_edition_keys
    )
    missing = set(codes) - known.keys()
    if missing:
        known |= _read_matters(
            session, missing, matter_edition_key, class_edition_key, earlier_edition_keys
        )
    return {code: known[code] for code in codes if code in known}


def _read_matters(
    session: Session,
    codes: Collection[str],
    matter_edition_key: str,
    class_edition_key: str,
    earlier_edition_keys: Sequence[str],
) -> dict[str, Matter]:
    class_editions = list(dict.fromkeys([class_edition_key, *earlier_edition_keys]))
    plain = {code: unicodedata.normalize("NFKC", code).strip() for code in codes}
    # Matters of the city's edition come first, those of places among them; then the classes.
    order = {(matter_edition_key, MatterKind.PLACE): 0, (matter_edition_key, None): 1} | {
        (key, MatterKind.COMPONENT): n for n, key in enumerate(class_editions, start=2)
    }

    def rank(one: MatterType) -> int:
        places = [order.get((one.edition_key, kind)) for kind in (MatterKind(one.kind), None)]
        return min((place for place in places if place is not None), default=len(order) + 2)

    best: dict[str, MatterType] = {}
    for one in queries.matter_types_coded(
        session, set(plain.values()), [matter_edition_key, *class_editions]
    ):
        if rank(one) < len(order) + 2 and (
            one.code not in best or rank(one) < rank(best[one.code])
        ):
            best[one.code] = one
    classes = queries.classes_of_matters(session, [one.id for one in best.values()])
    return {
        code: Matter(
            type=reference.keepable(session, best[key]),
            classes=tuple(
                reference.keepable(session, one) for one in classes.get(best[key].id, ())
            ),
        )
        for code, key in plain.items()
        if key in best
    }


def unknown_matter(
    code: str, *, matter_edition_key: str, class_edition_key: str
) -> UnknownMatterType:
    """Return the error that says which matters there are."""
    return UnknownMatterType(
        f"There is no matter type {code!r} in {matter_edition_key} and no class {code!r} in "
        f"{class_edition_key}. `gis-registry catalogue list --matters` shows what can be wrong "
        "in a place; the code of a class (`gis-registry catalogue list`) stands for a fault of "
        "one of its components."
    )


def _require_edition(session: Session, key: str | None) -> None:
    keys = [one.key for one in queries.editions(session)]
    if key is not None and key not in keys:
        raise NotFound(f"There is no edition {key!r}; there are {', '.join(keys)}.")
