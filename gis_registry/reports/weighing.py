"""How probable each candidate is: the distance under both errors, against what is not on the map.

What senders mean by an accuracy differs (a radius that holds 68 times in 100, a root mean square,
one standard error along each axis), so a belief is a mixture of normal errors, each so many times
as wide along each axis as the accuracy says. A component that is not registered is weighed as if
there were some more of its kind thereabouts, nobody knows where. The formulas stand in
docs/decisions (a report is matched by odds).
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

#: The best candidate is the answer from here on. What is surer than this is right 99 times in 100,
#: whichever of the usual meanings a sender gave the accuracy (bench/match.py).
UNIQUE_FROM = 0.98
#: At so many standard errors along an axis the reach ends: 99.9 % of a normal error in two
#: dimensions lie within 3.72.
_REACH = 3.75
#: An error counts for the reach if at least this share of positions has it.
_COUNTS_FROM = 0.05
#: Learning from reports adds to what is believed anyway as if that were so many reports.
_PRIOR_REPORTS = 30.0
#: Fewer reports teach nothing.
LEARNS_FROM = 200
_ROUNDS = 200
#: What errors may be learned, and how much of each is believed at least before any report.
_SCALES = tuple(np.geomspace(0.3, 2.4, 13).tolist())
_SURVEY_SCALES = (0.0, 0.5, 1.0)
_LEAST = 0.0005


@dataclass(frozen=True)
class Error:
    """One way in which positions may be off, and how many are.

    ``scale`` is the standard error of the report along each axis as a multiple of the accuracy that
    it says, ``survey_scale`` that of the component as a multiple of the accuracy of its survey.
    """

    scale: float
    share: float
    survey_scale: float = 1.0


@dataclass(frozen=True)
class Belief:
    """How wide position errors are, and which share of components the registry lacks."""

    errors: tuple[Error, ...]
    missing: float

    @property
    def reach(self) -> float:
        """How many standard errors, taken as wide as the accuracies say, anything can be off."""
        return _REACH * max([1.0, *(e.scale for e in self.errors if e.share >= _COUNTS_FROM)])


#: 0.66: the accuracy is a radius that holds 68 times in 100, as it should be; 0.71: the root mean
#: square of the distance; 1: the standard error along each axis. Two in a hundred are off as
#: between high houses.
USUAL = Belief(
    errors=(
        Error(0.66, 0.65),
        Error(0.71, 0.13),
        Error(0.85, 0.08),
        Error(1.0, 0.12),
        Error(2.2, 0.02),
    ),
    missing=0.02,
)


@dataclass(frozen=True)
class Probes:
    """Reports, one an element: how exact they say to be, and how far around them was looked."""

    accuracy_m: Floats
    looked_m: Floats

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.accuracy_m)


@dataclass(frozen=True)
class Near:
    """Components near reports, one an element: whose they are near, where, and how large.

    ``area_m2`` and ``outline_m`` are 0 for points; a line's outline goes there and back.
    """

    probe: Numbers
    distance_m: Floats
    accuracy_m: Floats
    area_m2: Floats
    outline_m: Floats
    odds: Floats

    def joined(self, other: "Near") -> "Near":
        """Return these and others after them."""
        return Near(
            *(np.concatenate(pair) for pair in zip(self._columns(), other._columns(), strict=True))
        )

    def picked(self, which: Numbers) -> "Near":
        """Return some of them, in another order."""
        return Near(*(one[which] for one in self._columns()))

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return tuple(getattr(self, one.name) for one in fields(self))


@dataclass(frozen=True)
class Weights:
    """What came of weighing: for each component, and for each report."""

    likelihood: Floats
    probability: Floats
    density: Floats
    missing: Floats


def reach_m(
    report_accuracy_m: float | Floats, component_accuracy_m: float | Floats, belief: Belief = USUAL
) -> Floats:
    """Return how far from a report its component can be, in metres."""
    spread: Floats = np.hypot(
        belief.reach * np.asarray(report_accuracy_m), _REACH * np.asarray(component_accuracy_m)
    )
    return spread


def weigh(probes: Probes, near: Near, belief: Belief = USUAL) -> Weights:
    """Return the probability of each component to be the one that is meant.

    What is missing to 1 over a report's components is that it means one that is not on the map
    (``missing``), or one further away than was looked.
    """
    count = len(probes)
    likelihood: Floats = np.zeros(len(near.probe))
    for error in belief.errors:
        likelihood += error.share * _likelihood(probes, near, error)
    density = _density(probes, near)
    unmapped = density * belief.missing / (1 - belief.missing)
    beyond = density * _beyond(probes, belief)
    weight = likelihood * near.odds
    total = np.bincount(near.probe, weights=weight, minlength=count) + unmapped + beyond
    return Weights(
        likelihood=likelihood,
        probability=weight / total[near.probe],
        density=density,
        missing=unmapped / total,
    )


def learned(probes: Probes, near: Near, belief: Belief = USUAL) -> Belief:
    """Return what many reports of one origin show of their errors, and of what is not mapped.

    The shares that explain best where the reports lie beside the components, by expectation and
    maximisation; what is believed anyway counts as some more reports.
    """
    if len(probes) < LEARNS_FROM:
        return belief
    usual = {(one.scale, one.survey_scale): one.share for one in belief.errors}
    errors = [
        Error(scale, usual.get((scale, survey_scale), 0.0), survey_scale)
        for scale in sorted({*_SCALES, *(one.scale for one in belief.errors)})
        for survey_scale in _SURVEY_SCALES
    ]
    like = np.column_stack(
        [
            *(
                np.bincount(
                    near.probe, weights=_likelihood(probes, near, one), minlength=len(probes)
                )
                for one in errors
            ),
            _density(probes, near),
        ]
    )
    prior = np.array([*(one.share for one in errors), belief.missing / (1 - belief.missing)])
    prior = (prior + _LEAST) / (prior + _LEAST).sum()
    share = prior
    for _ in range(_ROUNDS):
        part = like * share
        part /= part.sum(axis=1, keepdims=True)
        share = part.sum(axis=0) + _PRIOR_REPORTS * prior
        share /= share.sum()
    present = (share[:-1] / share[:-1].sum()).tolist()
    return Belief(
        errors=tuple(replace(one, share=part) for one, part in zip(errors, present, strict=True)),
        missing=float(share[-1]),
    )


def _likelihood(probes: Probes, near: Near, error: Error) -> Floats:
    """Return the density of each component's distance under an error, per square metre.

    Of a point it is the normal density. The integral of ``exp(-d²/2σ²)`` over the distance d from a
    convex shape is its area, its outline times σ√(π/2), and 2πσ² (Steiner).
    """
    said_m = probes.accuracy_m[near.probe]
    variance = (error.scale * said_m) ** 2 + (error.survey_scale * near.accuracy_m) ** 2
    whole = near.area_m2 + near.outline_m * np.sqrt(variance * math.pi / 2) + 2 * math.pi * variance
    density: Floats = np.exp(-0.5 * near.distance_m**2 / variance) / whole
    return density


def _density(probes: Probes, near: Near) -> Floats:
    """Return how many such components there are per square metre around each report.

    One of them is there because it was reported, so it counts half: the others show the density.
    """
    found = np.bincount(near.probe, minlength=len(probes))
    density: Floats = np.maximum(found - 0.5, 0.5) / (math.pi * probes.looked_m**2)
    return density


def _beyond(probes: Probes, belief: Belief) -> Floats:
    """Return how probable an error is that leads out of where was looked."""
    ratio = probes.looked_m / probes.accuracy_m
    beyond: Floats = np.zeros(len(probes))
    for error in belief.errors:
        beyond += error.share * np.exp(-0.5 * (ratio / error.scale) ** 2)
    return beyond
