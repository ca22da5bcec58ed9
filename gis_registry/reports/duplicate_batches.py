"""Which reports of a batch are near each other, before any of them is kept."""

from collections.abc import Iterator, Sequence
from heapq import nlargest
from typing import NamedTuple

import numpy as np
from sqlalchemy.orm import Session

from gis_registry.places.datums import GROUND
from gis_registry.reports import duplicate_odds as odds
from gis_registry.reports import duplicate_queries as queries
from gis_registry.reports.questions import Question

#: PostGIS rounds distances so; what lies just at the reach counts in a batch as it does alone.
_DECIMALS = 8
#: Side of the squares that reports are sorted into.
_SQUARE_DEG = 0.003
#: How many reports of a square, and how many of all, are compared with one: those just before it.
_MOST_OF_SQUARE, _MOST = 30, 30

_Key = tuple[str, str, int, int] | tuple[str, str, str]


class BeforeInBatch(NamedTuple):
    """A report before another one in a batch (the ``n``-th, from 0), and how far away it is."""

    n: int
    distance_m: float
    text_similarity: float | None


def before_in_batch(
    session: Session, questions: Sequence[Question], component_codes: Sequence[str | None]
) -> list[list[BeforeInBatch]]:
    """Return for each report those before it in the batch that are near or of its component."""
    pairs = list(_pairs(questions, component_codes))
    told: list[list[BeforeInBatch]] = [[] for _ in questions]
    if not pairs:
        return told
    ones, others = np.array(pairs).T
    lons = np.array([one.lon for one in questions])
    lats = np.array([one.lat for one in questions])
    exact_m = GROUND.inv(lons[ones], lats[ones], lons[others], lats[others])[2]
    distances_m = np.round(exact_m, _DECIMALS)
    reaches_m = [odds.reach_m(one) for one in questions]
    near = [
        (one, other, distance_m)
        for (one, other), distance_m in zip(pairs, distances_m.tolist(), strict=True)
        if distance_m <= reaches_m[one]
        or (component_codes[one] is not None and component_codes[one] == component_codes[other])
    ]
    similarities = _similarities(session, questions, near)
    for one, other, distance_m in near:
        texts = (questions[one].text, questions[other].text)
        told[one].append(BeforeInBatch(other, distance_m, similarities.get(texts)))
    return told


def _pairs(
    questions: Sequence[Question], component_codes: Sequence[str | None]
) -> Iterator[tuple[int, int]]:
    before: dict[_Key, list[int]] = {}
    for n, (question, component_code) in enumerate(zip(questions, component_codes, strict=True)):
        kind, major = question.matter.type.kind, question.matter.type.major_code
        keys: list[_Key] = [(kind, major, x, y) for x, y in odds.squares(question, _SQUARE_DEG)]
        own: list[_Key] = [(kind, major, *odds.square_of(question.lon, question.lat, _SQUARE_DEG))]
        if component_code is not None:
            keys.append((kind, major, component_code))
            own.append((kind, major, component_code))
        found = {other for key in keys for other in before.get(key, [])[-_MOST_OF_SQUARE:]}
        yield from ((n, other) for other in nlargest(_MOST, found))
        for key in own:
            before.setdefault(key, []).append(n)


def _similarities(
    session: Session, questions: Sequence[Question], near: Sequence[tuple[int, int, float]]
) -> dict[tuple[str, str], float]:
    texts = {
        (questions[one].text, questions[other].text)
        for one, other, _ in near
        if questions[one].text and questions[other].text
    }
    pairs = sorted(texts)
    return dict(zip(pairs, queries.text_similarities(session, pairs), strict=True))
