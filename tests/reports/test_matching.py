"""Weighing the components near reports, at distances that can be checked by hand."""

import itertools
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import CORNER, moved, register
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components import queries as components
from gis_registry.db.sql import load_queries
from gis_registry.places import service as places
from gis_registry.reports import matching_queries, weighing
from gis_registry.reports.clues import Clue, ClueKind
from gis_registry.reports.matching import Match, Weighed, judged, match_all
from gis_registry.reports.questions import Question
from gis_registry.reports.surroundings import Found
from gis_registry.reports.tables import Outcome
from gis_registry.reports.weighing import UNIQUE_FROM, USUAL, Near, Probes, reach_m

Reported = list[tuple[float, list[float]]]


def found(reports: Reported, *, accuracy_m: float = 0.5, area_m2: float = 0.0) -> Found:
    """Return reports (accuracy, distances of the components around) with point components."""
    flat = [
        (probe, number, distance)
        for probe, (_, distances) in enumerate(reports)
        for number, distance in enumerate(sorted(distances), start=1)
    ]
    said = np.array([accuracy for accuracy, _ in reports], dtype=float)
    near = Near(
        probe=np.array([one[0] for one in flat], dtype=np.int64),
        distance_m=np.array([one[2] for one in flat], dtype=float),
        accuracy_m=np.full(len(flat), accuracy_m),
        area_m2=np.full(len(flat), area_m2),
        outline_m=np.full(len(flat), 4 * math.sqrt(area_m2)),
        odds=np.ones(len(flat)),
    )
    return Found(
        Probes(said, np.maximum(reach_m(said, accuracy_m), 30.0)),
        near,
        np.array([f"{one[1]:016d}" for one in flat], dtype=np.str_),
        reach_m(said[near.probe], near.accuracy_m),
        {},
    )


def judge(*distances_m: float, said_m: float, accuracy_m: float = 0.5) -> Weighed:
    return judged(found([(said_m, list(distances_m))], accuracy_m=accuracy_m))[0]


@pytest.mark.parametrize(
    ("distances_m", "accuracy_m", "outcome", "count"),
    [
        pytest.param([], 10, Outcome.NONE, 0, id="nothing near"),
        pytest.param([3], 10, Outcome.UNIQUE, 1, id="one, right there"),
        pytest.param([3, 100], 10, Outcome.UNIQUE, 1, id="one, and another out of reach"),
        pytest.param([100], 10, Outcome.NONE, 0, id="one out of reach"),
        pytest.param([5, 6], 10, Outcome.AMBIGUOUS, 2, id="two equally near"),
        pytest.param([5, 5], 10, Outcome.AMBIGUOUS, 2, id="two at the same distance"),
        pytest.param([1, 27], 10, Outcome.UNIQUE, 2, id="one near, one at the edge of reach"),
        pytest.param([32], 10, Outcome.AMBIGUOUS, 1, id="only one, but at the edge of reach"),
        pytest.param([37], 10, Outcome.NONE, 1, id="only one, rather not on the map"),
        pytest.param([20, 40], 50, Outcome.AMBIGUOUS, 2, id="a coarse position"),
        pytest.param([3, 30], 3, Outcome.UNIQUE, 1, id="the same with a fine one"),
    ],
)
def test_what_a_report_is_about(
    distances_m: list[float], accuracy_m: float, outcome: Outcome, count: int
) -> None:
    answer = judge(*distances_m, said_m=accuracy_m)
    assert (answer.outcome, len(answer.codes)) == (outcome, count)


def test_reach_grows_with_both_accuracies_and_holds_999_of_1000_errors() -> None:
    assert reach_m(10, 0.5) == pytest.approx(37.55, abs=0.01)
    assert reach_m(20, 0.5) == pytest.approx(75.02, abs=0.01)
    assert reach_m(10, 10) == pytest.approx(53.03, abs=0.01)
    for accuracy_m in (1.0, 5.0, 30.0, 500.0):
        assert reach_m(accuracy_m * 1.1, 1) > reach_m(accuracy_m, 1)
        assert reach_m(accuracy_m, 2) > reach_m(accuracy_m, 1)
    widest = max(one.scale for one in USUAL.errors if one.share > 0.05)
    assert math.exp(-0.5 * (float(reach_m(10, 0)) / (widest * 10)) ** 2) < 0.001


def test_a_coarser_component_is_within_reach_where_a_fine_one_is_not() -> None:
    assert judge(45, said_m=10, accuracy_m=0.5).outcome is Outcome.NONE
    coarse = judge(45, said_m=10, accuracy_m=10)
    assert coarse.reaches_m == (pytest.approx(53.03, abs=0.01),)


@given(
    distances=st.lists(st.floats(0, 400), max_size=20),
    accuracy_m=st.floats(0.5, 100),
    component_accuracy_m=st.sampled_from([0.5, 1.0, 10.0]),
)
def test_candidates_are_those_within_reach_and_their_probabilities_add_up(
    distances: list[float], accuracy_m: float, component_accuracy_m: float
) -> None:
    answer = judge(*distances, said_m=accuracy_m, accuracy_m=component_accuracy_m)
    reach = float(reach_m(accuracy_m, component_accuracy_m))
    assert set(answer.distances_m) >= {one for one in distances if one <= reach}
    for distance, probability in zip(answer.distances_m, answer.probabilities, strict=True):
        assert distance <= reach or probability >= 0.001
    assert sum(answer.probabilities) + answer.missing < 1 + 1e-9
    assert list(answer.probabilities) == sorted(answer.probabilities, reverse=True)
    if answer.codes:
        assert answer.distances_m[0] == min(distances)
        is_unique = answer.outcome is Outcome.UNIQUE
        assert is_unique == (answer.probabilities[0] >= UNIQUE_FROM)
    else:
        assert answer.outcome is Outcome.NONE
    assert 0 < answer.probability <= 1
    assert answer.outcome is not Outcome.NONE or answer.missing > sum(answer.probabilities)


@given(distances=st.lists(st.floats(0, 60), min_size=2, max_size=20), said_m=st.floats(1, 50))
def test_the_nearer_of_two_alike_is_never_less_probable(
    distances: list[float], said_m: float
) -> None:
    answer = judge(*distances, said_m=said_m)
    order = sorted(zip(answer.distances_m, answer.probabilities, strict=True))
    probabilities = [one for _, one in order]
    assert all(a >= b for a, b in itertools.pairwise(probabilities))


@given(distance=st.floats(0, 30), further=st.floats(0.5, 5), said_m=st.floats(10, 50))
def test_one_further_away_is_less_probable(distance: float, further: float, said_m: float) -> None:
    near, far = judge(distance, said_m=said_m), judge(distance + further, said_m=said_m)
    assert sum(far.probabilities) < sum(near.probabilities)
    assert far.missing > near.missing


@given(
    st.lists(st.tuples(st.floats(1, 50), st.lists(st.floats(0, 90), max_size=6)), max_size=8),
    st.randoms(use_true_random=False),
)
def test_an_answer_does_not_depend_on_the_others_in_its_batch(
    reports: Reported, random: "st.RandomGenerator"
) -> None:
    alone = [judged(found([one]))[0] for one in reports]
    assert judged(found(reports)) == alone
    order = list(range(len(reports)))
    random.shuffle(order)
    assert judged(found([reports[n] for n in order])) == [alone[n] for n in order]


def test_a_label_in_doubt_is_as_probable_as_all_else_together() -> None:
    around = found([(10.0, [3.0, 500.0]), (10.0, [3.0])])
    around.clues[1] = Clue(ClueKind.SCANNED, "x", "tag", 0.0, is_doubtful=True)
    answer, other = judged(around)
    assert answer.outcome is Outcome.AMBIGUOUS
    assert answer.codes == (f"{2:016d}", f"{1:016d}")
    assert answer.probabilities[0] == 0.5
    assert sum(answer.probabilities) + answer.missing <= 1
    assert other.outcome is Outcome.UNIQUE


def test_the_density_of_a_shape_integrates_to_one() -> None:
    """A square of 20 m: the density of reports over all the plane is 1."""
    side, cell = 20.0, 0.5
    axis = np.arange(-40.0, side + 40.0, cell) + cell / 2
    east, north = np.meshgrid(axis, axis)
    outside = np.hypot(
        np.maximum(np.maximum(-east, east - side), 0),
        np.maximum(np.maximum(-north, north - side), 0),
    ).ravel()
    shapes = [(8.0, [float(one)]) for one in outside]
    density = weighing.weigh(
        found(shapes, area_m2=side**2).probes, found(shapes, area_m2=side**2).near
    ).likelihood
    assert density.sum() * cell**2 == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("scale", [0.66, 0.71, 1.0])
def test_a_file_shows_what_its_senders_mean_and_probabilities_are_right(scale: float) -> None:
    """SIMULATION: lamps every 30 m, errors of 8 m as meant by the scale; 2 % are not mapped."""
    rng = np.random.default_rng(5)
    count, error_m = 6000, 8.0
    east, north = rng.normal(0, math.hypot(scale * error_m, 0.5), (2, count))
    is_missing = rng.random(count) < 0.02
    reports: Reported = []
    meant = []
    for n in range(count):
        numbers = [k for k in range(-2, 3) if not (k == 0 and is_missing[n])]
        distances = [math.hypot(30 * k - east[n], north[n]) for k in numbers]
        reports.append((error_m, [one for one in distances if one < 34]))
        place = sorted(distances).index(distances[numbers.index(0)]) if 0 in numbers else -1
        meant.append(f"{place + 1:016d}" if 0 in numbers else "")
    around = found(reports)
    belief = weighing.learned(around.probes, around.near)
    learned = sum(one.scale * one.share for one in belief.errors)
    assert learned == pytest.approx(scale, abs=0.08)
    for which, allowed in ((belief, 0.015), (USUAL, 0.04)):
        answers = judged(around, which)
        said = ["" if one.outcome is Outcome.NONE else one.codes[0] for one in answers]
        right = np.array([a == b for a, b in zip(said, meant, strict=True)])
        sure = np.array([one.probability for one in answers])
        for low, high in ((0.5, 0.9), (0.9, 0.97), (0.97, 1.01)):
            within = (sure >= low) & (sure < high)
            weight = within.mean()
            assert abs(sure[within].mean() - right[within].mean()) * weight < allowed
        unique = np.array([one.outcome is Outcome.UNIQUE for one in answers])
        assert right[unique].mean() >= (0.98 if scale == 1 else 0.99)


def test_a_few_reports_teach_nothing() -> None:
    around = found([(8.0, [1.0])] * (weighing.LEARNS_FROM - 1))
    assert weighing.learned(around.probes, around.near) == USUAL


def question(session: Session, lon: float, lat: float, **values: object) -> Question:
    city = places.the_city(session)
    matter = str(values.pop("matter", "0137"))
    known = catalogue.find_matters(
        session,
        [matter],
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
    )
    now = datetime.now(UTC)
    plain = {"accuracy_m": 10.0, "text": "", "scanned": None}
    return Question(
        matter=known[matter],
        lon=lon,
        lat=lat,
        reported_at=now,
        on_date=now.date(),
        **(plain | values),  # type: ignore[arg-type]
    )


def codes(match: Match) -> list[str]:
    return [one.component["code"] for one in match.candidates]


def test_a_batch_of_all_kinds_is_answered_as_one_by_one(session: Session) -> None:
    lamp = register(session, *moved(*CORNER, azimuth=90, metres=4))
    twin = register(session, *moved(*CORNER, azimuth=270, metres=5))
    bin_ = register(session, *moved(*CORNER, azimuth=0, metres=2), class_code="0305")
    coarse = register(session, *moved(*CORNER, azimuth=90, metres=400), accuracy_m=30)
    far = moved(*CORNER, azimuth=90, metres=445)
    asked = [
        question(session, *CORNER),
        question(session, *CORNER, matter="0305"),
        question(session, *CORNER, matter="06001"),
        question(session, *far, accuracy_m=3.0),
        question(session, *moved(*CORNER, azimuth=0, metres=5000)),
        question(session, *CORNER, scanned=twin),
        question(session, *CORNER, text=f"编号{lamp}不亮"),
        question(session, *CORNER, accuracy_m=2000.0),
    ]
    matches = match_all(session, asked)
    assert [match_all(session, [one])[0] for one in asked] == matches
    assert [one.outcome.value for one in matches] == [
        "ambiguous", "unique", "place", "unique", "none", "unique", "unique", "ambiguous",
    ]  # fmt: skip
    assert [sorted(codes(one)) for one in matches[:2]] == [sorted([lamp, twin]), [bin_]]
    assert codes(matches[3]) == [coarse]
    assert [codes(matches[5])[0], codes(matches[6])[0]] == [twin, lamp]
    assert len(codes(matches[7])) == matches[7].count == 3
    assert match_all(session, asked[::-1]) == matches[::-1]
    assert match_all(session, []) == []


def test_the_most_probable_are_kept_and_all_are_counted(session: Session) -> None:
    for n in range(24):
        register(session, *moved(*CORNER, azimuth=15 * n, metres=8))
    (match,) = match_all(session, [question(session, *CORNER)])
    assert (len(match.candidates), match.count) == (20, 24)
    assert sum(one.probability for one in match.candidates) < 20.1 / 24


def test_what_stood_around_then_is_found_by_an_index(session: Session) -> None:
    asked = {"n": [0], "lon": [CORNER[0]], "lat": [CORNER[1]], "class_ids": [1], "most": 9}
    values = asked | {"radius_m": [30.0], "moment": datetime.now(UTC)}
    query = components.as_of(
        load_queries(Path(matching_queries.__file__).with_suffix(".sql"))["near"]
    )
    session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = session.scalars(text(f"EXPLAIN {query.text}"), values).all()
    assert any("ix_component_history_geom" in line for line in plan)


def test_what_is_gone_is_no_candidate_and_was_one_then(session: Session) -> None:
    code = register(session, *CORNER)
    then = session.scalar(text("SELECT clock_timestamp()"))
    asked = [question(session, *CORNER)]
    assert [codes(one) for one in match_all(session, asked, moment=then)] == [[code]]
    session.execute(text("UPDATE components SET state = 'retired'"))
    assert match_all(session, asked)[0].outcome is Outcome.NONE
