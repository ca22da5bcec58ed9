"""Which row is which component, by place and class: exact, optimal, and honest where it is open."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import GEOD
from numpy.typing import NDArray

from gis_registry.surveys.assigning import (
    AMBIGUOUS_BELOW,
    Evidence,
    Floats,
    Matches,
    Pairs,
    choose,
    no_matches,
)
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.matching import MAX_DISTANCE_M, earth_centred, gain_of, match_points

LON, LAT = 120.36, 36.09
#: Classes 1 to 3 are of one major class, class 4 of another.
MAJORS = np.array([0, 1, 1, 1, 2], dtype=np.int32)

Metres = list[tuple[float, float]]


def on_earth(at: Metres) -> tuple[Floats, Floats]:
    """Return places so many metres east and north of a corner in degrees."""
    east, north = np.array(at, dtype=float).reshape(-1, 2).T
    azimuth = np.degrees(np.arctan2(east, north))
    lon, lat, _ = GEOD.fwd(
        np.full(len(east), LON), np.full(len(east), LAT), azimuth, np.hypot(east, north)
    )
    return np.asarray(lon), np.asarray(lat)


def _class_ids(count: int, classes: list[int] | None) -> NDArray[np.int32]:
    return np.array(classes or [1] * count, dtype=np.int32)


def rows_at(at: Metres, *, accuracy_m: float = 0.5, classes: list[int] | None = None) -> Delivery:
    lon, lat = on_earth(at)
    count = len(at)
    return Delivery(
        lon=lon,
        lat=lat,
        raw_x=lon,
        raw_y=lat,
        class_ids=_class_ids(count, classes),
        accuracies_m=np.full(count, accuracy_m),
        is_good=np.ones(count, dtype=bool),
        divisions=np.full(count, 370202, dtype=np.int32),
        areas=np.full(count, 370202001, dtype=np.int32),
        unit_ids=np.zeros((count, 3), dtype=np.int32),
    )


def components_at(
    at: Metres, *, accuracy_m: float = 0.5, classes: list[int] | None = None
) -> Registered:
    lon, lat = on_earth(at)
    count = len(at)
    return Registered(
        codes=np.array([f"370202013700{n:04}".encode() for n in range(count)], dtype="S17"),
        class_ids=_class_ids(count, classes),
        lon=lon,
        lat=lat,
        accuracies_m=np.full(count, accuracy_m),
        versions=np.ones(count, dtype=np.int32),
        areas=np.full(count, 370202001, dtype=np.int32),
        fingerprints=np.zeros(count, dtype=np.int64),
        unit_ids=np.zeros((count, 3), dtype=np.int32),
    )


def match(rows: Delivery, registered: Registered, evidence: Evidence | None = None) -> Matches:
    return match_points(rows, registered, major_of_class=MAJORS, evidence=evidence)


def street(count: int, spacing_m: float = 30.0) -> Metres:
    return [(n * spacing_m, 0.0) for n in range(count)]


def test_distances_are_those_on_the_ground() -> None:
    lon, lat = on_earth([(0, 0), (3, 4), (600, 800)])
    xyz = earth_centred(lon, lat)
    assert np.linalg.norm(xyz[1:] - xyz[0], axis=1) == pytest.approx([5, 1000], abs=0.001)


def test_what_is_where_it_was_is_the_same_in_any_order() -> None:
    at = street(40)
    order = np.random.default_rng(1).permutation(40)
    found = match(rows_at([at[n] for n in order]), components_at(at))
    assert found.component.tolist() == order.tolist()
    assert found.distance_m == pytest.approx(0, abs=1e-6)
    assert not found.is_ambiguous.any()
    assert (found.score > 0.999).all()
    neighbours = np.abs(found.runner_up - found.component)
    assert set(neighbours.tolist()) == {1}
    assert found.runner_up_m == pytest.approx(30, abs=0.001)


def test_crowds_2_m_apart_keep_their_identities_in_noise() -> None:
    """Groups of nine, 2 m apart, surveyed to ±0.5 m twice: the errors together reach 1 m."""
    chance = np.random.default_rng(2)
    groups = [(100.0 * (n % 20), 100.0 * (n // 20)) for n in range(300)]
    true = np.array([(x + 2 * i, y + 2 * j) for x, y in groups for i in range(3) for j in range(3)])
    first = true + chance.normal(0, 0.15, true.shape)
    second = true + chance.normal(0, 0.15, true.shape)
    found = match(rows_at(second.tolist()), components_at(first.tolist()))
    truth = np.arange(len(true))
    assert (found.component[~found.is_ambiguous] == truth[~found.is_ambiguous]).all()
    assert found.is_ambiguous.mean() < 0.01


def test_the_best_whole_counts_and_not_the_nearest_pair() -> None:
    """Both rows are a little east of their components: the first is nearest to the second one's."""
    registered = components_at([(0, 0), (2, 0)], accuracy_m=2)
    found = match(rows_at([(1.2, 0), (3.2, 0)], accuracy_m=2), registered)
    # Greedily the first row would take the second component, 0.8 m off, and leave 3.2 m.
    assert found.component.tolist() == [0, 1]


def test_one_component_is_one_row() -> None:
    found = match(rows_at([(0.2, 0), (5, 0)]), components_at([(0, 0)]))
    assert found.component.tolist() == [0, -1]


def test_between_two_equally_near_ones_a_person_decides() -> None:
    registered = components_at([(-1, 0), (1, 0)])
    found = match(rows_at([(0, 0.1)]), registered)
    assert found.is_ambiguous.tolist() == [True]
    assert {int(found.component[0]), int(found.runner_up[0])} == {0, 1}
    assert found.score[0] == pytest.approx(0.5, abs=0.01)
    assert found.runner_up_m[0] == pytest.approx(np.hypot(1, 0.1), abs=0.001)


def test_two_rows_equally_near_two_components_are_open() -> None:
    """The corners of a square: either pairing is as good."""
    found = match(rows_at([(0, 1), (1, 0)]), components_at([(0, 0), (1, 1)]))
    assert sorted(found.component.tolist()) == [0, 1]
    assert found.is_ambiguous.tolist() == [True, True]
    assert sorted(found.runner_up.tolist()) == [0, 1]


def test_evidence_decides_where_place_does_not() -> None:
    asked: list[tuple[int, int]] = []

    def evidence(rows: NDArray[np.int64], components: NDArray[np.int64]) -> Floats:
        asked.extend(zip(rows.tolist(), components.tolist(), strict=True))
        return np.where(rows == components, 3.0, -2.0)

    far = [(500.0, 0.0)]
    found = match(rows_at([(0, 1), (1, 0), *far]), components_at([(0, 0), (1, 1), *far]), evidence)
    assert found.component.tolist() == [0, 1, 2]
    assert not found.is_ambiguous.any()
    assert {row for row, _ in asked} == {0, 1}  # nobody asks about what is clear


def test_a_thing_of_another_class_at_the_same_place_was_reclassified() -> None:
    found = match(
        rows_at([(0.3, 0), (200, 0)], classes=[2, 2]),
        components_at([(0, 0), (200, 0)], classes=[1, 2]),
    )
    assert found.component.tolist() == [0, 1]
    assert not found.is_ambiguous.any()


def test_one_of_the_own_class_is_rather_it_than_one_of_another_that_is_nearer() -> None:
    found = match(
        rows_at([(0, 0)], classes=[2]), components_at([(0.1, 0), (0.3, 0)], classes=[1, 2])
    )
    assert found.component.tolist() == [1]


def test_a_thing_that_was_moved_has_not_got_another_class_too() -> None:
    found = match(rows_at([(6, 0)], classes=[2]), components_at([(0, 0)], classes=[1]))
    assert found.component.tolist() == [-1]


@pytest.mark.parametrize(("metres", "component"), [(4.0, 0), (MAX_DISTANCE_M + 5, -1)])
def test_a_lonely_thing_was_moved_rather_than_replaced(metres: float, component: int) -> None:
    found = match(rows_at([(metres, 0)]), components_at([(0, 0)]))
    assert found.component.tolist() == [component]
    assert not found.is_ambiguous.any()


def test_in_a_crowd_the_same_distance_says_less_than_alone() -> None:
    metres, accuracy = np.full(2, 4.0), np.full(2, 0.5)
    alone, crowd = gain_of(metres, accuracy, accuracy, np.array([60.0, 2.0]))
    assert alone > crowd + 5


def test_a_position_copied_to_the_centimetre_decides() -> None:
    """Accuracies of 10 m would leave two neighbours 1 m apart open."""
    registered = components_at([(0, 0), (1, 0)], accuracy_m=10)
    copied = match(rows_at([(0, 0), (1, 0)], accuracy_m=10), registered)
    assert copied.component.tolist() == [0, 1]
    assert not copied.is_ambiguous.any()
    noisy = match(rows_at([(0.3, 0.4), (0.9, -0.4)], accuracy_m=10), registered)
    assert noisy.is_ambiguous.all()


def test_nothing_is_matched_with_nothing() -> None:
    assert match(rows_at([]), components_at([(0, 0)])).component.tolist() == []
    alone = match(rows_at([(0, 0)]), components_at([]))
    assert (alone.component.tolist(), alone.is_ambiguous.tolist()) == ([-1], [False])
    other_class = match(rows_at([(0, 0)], classes=[4]), components_at([(30, 0)], classes=[1]))
    assert other_class.component.tolist() == [-1]


def _clusters(most: int) -> st.SearchStrategy[Metres]:
    """Return places of so many things at most, on a grid that is fine enough to have no ties."""
    coordinate = st.integers(-400, 400).map(lambda n: n / 100)
    return st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=most, unique=True).map(
        lambda at: [(x + 0.00137 * n, y - 0.00173 * n * n) for n, (x, y) in enumerate(at)]
    )


@settings(max_examples=60, deadline=None)
@given(rows=_clusters(6), components=_clusters(6), data=st.data())
def test_the_order_of_rows_and_components_does_not_matter(
    rows: Metres, components: Metres, data: st.DataObject
) -> None:
    plain = match(rows_at(rows), components_at(components))
    of_rows = data.draw(st.permutations(range(len(rows))))
    of_components = data.draw(st.permutations(range(len(components))))
    mixed = match(
        rows_at([rows[n] for n in of_rows]), components_at([components[n] for n in of_components])
    )
    clear = ~plain.is_ambiguous[of_rows]
    back = np.append(of_components, -1)  # -1 stays -1
    assert back[mixed.component][clear].tolist() == plain.component[of_rows][clear].tolist()
    assert mixed.score == pytest.approx(plain.score[of_rows], abs=1e-6)
    assert mixed.is_ambiguous.tolist() == plain.is_ambiguous[of_rows].tolist()


def _assignments(row_count: int, component_count: int) -> list[tuple[int, ...]]:
    """Return every way to give each row one component or none (-1)."""
    pool = [*range(component_count), *[-1] * row_count]
    return sorted(set(permutations(pool, row_count)))


@st.composite
def _problems(draw: st.DrawFn, most: int) -> NDArray[np.float64]:
    """Return gains by row and component; NaN where a pair is impossible."""
    shape = draw(st.tuples(st.integers(1, most), st.integers(1, most)))
    gain = st.one_of(st.just(float("nan")), st.integers(-500, 2000).map(lambda n: n / 100))
    size = shape[0] * shape[1]
    values = draw(st.lists(gain, min_size=size, max_size=size))
    return np.array(values, dtype=float).reshape(shape)


def _chosen(gain: NDArray[np.float64]) -> Matches:
    rows, components = np.nonzero(np.isfinite(gain))
    matches = no_matches(len(gain))
    choose(matches, Pairs(rows, components, np.ones(len(rows)), gain[rows, components]))
    return matches


def _sum(gain: NDArray[np.float64], assignment: tuple[int, ...]) -> float:
    """Return the sum of an assignment's gains; minus infinity if it is impossible."""
    total = sum(gain[row, one] for row, one in enumerate(assignment) if one >= 0)
    return float("-inf") if np.isnan(total) else float(total)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(gain=_problems(4))
def test_no_other_choice_has_a_larger_sum(gain: NDArray[np.float64]) -> None:
    found = _chosen(gain)
    chosen = tuple(found.component.tolist())
    assert len({one for one in chosen if one >= 0}) == sum(one >= 0 for one in chosen)
    best = max(_sum(gain, one) for one in _assignments(*gain.shape))
    assert _sum(gain, chosen) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_no_other_choice_has_a_larger_sum_among_six_by_six(seed: int) -> None:
    chance = np.random.default_rng(seed)
    gain = chance.uniform(-2, 15, (6, 6))
    gain[chance.random((6, 6)) < 0.4] = np.nan
    best = max(_sum(gain, one) for one in _assignments(6, 6))
    assert _sum(gain, tuple(_chosen(gain).component.tolist())) == pytest.approx(best, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(gain=_problems(2))
def test_the_score_is_no_surer_than_the_second_best_choice_allows(
    gain: NDArray[np.float64],
) -> None:
    """For each row: what the sum loses if the row gets anything else than it got."""
    found = _chosen(gain)
    assignments = _assignments(*gain.shape)
    best = max(_sum(gain, one) for one in assignments)
    for row, component in enumerate(found.component.tolist()):
        loss = best - max(
            (_sum(gain, one) for one in assignments if one[row] != component),
            default=float("-inf"),
        )
        if np.isfinite(loss):
            assert found.score[row] <= 1 / (1 + np.exp(-loss)) + 1e-9
            assert not (loss < AMBIGUOUS_BELOW - 1e-9 and not found.is_ambiguous[row])


def test_large_clusters_are_solved_as_well_as_small_ones() -> None:
    """A long street, every row a third of the spacing farther along: one cluster of them all."""
    at = street(3_000, spacing_m=2)
    rows = rows_at([(x + 0.6, y) for x, y in at], accuracy_m=1)
    found = match(rows, components_at(at, accuracy_m=1))
    assert (found.component == np.arange(3_000)).mean() > 0.999
