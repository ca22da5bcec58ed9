"""Names of layers, and of the columns that the fields of a file become."""

import re
import unicodedata
from collections.abc import Sequence

from gis_registry.errors import InvalidInput

#: What the registry publishes of its own, now or one day, is not to be mistaken for.
RESERVED_NAMES = frozenset(
    {
        *("components", "divisions", "grid-cells", "units", "unit-areas", "responsibilities"),
        *("cases", "open-cases", "violations", "detections", "reports", "history", "layers"),
        *("all", "collections", "tiles", "search", "catalogue"),
    }
)
_RESERVED_BEGINNINGS = ("components-", "cases-", "history-")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
#: What our own properties of a feature are called, and what filters call the geometry.
PLACE_COLUMNS = ("division_code", "subdistrict_code", "cell_code")
_OWN_PROPERTIES = (*PLACE_COLUMNS, "geometry")
_OWN_COLUMNS = (*PLACE_COLUMNS, "id", "geom")
#: What PostgreSQL calls columns of its own.
_SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
#: More is no table of features; the database holds 1,600.
MOST_FIELDS = 500
_MOST_BYTES = 59  # of the 63 that a name may have: room for a number behind it


def checked_name(name: str) -> str:
    """Return a name that addresses and tables can have.

    Raises:
        InvalidInput: it is not one; the message says what it may be.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"A layer cannot be named {name[:80]!r}: its name stands in addresses, so take a "
            "letter of a to z, then at most 49 letters, digits, - and _, such as bus-stops. What "
            "people read is its --title."
        )
    plain = name.lower().replace("_", "-")
    if plain in RESERVED_NAMES or plain.startswith(_RESERVED_BEGINNINGS):
        raise InvalidInput(f"The registry publishes {name} itself: take another name.")
    return name


def column_names(file_name: str, fields: Sequence[str]) -> list[tuple[str, str]]:
    """Return what each field of a file is called: as a property, and as a column.

    Letters of any language, digits and underlines stay; anything else becomes an underline, so
    that names can stand in statements, filters and addresses as they are.

    Raises:
        InvalidInput: there are more fields than a table can have.
    """
    if len(fields) > MOST_FIELDS:
        raise InvalidInput(
            f"{file_name} has {len(fields):,} fields; a layer has at most {MOST_FIELDS}. Leave "
            "some out: [attributes] ignore = [...] in a mapping, or make a smaller file."
        )
    properties, columns = set(_OWN_PROPERTIES), {*_OWN_COLUMNS, *_SYSTEM_COLUMNS}
    named = []
    for one in fields:
        plain = _plain(one)
        named.append((_free(plain, properties), _free(plain, columns)))
    return named


def _plain(field: str) -> str:
    kept = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", field)).strip("_")
    if not kept or kept[0].isdigit():
        kept = f"field_{kept}".rstrip("_")
    return kept.encode()[:_MOST_BYTES].decode(errors="ignore")


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found
