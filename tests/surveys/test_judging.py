"""What rows mean for the registry: verdicts, what is missing, and identifiers in the file."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from test_survey_matching import LAT, LON, MAJORS, components_at, rows_at, street

from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.judging import Judgement, Shapes, judge, missing_by_class

#: Two subdistricts of one district, and one of another.
NEAR, NEXT, FAR = 370202001, 370202002, 370203001


def judged(
    delivery: Delivery,
    registered: Registered,
    *,
    identifiers: NDArray[np.bytes_] | None = None,
    shapes: Shapes | None = None,
    coverage: Collection[str] | None = None,
) -> Judgement:
    return judge(
        delivery,
        registered,
        identifiers=identifiers,
        shapes=shapes or Shapes(),
        major_of_class=MAJORS,
        coverage=coverage,
    )


def in_areas(side: Delivery | Registered, *areas: int) -> Delivery | Registered:
    return replace(side, areas=np.array(areas, dtype=np.int32))


def bad(delivery: Delivery, *places: int) -> Delivery:
    is_good = delivery.is_good.copy()
    is_good[list(places)] = False
    return replace(delivery, is_good=is_good)


@pytest.mark.parametrize(
    ("metres", "ours", "theirs", "verdict"),
    [
        (0.0, 0.5, 0.5, "unchanged"),
        (0.9, 0.5, 0.5, "unchanged"),
        (1.1, 0.5, 0.5, "moved"),
        (0.9, 0.5, 2.0, "changed"),
        (2.4, 0.5, 2.0, "changed"),
        (2.6, 0.5, 2.0, "moved"),
        (0.9, 2.0, 0.5, "unchanged"),
        (70.0, 0.5, 0.5, "new"),
    ],
)
def test_distance_and_accuracies_say_what_changed(
    metres: float, ours: float, theirs: float, verdict: str
) -> None:
    found = judged(
        rows_at([(metres, 0)], accuracy_m=ours), components_at([(0, 0)], accuracy_m=theirs)
    )
    assert found.verdict.tolist() == [verdict]
    assert (found.reason[0] is not None) == (ours < theirs)


def test_a_refused_row_gets_no_verdict_and_no_component() -> None:
    found = judged(bad(rows_at(street(3)), 1), components_at(street(3)))
    assert found.verdict.tolist() == ["unchanged", None, "unchanged"]
    assert found.matches.component.tolist() == [0, -1, 2]


def test_a_refused_row_keeps_what_it_is_about_from_being_missing() -> None:
    delivery = bad(rows_at([(0, 0), (30, 0.4)]), 1)
    found = judged(delivery, components_at(street(3)))
    assert found.missing.tolist() == [2]
    nowhere = replace(delivery, lon=np.array([LON, np.nan]), lat=np.array([LAT, 400.0]))
    assert judged(nowhere, components_at(street(3))).missing.tolist() == [1, 2]
    unknown = replace(
        delivery,
        class_ids=np.array([1, 0], dtype=np.int32),
        accuracies_m=np.array([0.5, np.nan]),
    )
    assert judged(unknown, components_at(street(3))).missing.tolist() == [2]


def test_rows_that_only_repeat_others_keep_nothing_from_being_missing() -> None:
    """A whole file twice in itself: the second halves are refused, and lie where the first do."""
    at = [place for n, place in enumerate(street(9)) if n % 3]
    found = judged(bad(rows_at([*at, *at]), *range(6, 12)), components_at(street(9)))
    assert found.missing.tolist() == [0, 3, 6]


def test_a_delivery_covers_the_subdistricts_in_which_it_has_rows_of_the_class() -> None:
    """Class 1 in the near one and class 2 in the far one: what else is there is not missing."""
    delivery = in_areas(rows_at([(0, 0), (500, 0)], classes=[1, 2]), NEAR, FAR)
    registered = in_areas(
        components_at(
            [(0, 0), (100, 0), (200, 0), (500, 0), (600, 0), (700, 0)], classes=[1, 1, 2, 2, 2, 1]
        ),
        *(NEAR, NEAR, NEAR, FAR, FAR, FAR),
    )
    found = judged(delivery, registered)
    assert found.covered.tolist() == [0, 1, 3, 4]
    assert found.missing.tolist() == [1, 4]
    assert missing_by_class(registered, found) == [(1, 1, 2), (2, 1, 2)]


@pytest.mark.parametrize(
    ("coverage", "missing"),
    [
        (["370202001"], [1]),
        (["370202"], [1, 2]),
        (["370200"], [1, 2, 3]),
        (["370203", "370202002"], [2, 3]),
        (["370203001"], [3]),
        (["370211"], []),
    ],
)
def test_declared_coverage_counts_whatever_rows_there_are(
    coverage: list[str], missing: list[int]
) -> None:
    registered = in_areas(
        components_at([(0, 0), (100, 0), (200, 0), (300, 0), (400, 0)], classes=[1, 1, 1, 1, 2]),
        *(NEAR, NEAR, NEXT, FAR, NEAR),
    )
    delivery = in_areas(rows_at([(0, 0)]), NEAR)
    assert judged(delivery, registered, coverage=coverage).missing.tolist() == missing


def test_what_an_ambiguous_row_may_be_is_not_missing() -> None:
    found = judged(rows_at([(0, 0.1)]), components_at([(-1, 0), (1, 0), (300, 0)]))
    assert found.verdict.tolist() == ["ambiguous"]
    assert found.missing.tolist() == [2]


def test_another_class_is_reclassified_only_if_the_delivery_has_its_former_class() -> None:
    registered = components_at([(0, 0), (300, 0)], classes=[1, 1])
    of_both = judged(rows_at([(0, 0), (300, 0)], classes=[2, 1]), registered)
    assert of_both.verdict.tolist() == ["reclassified", "unchanged"]
    assert of_both.missing.tolist() == []
    of_one = judged(rows_at([(0, 0), (300, 0)], classes=[2, 2]), registered)
    assert of_one.verdict.tolist() == ["new", "new"]
    assert of_one.missing.tolist() == []


def _named(*codes: str) -> NDArray[np.bytes_]:
    return np.array([code.encode() for code in codes], dtype="S17")


def test_an_identifier_that_is_known_says_which_component_it_is() -> None:
    registered = components_at(street(3))
    codes = registered.codes.astype(str).tolist()
    # The first row says that it is the third component, 60 m off, though it lies on the first.
    found = judged(rows_at([(0, 0), (30, 0)]), registered, identifiers=_named(codes[2], ""))
    assert found.matches.component.tolist() == [2, 1]
    assert found.verdict.tolist() == ["moved", "unchanged"]
    assert found.matches.distance_m[0] == pytest.approx(60, abs=0.001)
    assert found.missing.tolist() == [0]


def test_an_identifier_that_is_unknown_or_too_far_off_says_nothing_but_is_told() -> None:
    registered = components_at([(0, 0), (30, 0), (1_100, 0)])
    far = registered.codes.astype(str).tolist()[2]
    found = judged(
        rows_at([(0, 0), (30, 0)]), registered, identifiers=_named("3702020137999999", far)
    )
    assert found.matches.component.tolist() == [0, 1]
    assert found.reason.tolist() == [
        "The identifier it gives is that of no active component of its class.",
        "The component whose identifier it gives is over 1 km off.",
    ]


def test_of_rows_with_the_same_identifier_the_nearest_has_it() -> None:
    registered = components_at([(0, 0), (3, 0)])
    first = registered.codes.astype(str).tolist()[0]
    found = judged(
        rows_at([(3, 0), (0.2, 0), (200, 0)]), registered, identifiers=_named(first, first, first)
    )
    assert found.matches.component.tolist() == [1, 0, -1]
    assert found.verdict.tolist() == ["unchanged", "unchanged", "new"]
    said = "Another row gives the same identifier and lies nearer to it."
    assert found.reason.tolist() == [said, None, said]


def test_a_refused_rows_identifier_takes_nothing() -> None:
    registered = components_at(street(2))
    (first, _) = registered.codes.astype(str).tolist()
    found = judged(bad(rows_at(street(2)), 0), registered, identifiers=_named(first, ""))
    assert found.matches.component.tolist() == [-1, 1]
    assert found.missing.tolist() == []


def test_lines_are_matched_with_lines_and_points_with_points() -> None:
    line = shapely.LineString([(LON, LAT), (LON + 0.0005, LAT)])
    rows, registered = rows_at([(0, 0), (0, 0)]), components_at([(0, 0), (0, 0)])
    shapes = Shapes({1: line}, {0: line}, projected_epsg=4549)
    found = judged(rows, registered, shapes=shapes)
    assert found.matches.component.tolist() == [1, 0]
    assert found.verdict.tolist() == ["unchanged", "unchanged"]


def test_into_an_empty_registry_all_is_new() -> None:
    found = judged(
        rows_at(street(2)), components_at([]), identifiers=_named("3702020137000001", "")
    )
    assert found.verdict.tolist() == ["new", "new"]
    assert found.missing.tolist() == found.covered.tolist() == []
