"""From a box in an image to the ground and back, with an accuracy that is honest."""

import dataclasses
import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from making import CORNER, GEOD, moved

from gis_registry.reports.projection import (
    ANGULAR_ERROR_DEG,
    STANDING_ERROR_M,
    View,
    overlap,
    project,
)

VIEW = View(
    lon=CORNER[0],
    lat=CORNER[1],
    height_m=8,
    heading_deg=60,
    field_of_view_deg=75,
    pitch_deg=12,
    image_width=1920,
    image_height=1080,
    range_m=150,
)


def pixel_of(view: View, *, bearing_deg: float, distance_m: float) -> tuple[float, float]:
    """Return where a point on the ground is in the image, as fractions: by vectors, not angles."""
    heading, pitch = math.radians(view.heading_deg), math.radians(view.pitch_deg or 0)
    east = distance_m * math.sin(math.radians(bearing_deg))
    north = distance_m * math.cos(math.radians(bearing_deg))
    ray = (east, north, -view.height_m)
    forward = (
        math.sin(heading) * math.cos(pitch),
        math.cos(heading) * math.cos(pitch),
        -math.sin(pitch),
    )
    right = (math.cos(heading), -math.sin(heading), 0.0)
    down = (
        forward[1] * right[2] - forward[2] * right[1],
        forward[2] * right[0] - forward[0] * right[2],
        forward[0] * right[1] - forward[1] * right[0],
    )

    def dot(one: tuple[float, float, float]) -> float:
        return sum(a * b for a, b in zip(one, ray, strict=True))

    focal = view.image_width / 2 / math.tan(math.radians(view.field_of_view_deg) / 2)
    depth = dot(forward)
    x = view.image_width / 2 + focal * dot(right) / depth
    y = view.image_height / 2 + focal * dot(down) / depth
    return x / view.image_width, y / view.image_height


def standing_at(x: float, y: float) -> tuple[float, float, float, float]:
    return (x - 0.02, y - 0.1, x + 0.02, y)


@given(
    heading_deg=st.floats(0, 359.9),
    pitch_deg=st.floats(5, 60),
    height_m=st.floats(3, 30),
    field_of_view_deg=st.floats(30, 110),
    off_deg=st.floats(-25, 25),
    distance_m=st.floats(5, 150),
)
def test_a_point_on_the_ground_that_the_camera_sees_is_found_again(
    heading_deg: float,
    pitch_deg: float,
    height_m: float,
    field_of_view_deg: float,
    off_deg: float,
    distance_m: float,
) -> None:
    view = dataclasses.replace(
        VIEW,
        heading_deg=heading_deg,
        pitch_deg=pitch_deg,
        height_m=height_m,
        field_of_view_deg=field_of_view_deg,
    )
    bearing = heading_deg + off_deg
    x, y = pixel_of(view, bearing_deg=bearing, distance_m=distance_m)
    assume(0 < x < 1 and 0 < y < 1)
    there = moved(*CORNER, azimuth=bearing, metres=distance_m)
    found = project(view, standing_at(x, y))
    assert GEOD.inv(*there, found.lon, found.lat)[2] < 0.01
    assert 1 <= found.accuracy_m <= view.range_m / 2


@pytest.mark.parametrize("distance_m", [10, 25, 50, 70])
def test_the_accuracy_holds_the_true_point_68_times_in_100(distance_m: float) -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(1000):
        stands = moved(*CORNER, azimuth=rng.uniform(0, 360), metres=rng.gauss(0, STANDING_ERROR_M))
        there = moved(*stands, azimuth=70, metres=distance_m)
        true = dataclasses.replace(
            VIEW,
            heading_deg=VIEW.heading_deg + rng.gauss(0, ANGULAR_ERROR_DEG),
            pitch_deg=12 + rng.gauss(0, ANGULAR_ERROR_DEG),
        )
        found = project(VIEW, standing_at(*pixel_of(true, bearing_deg=70, distance_m=distance_m)))
        held += GEOD.inv(*there, found.lon, found.lat)[2] <= found.accuracy_m
    assert 0.66 <= held / 1000 <= 0.85


def test_the_farther_off_the_less_sure() -> None:
    accuracies = [
        project(VIEW, standing_at(0.5, pixel_of(VIEW, bearing_deg=60, distance_m=d)[1])).accuracy_m
        for d in (15, 30, 60, 90)
    ]
    assert accuracies == sorted(accuracies)
    assert accuracies == pytest.approx([1.2, 2.4, 8.1, 17.9], abs=0.06)


@pytest.mark.parametrize("bottom", [0.05, 0.2, 0.3], ids=["sky", "horizon", "far off"])
def test_nothing_is_put_beyond_the_range(bottom: float) -> None:
    found = project(VIEW, (0.48, 0.0, 0.52, bottom))
    assert GEOD.inv(*CORNER, found.lon, found.lat)[2] == pytest.approx(150, abs=0.01)
    assert found.accuracy_m <= 75


def test_without_a_pitch_only_the_direction_is_known() -> None:
    found = project(dataclasses.replace(VIEW, pitch_deg=None), (0.98, 0.5, 1.0, 0.9))
    azimuth, _, distance_m = GEOD.inv(*CORNER, found.lon, found.lat)
    right_edge = 60 + math.degrees(math.atan(0.98 * math.tan(math.radians(37.5))))
    assert azimuth == pytest.approx(right_edge, abs=0.01)
    assert (distance_m, found.accuracy_m) == (pytest.approx(75, abs=0.01), 75)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((0.0, 0.0, 0.2, 0.2), 1.0),
        ((0.1, 0.0, 0.3, 0.2), 1 / 3),
        ((0.2, 0.0, 0.4, 0.2), 0.0),
        ((0.5, 0.5, 0.9, 0.9), 0.0),
        ((0.0, 0.0, 0.4, 0.4), 0.25),
    ],
    ids=["the same", "half beside", "touching", "apart", "around"],
)
def test_how_much_two_boxes_share(other: tuple[float, float, float, float], share: float) -> None:
    box = (0.0, 0.0, 0.2, 0.2)
    assert overlap(box, other) == pytest.approx(share)
    assert overlap(other, box) == pytest.approx(share)
