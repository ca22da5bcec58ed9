"""Named queries from ``.sql`` files.

A file holds blocks of ``-- name: what it does``, then the statement with ``:bound`` parameters::

    -- nearest_components: the components nearest to a point, in metres on the ground
    SELECT …
"""

import re
from pathlib import Path

from sqlalchemy import TextClause, text

_BLOCK = re.compile(r"^-- (\w+): .+$", re.MULTILINE)


def load_queries(path: Path) -> dict[str, TextClause]:
    """Read the named queries of a file."""
    _, *parts = _BLOCK.split(path.read_text(encoding="utf-8"))
    return {
        name: text(body.strip().rstrip(";"))
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }
