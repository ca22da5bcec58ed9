"""Identifiers: what they look like, and issuing them once and never again.

An identifier is six digits of division, the class code (four digits, five in the 2026 edition) and
six digits of serial: 16 or 17 in all. There is no check digit.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from sqlalchemy.orm import Session

from gis_registry.components import queries
from gis_registry.errors import InvalidInput, SerialsExhausted

LAST_SERIAL = 999_999
#: White space, dots, strokes and every dash, also what copying from a page leaves unseen.
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212_.,、·・/~]+")
_PARTS = re.compile(r"(?P<division>\d{6})(?P<class>\d{4,5})(?P<serial>\d{6})", re.ASCII)
_ON_CARD = re.compile(r"/c/([^/?#\s]+)")
_IN_ADDRESS = re.compile(r"(?<!\d)\d{16,17}(?!\d)", re.ASCII)


@dataclass(frozen=True)
class Identifier:
    """An identifier taken apart."""

    division_code: str
    class_code: str
    serial: int

    def __str__(self) -> str:
        """Return the identifier as it is printed."""
        return f"{self.division_code}{self.class_code}{self.serial:06d}"


def parse_identifier(text: str) -> Identifier:
    """Read an identifier as people write it: spaces, hyphens and full-width digits are forgiven.

    Raises:
        InvalidInput: it is no identifier of 16 or 17 digits.
    """
    # Invisible characters come along when an identifier is copied from a page or a message.
    visible = "".join(one for one in text if unicodedata.category(one) != "Cf")
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", visible))
    match = _PARTS.fullmatch(plain)
    if match is None:
        shown = text if len(text) <= 40 else text[:40] + "…"
        digits = sum(one.isascii() and one.isdigit() for one in plain)
        raise InvalidInput(
            f"{shown!r} is no identifier: one has 16 or 17 digits, this has {digits}"
            f"{'' if digits == len(plain) else ' and other characters'}."
        )
    return Identifier(match["division"], match["class"], int(match["serial"]))


def identifier_in(text: str) -> Identifier | None:
    """Return the identifier that a text is, or the only one in an address as QR codes have it."""
    for part in (text, in_address(text)):
        try:
            return parse_identifier(part)
        except InvalidInput:
            continue
    found = set(_IN_ADDRESS.findall(text)) if "/" in text else set()
    return parse_identifier(found.pop()) if len(found) == 1 else None


def in_address(text: str) -> str:
    """Return what the address of an identity card ends in; any other text stays as it is."""
    on_card = _ON_CARD.search(text)
    return unquote(on_card[1]) if on_card else text


def issue(
    session: Session, *, change_id: int, wanted: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    """Issue runs of serials, recorded with the change and kept only if it commits.

    The counters are locked in one order until the transaction ends, so that two of these neither
    hand out the same serial nor wait for each other in a circle.

    Args:
        session: open transaction, the one that inserts the components.
        change_id: the change they are issued for.
        wanted: how many for each division code and class code.

    Returns:
        The first serial of each run.

    Raises:
        SerialsExhausted: a class has not so many left in a division.
    """
    asked = [(key, count) for key, count in sorted(wanted.items()) if count > 0]
    if not asked:
        return {}
    first: dict[tuple[str, str], int] = {}
    for row in queries.advance_counters(session, asked):
        key = (row["division_code"], row["class_code"])
        count = wanted[key]
        first[key] = row["next_serial"] - count
        if row["next_serial"] - 1 > LAST_SERIAL:
            left = max(0, LAST_SERIAL - first[key] + 1)
            raise SerialsExhausted(
                f"{count} identifiers are needed for class {key[1]} in division {key[0]}, and "
                f"{left} of its {LAST_SERIAL:,} serials are left. Register the rest under another "
                "class of the city's own, or under the 2026 edition's code."
            )
    queries.record_blocks(session, change_id, [(key, first[key], count) for key, count in asked])
    return first
