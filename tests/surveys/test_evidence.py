"""What attributes say of a pair: agreement speaks for it, the more the rarer the value."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gis_registry.surveys.evidence import attribute_evidence

Said = Mapping[int, Mapping[str, Any]]


def gains(rows: Said, components: Said, *pairs: tuple[int, int]) -> list[float]:
    evidence = attribute_evidence(
        lambda wanted: {one: rows[one] for one in wanted.tolist() if one in rows},
        lambda wanted: {one: components[one] for one in wanted.tolist() if one in components},
    )
    of_rows, of_components = np.array(pairs).T
    found: list[float] = evidence(of_rows, of_components).tolist()
    return found


def test_agreement_speaks_for_a_pair_and_difference_against_it() -> None:
    rows = {0: {"pole": "A12"}}
    components = {0: {"pole": "A12"}, 1: {"pole": "A13"}, 2: {"pole": "A14"}}
    agrees, differs, _ = gains(rows, components, (0, 0), (0, 1), (0, 2))
    assert agrees > 0 > differs


def test_a_rare_value_says_more_than_one_that_most_have() -> None:
    components = {n: {"lamp": "LED"} for n in range(9)} | {9: {"lamp": "Na"}}
    rows = {0: {"lamp": "LED"}, 1: {"lamp": "Na"}}
    pairs = [(0, n) for n in range(10)] + [(1, 9)]
    common, *_, rare = gains(rows, components, *pairs)
    assert abs(common) < 0.1
    assert rare > 1


def test_what_everybody_says_and_what_one_side_lacks_says_nothing() -> None:
    components = {n: {"owner": "city"} for n in range(5)}
    rows: Said = {0: {"height": 8}, 1: {}, 2: {"owner": None}}
    pairs = [(0, n) for n in range(5)] + [(1, 0)]
    assert set(gains(rows, components, *pairs)) == {0.0}
    assert gains({}, components, (7, 0)) == [0.0]
    assert gains(rows, {}, (0, 3)) == [0.0]


def test_many_attributes_together_are_bounded() -> None:
    """They depend on each other: a key, a pole number and an address are one fact."""
    said = {f"field {n}": n for n in range(30)}
    others = {n: dict.fromkeys(said, 100 + n) for n in range(1, 20)}
    components = {0: said} | others
    pairs = [(0, n) for n in range(20)]
    found = gains({0: said}, components, *pairs)
    assert found[0] == 6
    assert set(found[1:]) == {-2}


def test_a_number_is_its_value_and_not_how_it_is_written() -> None:
    (agrees, _) = gains({0: {"height": 8}}, {0: {"height": 8.0}, 1: {"height": 9}}, (0, 0), (0, 1))
    assert agrees > 0


def test_pairs_are_answered_in_the_order_in_which_they_are_asked() -> None:
    rows = {5: {"k": 1}, 2: {"k": 2}}
    components = {7: {"k": 1}, 3: {"k": 2}}
    found = gains(rows, components, (5, 7), (2, 7), (5, 3), (2, 3))
    assert [one > 0 for one in found] == [True, False, False, True]
