"""What lies near a boundary: how far off, and how probable by the error of the position."""

from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely
from making import CORNER, DAY, GEOD
from project import SAMPLES
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.places import service
from gis_registry.places.bordering import RADIUS_68, neighbours, reach_m
from gis_registry.places.service import Place, Point
from gis_registry.places.tables import Level
from gis_registry.reports import weighing

METRES = 4549


@pytest.fixture(scope="module")
def subdistricts() -> gpd.GeoDataFrame:
    """Return the subdistricts' polygons in metres, by code."""
    frame = gpd.read_file(f"/vsigzip/{SAMPLES}/qingdao/divisions.geojson.gz")
    frame = frame[frame.geometry.notna() & (frame.level == Level.SUBDISTRICT)]
    return frame.set_index("code").to_crs(METRES)


def near_borders(session: Session, count: int, *, seed: int) -> list[tuple[float, float]]:
    """Return points within some 60 m of corners of subdistricts, inside and outside the city."""
    rows = session.execute(
        text(
            "SELECT ST_X(p.geom), ST_Y(p.geom) FROM division_areas a "
            "JOIN divisions d ON d.code = a.division_code AND d.level = 'subdistrict' "
            "CROSS JOIN LATERAL ST_DumpPoints(a.geom) AS p ORDER BY a.id, p.path"
        )
    )
    chance = np.random.default_rng(seed)
    vertices = chance.permutation(np.array(rows.all()))[:count]
    azimuths, metres = chance.uniform(0, 360, count), chance.uniform(0, 60, count)
    lons, lats, _ = GEOD.fwd(vertices[:, 0], vertices[:, 1], azimuths, metres)
    return list(zip(lons.tolist(), lats.tolist(), strict=True))


@pytest.mark.parametrize("accuracy_m", [5.0, 20.0, 100.0])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0, 1.3])
def test_across_a_straight_boundary_it_is_the_share_of_the_normal_error(
    accuracy_m: float, share: float
) -> None:
    """The error is drawn a million times; accuracy is the radius that holds 68 of 100 of it."""
    metres = share * accuracy_m
    error = np.random.default_rng(7).normal(0, accuracy_m / RADIUS_68, (2, 1_000_000))
    assert np.mean(np.hypot(*error) <= accuracy_m) == pytest.approx(0.68, abs=0.002)
    (other,) = neighbours({"370203001": metres}, accuracy_m=accuracy_m, outside_m=0)
    assert other.probability == pytest.approx(np.mean(error[0] > metres), abs=0.002)
    assert (other.division_code, other.subdistrict_code) == ("370203", "370203001")
    assert other.distance_m == metres


def test_the_example_of_the_guide_is_so() -> None:
    (other,) = neighbours({"370202001": 12.0}, accuracy_m=20, outside_m=0)
    assert f"{other.probability:.0%}" == "18%"


def test_within_reach_a_position_lies_95_times_in_100() -> None:
    error = np.random.default_rng(7).normal(0, 10 / RADIUS_68, 1_000_000)
    assert np.mean(np.abs(error) <= reach_m(10)) == pytest.approx(0.954, abs=0.002)
    usual = max(weighing.USUAL.errors, key=lambda one: one.share)
    assert usual.scale == pytest.approx(1 / RADIUS_68, abs=0.005)


def test_where_three_meet_each_is_as_probable() -> None:
    found = neighbours({"370203001": 0.0, "370202002": 0.0}, accuracy_m=10, outside_m=0)
    assert [one.subdistrict_code for one in found] == ["370202002", "370203001"]
    assert [one.probability for one in found] == pytest.approx([1 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("distances_m", "outside_m", "codes"),
    [
        pytest.param({}, 0.0, [], id="nothing near"),
        pytest.param({"370203": 3.0}, 0.0, [("370203", None)], id="a district without any"),
        pytest.param(
            {"370203": 3.0, "370203001": 4.0},
            0.0,
            [("370203", "370203001")],
            id="a district is its subdistrict's",
        ),
        pytest.param(
            {"370203001": 9.0, "370202002": 3.0},
            0.0,
            [("370202", "370202002"), ("370203", "370203001")],
            id="the nearest first",
        ),
        pytest.param(
            {"370203001": 58.0, "370202002": 52.0},
            50.0,
            [("370202", "370202002"), ("370203", "370203001")],
            id="from outside the city it is the difference that counts",
        ),
    ],
)
def test_neighbours_are_weighed(
    distances_m: dict[str, float], outside_m: float, codes: list[tuple[str, str | None]]
) -> None:
    found = neighbours(distances_m, accuracy_m=10, outside_m=outside_m)
    assert [(one.division_code, one.subdistrict_code) for one in found] == codes
    assert sum(one.probability for one in found) < 0.67
    if outside_m:
        alike = neighbours({"370203001": 8.0, "370202002": 2.0}, accuracy_m=10, outside_m=0)
        assert [one.probability for one in found] == [one.probability for one in alike]


def test_by_the_real_boundaries_neighbours_are_those_within_reach(
    session: Session, subdistricts: gpd.GeoDataFrame
) -> None:
    """Against distances in metres on a plane, and probabilities against errors that are drawn."""
    at = near_borders(session, 250, seed=3)
    on_plane = gpd.GeoSeries(gpd.points_from_xy(*zip(*at, strict=True)), crs=4490).to_crs(METRES)
    chance = np.random.default_rng(11)
    differences = []
    count = 0
    for accuracy_m in (6.0, 25.0):
        places = service.locate_all(session, [Point(*one, DAY, accuracy_m) for one in at])
        for place, point in zip(places, on_plane, strict=True):
            assert isinstance(place, Place)
            if place.subdistrict_code is None:
                continue
            distances = subdistricts.distance(point).drop(place.subdistrict_code)
            reach = (place.outside_m or 0) + reach_m(accuracy_m)
            near = {one.subdistrict_code: one for one in place.neighbours if one.subdistrict_code}
            assert set(distances.index[distances < 0.99 * reach]) <= set(near)
            assert set(near) <= set(distances.index[distances < 1.01 * reach])
            for code, one in near.items():
                count += 1
                assert one.distance_m == pytest.approx(distances[code], rel=0.01, abs=0.05)
            if place.outside_m == 0 and near:
                errors = chance.normal(0, accuracy_m / RADIUS_68, (400, 2))
                drawn = shapely.points(np.array([point.x, point.y]) + errors)
                codes = [place.subdistrict_code, *near]
                inside = [np.sum(shapely.contains(subdistricts.geometry[c], drawn)) for c in codes]
                share = 1 - inside[0] / max(sum(inside), 1)
                differences.append(abs(sum(one.probability for one in near.values()) - share))
    assert count > 200
    assert np.mean(differences) < 0.06
    assert np.quantile(differences, 0.95) < 0.2


def test_the_sea_is_no_side(session: Session, subdistricts: gpd.GeoDataFrame) -> None:
    shore = subdistricts.union_all().buffer(40)
    ring = max(getattr(shore, "geoms", [shore]), key=lambda part: part.area).exterior
    along = [ring.interpolate(share, normalized=True) for share in np.linspace(0, 1, 121)[:-1]]
    lonlat = gpd.GeoSeries(along, crs=METRES).to_crs(4490)
    points = [Point(one.x, one.y, DAY, 20) for one in lonlat]
    found = [one for one in service.locate_all(session, points) if isinstance(one, Place)]
    assert len(found) > 100
    assert sum(bool(one.neighbours) for one in found) < 0.1 * len(found)


def test_many_points_at_once_are_located_as_each_alone(session: Session) -> None:
    chance = np.random.default_rng(9)
    at = near_borders(session, 60, seed=4)
    at += [(float(chance.uniform(119.4, 121.1)), float(chance.uniform(35.5, 37.2))) for _ in at]
    at += [(0.0, 0.0), (36.0671, 120.3826), (float("nan"), 36.0), (116.3913, 39.9075), at[0]]
    dates = [DAY, date(2020, 1, 1), date(1899, 12, 31)]
    points = [
        Point(*one, dates[0 if n % 9 else n % 3], [0.0, 3.0, 10.0, 60.0][n % 4])
        for n, one in enumerate(at)
    ]
    together = service.locate_all(session, points)
    alone = [service.locate_all(session, [one])[0] for one in points]
    assert [repr(one) for one in together] == [repr(one) for one in alone]
    assert len({type(one) for one in together}) == 2
    assert sum(bool(one.neighbours) for one in together if isinstance(one, Place)) > 10
    assert service.locate_all(session, []) == []


def test_longitude_and_latitude_exchanged_is_hinted_at_for_that_point_alone(
    session: Session,
) -> None:
    session.execute(
        text("UPDATE division_pieces SET geom = ST_Translate(geom, -75, -30)")
    )  # so that both orders are positions
    lon, lat = CORNER[0] - 75, CORNER[1] - 30
    first, second, third = service.locate_all(
        session, [Point(lat, lon, DAY), Point(lon, lat, DAY), Point(80, 10, DAY)]
    )
    assert "With longitude and latitude exchanged it would be inside" in str(first)
    assert isinstance(second, Place)
    assert str(third).endswith("Check the position and its datum.")
