"""Which other areas a position may truly lie in, by its error, and how probable each is.

A position's error is normal along each axis, and the boundary is taken as a straight line: the true
position lies beyond a boundary that is d metres away with the probability of the normal
distribution below -d / (standard error). Areas of the city share that among themselves; what lies
outside the city is no area.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

#: A two-dimensional normal error lies within this many standard errors 68 times in 100.
RADIUS_68 = 1.5096
#: Areas beyond this many standard errors are not looked at: a boundary that far off is crossed
#: 2.3 times in 100, so that the true position lies within it about 95 times in 100.
REACH = 2.0

_below = NormalDist().cdf


@dataclass(frozen=True)
class Neighbour:
    """Another area that the true position may lie in, and how far off that area is."""

    division_code: str
    subdistrict_code: str | None
    distance_m: float
    probability: float


def reach_m(accuracy_m: float) -> float:
    """Return how far from a position areas are looked at, in metres."""
    return REACH * accuracy_m / RADIUS_68


def neighbours(
    distances_m: Mapping[str, float], *, accuracy_m: float, outside_m: float
) -> tuple[Neighbour, ...]:
    """Weigh the areas within reach against the one that the position was found in.

    Args:
        distances_m: distance to each other subdistrict, or district, by code. A district does not
            count beside a subdistrict of its own.
        accuracy_m: radius that holds the true position 68 times in 100.
        outside_m: how far outside its own area the position was found.

    Returns:
        the most probable first; of equally probable ones by code.
    """
    divided = {code[:6] for code in distances_m if len(code) > 6}
    beyond = {
        code: max(distance_m - outside_m, 0.0) * RADIUS_68 / accuracy_m
        for code, distance_m in distances_m.items()
        if len(code) > 6 or code not in divided
    }
    if not beyond:
        return ()
    weights = {code: _below(-errors) for code, errors in beyond.items()}
    total = _below(min(beyond.values())) + sum(weights.values())
    return tuple(
        Neighbour(
            division_code=code[:6],
            subdistrict_code=code if len(code) > 6 else None,
            distance_m=distances_m[code],
            probability=weights[code] / total,
        )
        for code in sorted(beyond, key=lambda code: (beyond[code], code))
    )
