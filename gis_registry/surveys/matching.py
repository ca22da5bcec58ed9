"""Matching rows with components by place and class: which of them are the same thing.

Each possible pair of a row and a component has a *gain*: the logarithm of how much likelier the two
are one thing than that the component is gone and a new thing stands where the row says. It weighs

- how far apart they are against both position accuracies, most things being where they were and a
  few having been moved or badly surveyed before;
- how crowded the place is: where things of the class stand close together, another one is easily
  met by chance; where they are rare, what stands near is most likely the same.

The pairs are chosen so that the sum of their gains is the largest, one row to one component. Pairs
so much better than everything that competes with them that no other choice can win are taken at
once; what remains is an assignment problem in small clusters, solved exactly. The *margin* of a
choice is how much the sum would lose by the best other choice nearby; as a probability it is the
choice's score. After Fellegi and Sunter, "A theory for record linkage" (1969).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from gis_registry.surveys.delivery import Delivery, Registered

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

#: Nothing is taken for the same thing from farther away, however lonely it stands.
MAX_DISTANCE_M = 60.0
#: A margin below this (9 to 1) is for a person to decide.
AMBIGUOUS_BELOW = float(np.log(9))

#: Share of positions that were copied from an earlier survey, to about a centimetre.
_COPIED_SHARE = 0.2
_COPIED_SIGMA_M = 0.01
#: Share of things whose position is off by more than accuracies say: moved, or badly surveyed.
_MOVED_SHARE = 0.05
#: Half of those are within about twice this; the rest thins out as a Cauchy distribution does.
_MOVED_SCALE_M = 2.0
#: Share of things gone between two surveys, and of things newly set.
_GONE_SHARE = 0.01
#: Share of things given another class.
_RECLASSIFIED_SHARE = 0.005
#: How likely any one class of the same major class, or of another one, is then.
_WITHIN_MAJOR = 0.1
_BEYOND_MAJOR = 0.001
#: An accuracy of ±a is twice the standard deviation of each coordinate.
_SIGMAS_PER_ACCURACY = 2.0
_LEAST_SIGMA_M = 0.05
#: Things nearer than this do not make a place more crowded than these metres.
_LEAST_SPACING_M = 0.5
#: So many standard deviations hold practically every position of a thing that stayed.
_CORE_SIGMAS = 4.0
#: Candidates looked at for each contested row: of its class, and of any.
_CANDIDATES = 6
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


def earth_centred(lon: Floats, lat: Floats) -> Floats:
    """Return points on the ellipsoid of CGCS2000 in metres from the earth's centre.

    Straight distances between such points are those on the ground, within a millimetre in a
    kilometre, wherever the city is.

    Args:
        lon: longitudes in degrees, shape (n,).
        lat: latitudes in degrees, shape (n,).

    Returns:
        Coordinates in metres, shape (n, 3).
    """
    semi_major_m, flattening = 6378137.0, 1 / 298.257222101
    squared = flattening * (2 - flattening)
    phi, lam = np.radians(lat), np.radians(lon)
    normal = semi_major_m / np.sqrt(1 - squared * np.sin(phi) ** 2)
    return np.column_stack(
        [
            normal * np.cos(phi) * np.cos(lam),
            normal * np.cos(phi) * np.sin(lam),
            normal * (1 - squared) * np.sin(phi),
        ]
    )


def match_points(
    rows: Delivery,
    registered: Registered,
    *,
    major_of_class: NDArray[np.int32],
    evidence: Evidence | None = None,
) -> Matches:
    """Match rows with components that are points.

    Args:
        rows: rows with positions and classes; all of them are matched.
        registered: active components.
        major_of_class: a number for the major class of each class id.
        evidence: gains of pairs from other things, asked where place and class do not decide.
    """
    matches = no_matches(len(rows))
    if not len(rows) or not len(registered):
        return matches
    sides = _Sides(
        rows,
        registered,
        earth_centred(rows.lon, rows.lat),
        earth_centred(registered.lon, registered.lat),
    )
    spacing = np.full(len(rows), MAX_DISTANCE_M)
    for of_rows, of_components in by_class(rows.class_ids, registered.class_ids):
        _take_clear_pairs(matches, spacing, sides, of_rows, of_components)
    left_rows = np.flatnonzero(matches.component < 0)
    is_left = np.ones(len(registered), dtype=bool)
    is_left[matches.component[matches.component >= 0]] = False
    left_components = np.flatnonzero(is_left)
    pairs = _contested_pairs(sides, left_rows, left_components, spacing, major_of_class)
    choose(matches, pairs, evidence=evidence)
    return matches


def gain_of(
    distance_m: Floats, row_accuracy_m: Floats, component_accuracy_m: Floats, spacing_m: Floats
) -> Floats:
    """Return how much likelier pairs are one thing than two, as natural logarithms.

    Args:
        distance_m: how far the two are apart.
        row_accuracy_m: accuracy of the row's position.
        component_accuracy_m: accuracy of the component's.
        spacing_m: how far things of the class are apart thereabouts.
    """
    sigma = _sigma(row_accuracy_m, component_accuracy_m)
    scale = np.maximum(_MOVED_SCALE_M, sigma)
    moved = scale / (2 * np.pi * (distance_m**2 + scale**2) ** 1.5)
    same = (1 - _MOVED_SHARE) * _stayed(distance_m, sigma) + _MOVED_SHARE * moved
    with np.errstate(divide="ignore"):  # what is nowhere is infinitely far: that cannot be it
        gain: Floats = np.log((1 - _GONE_SHARE) * same) - _log_of_two(spacing_m)
    return gain


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


def _stayed(distance_m: Floats, sigma: Floats) -> Floats:
    """Return how densely positions of things that stayed lie so far off, for each square metre."""
    surveyed = _normal(distance_m, sigma)
    copied = _normal(distance_m, np.full_like(sigma, _COPIED_SIGMA_M))
    return (1 - _COPIED_SHARE) * surveyed + _COPIED_SHARE * copied


def _normal(distance_m: Floats, sigma: Floats) -> Floats:
    density: Floats = np.exp(-0.5 * (distance_m / sigma) ** 2) / (2 * np.pi * sigma**2)
    return density


def _log_of_two(spacing_m: Floats) -> Floats:
    """Return how likely it is that a thing is gone and a new one stands right there."""
    crowd = 1 / (np.pi * np.clip(spacing_m, _LEAST_SPACING_M, MAX_DISTANCE_M) ** 2)
    return np.log(_GONE_SHARE * _GONE_SHARE * crowd)


def _sigma(row_accuracy_m: Floats, component_accuracy_m: Floats) -> Floats:
    sigma: Floats = np.hypot(row_accuracy_m, component_accuracy_m) / _SIGMAS_PER_ACCURACY
    return np.maximum(sigma, _LEAST_SIGMA_M)


def by_class(
    of_rows: NDArray[np.int32], of_components: NDArray[np.int32]
) -> Iterator[tuple[Indices, Indices]]:
    """Yield the rows and the components of each class that both have."""
    components = _groups(of_components)
    for class_id, rows in _groups(of_rows).items():
        if class_id in components:
            yield rows, components[class_id]


def _groups(class_ids: NDArray[np.int32]) -> dict[int, Indices]:
    order = np.argsort(class_ids, kind="stable")
    classes, starts = np.unique(class_ids[order], return_index=True)
    return dict(zip(classes.tolist(), np.split(order, starts[1:]), strict=False))


@dataclass(frozen=True)
class _Sides:
    """Rows and components with where they are, in metres."""

    rows: Delivery
    registered: Registered
    row_xyz: Floats
    component_xyz: Floats


def _take_clear_pairs(
    matches: Matches, spacing: Floats, sides: _Sides, rows: Indices, components: Indices
) -> None:
    """Match rows of one class that are where their component is and that nothing else disputes.

    A pair is in a best choice if its gain is at least that of the row's second-nearest component
    and of the component's second-nearest row together: no choice without it can have more.
    """
    to_components = cKDTree(sides.component_xyz[components])
    to_rows = cKDTree(sides.row_xyz[rows])
    distances, near = to_components.query(sides.row_xyz[rows], k=2, workers=-1)
    back_distances, back = to_rows.query(sides.component_xyz[components], k=2, workers=-1)
    spacing[rows] = np.minimum(distances[:, 1], MAX_DISTANCE_M)
    first = near[:, 0]
    row_accuracy = sides.rows.accuracies_m[rows]
    accuracy = sides.registered.accuracies_m[components]
    core = _CORE_SIGMAS * _sigma(row_accuracy, accuracy[first])
    mutual = (back[first, 0] == np.arange(len(rows))) & (distances[:, 0] <= core)
    at = np.flatnonzero(mutual)
    first = first[at]
    gap = spacing[rows[at]]
    gain = gain_of(distances[at, 0], row_accuracy[at], accuracy[first], gap)
    rivals = np.maximum(
        gain_of(distances[at, 1], row_accuracy[at], accuracy[first], gap), 0
    ) + np.maximum(gain_of(back_distances[first, 1], row_accuracy[at], accuracy[first], gap), 0)
    margin = gain - rivals
    clear = margin >= AMBIGUOUS_BELOW
    at, taken = rows[at[clear]], components[first[clear]]
    matches.component[at] = taken
    matches.distance_m[at] = distances[mutual, 0][clear]
    matches.score[at] = 1 / (1 + np.exp(-margin[clear]))
    second = near[mutual, 1][clear]
    has_second = distances[mutual, 1][clear] <= MAX_DISTANCE_M
    matches.runner_up[at[has_second]] = components[second[has_second]]
    matches.runner_up_m[at[has_second]] = distances[mutual, 1][clear][has_second]


def _contested_pairs(
    sides: _Sides,
    left_rows: Indices,
    left_components: Indices,
    spacing: Floats,
    major_of_class: NDArray[np.int32],
) -> Pairs:
    """Return the possible pairs of what the clear pairs left, of one class and across classes."""
    same: list[Pairs] = []
    rows, registered = sides.rows, sides.registered
    for of_rows, of_components in by_class(
        rows.class_ids[left_rows], registered.class_ids[left_components]
    ):
        near = _near(sides, left_rows[of_rows], left_components[of_components], MAX_DISTANCE_M)
        same.append(_with_gain(near, rows, registered, spacing))
    coarsest = np.array([rows.accuracies_m.max(), registered.accuracies_m.max()])
    reach = _CORE_SIGMAS * float(_sigma(coarsest[:1], coarsest[1:])[0])
    across = _near(sides, left_rows, left_components, min(reach, MAX_DISTANCE_M))
    across = _across_classes(across, rows, registered, spacing, major_of_class)
    return joined([*same, across])


def _near(sides: _Sides, rows: Indices, components: Indices, reach_m: float) -> Pairs:
    """Return each row with its nearest components within a distance, without gains."""
    if not len(rows) or not len(components):
        return joined([])
    tree = cKDTree(sides.component_xyz[components])
    count = min(_CANDIDATES, len(components))
    distances, near = tree.query(
        sides.row_xyz[rows], k=count, distance_upper_bound=reach_m, workers=-1
    )
    distances, near = distances.reshape(len(rows), count), near.reshape(len(rows), count)
    found = np.isfinite(distances)
    row = np.repeat(rows, count).reshape(len(rows), count)[found]
    distance = distances[found]
    return Pairs(row, components[near[found]], distance, np.zeros(len(row)))


def _with_gain(pairs: Pairs, rows: Delivery, registered: Registered, spacing: Floats) -> Pairs:
    gain = gain_of(
        pairs.distance_m,
        rows.accuracies_m[pairs.row],
        registered.accuracies_m[pairs.component],
        spacing[pairs.row],
    )
    return Pairs(pairs.row, pairs.component, pairs.distance_m, gain)


def _across_classes(
    pairs: Pairs,
    rows: Delivery,
    registered: Registered,
    spacing: Floats,
    major_of_class: NDArray[np.int32],
) -> Pairs:
    """Return the pairs of different classes with the gains of things that were reclassified.

    A thing that got another class stands where it stood.
    """
    row_class = rows.class_ids[pairs.row]
    component_class = registered.class_ids[pairs.component]
    pairs = pairs.where(row_class != component_class)
    same_major = (
        major_of_class[rows.class_ids[pairs.row]]
        == major_of_class[registered.class_ids[pairs.component]]
    )
    share = _RECLASSIFIED_SHARE * np.where(same_major, _WITHIN_MAJOR, _BEYOND_MAJOR)
    sigma = _sigma(rows.accuracies_m[pairs.row], registered.accuracies_m[pairs.component])
    with np.errstate(divide="ignore"):
        gain = np.log(share * _stayed(pairs.distance_m, sigma)) - _log_of_two(spacing[pairs.row])
    return Pairs(pairs.row, pairs.component, pairs.distance_m, gain)


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
