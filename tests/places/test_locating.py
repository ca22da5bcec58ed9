"""Where a point is, by the real boundaries of Qingdao."""

from collections.abc import Callable, Sequence
from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely
from making import CORNER, DAY, GEOD, moved
from project import SAMPLES
from pyproj import Transformer
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidPosition, NotFound
from gis_registry.places import queries, service
from gis_registry.places.tables import Level

#: Metres for Qingdao: true to 1 in 2,000 there.
METRES = 4549
_IN_METRES = Transformer.from_crs(4490, METRES, always_xy=True)
_METRES_BOX = text(
    "SELECT ST_Covers(metres_box(ST_SetSRID(ST_MakePoint(120, :lat), 4490), :radius_m), "
    "ST_GeomFromText(:points, 4490))"
)


@pytest.fixture(scope="module")
def divisions() -> gpd.GeoDataFrame:
    """Return the divisions that have a polygon, as they are delivered."""
    frame = gpd.read_file(f"/vsigzip/{SAMPLES}/qingdao/divisions.geojson.gz")
    return frame[frame.geometry.notna()].to_crs(4490)


@pytest.fixture(scope="module")
def subdistricts_in_metres(divisions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return divisions[divisions.level == Level.SUBDISTRICT].to_crs(METRES)


def test_the_city_has_its_divisions(session: Session) -> None:
    counts = queries.counts(session)
    assert counts == {
        "city": 1,
        "district": 10,
        "subdistrict": 141,
        "community": 2120,
        "area": 146,
        "grid_cell": 1260,
    }


def test_a_point_in_each_subdistrict_gives_its_code(
    session: Session, divisions: gpd.GeoDataFrame
) -> None:
    inside = divisions[divisions.level == Level.SUBDISTRICT]
    points = inside.representative_point()
    found = queries.locate(
        session,
        lons=points.x.tolist(),
        lats=points.y.tolist(),
        on_dates=[DAY] * len(points),
        tolerance_m=1000,
    )
    assert len(found) == 135
    assert [row["subdistrict_code"] for row in found] == inside.code.tolist()
    assert {row["outside_m"] for row in found} == {0.0}


def test_a_point_in_each_district_gives_its_code(
    session: Session, divisions: gpd.GeoDataFrame
) -> None:
    inside = divisions[divisions.level == Level.DISTRICT]
    assert len(inside) == 10
    for code, point in zip(inside.code, inside.representative_point(), strict=True):
        place = service.locate(session, lon=point.x, lat=point.y, on_date=DAY)
        assert place.division_code == code


def test_jimo_has_its_code_as_a_district(session: Session) -> None:
    place = service.locate(session, lon=120.447, lat=36.389, on_date=DAY)
    assert place.division_code == "370215"
    jimo = queries.division(session, "370215")
    assert jimo is not None
    assert jimo.name_zh == "即墨区"


def test_the_district_that_holds_a_point_holds_its_nearest_subdistrict(
    session: Session, divisions: gpd.GeoDataFrame, subdistricts_in_metres: gpd.GeoDataFrame
) -> None:
    """Where a district's polygon reaches further out to sea than its subdistricts' do."""
    covered = subdistricts_in_metres.union_all()
    districts = divisions[divisions.level == Level.DISTRICT].to_crs(METRES)
    codes: list[str] = []
    points: list[shapely.Point] = []
    for code, district in zip(districts.code, districts.geometry, strict=True):
        margin = district.difference(covered).buffer(-20)
        minx, miny, maxx, maxy = district.bounds
        grid = shapely.points(
            *(
                axis.ravel()
                for axis in np.meshgrid(np.arange(minx, maxx, 250), np.arange(miny, maxy, 250))
            )
        )
        here = grid[shapely.contains(margin, grid)][:60] if not margin.is_empty else []
        codes += [code] * len(here)
        points += list(here)
    assert len(points) > 100
    assert len(set(codes)) >= 4
    lonlat = gpd.GeoSeries(points, crs=METRES).to_crs(4490)
    found = queries.locate(
        session,
        lons=lonlat.x.tolist(),
        lats=lonlat.y.tolist(),
        on_dates=[DAY] * len(points),
        tolerance_m=1000,
    )
    assert [row["division_code"] for row in found] == codes
    assert any(row["subdistrict_code"] for row in found)
    for row in found:
        assert (row["subdistrict_code"] or row["division_code"])[:6] == row["division_code"]


@pytest.fixture(scope="module")
def off_the_coast(
    divisions: gpd.GeoDataFrame, subdistricts_in_metres: gpd.GeoDataFrame
) -> Callable[[float], Sequence[tuple[float, float]]]:
    """Return points so many metres outside every polygon of the city."""
    city = divisions.to_crs(METRES).union_all()

    def points(metres: float) -> Sequence[tuple[float, float]]:
        ring = max(city.buffer(metres).geoms, key=lambda part: part.area).exterior
        along = [ring.interpolate(share, normalized=True) for share in np.linspace(0, 1, 12)[:-1]]
        lonlat = gpd.GeoSeries(along, crs=METRES).to_crs(4490)
        return list(zip(lonlat.x, lonlat.y, strict=True))

    return points


def test_just_outside_the_city_the_nearest_subdistrict_counts_and_says_how_far(
    session: Session,
    off_the_coast: Callable[[float], Sequence[tuple[float, float]]],
    subdistricts_in_metres: gpd.GeoDataFrame,
) -> None:
    near = 0
    for lon, lat in off_the_coast(200):
        point = shapely.Point(*_IN_METRES.transform(lon, lat))
        distances = subdistricts_in_metres.distance(point)
        if distances.min() > 990:
            continue
        near += 1
        place = service.locate(session, lon=lon, lat=lat, on_date=DAY)
        assert place.subdistrict_code == subdistricts_in_metres.code[distances.idxmin()]
        assert place.division_code == place.subdistrict_code[:6]
        assert place.outside_m == pytest.approx(distances.min(), rel=0.001)
        assert place.cell_code is None
    assert near >= 8


def test_beyond_the_tolerance_a_point_is_not_in_the_city(
    session: Session, off_the_coast: Callable[[float], Sequence[tuple[float, float]]]
) -> None:
    for lon, lat in off_the_coast(1100):
        with pytest.raises(InvalidPosition, match="is not in Qingdao"):
            service.locate(session, lon=lon, lat=lat, on_date=DAY)


_SEA = (120.6, 35.7)


def test_the_point_at_sea_is_twenty_kilometres_out(divisions: gpd.GeoDataFrame) -> None:
    point = shapely.Point(*_IN_METRES.transform(*_SEA))
    assert divisions.to_crs(METRES).distance(point).min() > 20_000


@pytest.mark.parametrize(
    ("lon", "lat", "sentence"),
    [
        pytest.param(
            *_SEA,
            "120.6, 35.7 is not in Qingdao. Check the position and its datum.",
            id="at sea",
        ),
        pytest.param(
            116.3913,
            39.9075,
            "116.391, 39.9075 is not in Qingdao. Check the position and its datum.",
            id="Beijing",
        ),
        pytest.param(
            0.0,
            0.0,
            "This position cannot be used: the position is 0, 0, which stands for a missing one.",
            id="0, 0",
        ),
        pytest.param(
            36.0671,
            120.3826,
            "This position cannot be used: the latitude 120.383 is beyond 90 degrees (longitude "
            "and latitude may be swapped).",
            id="swapped",
        ),
        pytest.param(
            520.0,
            36.0,
            "This position cannot be used: the longitude 520 is beyond 180 degrees.",
            id="no longitude",
        ),
        pytest.param(
            float("nan"),
            36.0,
            "This position cannot be used: the coordinates are not numbers.",
            id="not a number",
        ),
        pytest.param(
            120.0,
            float("inf"),
            "This position cannot be used: the coordinates are not numbers.",
            id="infinite",
        ),
    ],
)
def test_a_position_that_cannot_be_is_refused_with_what_may_be_wrong(
    session: Session, lon: float, lat: float, sentence: str
) -> None:
    with pytest.raises(InvalidPosition) as refused:
        service.locate(session, lon=lon, lat=lat, on_date=DAY)
    assert str(refused.value) == sentence


def test_a_point_in_a_grid_cell_gives_the_cell(session: Session) -> None:
    cells = gpd.read_file(f"/vsigzip/{SAMPLES}/qingdao/grid_cells.geojson.gz").to_crs(4490)
    for cell in cells.sample(20, random_state=1).itertuples():
        point = cell.geometry.centroid
        place = service.locate(session, lon=point.x, lat=point.y, on_date=DAY)
        assert place.cell_code == cell.code


def test_before_the_boundaries_nothing_is_in_the_city(session: Session) -> None:
    with pytest.raises(InvalidPosition):
        service.locate(session, lon=CORNER[0], lat=CORNER[1], on_date=date(1899, 12, 31))


def test_a_place_is_told_with_its_names(session: Session) -> None:
    place = service.locate_today(session, lon=CORNER[0], lat=CORNER[1])
    assert place.division is not None
    assert place.subdistrict is not None
    assert (place.division.code, place.division.name_zh) == ("370202", "市南区")
    assert place.subdistrict.parent_code == "370202"
    assert place.outside_m == 0


def test_divisions_are_listed_by_level_and_parent(session: Session) -> None:
    districts = service.list_divisions(session, level=Level.DISTRICT)
    assert [one.code for one in districts] == sorted(one.code for one in districts)
    assert len(districts) == 10
    below = service.list_divisions(session, parent_code="370202")
    assert {one.level for one in below} == {Level.SUBDISTRICT}
    assert all(one.code.startswith("370202") for one in below)
    with pytest.raises(NotFound, match="'999999'"):
        service.list_divisions(session, parent_code="999999")


@pytest.mark.parametrize("radius_m", [0.5, 30.0, 1_000.0, 50_000.0, 290_000.0, 2_000_000.0])
@pytest.mark.parametrize("lat", [0.0, 36.0, -36.0, 71.0])
def test_the_box_of_a_radius_holds_everything_within_it(
    session: Session, radius_m: float, lat: float
) -> None:
    around = [moved(120.0, lat, azimuth=azimuth, metres=radius_m) for azimuth in range(0, 360, 5)]
    points = shapely.multipoints(around)
    box = session.execute(
        _METRES_BOX, {"lat": lat, "radius_m": radius_m, "points": points.wkt}
    ).scalar_one()
    assert box
    assert GEOD.inv(120.0, lat, *around[0])[2] == pytest.approx(radius_m)
