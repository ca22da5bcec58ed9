"""Pages of features, and how many there are in all: one statement, so of one state of things."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from gis_registry.db.reading import Reading
from gis_registry.errors import NotFound
from gis_registry.maps import features, page_ways
from gis_registry.maps.collections import Collection
from gis_registry.maps.crs import OfferedCrs
from gis_registry.maps.features import Condition
from gis_registry.maps.page_ways import Way

#: Up to so many are counted one by one; of more it is told how many the planner expects.
MOST_COUNTED = 10_000
#: Where the planner expects so many times as many, they are not counted at all.
_OFF_BY = 2
#: A page ends before its features would have more characters together, which are about as many
#: bytes: outlines of hundreds of areas are no quick answer.
MOST_CHARACTERS = 8 * 2**20


@dataclass(frozen=True)
class Matched:
    """How many features a question finds in all."""

    count: int
    is_estimated: bool


@dataclass(frozen=True)
class Page:
    """Some features of a collection, in the order of its key.

    Attributes:
        features: each as a text of GeoJSON.
        last: the key of the last one, if there are more.
        matched: how many there are in all; None: it was not asked for, or is not known.
    """

    features: list[str]
    last: tuple[str, ...] | None
    matched: Matched | None


async def page(
    reading: Reading,
    collection: Collection,
    conditions: Sequence[Condition],
    *,
    crs: OfferedCrs,
    limit: int,
    after: Sequence[str] = (),
    is_counted: bool = True,
) -> Page:
    """Return a page.

    Args:
        reading: where from.
        collection: which.
        conditions: which of its features.
        crs: what their coordinates are told in.
        limit: how many, at most; fewer, and one at least, if they would be very much together.
        after: the key of the last feature of the page before; none: the first page.
        is_counted: whether to say how many there are in all.
    """
    is_counted_anew = is_counted and (bool(conditions) or collection.total is None)
    # Where nothing is asked for, clients take what is told for all that there is.
    expected = await estimated(reading, collection, conditions) if conditions else 0
    ways = await page_ways.find(reading, collection, conditions, after=after, expected=expected)
    count = collection.total if is_counted else None
    if is_counted_anew:
        count = _count(collection, ways[-1]) if expected <= MOST_COUNTED * _OFF_BY else None
    rows: list[tuple[Any, ...]] = []
    for way in ways:
        statement = features.page(
            collection, way.conditions, crs=crs, limit=limit, after=after, count=count,
            among=way.among,
        )  # fmt: skip
        rows = await reading.rows(statement.sql, statement.values, is_plan_kept=not conditions)
        if len(rows) > limit:
            break
    told = _fitting(rows[:limit])
    last = tuple(told[-1][1:-1]) if len(rows) > len(told) else None
    matched = None
    if is_counted and (rows or not after):  # a page that was emptied meanwhile tells nothing
        matched = _matched(rows[0][0] if rows else 0, expected if is_counted_anew else None)
    return Page([row[-1] for row in told], last, matched)


async def single(
    reading: Reading, collection: Collection, feature_id: str, *, crs: OfferedCrs
) -> tuple[str, str]:
    """Return a feature as a text of GeoJSON, and what changes whenever it does.

    Raises:
        NotFound: there is none with this id, or none any more.
    """
    statement = features.single(collection, feature_id, crs=crs)
    found = await reading.rows(statement.sql, statement.values, is_plan_kept=True)
    for feature, version in found:
        return feature, version
    if collection.gone is not None:
        for (said,) in await reading.rows(collection.gone, statement.values):
            raise NotFound(said)
    raise NotFound(f"{collection.name} has no feature {feature_id[:100]!r}.")


async def estimated(
    reading: Reading, collection: Collection, conditions: Sequence[Condition]
) -> int:
    """Return how many features the planner expects."""
    return await page_ways.planned(reading, features.matching(collection, conditions))


def _count(collection: Collection, way: Way) -> str:
    matching = features.matching(
        collection, way.conditions, limit=MOST_COUNTED + 1, among=way.among
    )
    return f"(SELECT count(*) FROM ({matching.sql}) AS matching)"  # noqa: S608


def _fitting(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the first rows, of which the features together are not more than a page has."""
    characters = accumulate(len(row[-1]) for row in rows)
    return rows[: max(1, bisect_right(list(characters), MOST_CHARACTERS))]


def _matched(counted: int | None, estimate: int | None) -> Matched | None:
    """Return how many there are, or None where there are more than the planner expects."""
    if counted is not None and (estimate is None or counted <= MOST_COUNTED):
        return Matched(counted, is_estimated=False)
    if estimate is None or estimate <= (counted or 0):
        return None
    return Matched(estimate, is_estimated=True)
