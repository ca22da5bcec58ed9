"""Choosing among possible pairs of rows and components: one to one, with the largest sum of gains.

It is an assignment problem in small clusters, solved exactly. The *margin* of a choice is how much
the sum would lose by the best other choice nearby; as a probability it is the choice's score.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

#: A margin below this (9 to 1) is for a person to decide.
AMBIGUOUS_BELOW = float(np.log(9))

#: Clusters are solved together until they have so many pairs: the solver takes time by the square.
_PAIRS_AT_ONCE = 2_000
#: Pairs less likely than this compete with nothing.
_LEAST_GAIN = -6.0

#: Gains of pairs (row numbers, component numbers) from what they are said to be, beyond place.
Evidence = Callable[[Indices, Indices], Floats]


@dataclass(frozen=True)
class Matches:
    """What each row was found to be.

    Attributes:
        component: index of the component that each row is, -1 for none.
        distance_m: how far the two are apart; NaN for none.
        score: probability of the choice beside the best other one.
        runner_up: index of the component that would be next, -1 for none.
        runner_up_m: how far that one is; NaN for none.
        is_ambiguous: whether a person must choose.
    """

    component: Indices
    distance_m: Floats
    score: Floats
    runner_up: Indices
    runner_up_m: Floats
    is_ambiguous: NDArray[np.bool_]


@dataclass(frozen=True)
class Pairs:
    """Possible pairs of rows and components, by row; ``gain`` is above zero for a likely one."""

    row: Indices
    component: Indices
    distance_m: Floats
    gain: Floats

    def where(self, keep: NDArray[np.bool_]) -> "Pairs":
        """Return some of the pairs."""
        return Pairs(self.row[keep], self.component[keep], self.distance_m[keep], self.gain[keep])


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Return pairs after each other."""
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return Pairs(nothing, nothing, np.empty(0), np.empty(0))
    return Pairs(
        np.concatenate([one.row for one in parts]),
        np.concatenate([one.component for one in parts]),
        np.concatenate([one.distance_m for one in parts]),
        np.concatenate([one.gain for one in parts]),
    )


def no_matches(count: int) -> Matches:
    """Return matches of so many rows with nothing, to be filled in."""
    return Matches(
        component=np.full(count, -1, dtype=np.int64),
        distance_m=np.full(count, np.nan),
        score=np.ones(count),
        runner_up=np.full(count, -1, dtype=np.int64),
        runner_up_m=np.full(count, np.nan),
        is_ambiguous=np.zeros(count, dtype=bool),
    )


def choose(matches: Matches, pairs: Pairs, *, evidence: Evidence | None = None) -> None:
    """Choose among possible pairs, at most one for each row and component; fills the matches.

    Args:
        matches: where the choices are written.
        pairs: all pairs that are possible.
        evidence: gains of pairs from other things; asked only where place does not decide.
    """
    pairs = pairs.where(pairs.gain > _LEAST_GAIN)
    if not len(pairs.row):
        return
    row_of, rows = np.unique(pairs.row, return_inverse=True)
    component_of, components = np.unique(pairs.component, return_inverse=True)
    sizes = len(row_of), len(component_of)
    gain = pairs.gain
    chosen = _assign(rows, components, gain, *sizes)
    margin, other = _margins(rows, components, gain, chosen, *sizes)
    if evidence is not None and (unsure := margin < AMBIGUOUS_BELOW).any():
        disputed = np.zeros(len(component_of), dtype=bool)
        disputed[components[unsure[rows]]] = True
        asked = np.flatnonzero(unsure[rows] | disputed[components])
        gain = gain.copy()
        gain[asked] += evidence(pairs.row[asked], pairs.component[asked])
        chosen = _assign(rows, components, gain, *sizes)
        margin, other = _margins(rows, components, gain, chosen, *sizes)
    at = np.flatnonzero(chosen >= 0)
    matches.component[row_of[at]] = pairs.component[chosen[at]]
    matches.distance_m[row_of[at]] = pairs.distance_m[chosen[at]]
    matches.score[row_of] = 1 / (1 + np.exp(-margin))
    has_other = np.flatnonzero(other >= 0)
    matches.runner_up[row_of[has_other]] = pairs.component[other[has_other]]
    matches.runner_up_m[row_of[has_other]] = pairs.distance_m[other[has_other]]
    matches.is_ambiguous[row_of] = margin < AMBIGUOUS_BELOW


def _assign(
    rows: Indices, components: Indices, gain: Floats, row_count: int, component_count: int
) -> Indices:
    """Return for each row the pair with which the sum of gains is largest, -1 for none."""
    chosen = np.full(row_count, -1, dtype=np.int64)
    pair = np.flatnonzero(gain > 0)
    if not len(pair):
        return chosen
    graph = csr_array(
        (np.ones(len(pair)), (rows[pair], components[pair] + row_count)),
        shape=(row_count + component_count,) * 2,
    )
    _, cluster_of = connected_components(graph, directed=False)
    cluster = cluster_of[rows[pair]]
    sizes = np.bincount(cluster)
    alone = sizes[cluster] == 1
    chosen[rows[pair[alone]]] = pair[alone]
    pair, cluster = pair[~alone], cluster[~alone]
    order = np.argsort(cluster, kind="stable")
    pair, cluster = pair[order], cluster[order]
    ends = np.append(np.flatnonzero(cluster[1:] != cluster[:-1]) + 1, len(pair)).tolist()
    begin = 0
    for end in ends:
        if end - begin >= _PAIRS_AT_ONCE or end == len(pair):
            part = pair[begin:end]
            chosen[rows[part]] = -1
            best = _solve(rows[part], components[part], gain[part])
            chosen[rows[part[best]]] = part[best]
            begin = end
    return chosen


def _solve(rows: Indices, components: Indices, gain: Floats) -> Indices:
    """Return the pairs of the best choice among some clusters; all gains are above zero."""
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    row_of, row = np.unique(rows, return_inverse=True)
    component_of, component = np.unique(components, return_inverse=True)
    # Each row may stay alone, at a cost above that of any pair; costs must not be zero.
    alone = float(gain.max()) + 1
    costs = csr_array(
        (
            np.concatenate([alone - gain, np.full(len(row_of), alone)]),
            (
                np.concatenate([row, np.arange(len(row_of))]),
                np.concatenate([component, len(component_of) + np.arange(len(row_of))]),
            ),
        ),
        shape=(len(row_of), len(component_of) + len(row_of)),
    )
    matched, to = min_weight_full_bipartite_matching(costs)
    partner = np.full(len(row_of), -1, dtype=np.int64)
    partner[matched] = to
    return np.flatnonzero(partner[row] == component)


def _margins(
    rows: Indices,
    components: Indices,
    gain: Floats,
    chosen: Indices,
    row_count: int,
    component_count: int,
) -> tuple[Floats, Indices]:
    """Return what the sum of gains loses by the best other choice for each row, and that pair.

    Looked at are leaving the row alone, giving it a free component, and giving it that of another
    row, which then takes this row's component, a free one or none; for that row it is another
    choice as well.
    """
    is_chosen = np.zeros(len(gain), dtype=bool)
    is_chosen[chosen[chosen >= 0]] = True
    of_row, of_component = np.zeros(row_count), np.zeros(component_count)
    of_row[rows[is_chosen]] = gain[is_chosen]
    of_component[components[is_chosen]] = gain[is_chosen]
    holder = np.full(component_count, -1, dtype=np.int64)
    holder[components[is_chosen]] = rows[is_chosen]
    own = np.full(row_count, -1, dtype=np.int64)
    own[rows[is_chosen]] = components[is_chosen]
    refill = np.zeros(component_count)  # what a component gains with a row that has none
    waiting = chosen[rows] < 0
    np.maximum.at(refill, components[waiting], gain[waiting])
    spare = np.zeros(row_count)  # what a row gains with a component that is free
    is_free = holder[components] < 0
    np.maximum.at(spare, rows[is_free], gain[is_free])

    margin = np.full(row_count, np.inf)
    matched = own >= 0
    margin[matched] = of_row[matched] - refill[own[matched]]
    other = np.full(row_count, -1, dtype=np.int64)
    pair = np.flatnonzero(~is_chosen)
    if len(pair):
        left, displaced = own[rows[pair]], holder[components[pair]]
        has_left, has_displaced = left >= 0, displaced >= 0
        back = np.where(has_left, refill[left], 0.0) + np.where(has_displaced, spare[displaced], 0)
        swaps = np.flatnonzero(has_left & has_displaced)
        key = rows * component_count + components
        order = np.argsort(key)
        wanted = displaced[swaps] * component_count + left[swaps]
        at = np.minimum(np.searchsorted(key, wanted, sorter=order), len(key) - 1)
        exists = key[order[at]] == wanted
        back[swaps[exists]] = np.maximum(back[swaps[exists]], gain[order[at[exists]]])
        loss = of_row[rows[pair]] + of_component[components[pair]] - gain[pair] - back
        by_loss = np.argsort(loss)[::-1]  # the least comes last, and stays
        best = np.full(row_count, np.inf)
        best[rows[pair[by_loss]]] = loss[by_loss]
        other[rows[pair[by_loss]]] = pair[by_loss]
        margin = np.minimum(margin, best)
        np.minimum.at(margin, displaced[has_displaced], loss[has_displaced])
    return np.maximum(margin, 0), other
