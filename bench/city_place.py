"""Set components of every class along streets, at the spacing that the class is known for."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from city_neighbourhoods import busiest_neighbourhoods
from city_streets import Areas, Floats, Ints, Streets, minor_streets

MIN_SPACING_M = 2.0  # between two components of one class
LEAST_PER_CLASS = 8
STAGGERED_FROM_M = 20.0  # nearer ones, such as trees, stand opposite each other
SURPLUS = 1.05  # placed beyond the number asked for; a new survey finds its additions there
SPARSE = 3.8  # exponent on the share of streets that have a class: a sample of a city
FULL = 1.0  # and: a whole city


@dataclass(frozen=True)
class PlacementRule:
    """How one class stands along a street (one line of the profile's `synthesis.csv`)."""

    class_code: str
    name_zh: str
    geometry: str  # point, line, polygon
    mode: str  # row: at even spacing; spot: anywhere; junction: at the ends of a street
    spacing_m: float
    offset_m: float  # from the axis of the road
    sides: str  # one, both, alternate, axis
    share: float  # of the streets that have the class at all
    rural: float  # how much of that share holds in open country
    length_m: float  # along the street, of a line or polygon
    width_m: float
    number_prefix: str
    materials: tuple[str, ...]


def read_rules(path: Path) -> list[PlacementRule]:
    """The rules in `synthesis.csv`, by class code."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["class_code"])
    return [
        PlacementRule(
            class_code=row["class_code"],
            name_zh=row["name_zh"],
            geometry=row["geometry"],
            mode=row["mode"],
            spacing_m=float(row["spacing_m"]),
            offset_m=float(row["offset_m"]),
            sides=row["sides"],
            share=float(row["share"]),
            rural=float(row["rural"]),
            length_m=float(row["length_m"] or 0),
            width_m=float(row["width_m"] or 0),
            number_prefix=row["number_prefix"],
            materials=tuple(filter(None, row["materials"].split("|"))),
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Placed:
    """Components in projected metres; arrays of one length."""

    rule: npt.NDArray[np.int16]  # index into the rules
    street: npt.NDArray[np.int32]  # index into the streets
    nth: npt.NDArray[np.int32]  # within its class and street
    xy: Floats  # (n, 2): the point, or the middle of a line or rectangle
    along: npt.NDArray[np.float32]  # (n, 2) unit vector of the street

    def __len__(self) -> int:
        return len(self.rule)

    def pick(self, which: Ints | npt.NDArray[np.bool_]) -> Placed:
        """The components at these positions."""
        return Placed(**{k: getattr(self, k)[which] for k in self.__dataclass_fields__})


def joined(parts: list[Placed]) -> Placed:
    """All parts after one another."""
    return Placed(
        **{
            k: np.concatenate([getattr(part, k) for part in parts])
            for k in Placed.__dataclass_fields__
        }
    )


def expected_per_street(rules: list[PlacementRule], streets: Streets, exponent: float) -> Floats:
    """How many components each street takes on average."""
    total = np.zeros(len(streets))
    length = streets.length_m
    for rule in rules:
        rows = 2 if rule.sides == "both" and rule.mode != "spot" else 1
        total += street_share(rule, streets, exponent) * rows * most_per_row(rule, length)
    return total


def most_per_row(rule: PlacementRule, length: Floats) -> Floats:
    """How many stand along one side of a street that has the class (spots: on average)."""
    if rule.mode == "junction":
        return np.where(length > 50, 2.0, 0.0)
    fits = length > max(1.5 * rule.length_m, 20.0)
    count = length / rule.spacing_m
    return np.where(fits, count if rule.mode == "spot" else np.round(count), 0.0)


def street_share(rule: PlacementRule, streets: Streets, exponent: float) -> Floats:
    """The chance that a street has the class."""
    share: Floats = rule.share**exponent * (rule.rural + (1 - rule.rural) * streets.urbanity)
    return share


def choose_streets(
    rules: list[PlacementRule], streets: Streets, areas: Areas, wanted: float, seed: int
) -> tuple[Streets, float]:
    """The streets to furnish, and how fully, so that about `wanted` fit.

    Few components fill the neighbourhoods of the district seats; many fill all roads; still
    more fill side streets made up for them.
    """
    sparse = expected_per_street(rules, streets, SPARSE)
    if sparse.sum() >= wanted:
        return streets.pick(busiest_neighbourhoods(streets, areas, sparse, wanted)), SPARSE
    roads = streets
    for every_m in (0.0, 160.0, 120.0, 90.0, 70.0, 50.0, 40.0, 30.0):
        if every_m:
            streets = roads.joined(minor_streets(roads, areas, every_m, seed))
        if expected_per_street(rules, streets, FULL).sum() >= wanted:
            low, high = FULL, SPARSE
            for _ in range(20):
                middle = (low + high) / 2
                enough = expected_per_street(rules, streets, middle).sum() >= wanted
                low, high = (middle, high) if enough else (low, middle)
            return streets, low
    most = int(expected_per_street(rules, streets, FULL).sum() / SURPLUS)
    raise SystemExit(f"This road graph takes about {most:,} components; ask for fewer.")


def place(
    rules: list[PlacementRule], streets: Streets, areas: Areas, components: int, seed: int
) -> tuple[Streets, Placed, Placed]:
    """Set components along streets.

    Returns:
        The streets that were used, exactly `components` components, and a surplus of about 5 %
        that stands among them but belongs to nobody yet.
    """
    for allowance in (1.02, 1.08, 1.2, 1.4, 1.8):
        wanted = components * SURPLUS * allowance
        chosen, exponent = choose_streets(rules, streets, areas, wanted, seed)
        parts = [
            along_streets(rule, index, chosen, exponent, np.random.default_rng([seed, 1, index]))
            for index, rule in enumerate(rules)
        ]
        everything = joined([apart(part) for part in parts])
        if len(everything) >= components * SURPLUS:
            break
    kept, spare = divide(everything, len(rules), components, seed)
    return chosen, kept, spare


def divide(everything: Placed, classes: int, components: int, seed: int) -> tuple[Placed, Placed]:
    """A random choice of so many, with some of every class among them; and the rest."""
    rng = np.random.default_rng([seed, 2])
    order = rng.permutation(len(everything))
    rank = np.empty(len(order), dtype=np.int64)  # of a component within its class
    by_class = order[np.argsort(everything.rule[order], kind="stable")]
    counts = np.bincount(everything.rule, minlength=classes)
    rank[by_class] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = order[np.argsort(rank[order] >= LEAST_PER_CLASS, kind="stable")]
    kept, spare = np.sort(first[:components]), np.sort(first[components:])
    return everything.pick(kept), everything.pick(spare)


def along_streets(
    rule: PlacementRule, index: int, streets: Streets, exponent: float, rng: np.random.Generator
) -> Placed:
    """All components of one class."""
    length = streets.length_m
    share = street_share(rule, streets, exponent)
    most = most_per_row(rule, length)
    if rule.mode == "spot":
        count = rng.poisson(share * most)
    else:
        count = np.where(rng.random(len(streets)) < share, most, 0).astype(np.int64)
    count = at_least(count, most > 0, length, rng)
    street = np.repeat(np.arange(len(streets)), count)
    nth = np.arange(len(street)) - np.repeat(np.cumsum(count) - count, count)
    side = sides_of(rule, street, nth, rng)
    if rule.sides == "both" and rule.mode != "spot":
        street, nth = np.concatenate([street, street]), np.concatenate([nth, nth + count[street]])
        side = np.concatenate([side, -side])
    position = positions(rule, street, nth, count, length, rng)
    direction = (streets.end - streets.start) / length[:, None]
    across = np.column_stack([-direction[:, 1], direction[:, 0]])[street]
    offset = rule.offset_m * np.where(rule.offset_m < 12, streets.width[street], 1.0)
    offset = side * (offset + rng.normal(0, 0.25, len(street)) * (rule.offset_m > 1))
    xy = streets.start[street] + position[:, None] * direction[street] + offset[:, None] * across
    return Placed(
        rule=np.full(len(street), index, dtype=np.int16),
        street=street.astype(np.int32),
        nth=(nth + 1).astype(np.int32),
        xy=xy,
        along=direction[street].astype(np.float32),
    )


def at_least(
    count: Ints, fits: npt.NDArray[np.bool_], length: Floats, rng: np.random.Generator
) -> Ints:
    """A few more of what would be too rare, on streets picked by their length."""
    missing = LEAST_PER_CLASS + 2 - int(count.sum())
    if missing > 0 and fits.any():
        weight = np.where(fits & (count == 0), np.minimum(length, 400.0), 0.0)
        chosen = rng.choice(len(length), missing, replace=False, p=weight / weight.sum())
        count = count.copy()
        count[chosen] = 1
    return count


def sides_of(rule: PlacementRule, street: Ints, nth: Ints, rng: np.random.Generator) -> Floats:
    """Left (+1) or right (-1) of the axis, for each component."""
    if rule.sides == "alternate":
        return np.where((nth + street) % 2 == 0, 1.0, -1.0)
    if rule.mode == "spot":
        return rng.choice([-1.0, 1.0], len(street))
    of_street = rng.choice([-1.0, 1.0], int(street.max(initial=0)) + 1)
    return of_street[street]


def positions(
    rule: PlacementRule,
    street: Ints,
    nth: Ints,
    count: Ints,
    length: Floats,
    rng: np.random.Generator,
) -> Floats:
    """Metres from the start of the street; wide rows stand staggered on its two sides."""
    of = length[street]
    is_opposite = nth >= count[street]
    nth = np.where(is_opposite, nth - count[street], nth)
    if rule.mode == "junction":
        near_end = np.minimum(12.0, of / 4) + rng.uniform(-2, 2, len(street))
        return np.where(nth == 0, near_end, of - near_end)
    margin = np.minimum(rule.length_m / 2 + 5.0, of / 2.5)
    if rule.mode == "spot":
        anywhere: Floats = margin + rng.random(len(street)) * (of - 2 * margin)
        return anywhere
    slot = of / np.maximum(count[street], 1)
    phase = rng.uniform(0.3, 0.7, len(count))[street]
    if rule.spacing_m >= STAGGERED_FROM_M:
        phase = np.where(is_opposite, (phase + 0.5) % 1.0, phase)
    jitter = rng.uniform(-1, 1, len(street)) * min(1.2, rule.spacing_m * 0.08)
    return np.clip((nth + phase) * slot + jitter, 0.5, of - 0.5)


def apart(placed: Placed) -> Placed:
    """Without what stands nearer than the minimum to an earlier one of the same class."""
    cell = np.floor(placed.xy / MIN_SPACING_M).astype(np.int64)
    if len(cell) == 0:
        return placed
    cell -= cell.min(axis=0) - 1
    stride = int(cell[:, 1].max()) + 3
    key = cell[:, 0] * stride + cell[:, 1]
    _, first = np.unique(key, return_index=True)
    placed, key = placed.pick(np.sort(first)), key[np.sort(first)]
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    drop = np.zeros(len(key), dtype=bool)
    for step in (1, stride - 1, stride, stride + 1):
        at = np.minimum(np.searchsorted(ordered, ordered + step), len(ordered) - 1)
        pair = ordered[at] == ordered + step
        left, right = order[pair], order[at[pair]]
        near = np.hypot(*(placed.xy[left] - placed.xy[right]).T) < MIN_SPACING_M
        drop[np.maximum(left[near], right[near])] = True
    return placed.pick(~drop)
