"""Indicators: how many cases were filed, handled and closed, and how many of them on time."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from gis_registry.cases.progress import Progress


def count(session: Session, changed: Sequence[tuple[Progress | None, Progress]]) -> None:
    """Count what changed: each case as it stood before (None: it is new) and as it stands now."""
