"""Where to look for the features of a page, so that it does not take long wherever they lie.

Planners take it that what lies in a place is spread evenly over the order of the key, and rather
read in that order until a page is full: for a place that comes late in the order, the whole table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gis_registry.db.reading import Reading
from gis_registry.maps import features
from gis_registry.maps.collections import Collection
from gis_registry.maps.features import Condition, Statement

#: Of so many in a place the first by key are quickly found.
MOST_GATHERED = 50_000
#: Of more, a page is looked for among so many that come next, before all of them are gathered.
ROWS_AHEAD = 50_000
#: Unless other conditions leave one in so many.
FEW = 20


@dataclass(frozen=True)
class Way:
    """Where the features of a page are looked for, and by which conditions.

    Attributes:
        conditions: which of them.
        among: which part of the collection's source; None: all of it.
    """

    conditions: Sequence[Condition]
    among: Statement | None = None


async def find(
    reading: Reading,
    collection: Collection,
    conditions: Sequence[Condition],
    *,
    after: Sequence[str],
    expected: int,
) -> list[Way]:
    """Return the ways to fill a page: each next one is for when the one before did not fill it.

    Args:
        reading: where from.
        collection: which.
        conditions: which of its features.
        after: the key of the last feature of the page before; none: the first page.
        expected: how many there are in all, as the planner expects.
    """
    part = features.bounded(collection, conditions)
    if part is None:
        return [Way(conditions)]
    lying_there = expected
    if not all(one.is_of_source for one in conditions):
        lying_there = await planned(reading, part)
    chosen = [one.expected() for one in conditions]
    if lying_there <= MOST_GATHERED:
        return [Way(chosen, part)]
    if expected * FEW < lying_there:
        return [Way(conditions)]
    following = features.ahead(collection, rows=ROWS_AHEAD, after=after)
    return [Way(chosen, following), Way(chosen, part)]


async def planned(reading: Reading, statement: Statement) -> int:
    """Return how many rows the planner expects of a statement."""
    ((plan,),) = await reading.rows(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.values)
    return int(plan[0]["Plan"]["Plan Rows"])
