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

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from gis_registry.surveys.assigning import (
    AMBIGUOUS_BELOW,
    Evidence,
    Floats,
    Indices,
    Matches,
    Pairs,
    choose,
    joined,
    no_matches,
)
from gis_registry.surveys.delivery import Placed

#: Nothing is taken for the same thing from farther away, however lonely it stands.
MAX_DISTANCE_M = 60.0

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
    rows: Placed,
    registered: Placed,
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
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # classes have nothing to do with each other
        for done in [
            pool.submit(_take_clear_pairs, matches, spacing, sides, of_rows, of_components)
            for of_rows, of_components in by_class(rows.class_ids, registered.class_ids)
        ]:
            done.result()
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

    rows: Placed
    registered: Placed
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


def _with_gain(pairs: Pairs, rows: Placed, registered: Placed, spacing: Floats) -> Pairs:
    gain = gain_of(
        pairs.distance_m,
        rows.accuracies_m[pairs.row],
        registered.accuracies_m[pairs.component],
        spacing[pairs.row],
    )
    return Pairs(pairs.row, pairs.component, pairs.distance_m, gain)


def _across_classes(
    pairs: Pairs,
    rows: Placed,
    registered: Placed,
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
