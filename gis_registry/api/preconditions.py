"""ETag, If-Match and If-None-Match: versions of things, told, expected and known already."""

import re
from typing import Annotated

from fastapi import Header

from gis_registry.errors import InvalidInput

IfMatch = Annotated[
    str | None,
    Header(
        description="ETag as it was read, or several: refused if none of these versions is "
        "there; `*` is any"
    ),
]

#: A version; below ``/ogc`` with what there was of the names that the feature tells besides.
_TAG = re.compile(r'(?:W/)?"(\d{1,9})(?:-[0-9a-f]{8})?"', re.ASCII)
#: More were never read at once.
_MOST_TAGS = 100


def version_tag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Return whether a header names the ETag of what would be sent, or any (RFC 9110, 13.1.2)."""
    said = (if_none_match or "").strip()
    return said == "*" or tag in (one.strip().removeprefix("W/") for one in said.split(","))


def expected_versions(if_match: str | None) -> frozenset[int] | None:
    """Return the versions of which one must be there (RFC 9110, 13.1.1); None: any.

    A tag that something on the way made weak, as proxies that compress do, counts as it was given
    out: a version is the same however it is written.

    Raises:
        InvalidInput: one is no ETag that was given out.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    said = [one.strip() for one in if_match.split(",", _MOST_TAGS)]
    tags = [_TAG.fullmatch(one) for one in said if one]  # a list may have empty elements
    if not tags or len(said) > _MOST_TAGS or None in tags:
        raise InvalidInput('If-Match must be the ETag as it was read, such as "3", or several.')
    return frozenset(int(one[1]) for one in tags if one)
