"""Which line or polygon is which: by how well they lie on each other, not by their centroids."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import shapely
from delivered import GUARDRAIL, frame, load, places, stage
from numpy.typing import NDArray
from shapely import LineString, MultiLineString, MultiPolygon, Polygon, box
from shapely.affinity import rotate, translate
from sqlalchemy.orm import Session
from test_survey_matching import components_at, rows_at

from gis_registry.surveys.assigning import Matches
from gis_registry.surveys.matching_shapes import match_shapes, mean_distance

NEAR, FAR = places(1)[0], (120.396, 36.307)  # the far one is in another district
RAIL = LineString([(0, 0), (40, 0), (60, 30)])


def _array(shapes: Sequence[shapely.Geometry]) -> NDArray[np.object_]:
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return array


def match(
    rows: Sequence[shapely.Geometry],
    components: Sequence[shapely.Geometry],
    *,
    classes: tuple[list[int], list[int]] | None = None,
) -> Matches:
    """Match shapes in metres; where their points lie on earth is not asked."""
    of_rows, of_components = classes or (None, None)
    return match_shapes(
        rows_at([(0, 0)] * len(rows), classes=of_rows),
        components_at([(0, 0)] * len(components), classes=of_components),
        row_shapes=_array(rows),
        component_shapes=_array(components),
    )


def distance(one: shapely.Geometry, other: shapely.Geometry) -> float:
    (metres,) = mean_distance(_array([one]), _array([other]), np.array([0]), np.array([0]))
    return float(metres)


def test_a_line_that_is_shifted_is_off_by_the_shift() -> None:
    straight = LineString([(0, 0), (100, 0)])
    assert distance(straight, translate(straight, 0, 0.4)) == pytest.approx(0.4)
    found = match([translate(RAIL, 0.2, 0.2)], [RAIL, translate(RAIL, 0, 15)])
    assert (found.component.tolist(), found.is_ambiguous.tolist()) == ([0], [False])
    assert found.runner_up.tolist() == [1]


def test_the_direction_in_which_a_line_was_drawn_says_nothing() -> None:
    assert distance(RAIL, shapely.reverse(RAIL)) == pytest.approx(0, abs=1e-9)
    assert match([shapely.reverse(RAIL)], [RAIL]).component.tolist() == [0]


def test_more_vertices_on_the_same_line_say_nothing() -> None:
    assert distance(RAIL, shapely.segmentize(RAIL, 3)) == pytest.approx(0, abs=1e-9)


def test_of_a_line_that_was_split_one_part_is_it_or_a_person_decides() -> None:
    whole = LineString([(0, 0), (60, 0)])
    longer, shorter = LineString([(0, 0), (50, 0)]), LineString([(50, 0), (60, 0)])
    found = match([longer, shorter], [whole])
    assert found.component.tolist() == [0, -1]
    halves = match([LineString([(0, 0), (30, 0)]), LineString([(30, 0), (60, 0)])], [whole])
    assert halves.is_ambiguous.all()


def test_lines_that_only_cross_or_touch_are_others() -> None:
    across = LineString([(0, -50), (0, 50)])
    along = LineString([(-50, 0), (50, 0)])
    assert across.distance(along) == 0
    assert across.centroid.distance(along.centroid) == 0
    assert distance(across, along) == pytest.approx(25)
    found = match([along], [across, translate(along, 0, 0.5)])
    assert (found.component.tolist(), found.is_ambiguous.tolist()) == ([1], [False])


def test_a_polygon_with_the_same_centroid_but_another_shape_is_another() -> None:
    lawn = box(0, 0, 80, 5)
    turned = rotate(lawn, 90)
    assert lawn.centroid.distance(turned.centroid) < 1e-9
    assert distance(lawn, turned) > 15
    found = match([lawn], [turned, translate(lawn, 0.3, 0.1)])
    assert (found.component.tolist(), found.is_ambiguous.tolist()) == ([1], [False])


def test_a_polygon_begins_at_any_vertex() -> None:
    corners = [(0, 0), (10, 0), (12, 8), (0, 9)]
    turned = corners[2:] + corners[:2]
    assert distance(Polygon(corners), Polygon(turned)) == pytest.approx(0, abs=1e-9)


def test_a_pond_and_the_island_in_it_are_two() -> None:
    pond, island = box(0, 0, 60, 60), box(25, 25, 35, 35)
    found = match([island, pond], [pond, island])
    assert found.component.tolist() == [1, 0]
    assert not found.is_ambiguous.any()


def test_shapes_of_several_parts_are_compared_as_wholes() -> None:
    parts = MultiLineString([[(0, 0), (20, 0)], [(20, 0), (40, 0)]])
    assert distance(parts, LineString([(0, 0), (40, 0)])) == pytest.approx(0, abs=1e-9)
    apart = MultiPolygon([box(0, 0, 10, 10), box(30, 0, 40, 10)])
    assert distance(apart, apart) == pytest.approx(0, abs=1e-9)
    found = match([translate(apart, 0.1, 0)], [box(0, 0, 10, 10), apart])
    assert (found.component.tolist(), found.is_ambiguous.tolist()) == ([1], [False])


def test_a_polygon_with_a_hole_is_compared_by_its_outer_boundary() -> None:
    lawn = box(0, 0, 40, 40)
    holed = Polygon(lawn.exterior.coords, [box(10, 10, 20, 20).exterior.coords])
    assert distance(lawn, holed) == pytest.approx(0, abs=1e-9)


def test_shapes_are_matched_within_their_class() -> None:
    found = match([RAIL, RAIL], [RAIL, RAIL], classes=([1, 2], [2, 1]))
    assert found.component.tolist() == [1, 0]
    assert match([RAIL], [RAIL], classes=([1], [2])).component.tolist() == [-1]


def test_what_is_far_is_another() -> None:
    assert match([translate(RAIL, 0, 100)], [RAIL]).component.tolist() == [-1]


@pytest.mark.parametrize("count", [1, 12])
def test_parallel_rails_keep_their_order(count: int) -> None:
    """The two sides of roads, 3 m apart, all shifted alike."""
    rails = [translate(RAIL, 0, 3.0 * n) for n in range(count)]
    found = match([translate(one, 0.3, 0.3) for one in rails], rails)
    assert found.component.tolist() == list(range(count))


def test_lines_elsewhere_are_left_out_of_what_is_matched(session: Session, tmp_path: Path) -> None:
    near, far = (LineString([(lon, lat), (lon + 0.0004, lat)]) for lon, lat in (NEAR, FAR))
    both, again = tmp_path / "both.gpkg", tmp_path / "again.gpkg"
    frame([near, far]).to_file(both)
    frame([near]).to_file(again)
    assert load(session, both, class_code=GUARDRAIL).verdicts == {"new": 2}
    assert stage(session, again, class_code=GUARDRAIL).verdicts == {"unchanged": 1}
