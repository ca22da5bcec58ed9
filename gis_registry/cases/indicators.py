"""Indicators: how many cases were filed, handled and closed, and how many of them on time."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.orm import Session

from gis_registry.cases import indicator_queries as queries
from gis_registry.cases.indicator_measures import Contribution, contributions
from gis_registry.cases.progress import Progress


def count(session: Session, changed: Sequence[tuple[Progress | None, Progress]]) -> None:
    """Count what changed: each case as it stood before (None: it is new) and as it stands now.

    What it adds is appended, and folded into the totals later
    (:mod:`gis_registry.cases.indicator_upkeep`).
    """
    added: Counter[Contribution] = Counter()
    for before, after in changed:
        added.update(contributions(after))
        if before is not None:
            added.subtract(contributions(before))
    kept = {key: amount for key, amount in added.items() if amount}
    if kept:
        queries.append(session, kept)
