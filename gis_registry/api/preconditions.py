"""ETag and If-Match: the version of a thing, and the version that a change was made for."""

import re
from typing import Annotated

from fastapi import Header

from gis_registry.errors import InvalidInput

IfMatch = Annotated[
    str | None,
    Header(description="ETag of the case as it was read: refused if it changed since"),
]

_TAG = re.compile(r'(?:W/)?"(\d{1,9})"', re.ASCII)


def version_tag(version: int) -> str:
    """Return the ETag of a version."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """Return the version that a change was made for; None: whichever there is.

    Raises:
        InvalidInput: it is no ETag that was given out.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    tag = _TAG.fullmatch(if_match.strip())
    if tag is None:
        raise InvalidInput('If-Match must be the ETag as it was read, such as "3".')
    return int(tag[1])
