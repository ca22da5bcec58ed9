"""Which streets to furnish when there are not enough components for a whole city."""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np
from city_streets import Areas, Floats, Ints, Streets, urbanity

LEAST_SHARE = 0.035  # of the components, for every district
PER_HUB = 2000.0  # components around one busy place
HUBS_APART_M = 2200.0
AVENUE_M = 9000.0  # hubs nearer than this are joined by a furnished avenue


def busiest_neighbourhoods(streets: Streets, areas: Areas, expected: Floats, wanted: float) -> Ints:
    """Streets around the busiest places of every district, and the avenues between these.

    Districts share the sum by how much built-up road they have.

    Args:
        streets: all streets.
        areas: the subdistricts they lie in.
        expected: how many things each street takes.
        wanted: how many are needed in all.

    Returns:
        Positions of the chosen streets, ascending.
    """
    codes = sorted(set(areas.districts))
    district = np.array([codes.index(d) for d in areas.districts])[streets.area]
    weight = np.bincount(district, streets.length_m * streets.urbanity**3, len(codes))
    share = np.maximum(weight / weight.sum(), LEAST_SHARE)
    share /= share.sum()
    hubs: list[int] = []
    hubs_of: list[list[int]] = []
    for index in range(len(codes)):
        member = np.flatnonzero(district == index)
        hubs_of.append(
            busiest(streets, member, hubs, max(1, round(wanted * share[index] / PER_HUB)))
        )
        hubs += hubs_of[-1]
    chosen = avenues(streets, hubs)
    left = share * max(wanted - expected[chosen].sum(), wanted / 3)
    parts = [chosen]
    for index, own in enumerate(hubs_of):
        member = np.setdiff1d(np.flatnonzero(district == index), chosen)
        far = np.min(
            [np.hypot(*(streets.middle[member] - streets.middle[hub]).T) for hub in own], axis=0
        )
        ranked = member[np.argsort(far + streets.length_m[member], kind="stable")]
        enough = np.searchsorted(np.cumsum(expected[ranked]), left[index]) + 1
        parts.append(ranked[:enough])
    return np.sort(np.concatenate(parts))


def busiest(streets: Streets, member: Ints, taken: list[int], count: int) -> list[int]:
    """Up to `count` streets in the densest places of a district, apart from one another."""
    of_district = streets.pick(member)
    of_district = replace(of_district, urbanity=urbanity(of_district))
    found: list[int] = []
    for at in member[np.argsort(-of_district.urbanity, kind="stable")].tolist():
        others = taken + found
        far = np.hypot(*(streets.middle[others] - streets.middle[at]).T)
        if not found or far.min(initial=np.inf) >= HUBS_APART_M:
            found.append(at)
        if len(found) == count:
            break
    return found


def avenues(streets: Streets, hubs: list[int]) -> Ints:
    """Streets on the shortest ways from each hub to the two nearest earlier ones."""
    ends = np.round(np.concatenate([streets.start, streets.end])).astype(np.int64)
    _, node = np.unique(ends, axis=0, return_inverse=True)
    start, end = np.split(node.ravel(), 2)
    length = streets.length_m.tolist()
    reachable: list[list[tuple[int, int]]] = [[] for _ in range(int(node.max()) + 1)]
    for street, (a, b) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        reachable[a].append((b, street))
        reachable[b].append((a, street))
    used: set[int] = set()
    for nth, hub in enumerate(hubs[1:], start=1):
        far = np.hypot(*(streets.middle[hubs[:nth]] - streets.middle[hub]).T)
        for at in np.argsort(far, kind="stable")[:2].tolist():
            if far[at] <= AVENUE_M:
                goal = hubs[at]
                used |= shortest_way(reachable, length, int(start[hub]), int(start[goal]))
    return np.array(sorted(used), dtype=np.int64)


def shortest_way(
    reachable: list[list[tuple[int, int]]], length: list[float], source: int, goal: int
) -> set[int]:
    """Streets of the shortest way between two nodes (Dijkstra); empty if there is none."""
    best = {source: 0.0}
    came: dict[int, tuple[int, int]] = {}
    queue = [(0.0, source)]
    while queue:
        cost, node = heapq.heappop(queue)
        if node == goal:
            break
        if cost > best[node]:
            continue
        for other, street in reachable[node]:
            if cost + length[street] < best.get(other, np.inf):
                best[other] = cost + length[street]
                came[other] = (node, street)
                heapq.heappush(queue, (best[other], other))
    way: set[int] = set()
    node = goal
    while node in came:
        node, street = came[node]
        way.add(street)
    return way
