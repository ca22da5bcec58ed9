"""Weighing the components near a report, at distances that can be checked by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_registry.reports.matching import UNIQUE_FROM, match, reach_m, standard_error_m
from gis_registry.reports.tables import Outcome


def near(*distances_m: float, accuracy_m: float = 0.5) -> list[Any]:
    return [
        {"code": f"{number:016d}", "distance_m": distance, "accuracy_m": accuracy_m}
        for number, distance in enumerate(sorted(distances_m), start=1)
    ]


@pytest.mark.parametrize(
    ("distances_m", "accuracy_m", "outcome", "count"),
    [
        pytest.param([], 10, Outcome.NONE, 0, id="nothing near"),
        pytest.param([3], 10, Outcome.UNIQUE, 1, id="one, right there"),
        pytest.param([3, 100], 10, Outcome.UNIQUE, 1, id="one, and another out of reach"),
        pytest.param([100], 10, Outcome.NONE, 0, id="one out of reach"),
        pytest.param([5, 6], 10, Outcome.AMBIGUOUS, 2, id="two equally near"),
        pytest.param([5, 5], 10, Outcome.AMBIGUOUS, 2, id="two at the same distance"),
        pytest.param([1, 18], 10, Outcome.UNIQUE, 2, id="one near, one at the edge of reach"),
        pytest.param([19.5], 10, Outcome.AMBIGUOUS, 1, id="only one, but at the edge of reach"),
        pytest.param([20, 40], 50, Outcome.AMBIGUOUS, 2, id="a coarse position"),
        pytest.param([3, 30], 3, Outcome.UNIQUE, 1, id="the same with a fine one"),
    ],
)
def test_what_a_report_is_about(
    distances_m: list[float], accuracy_m: float, outcome: Outcome, count: int
) -> None:
    found = match(near(*distances_m), report_accuracy_m=accuracy_m)
    assert (found.outcome, len(found.candidates)) == (outcome, count)


def test_reach_grows_with_both_accuracies() -> None:
    assert reach_m(10, 0.5) == pytest.approx(19.93, abs=0.01)
    assert reach_m(20, 0.5) == pytest.approx(39.77, abs=0.01)
    assert reach_m(10, 10) == pytest.approx(35.985, abs=0.01)
    for accuracy_m in (1.0, 5.0, 30.0, 500.0):
        assert reach_m(accuracy_m * 1.1, 1) > reach_m(accuracy_m, 1)
        assert reach_m(accuracy_m, 2) > reach_m(accuracy_m, 1)


def test_a_coarser_component_is_within_reach_where_a_fine_one_is_not() -> None:
    assert match(near(25, accuracy_m=0.5), report_accuracy_m=10).outcome is Outcome.NONE
    coarse = match(near(25, accuracy_m=10), report_accuracy_m=10)
    assert [one.reach_m for one in coarse.candidates] == [pytest.approx(35.985, abs=0.01)]


@given(
    distances=st.lists(st.floats(0, 200), max_size=20),
    accuracy_m=st.floats(0.5, 100),
    component_accuracy_m=st.sampled_from([0.5, 1.0, 10.0]),
)
def test_candidates_are_those_within_reach_and_their_probabilities_add_up(
    distances: list[float], accuracy_m: float, component_accuracy_m: float
) -> None:
    rows = near(*distances, accuracy_m=component_accuracy_m)
    found = match(rows, report_accuracy_m=accuracy_m)
    reach = 3 * standard_error_m(accuracy_m, component_accuracy_m)
    assert len(found.candidates) == sum(one["distance_m"] <= reach for one in rows)
    total = sum(one.probability for one in found.candidates)
    assert 0 <= total < 1
    probabilities = [one.probability for one in found.candidates]
    assert probabilities == sorted(probabilities, reverse=True)
    if found.candidates:
        assert found.candidates[0].component["distance_m"] == rows[0]["distance_m"]
        is_unique = found.outcome is Outcome.UNIQUE
        assert is_unique == (probabilities[0] >= UNIQUE_FROM)
    else:
        assert found.outcome is Outcome.NONE
