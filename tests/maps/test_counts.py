"""The map's counts: at any time and any zoom what the components themselves give."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from random import Random
from time import monotonic

import pytest
from delivered import GUARDRAIL, WATER, delivery, frame, load, places
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import CORNER, DAY, moved, register
from shapely.geometry import LineString, box
from sqlalchemy import text
from sqlalchemy.orm import Session
from tiled import content, count, features

from gis_registry.components import editing, queries
from gis_registry.components.tables import ComponentState
from gis_registry.db.engine import Database
from gis_registry.maps import count_queries as counts
from gis_registry.maps import count_upkeep as upkeep
from gis_registry.maps.count_tables import FIRST_LEVEL, LAST_LEVEL
from gis_registry.maps.tiles_grid import Tile
from gis_registry.places.service import locate
from gis_registry.surveys import loading
from gis_registry.surveys import service as surveys
from gis_registry.surveys.tables import SurveyState

LIGHT, BIN = "0137", "0301"
OLD_TOWN = (120.36, 36.07)
#: Where each component is counted, by PostGIS's own transformation.
_PLACES = """
SELECT class_id, state, coalesce(maintainer_id, owner_id, 0),
  floor((ST_X(p.geom) + 20037508.342789244) / 40075016.685578488 * 131072)::int,
  floor((20037508.342789244 - ST_Y(p.geom)) / 40075016.685578488 * 131072)::int
FROM components
CROSS JOIN LATERAL (
  SELECT ST_Transform(
    CASE WHEN GeometryType(components.geom) = 'POINT' THEN components.geom
      ELSE ST_PointOnSurface(components.geom) END, 3857) AS geom
) AS p
"""
_COUNTS = """
SELECT level, x, y, class_id, state, unit_id, sum(count) FROM component_counts_now
GROUP BY level, x, y, class_id, state, unit_id HAVING sum(count) <> 0
"""


def assert_exact(session: Session) -> None:
    """Compare every cell of every level, and the total, with the components."""
    rows = session.execute(text(_PLACES)).all()
    given = Counter(
        (level, x >> LAST_LEVEL - level, y >> LAST_LEVEL - level, *of)
        for level in range(FIRST_LEVEL, LAST_LEVEL + 1)
        for *of, x, y in rows
    )
    counted = {tuple(cell): count for *cell, count in session.execute(text(_COUNTS))}
    assert counted == given
    assert counts.total(session) == len(rows)


def by_state(session: Session) -> dict[str, int]:
    """Return how many components are counted in each state."""
    return _totals(session, "state")


def by_class(session: Session) -> list[int]:
    """Return how many components are counted of each class, most first."""
    return sorted(_totals(session, "class_id").values(), reverse=True)


def _totals(session: Session, column: str) -> dict[str, int]:
    rows = session.execute(
        text(f"SELECT {column}, sum(count) FROM component_counts_now WHERE level = {FIRST_LEVEL}"
             " GROUP BY 1 HAVING sum(count) <> 0")
    )  # fmt: skip
    return dict(tuple(row) for row in rows)


def tile_at(place: tuple[float, float], z: int) -> tuple[int, int, int]:
    """Return the tile of a zoom that holds a place."""
    x, y = _cell(place)
    return z, x >> 17 - z if z < 17 else x << z - 17, y >> 17 - z if z < 17 else y << z - 17


def _cell(place: tuple[float, float]) -> tuple[int, int]:
    from morecantile import tms

    tile = tms.get("WebMercatorQuad").tile(*place, 17)
    return tile.x, tile.y


def version_of(session: Session, z: int, x: int, y: int) -> int:
    """Return the version of a tile."""
    return session.execute(counts.QUERIES["version"], {"z": z, "x": x, "y": y}).scalar_one()


def versions(session: Session, place: tuple[float, float]) -> list[int]:
    """Return the versions of the tiles of all zooms at a place."""
    return [version_of(session, *tile_at(place, z)) for z in range(18)]


def edit(session: Session, code: str, **change: object) -> None:
    """Change a component by hand."""
    editing.edit(session, code, actor="test", reason="test", on_date=DAY, **change)  # type: ignore[arg-type]


class City:
    """A small registry that is changed at random, through what people change it by."""

    def __init__(self, session: Session, folder: Path, random: Random) -> None:
        self.session, self.folder, self.random = session, folder, random
        self.applied: list[int] = []
        self.ways: list[Callable[[], None]] = [
            self.register, self.move, self.reclassify, self.retire, self.restore, self.describe,
            self.survey, self.revert,
        ]  # fmt: skip

    def _place(self) -> tuple[float, float]:
        while True:
            lon, lat = moved(
                *CORNER, azimuth=self.random.uniform(0, 360), metres=self.random.uniform(0, 900)
            )
            if locate(self.session, lon=lon, lat=lat, on_date=DAY).division_code == "370202":
                return lon, lat

    def _standing(self, state: str) -> str | None:
        found = self.session.scalars(
            text("SELECT code FROM components WHERE state = :state AND division_code = '370202'"
                 " ORDER BY code"), {"state": state}
        ).all()  # fmt: skip
        return self.random.choice(found) if found else None

    def register(self) -> None:
        units = [None, "QD-CC"]
        register(
            self.session,
            *self._place(),
            class_code=self.random.choice((LIGHT, BIN)),
            maintainer=self.random.choice(units),
            owner=self.random.choice(units),
        )

    def move(self) -> None:
        if (code := self._standing("active")) is not None:
            edit(self.session, code, position=self._place())

    def reclassify(self) -> None:
        if (code := self._standing("active")) is not None:
            is_light = self.session.scalar(
                text("SELECT k.code FROM components c JOIN component_classes k ON k.id = c.class_id"
                     " WHERE c.code = :code"), {"code": code}
            ) == LIGHT  # fmt: skip
            edit(self.session, code, class_code=BIN if is_light else LIGHT)

    def retire(self) -> None:
        if (code := self._standing("active")) is not None:
            edit(self.session, code, state=ComponentState.RETIRED)

    def restore(self) -> None:
        if (code := self._standing("retired")) is not None:
            edit(self.session, code, state=ComponentState.ACTIVE)

    def describe(self) -> None:
        if (code := self._standing("active")) is not None:
            edit(self.session, code, attributes={"note": self.random.random()})

    def survey(self) -> None:
        first = self.random.randrange(30)
        at = [
            (lon + self.random.choice((-5e-5, 0, 0, 5e-5)), lat)
            for lon, lat in places(40)[first : first + 10]
        ]
        path = self.folder / f"survey{len(list(self.folder.iterdir()))}.geojson"
        frame(at, name=[f"灯{self.random.random()}" for _ in at]).to_file(path)
        staged = loading.stage(self.session, delivery(path, crs="EPSG:4490"), actor="test")
        if staged.state == SurveyState.STAGED:  # else most of it looks moved alike
            surveys.apply(self.session, staged.survey, actor="test")
            self.applied.append(staged.survey)

    def revert(self) -> None:
        if self.applied:
            surveys.revert(self.session, self.applied.pop(), actor="test")


@pytest.mark.slow
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_tiles_of_every_zoom_sum_to_the_registry_whatever_is_changed(
    session: Session, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    random = Random(seed)
    city = City(session, tmp_path_factory.mktemp("surveys"), random)
    for _ in range(4):
        for _ in range(5):
            random.choice(city.ways)()
        assert_exact(session)
        if random.random() < 0.5:
            upkeep.fold(session)
            assert_exact(session)
    assert upkeep.check_counts(session).is_passed


def test_a_survey_of_each_geometry_is_counted_and_reverted(
    session: Session, tmp_path: Path
) -> None:
    lon, lat = OLD_TOWN
    frame(places(30)).to_file(tmp_path / "points.gpkg")
    frame([LineString([(lon, lat), (lon + 0.003, lat)])]).to_file(tmp_path / "lines.gpkg")
    frame([box(lon, lat, lon + 0.001, lat + 0.001)]).to_file(tmp_path / "areas.gpkg")
    applied = [
        load(session, tmp_path / "points.gpkg"),
        load(session, tmp_path / "lines.gpkg", class_code=GUARDRAIL),
        load(session, tmp_path / "areas.gpkg", class_code=WATER),
    ]
    assert counts.total(session) == 32
    assert_exact(session)
    upkeep.fold(session)
    assert session.scalar(text("SELECT count(*) FROM component_count_changes")) == 0
    assert_exact(session)
    for one in applied:
        surveys.revert(session, one.survey, actor="test")
    assert by_state(session) == {"withdrawn": 32}
    assert_exact(session)
    assert upkeep.check_counts(session).is_passed


def test_a_first_load_without_indexes_is_counted(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_WITHOUT_INDEXES_FROM", 1)
    before = versions(session, places(1)[0])
    frame(places(30)).to_file(tmp_path / "lights.gpkg")
    load(session, tmp_path / "lights.gpkg")
    assert counts.total(session) == 30
    assert_exact(session)
    assert all(now > then for now, then in zip(versions(session, places(1)[0]), before,
                                               strict=True))  # fmt: skip
    register(session, *CORNER)  # counted again by what changes
    assert_exact(session)


@pytest.mark.parametrize(
    ("lon", "lat", "x", "y"),
    [
        (0.0, 0.0, 65536, 65536),
        (-180.0, 85.06, 0, 0),
        (-180.0, 90.0, 0, 0),
        (180.0, -90.0, 131071, 131071),
        (360 * 107000 / 131072 - 180, 0.0, 107000, 65536),
        (CORNER[0], CORNER[1], *_cell(CORNER)),
    ],
)
def test_a_point_is_in_one_cell(session: Session, lon: float, lat: float, x: int, y: int) -> None:
    found = session.execute(
        text("SELECT map_cell_x(:lon), map_cell_y(:lat)"), {"lon": lon, "lat": lat}
    ).one()
    assert tuple(found) == (x, y)


def test_components_that_have_no_place_are_counted_all_the_same(session: Session) -> None:
    code = register(session, *CORNER)
    empty = text("UPDATE components SET geom = 'SRID=4490;POINT EMPTY' WHERE code = :code")
    session.execute(empty, {"code": code})
    assert counts.total(session) == 1
    assert upkeep.check_counts(session).is_passed


CHANGES: list[dict[str, object]] = [
    {"attributes": {"note": "x"}},
    {"state": ComponentState.RETIRED},
    {"class_code": BIN},
    {"position": moved(*CORNER, azimuth=90, metres=3)},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: next(iter(one)))
def test_a_version_differs_when_something_of_the_tile_changed_and_only_then(
    session: Session, change: dict[str, object]
) -> None:
    code = register(session, *CORNER)
    far = (120.0, 36.5)
    before, far_before = versions(session, CORNER), versions(session, far)
    assert versions(session, CORNER) == before
    edit(session, code, **change)
    changed = versions(session, CORNER)
    assert all(now > then for now, then in zip(changed, before, strict=True))
    assert versions(session, far)[9:] == far_before[9:]
    upkeep.fold(session)
    assert versions(session, CORNER) == changed


def test_a_survey_that_changes_nothing_leaves_versions(session: Session, tmp_path: Path) -> None:
    frame(places(5)).to_file(tmp_path / "lights.gpkg")
    load(session, tmp_path / "lights.gpkg")
    before = versions(session, places(1)[0])
    assert load(session, tmp_path / "lights.gpkg").verdicts == {"unchanged": 5}
    assert versions(session, places(1)[0]) == before


def test_a_move_tells_the_block_that_is_left_as_well(session: Session) -> None:
    code = register(session, *CORNER)
    upkeep.fold(session)
    there = (120.3, 36.3)
    before = versions(session, CORNER), versions(session, there)
    session.execute(
        text("UPDATE components SET geom = ST_SetSRID(ST_Point(120.3, 36.3), 4490)"
             " WHERE code = :code"), {"code": code}
    )  # fmt: skip
    assert versions(session, CORNER)[14] == before[0][14] + 1
    assert versions(session, there)[14] == before[1][14] + 1


def test_a_line_tells_every_block_that_it_touches(session: Session, tmp_path: Path) -> None:
    west, east = (120.35, 36.08), (120.45, 36.08)  # two blocks and a part of a third
    middle = (120.40, 36.08)
    before = [versions(session, one) for one in (west, middle, east)]
    frame([LineString([west, east])]).to_file(tmp_path / "line.gpkg")
    load(session, tmp_path / "line.gpkg", class_code=GUARDRAIL)
    for place, then in zip((west, middle, east), before, strict=True):
        assert versions(session, place)[17] > then[17]


def test_a_tile_beside_a_block_shows_a_margin_of_it(session: Session) -> None:
    edge = 360 * 3417 / 4096 - 180  # between two blocks
    west_of_it = moved(edge, CORNER[1], azimuth=270, metres=1)
    z, x, y = tile_at((edge + 1e-5, CORNER[1]), 17)
    tiles = [(z, x, y), (z, x + 1, y), (13, x >> 4, y >> 4)]
    before = [version_of(session, *tile) for tile in tiles]
    register(session, *west_of_it)
    after = [version_of(session, *tile) for tile in tiles]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 0, 0]


def test_what_is_not_committed_is_not_seen_and_nobody_waits(own_database: Database) -> None:
    tile = tile_at(CORNER, 8)
    with own_database.session() as session:
        codes = [register(session, *CORNER) for _ in range(2)]
    with Session(own_database.engine) as one, Session(own_database.engine) as other:
        for session, code in zip((one, other), codes, strict=True):
            session.execute(text("SET lock_timeout = '2s'"))
            edit(session, code, class_code=BIN)  # both at once
        with own_database.session() as reader:
            upkeep.fold(reader)  # neither of the two
            before = version_of(reader, *tile)
            assert by_class(reader) == [2]
        assert by_class(one) == [1, 1]
        one.commit()
        with own_database.session() as reader:
            assert version_of(reader, *tile) == before + 1
            assert by_class(reader) == [1, 1]
            upkeep.fold(reader)
        other.rollback()
    with own_database.session() as reader:
        assert version_of(reader, *tile) == before + 1
        assert_exact(reader)
        assert reader.scalar(text("SELECT count(*) FROM component_count_changes")) == 0


def test_readers_of_a_survey_see_before_or_after_and_never_between(
    own_database: Database, tmp_path: Path
) -> None:
    at = places(30)
    frame(at).to_file(tmp_path / "lights.gpkg")
    west, north = tile_at(at[0], 7)[1:], tile_at(at[-1], 7)[1:]
    assert west == north  # one tile shows them all
    seen: set[tuple[int, int]] = set()
    until_s = monotonic() + 60

    def is_awaited() -> bool:
        return (30, 30) not in seen and monotonic() < until_s

    def read() -> None:
        while is_awaited():
            with own_database.session() as session:
                shown = count(features(content(session, Tile(*tile_at(at[0], 7)))))
            with own_database.session() as session:
                seen.add((shown, counts.total(session)))

    def fold() -> None:
        while is_awaited():
            with own_database.session() as session:
                upkeep.fold(session)

    with ThreadPoolExecutor(5) as threads:
        work = [threads.submit(read) for _ in range(4)] + [threads.submit(fold)]
        try:
            with own_database.session() as session:
                load(session, tmp_path / "lights.gpkg")
        except BaseException:
            seen.add((30, 30))  # so that nobody waits for it
            raise
        for one in work:
            one.result()
    assert {(30, 30)} <= seen <= {(0, 0), (0, 30), (30, 30)}  # the total is asked for later


def test_counts_are_exact_while_several_edit_fold_and_read(own_database: Database) -> None:
    with own_database.session() as session:
        codes = [register(session, *CORNER) for _ in range(4)]

    def change(number: int) -> None:
        for turn in range(10):
            with own_database.session() as session:
                state = (ComponentState.RETIRED, ComponentState.ACTIVE)[turn % 2]
                edit(session, codes[number], state=state)

    def fold() -> None:
        for _ in range(10):
            with own_database.session() as session:
                upkeep.fold(session)
            with own_database.session() as session:
                upkeep.fold_if_long(session, most=3)

    def read() -> None:
        for _ in range(30):
            with own_database.session() as session:
                assert counts.total(session) == 4
            with own_database.session() as session:
                both = content(session, Tile(*tile_at(CORNER, 13)), states=["active", "retired"])
                assert [one["count"] for one in features(both)] == [4]

    with ThreadPoolExecutor(6) as threads:
        work = [threads.submit(change, number) for number in range(3)]
        work += [threads.submit(fold), threads.submit(fold), threads.submit(read)]
        for one in work:
            one.result()
    with own_database.session() as session:
        assert_exact(session)
        assert upkeep.check_counts(session).is_passed


def test_what_waits_long_is_folded_by_one(own_database: Database) -> None:
    with own_database.session() as session:
        register(session, *CORNER)
    with own_database.session() as session, own_database.session() as other:
        assert not upkeep.fold_if_long(session, most=14)
        assert upkeep.fold_if_long(session, most=13)
        assert not upkeep.fold_if_long(other, most=13)
    with own_database.session() as session:
        assert not upkeep.fold_if_long(session, most=0)
        assert counts.total(session) == 1


def test_what_is_wrong_is_found_and_put_right(session: Session) -> None:
    register(session, *CORNER)
    upkeep.fold(session)
    assert upkeep.check_counts(session).is_passed
    version = version_of(session, *tile_at(CORNER, 16))
    session.execute(text("UPDATE component_counts SET count = 3 WHERE level = 17"))
    session.execute(text("DELETE FROM component_counts WHERE level = 4"))
    found = upkeep.check_counts(session)
    assert not found.is_passed
    assert "level 17" in found.message
    assert "unit none: 2 too many" in found.message
    assert "gis-registry db recount" in found.message
    upkeep.recount(session)
    assert upkeep.check_counts(session).is_passed
    assert_exact(session)
    assert version_of(session, *tile_at(CORNER, 16)) > version
    day = date(2026, 7, 2)
    editing.edit(session, session.scalars(text("SELECT code FROM components")).one(), actor="test",
                 reason="gone", on_date=day, state=ComponentState.RETIRED)  # fmt: skip
    assert_exact(session)
