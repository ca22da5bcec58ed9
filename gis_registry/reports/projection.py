"""From a box in an image to the ground: a pinhole camera over flat ground, and how sure that is."""

import math
from dataclasses import dataclass

import shapely

from gis_registry.places.datums import GROUND

#: How well a camera's heading and pitch and the edge of a box are known together, one sigma.
ANGULAR_ERROR_DEG = 1.0
#: How well a camera's own position is known.
STANDING_ERROR_M = 1.0
#: The largest range that a camera can have.
LONGEST_RANGE_M = 5000.0

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class View:
    """Where a camera stands (degrees, EPSG:4490), and what it looks at.

    ``heading_deg`` is clockwise from north, ``pitch_deg`` is how far below the horizon the middle
    of the image is (None: unknown), ``field_of_view_deg`` is from the left to the right edge.
    """

    lon: float
    lat: float
    height_m: float
    heading_deg: float
    field_of_view_deg: float
    pitch_deg: float | None
    image_width: int
    image_height: int
    range_m: float


@dataclass(frozen=True)
class OnGround:
    """A point in degrees, EPSG:4490, and the radius that holds the true one 68 times in 100."""

    lon: float
    lat: float
    accuracy_m: float


def project(view: View, box: Box) -> OnGround:
    """Return where on the ground the bottom centre of a box is.

    Nothing is seen beyond the camera's range: what would be farther off, or above the horizon, is
    put there. Without a pitch only the direction is known: half the range, give or take as much.

    Args:
        view: the camera.
        box: left, top, right and bottom as fractions of the image, from its upper left corner.
    """
    right, down = _ray(view, box)
    half_range_m = view.range_m / 2
    if view.pitch_deg is None:
        bearing = view.heading_deg + math.degrees(math.atan(right))
        return _at(view, bearing, half_range_m, half_range_m)
    pitch = math.radians(view.pitch_deg)
    forward = math.cos(pitch) - down * math.sin(pitch)
    fall = math.sin(pitch) + down * math.cos(pitch)
    flat = math.hypot(forward, right)
    bearing = view.heading_deg + math.degrees(math.atan2(right, forward))
    distance_m = min(view.height_m * flat / fall, view.range_m) if fall > 0 else view.range_m
    return _at(view, bearing, distance_m, min(_accuracy_m(view, distance_m), half_range_m))


def overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share as a part of the area that they cover together."""
    shared = shapely.box(*one).intersection(shapely.box(*other)).area
    return float(shared / (area(one) + area(other) - shared))


def _ray(view: View, box: Box) -> tuple[float, float]:
    """Return how far right and down the bottom centre is, as tangents from the image's middle."""
    tangent = math.tan(math.radians(view.field_of_view_deg) / 2)
    right = (box[0] + box[2] - 1) * tangent
    down = (2 * box[3] - 1) * tangent * view.image_height / view.image_width
    return right, down


def _accuracy_m(view: View, distance_m: float) -> float:
    """Return what the angular error comes to on the ground: most of it along the line of sight."""
    error = math.radians(ANGULAR_ERROR_DEG)
    along = error * (view.height_m**2 + distance_m**2) / view.height_m
    across = error * distance_m
    return math.hypot(along, across, STANDING_ERROR_M)


def _at(view: View, bearing_deg: float, distance_m: float, accuracy_m: float) -> OnGround:
    lon, lat, _ = GROUND.fwd(view.lon, view.lat, bearing_deg, distance_m)
    return OnGround(lon=float(lon), lat=float(lat), accuracy_m=accuracy_m)


def area(box: Box) -> float:
    """Return which part of the image a box covers."""
    return (box[2] - box[0]) * (box[3] - box[1])
