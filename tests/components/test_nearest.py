"""Nearest by metres on the ground: against a brute-force geodesic search, on real assets."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import shapely
from delivered import load
from making import CORNER, GEOD, copy_of, moved, register
from numpy.typing import NDArray
from project import SAMPLES
from pyproj import CRS, Transformer
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import gis_registry.components
from gis_registry.catalogue import service as catalogue
from gis_registry.components import service
from gis_registry.components.tables import Component
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.db.sql import load_queries
from gis_registry.errors import InvalidInput, InvalidPosition, UnknownClass

LIGHT, HYDRANT = "0137", "0113"
_SURVEYS = {
    LIGHT: ("StreetLights_2017-07-31.geojson.gz", date(2017, 7, 31)),
    HYDRANT: ("Hydrants_2017-03-22.geojson.gz", date(2017, 3, 22)),
}


@dataclass(frozen=True)
class Assets:
    """The registered assets of Cambridge, and a thousand places to ask from."""

    database: Database
    codes: NDArray[np.str_]
    classes: NDArray[np.str_]
    places: list[tuple[float, float]]
    distances_m: NDArray[np.float64]  # place × asset


@pytest.fixture(scope="module")
def assets(server: EmbeddedServer, cambridge_template: str) -> Iterator[Assets]:
    """Register the lights and hydrants, and measure every place to every one of them."""
    with (
        copy_of(server, cambridge_template, "nearest_assets") as settings,
        Database(settings) as database,
    ):
        with database.session() as session:
            for class_code, (name, as_of) in _SURVEYS.items():
                path = SAMPLES / "cambridge" / name
                applied = load(session, path, class_code=class_code, as_of=as_of, accuracy_m=2)
                assert applied.rows == applied.accepted + applied.refused
            rows = session.execute(
                select(Component.code, func.ST_X(Component.geom), func.ST_Y(Component.geom))
            ).all()
        lons = np.array([lon for _, lon, _ in rows])
        lats = np.array([lat for _, _, lat in rows])
        codes = np.array([code for code, _, _ in rows])
        chance = random.Random(2026)
        box = (lons.min() - 0.02, lats.min() - 0.02, lons.max() + 0.02, lats.max() + 0.02)
        places = [
            (chance.uniform(box[0], box[2]), chance.uniform(box[1], box[3])) for _ in range(1000)
        ]
        distances = [
            GEOD.inv(np.full(len(rows), lon), np.full(len(rows), lat), lons, lats)[2]
            for lon, lat in places
        ]
        yield Assets(
            database, codes, np.array([code[6:10] for code in codes]), places, np.array(distances)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("class_code", "count", "radius_m"),
    [
        (LIGHT, 1, None),
        (HYDRANT, 5, None),
        (None, 5, None),
        (HYDRANT, 5, 120.0),
        (None, 1, 40.0),
    ],
)
def test_a_thousand_places_agree_with_a_brute_force_search(
    assets: Assets, class_code: str | None, count: int, radius_m: float | None
) -> None:
    wanted = np.flatnonzero(
        np.ones(len(assets.codes), dtype=bool)
        if class_code is None
        else assets.classes == class_code
    )
    index = {code: number for number, code in enumerate(assets.codes)}
    found_any = 0
    with assets.database.session() as session:
        for (lon, lat), all_distances in zip(assets.places, assets.distances_m, strict=True):
            found = service.nearest(
                session, lon=lon, lat=lat, class_code=class_code, radius_m=radius_m, count=count
            )
            expected = np.sort(all_distances[wanted])[:count]
            if radius_m is not None:
                expected = expected[expected <= radius_m]
            assert [one.distance_m for one in found] == pytest.approx(list(expected), abs=0.001)
            brute = [all_distances[index[one.code]] for one in found]
            assert brute == pytest.approx(list(expected), abs=0.001)
            assert len({one.code for one in found}) == len(found)
            if class_code is not None:
                assert {one.component_class.code for one in found} <= {class_code}
            found_any += bool(found)
    assert found_any > 100


def test_degrees_would_have_found_another_one(assets: Assets) -> None:
    """The thousand places are a test: by plain degrees the answer is often wrong."""
    with assets.database.session() as session:
        points = {
            code: (lon, lat)
            for code, lon, lat in session.execute(
                select(Component.code, func.ST_X(Component.geom), func.ST_Y(Component.geom))
            )
        }
    positions = np.array([points[code] for code in assets.codes])
    wrong = 0
    for place, distances in zip(assets.places, assets.distances_m, strict=True):
        by_degrees = np.hypot(*(positions - np.array(place)).T).argmin()
        wrong += distances[by_degrees] > distances.min() + 0.01
    assert wrong > 50


def plan(session: Session, name: str, **values: object) -> str:
    queries = load_queries(Path(gis_registry.components.__file__).with_name("queries.sql"))
    rows = session.execute(text(f"EXPLAIN {queries[name].text}"), values)
    return "\n".join(row[0] for row in rows)


def test_nearest_is_found_by_the_index_on_class_and_place(assets: Assets) -> None:
    """As it is planned for 3.5 million components, of which the planner is told."""
    lon, lat = assets.places[0]
    asked = {"lon": lon, "lat": lat, "radius_m": None, "count": 5}
    with Session(assets.database.engine) as session:  # rolled back
        session.execute(
            text(
                "UPDATE pg_class SET reltuples = 3500000 "
                "WHERE relname = 'components' OR relname LIKE 'ix_components%'"
            )
        )
        light = catalogue.find_class(session, LIGHT, edition_key="gbt30428-2013")
        of_class = plan(session, "nearest_of_classes", class_ids=[light.id], **asked)
        of_any = plan(session, "nearest_of_any", **asked)
    assert of_class.count("Index Scan using ix_components_class_geom") == 2
    assert of_any.count("Index Scan using ix_components_") == 2
    for one in (of_class, of_any):
        assert "Seq Scan on components" not in one
        assert "Order By: (geom <-> " in one


def test_among_equally_near_ones_the_smaller_identifier_comes_first(session: Session) -> None:
    codes = [register(session, *CORNER) for _ in range(4)]
    codes += [register(session, *moved(*CORNER, azimuth=0, metres=1)) for _ in range(2)]
    for count in (1, 2, 3, 5, 6):
        found = service.nearest(
            session, lon=CORNER[0], lat=CORNER[1], class_code=LIGHT, count=count
        )
        assert [one.code for one in found] == sorted(codes[:4])[:count] + codes[4:][
            : count - 4 if count > 4 else 0
        ]
        any_found = service.nearest(session, lon=CORNER[0], lat=CORNER[1], count=count)
        assert [one.code for one in any_found] == [one.code for one in found]


def test_metres_decide_and_not_degrees(session: Session) -> None:
    """At 36° N, 50 m to the east are more degrees than 55 m to the north."""
    east = register(session, *moved(*CORNER, azimuth=90, metres=50))
    north = register(session, *moved(*CORNER, azimuth=0, metres=55))
    found = service.nearest(session, lon=CORNER[0], lat=CORNER[1], count=2)
    assert [(one.code, one.distance_m) for one in found] == [(east, 50.0), (north, 55.0)]
    assert [
        one.code for one in service.nearest(session, lon=CORNER[0], lat=CORNER[1], count=1)
    ] == [east]


@pytest.mark.parametrize(("radius_m", "count"), [(10.0, 0), (19.99, 0), (20.01, 1), (100.0, 1)])
def test_a_radius_is_in_metres(session: Session, radius_m: float, count: int) -> None:
    register(session, *moved(*CORNER, azimuth=45, metres=20))
    for class_code in (LIGHT, None):
        found = service.nearest(
            session, lon=CORNER[0], lat=CORNER[1], class_code=class_code, radius_m=radius_m
        )
        assert len(found) == count


def test_lines_and_polygons_are_near_by_their_nearest_part(session: Session) -> None:
    for kind in ("line", "polygon"):
        path = SAMPLES / "qingdao" / f"components_{kind}.geojson.gz"
        load(session, path, class_field="class_code", as_of=date(2026, 6, 30))
    shapes = {
        code: shapely.from_wkb(bytes(wkb))
        for code, wkb in session.execute(select(Component.code, func.ST_AsBinary(Component.geom)))
    }
    assert len(shapes) > 350
    assert {shape.geom_type for shape in shapes.values()} >= {"LineString", "Polygon"}
    chance = random.Random(7)
    around = [shape.centroid for shape in shapes.values()]
    places = [
        moved(at.x, at.y, azimuth=chance.uniform(0, 360), metres=chance.uniform(0, 300))
        for at in chance.sample(around, 40)
    ]
    inside = 0
    for lon, lat in places:
        # Distances from the centre of this projection are those on the ellipsoid.
        local = CRS.from_proj4(f"+proj=aeqd +lat_0={lat} +lon_0={lon} +ellps=GRS80")
        to_metres = Transformer.from_crs(4490, local, always_xy=True).transform
        expected = {
            code: shapely.transform(shape, to_metres, interleaved=False).distance(
                shapely.Point(0, 0)
            )
            for code, shape in shapes.items()
        }
        found = service.nearest(session, lon=lon, lat=lat, count=5)
        assert [one.distance_m for one in found] == pytest.approx(
            sorted(expected.values())[:5], rel=0.0001, abs=0.01
        )
        for one in found:
            assert one.distance_m == pytest.approx(expected[one.code], rel=0.0001, abs=0.01)
        assert all(one.distance_m <= other.distance_m for one, other in pairwise(found))
        inside += found[0].distance_m == 0
    assert inside > 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lon": 0, "lat": 0}, InvalidPosition, "the position is 0, 0"),
        ({"lon": 36.0671, "lat": 120.3826}, InvalidPosition, "may be swapped"),
        ({"radius_m": 0}, InvalidInput, "The radius must be more than 0"),
        ({"radius_m": float("nan")}, InvalidInput, "The radius must be more than 0"),
        ({"radius_m": 1e7}, InvalidInput, "at most 1,000,000 metres"),
        ({"count": 0}, InvalidInput, "must be 1 to 1000"),
        ({"count": 1001}, InvalidInput, "must be 1 to 1000"),
        ({"class_code": "01037"}, UnknownClass, "It exists in gbt47678-2026"),
    ],
)
def test_a_question_that_cannot_be_is_refused(
    session: Session, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        service.nearest(session, **({"lon": CORNER[0], "lat": CORNER[1]} | options))  # type: ignore[arg-type]


def test_in_an_empty_registry_nothing_is_near(session: Session) -> None:
    assert service.nearest(session, lon=CORNER[0], lat=CORNER[1]) == []
    assert service.nearest(session, lon=CORNER[0], lat=CORNER[1], class_code=LIGHT) == []
    assert service.nearest(session, lon=CORNER[0], lat=CORNER[1], radius_m=500) == []
