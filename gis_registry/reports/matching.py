"""Which component a report is about: unique, ambiguous, or none.

A report's accuracy is the radius that holds its true position 68 times in 100, as phones give it; a
component's accuracy is the standard error of its survey along each axis. Each candidate's weight
is the density of the distance under both errors; "not on the map" is weighed as a candidate at the
edge of reach.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.components import queries as components
from gis_registry.reports.questions import Question
from gis_registry.reports.tables import Outcome

#: A two-dimensional normal error lies within this many standard errors 68 times in 100.
_RADIUS_68 = 1.5096
#: Beyond this many standard errors a component is not a candidate (1.1 % of true ones are lost).
_REACH = 3.0
#: How probable the best candidate must be to be the answer.
UNIQUE_FROM = 0.8
#: How many candidates are weighed at most.
CANDIDATE_COUNT = 20
#: The coarsest accuracy that a survey may say of its components.
_COARSEST_SURVEY_M = 1000.0


@dataclass(frozen=True)
class Candidate:
    """A component that a report may be about, and how probable that is."""

    component: RowMapping
    reach_m: float
    probability: float


@dataclass(frozen=True)
class Match:
    """The outcome, the candidates with the most probable first, and the radius searched."""

    outcome: Outcome
    candidates: tuple[Candidate, ...]


def standard_error_m(report_accuracy_m: float, component_accuracy_m: float) -> float:
    """Return the standard error along each axis of a distance between the two, in metres."""
    return math.hypot(report_accuracy_m / _RADIUS_68, component_accuracy_m)


def reach_m(report_accuracy_m: float, component_accuracy_m: float) -> float:
    """Return how far from a report its component can be, in metres."""
    return _REACH * standard_error_m(report_accuracy_m, component_accuracy_m)


def match_all(
    session: Session, questions: Sequence[Question], *, moment: datetime | None = None
) -> list[Match]:
    """Say for each report which component it means.

    Args:
        session: open transaction.
        questions: what the reports ask.
        moment: the components as they were then; as they are now if not given.
    """
    return [_match(session, one, moment) for one in questions]


def _match(session: Session, question: Question, moment: datetime | None) -> Match:
    if not question.matter.classes:
        return Match(Outcome.PLACE, ())
    near = (
        components.nearest if moment is None else partial(components.nearest_as_of, moment=moment)
    )(
        session,
        lon=question.lon,
        lat=question.lat,
        class_ids=[one.id for one in question.matter.classes],
        radius_m=reach_m(question.accuracy_m, _COARSEST_SURVEY_M),
        count=CANDIDATE_COUNT,
    )
    return match(near, report_accuracy_m=question.accuracy_m)


def match(near: Sequence[RowMapping], *, report_accuracy_m: float) -> Match:
    """Weigh the components near a report.

    Args:
        near: components with ``distance_m, accuracy_m``, nearest first.
        report_accuracy_m: accuracy of the report's position.
    """
    weighed: list[tuple[RowMapping, float, float]] = []
    for one in near:
        error = standard_error_m(report_accuracy_m, one["accuracy_m"])
        if one["distance_m"] <= _REACH * error:
            density = math.exp(-0.5 * (one["distance_m"] / error) ** 2) / error**2
            weighed.append((one, _REACH * error, density))
    if not weighed:
        return Match(Outcome.NONE, ())
    tightest = min(reach for _, reach, _ in weighed) / _REACH
    unmapped = math.exp(-0.5 * _REACH**2) / tightest**2
    total = unmapped + sum(density for _, _, density in weighed)
    candidates = sorted(
        (Candidate(one, reach, density / total) for one, reach, density in weighed),
        key=lambda candidate: (-candidate.probability, candidate.component["code"]),
    )
    outcome = Outcome.UNIQUE if candidates[0].probability >= UNIQUE_FROM else Outcome.AMBIGUOUS
    return Match(outcome, tuple(candidates))
