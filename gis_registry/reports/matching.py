"""Which component a report is about: unique, ambiguous, or none.

Candidates are the components of the matter's classes within reach, which grows with the accuracy of
the report and of the components. Each is weighed by its distance (:mod:`.weighing`) and by what the
report says of it (:mod:`.clues`). Many reports are matched by a handful of statements; what one
comes to does not depend on the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.reports import clues, weighing
from gis_registry.reports import matching_queries as queries
from gis_registry.reports.clues import Clue, Gone
from gis_registry.reports.questions import Question
from gis_registry.reports.surroundings import Found, look_around, with_labels, with_numbers
from gis_registry.reports.tables import Outcome
from gis_registry.reports.weighing import UNIQUE_FROM, USUAL, Belief

#: How many candidates are kept of a report, the most probable ones; all of them are weighed.
CANDIDATE_COUNT = 20
#: A component out of reach is a candidate all the same if it is at least so probable.
LEAST_PROBABILITY = 0.001


@dataclass(frozen=True)
class Candidate:
    """A component that a report may be about, how probable that is, and what it comes from.

    ``component`` has its class, units and ``distance_m``; ``likelihood`` is the density of that
    distance under both errors, and ``unmapped`` that of the alternative, a component that is not on
    the map, both per square metre.
    """

    component: RowMapping
    reach_m: float
    probability: float
    likelihood: float
    unmapped: float
    clue: Clue | None


@dataclass(frozen=True)
class Match:
    """The outcome, the most probable candidates in order, and how many are within reach.

    ``missing`` is the probability that the component is not on the map; ``gone`` are labels of
    components that stand no more.
    """

    outcome: Outcome
    candidates: tuple[Candidate, ...]
    count: int = 0
    missing: float = 0.0
    gone: tuple[Gone, ...] = ()

    @property
    def component(self) -> RowMapping | None:
        """The component that is meant, if it is known."""
        return self.candidates[0].component if self.outcome is Outcome.UNIQUE else None


@dataclass(frozen=True)
class Weighed:
    """What weighing the candidates of a report came to, the most probable first."""

    outcome: Outcome
    codes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    distances_m: tuple[float, ...] = ()
    reaches_m: tuple[float, ...] = ()
    likelihoods: tuple[float, ...] = ()
    clues: tuple[Clue | None, ...] = ()
    unmapped: float = 0.0
    missing: float = 0.0
    gone: tuple[Gone, ...] = ()

    @property
    def probability(self) -> float:
        """How probable is what is said."""
        if self.outcome is Outcome.PLACE:
            return 1.0
        return self.missing if self.outcome is Outcome.NONE else self.probabilities[0]


def match_all(
    session: Session, questions: Sequence[Question], *, moment: datetime | None = None
) -> list[Match]:
    """Say for each report which component it means.

    Args:
        session: open transaction.
        questions: what the reports ask.
        moment: the components as they were then; as they are now if not given.
    """
    weighed = weigh_all(session, questions, moment=moment)
    kept = [(one, n) for one in weighed for n in range(min(len(one.codes), CANDIDATE_COUNT))]
    rows = iter(
        queries.details(
            session,
            [one.codes[n] for one, n in kept],
            [one.distances_m[n] for one, n in kept],
            moment=moment,
        )
    )
    return [
        Match(
            one.outcome,
            tuple(
                Candidate(
                    component=next(rows),
                    reach_m=one.reaches_m[n],
                    probability=one.probabilities[n],
                    likelihood=one.likelihoods[n],
                    unmapped=one.unmapped,
                    clue=one.clues[n],
                )
                for n in range(min(len(one.codes), CANDIDATE_COUNT))
            ),
            len(one.codes),
            one.missing,
            one.gone,
        )
        for one in weighed
    ]


def weigh_all(
    session: Session,
    questions: Sequence[Question],
    *,
    moment: datetime | None = None,
    belief: Belief = USUAL,
) -> list[Weighed]:
    """Weigh for each report all components within reach.

    Args:
        session: open transaction.
        questions: what the reports ask.
        moment: the components as they were then; as they are now if not given.
        belief: how wide errors are, and how many components are not on the map.
    """
    asked = [one for one in questions if one.matter.classes]
    found = look_around(session, asked, belief=belief, moment=moment)
    said = [clues.read(one.text, one.scanned) for one in asked]
    found = with_labels(session, asked, said, found, moment=moment)
    found = with_numbers(session, said, found, moment=moment)
    answers = iter(judged(found, belief))
    return [next(answers) if one.matter.classes else Weighed(Outcome.PLACE) for one in questions]


def learn(session: Session, questions: Sequence[Question]) -> Belief:
    """Return what reports of one origin show of their errors, as :func:`weighing.learned`."""
    asked = [one for one in questions if one.matter.classes]
    found = look_around(session, asked, belief=USUAL, moment=None)
    return weighing.learned(found.probes, found.near)


def judged(found: Found, belief: Belief = USUAL) -> list[Weighed]:
    """Say of each report what its candidates come to.

    A component that a label names against its place or class is as probable as all else together:
    either the label is wrong, or the position or matter.
    """
    weights = weighing.weigh(found.probes, found.near, belief)
    near, count = found.near, len(found.probes)
    probability, missing = weights.probability.copy(), weights.missing.copy()
    doubtful = np.array([at for at, one in found.clues.items() if one.is_doubtful], dtype=np.int64)
    named = np.bincount(near.probe[doubtful], minlength=count)
    probability *= np.where(named[near.probe] > 0, 0.5, 1.0)
    missing *= np.where(named > 0, 0.5, 1.0)
    probability[doubtful] = 0.5 / named[near.probe[doubtful]]
    is_candidate = (near.distance_m <= found.reaches_m) | (probability >= LEAST_PROBABILITY)
    is_candidate[list(found.clues)] = True
    order = np.lexsort((found.codes, -probability, near.probe))
    order = order[is_candidate[order]]
    ends = np.searchsorted(near.probe[order], np.arange(count + 1)).tolist()
    codes = found.codes[order].tolist()
    columns = [
        one[order].tolist()
        for one in (probability, near.distance_m, found.reaches_m, weights.likelihood)
    ]
    unmapped = (weights.density * belief.missing).tolist()
    judgements = []
    for n, (first, end) in enumerate(pairwise(ends)):
        probabilities, distances, reaches, likelihoods = (tuple(one[first:end]) for one in columns)
        judgements.append(
            Weighed(
                _outcome(probabilities, float(missing[n]), is_doubtful=named[n] > 0),
                tuple(codes[first:end]),
                probabilities,
                distances,
                reaches,
                likelihoods,
                tuple(found.clues.get(at) for at in order[first:end].tolist()),
                unmapped[n],
                float(missing[n]),
                tuple(found.gone.get(n, ())),
            )
        )
    return judgements


def _outcome(probabilities: Sequence[float], missing: float, *, is_doubtful: bool) -> Outcome:
    if is_doubtful:
        return Outcome.AMBIGUOUS
    if not probabilities or missing > sum(probabilities):
        return Outcome.NONE
    return Outcome.UNIQUE if probabilities[0] >= UNIQUE_FROM else Outcome.AMBIGUOUS
