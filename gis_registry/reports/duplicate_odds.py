"""How probable it is that a report repeats an open case: stochastic declustering.

Reports of a place come in two ways: new incidents at a steady rate, and repeats, which each open
case draws near itself, many at first and fewer as it ages (as earthquakes are told from their
aftershocks). The odds of a case are how much likelier the second way is than the first. The steady
rate is estimated from the incidents of that matter thereabouts, so that nearness says less where
much is reported. The figures below are set beforehand; of two, ``_SOON_DAYS`` and the least reach,
the decision page says by what they were chosen.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import NamedTuple

from gis_registry.places.bordering import RADIUS_68
from gis_registry.reports.questions import Question

#: Reports are looked at that were made at most so much earlier.
MEMORY = timedelta(days=365)

#: How many repeats an incident draws on average.
_REPEATS = 0.2
#: From how many days on repeats become rarer.
_SOON_DAYS = 10.0
#: The rate of new incidents is never estimated from less time.
_LEAST_DAYS = 90.0
#: Incidents that a place is taken to have had before any are known (Jeffreys' prior of a rate).
_UNKNOWN_INCIDENTS = 0.5
#: Standard error along each axis of where people stand who report the same thing, in metres.
_PLACE_EXTENT_M, _COMPONENT_EXTENT_M = 10.0, 3.0
#: Share of positions that are far worse than they say, and how many times worse.
_COARSE, _COARSER = 0.1, 4.0
#: How far a search reaches, in standard errors and in metres.
_REACH, _LEAST_REACH_M, _MOST_REACH_M = 3.0, 100.0, 300.0
#: A degree of latitude is nowhere shorter.
_DEGREE_M = 110_000
#: Over what part of its reach the incidents of a place are smoothed to a rate.
_BANDWIDTH = 2 / 3
#: Share of repeats that name another matter of the same major kind.
_OTHER_MATTER = 0.05
#: An open fault does not happen again to its component: the least odds that it is the same.
_SAME_FAULT = 50.0
#: Two components that are both known and not the same: one of them would have to be wrong.
_OTHER_COMPONENT = 0.1
#: Log odds of texts that are the same over texts that have nothing in common.
_TEXT = 3.0
#: How similar texts of different incidents usually are, and for how many texts that counts.
_USUAL_SIMILARITY, _USUAL_COUNT = 0.15, 2.0


class Case(NamedTuple):
    """A case, and its first report."""

    division_code: str
    id: int
    first_report_id: int


class Earlier(NamedTuple):
    """A report of an open case, as another report sees it."""

    report_id: int
    case: Case
    accuracy_m: float
    distance_m: float
    age_s: float
    is_same_matter: bool
    is_same_component: bool
    is_other_component: bool
    text_similarity: float | None


@dataclass(frozen=True)
class Crowd:
    """How crowded a place is: incidents of a matter, weighted by nearness, in so many days.

    ``by_case`` is what open cases add to the incidents.
    """

    incidents: float
    days: float
    by_case: Mapping[int, float]


def reach_m(question: Question) -> float:
    """Return how far from a report those are that it may repeat, in metres."""
    reach = _REACH * _error_m(question, question.accuracy_m)
    return min(max(reach, _LEAST_REACH_M), _MOST_REACH_M)


def squares(question: Question, side_deg: float) -> Iterator[tuple[int, int]]:
    """Yield the squares of the ground within reach of a report, by their column and row."""
    reach = reach_m(question) / _DEGREE_M
    reach_lon = reach / max(0.05, math.cos(math.radians(question.lat)))
    west, south = square_of(question.lon - reach_lon, question.lat - reach, side_deg)
    east, north = square_of(question.lon + reach_lon, question.lat + reach, side_deg)
    yield from product(range(west, east + 1), range(south, north + 1))


def square_of(lon: float, lat: float, side_deg: float) -> tuple[int, int]:
    """Return the column and row of the square that a point in degrees lies in."""
    return math.floor(lon / side_deg), math.floor(lat / side_deg)


def bandwidth_m(question: Question) -> float:
    """Return over how many metres the incidents of a place are smoothed to a rate."""
    return _BANDWIDTH * reach_m(question)


def crowding(distance_m: float, bandwidth_m: float) -> float:
    """Return what an incident at a distance adds to how crowded a place is."""
    return math.exp(-0.5 * (distance_m / bandwidth_m) ** 2)


def days_of_rate(days: float) -> float:
    """Return over how many days a rate is taken that was watched for so many."""
    return min(max(days, _LEAST_DAYS), MEMORY.days)


def weigh(
    question: Question, earlier: Sequence[Earlier], crowd: Crowd, *, name_similarity: float
) -> list[tuple[Earlier, float]]:
    """Return for each case its report that is most alike, and how probable the case is.

    Args:
        question: what the report says.
        earlier: reports of open cases near it.
        crowd: how crowded the place is, these included.
        name_similarity: of the report's text to the name of its matter.
    """
    best: dict[int, tuple[Earlier, float]] = {}
    new_per_day_m2 = _NewIncidents(question, crowd)
    texts = [one.text_similarity for one in earlier if one.text_similarity is not None]
    for one in earlier:
        odds = _repeats_per_day_m2(question, one) / new_per_day_m2.without(one.case)
        odds *= _odds_of_text(one, texts, name_similarity)
        if one.is_same_component and one.is_same_matter:
            odds = max(odds, _SAME_FAULT)
        found = best.get(one.case.id)
        if found is None or odds > found[1]:
            best[one.case.id] = (one, odds)
    total = 1.0 + sum(odds for _, odds in best.values())
    return [(one, odds / total) for one, odds in best.values()]


def _repeats_per_day_m2(question: Question, one: Earlier) -> float:
    """Return how many repeats of a report are to be expected there and then."""
    age_days = abs(one.age_s) / 86400
    per_day = 1 / ((age_days + _SOON_DAYS) * math.log1p(MEMORY.days / _SOON_DAYS))
    error_m = _error_m(question, one.accuracy_m)
    distance_m = 0.0 if one.is_same_component else one.distance_m
    per_m2 = (1 - _COARSE) * _density(distance_m, error_m)
    per_m2 += _COARSE * _density(distance_m, _COARSER * error_m)
    repeats = _REPEATS * per_day * per_m2
    if not one.is_same_matter:
        repeats *= _OTHER_MATTER
    if one.is_other_component:
        repeats *= _OTHER_COMPONENT
    return repeats


class _NewIncidents:
    """The rate of new incidents at a place."""

    def __init__(self, question: Question, crowd: Crowd) -> None:
        reach, bandwidth = reach_m(question), bandwidth_m(question)
        self._smoothed_m2 = 2 * math.pi * bandwidth**2 * (1 - math.exp(-0.5 / _BANDWIDTH**2))
        self._unknown = _UNKNOWN_INCIDENTS / (math.pi * reach**2)
        self._crowd = crowd

    def without(self, case: Case) -> float:
        """Return the rate a day and square metre, estimated without a case itself."""
        others = max(self._crowd.incidents - self._crowd.by_case.get(case.id, 0.0), 0.0)
        return (self._unknown + others / self._smoothed_m2) / self._crowd.days


def _odds_of_text(one: Earlier, texts: Sequence[float], name_similarity: float) -> float:
    """Return what the texts say: much if they are alike and those of the neighbours are not."""
    if one.text_similarity is None:
        return 1.0
    others = sum(texts) - one.text_similarity
    usual = (_USUAL_SIMILARITY * _USUAL_COUNT + others) / (_USUAL_COUNT + len(texts) - 1)
    return math.exp(_TEXT * (one.text_similarity - max(usual, name_similarity)))


def _density(distance_m: float, error_m: float) -> float:
    return math.exp(-0.5 * (distance_m / error_m) ** 2) / (2 * math.pi * error_m**2)


def _error_m(question: Question, other_accuracy_m: float) -> float:
    """Return the standard error along each axis of how far apart two reports of one thing lie."""
    extent_m = _COMPONENT_EXTENT_M if question.matter.classes else _PLACE_EXTENT_M
    return math.hypot(math.hypot(question.accuracy_m, other_accuracy_m) / RADIUS_68, extent_m)
