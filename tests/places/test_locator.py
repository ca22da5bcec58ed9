"""Locating very many points at once says of each what the database says of it alone."""

from datetime import date

import numpy as np
import pytest
import shapely
from making import DAY
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.places import queries, service
from gis_registry.places.locating import Locator


@pytest.fixture
def locator(session: Session) -> Locator:
    return Locator(session, city=service.the_city(session), on_date=DAY)


def _assert_as_the_database_says(
    session: Session, locator: Locator, lon: np.ndarray, lat: np.ndarray
) -> set[str | None]:
    """Compare; return the subdistricts that were found."""
    located = locator.locate(shapely.points(lon, lat))
    expected = queries.locate(
        session,
        lons=lon.tolist(),
        lats=lat.tolist(),
        on_dates=[DAY] * len(lon),
        tolerance_m=service.the_city(session).place_tolerance_m,
    )
    for name in ("division_code", "subdistrict_code", "cell_code"):
        found = getattr(located, f"{name}s").tolist()
        assert found == [row[name] for row in expected], name
    return set(located.subdistrict_codes.tolist())


def test_random_points_inside_and_outside_the_city(session: Session, locator: Locator) -> None:
    outline = locator.outline()
    assert outline is not None
    west, south, east, north = outline.bounds
    chance = np.random.default_rng(5)
    lon = chance.uniform(west - 0.05, east + 0.05, 4_000)
    lat = chance.uniform(south - 0.05, north + 0.05, 4_000)
    found = _assert_as_the_database_says(session, locator, lon, lat)
    assert len(found) > 100
    assert None in found


def test_points_on_borders_and_corners(session: Session, locator: Locator) -> None:
    """Vertices of subdistricts belong to two or three of them, and to the one of least code."""
    vertices = np.array(
        session.execute(
            text(
                """
                SELECT ST_X(p.geom), ST_Y(p.geom)
                FROM division_areas a
                JOIN divisions d ON d.code = a.division_code AND d.level = 'subdistrict'
                CROSS JOIN LATERAL ST_DumpPoints(a.geom) AS p
                ORDER BY md5(a.division_code || p.path::text)
                LIMIT 2000
                """
            )
        ).all(),
        dtype=float,
    )
    _assert_as_the_database_says(session, locator, vertices[:, 0], vertices[:, 1])
    middles = (vertices[:-1] + vertices[1:])[:200] / 2
    _assert_as_the_database_says(session, locator, middles[:, 0], middles[:, 1])


def test_points_in_grid_cells_and_on_their_borders(session: Session, locator: Locator) -> None:
    corners = np.array(
        session.execute(
            text(
                """
                SELECT ST_X(p.geom), ST_Y(p.geom)
                FROM (SELECT * FROM grid_cells ORDER BY code LIMIT 100) g
                CROSS JOIN LATERAL ST_DumpPoints(g.geom) AS p
                """
            )
        ).all(),
        dtype=float,
    )
    inside = corners + np.random.default_rng(6).normal(0, 0.0005, corners.shape)
    at = np.concatenate([corners, inside])
    _assert_as_the_database_says(session, locator, at[:, 0], at[:, 1])
    assert (
        sum(one is not None for one in locator.locate(shapely.points(at)).cell_codes)
        > len(corners) / 2
    )


def test_points_just_outside_the_city_belong_to_the_nearest_subdistrict(
    session: Session, locator: Locator
) -> None:
    outline = locator.outline()
    assert outline is not None
    coast = max(outline.geoms, key=lambda part: part.area) if hasattr(outline, "geoms") else outline
    around = np.array(coast.buffer(0.004).exterior.coords)[::40]
    found = _assert_as_the_database_says(session, locator, around[:, 0], around[:, 1])
    assert len(found - {None}) > 5
    inside = locator.is_inside(around[:, 0], around[:, 1])
    located = locator.locate(shapely.points(around))
    assert inside.tolist() == [code is not None for code in located.division_codes]


def test_no_points_are_nowhere_and_before_the_boundaries_all_are(session: Session) -> None:
    city = service.the_city(session)
    nothing = np.empty(0)
    located = Locator(session, city=city, on_date=DAY).locate(shapely.points(nothing, nothing))
    assert len(located.division_codes) == len(located.cell_codes) == 0
    early = Locator(session, city=city, on_date=date(1899, 12, 31))
    assert early.outline() is None
    assert early.locate(shapely.points([[120.38, 36.07]])).division_codes.tolist() == [None]
