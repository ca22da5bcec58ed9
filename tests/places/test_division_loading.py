"""Loading divisions and grid cells: what is refused, what changes, and what is kept of before."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from making import CORNER
from project import SAMPLES
from shapely import LineString, Point, Polygon, affinity, box, from_wkt
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.city_loading import load_city
from gis_registry.errors import Conflict, InvalidInput, MissingCrs, NotFound, UnreadableFile
from gis_registry.places import queries, service
from gis_registry.places.loading import load_divisions, load_grid_cells
from gis_registry.places.tables import DivisionArea, DivisionPiece
from gis_registry.profile import find_profile

_QINGDAO = SAMPLES / "qingdao"
_SQUARE = box(120.38, 36.06, 120.39, 36.07)
_BOW_TIE = Polygon([(120, 36), (121, 37), (121, 36), (120, 37)])

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write rows, each a dictionary with ``geometry``, as GeoJSON."""

    def to_file(*rows: dict[str, Any], name: str = "rows.geojson") -> Path:
        path = tmp_path / name
        frame = gpd.GeoDataFrame(list(rows), crs=4326)
        frame.to_file(path)
        return path

    return to_file


def subdistrict(**changes: object) -> dict[str, Any]:
    return {
        "code": "370202991",
        "level": "subdistrict",
        "parent_code": "370202",
        "name_zh": "示例街道",
        "name_en": "Example Subdistrict",
        "geometry": _SQUARE,
    } | changes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"level": "parish"},
            "rows.geojson, row 2: the level is 'parish'; write city, district, subdistrict, "
            "community.",
            id="unknown level",
        ),
        pytest.param(
            {"code": "37020299"},
            "rows.geojson, row 2: '37020299' is no subdistrict code (9 digits).",
            id="too short a code",
        ),
        pytest.param(
            {"code": "３７０２０２９９１"},
            "rows.geojson, row 2: '３７０２０２９９１' is no subdistrict code (9 digits).",
            id="full-width digits",
        ),
        pytest.param(
            {"code": "370202991", "level": "district"},
            "rows.geojson, row 2: '370202991' is no district code (6 digits).",
            id="a code of another level",
        ),
        pytest.param(
            {"parent_code": "370299"},
            "rows.geojson, row 2: its parent 370299 is not a division.",
            id="unknown parent",
        ),
        pytest.param(
            {"geometry": _BOW_TIE},
            "rows.geojson, row 2: the polygon is not valid (Self-intersection[120.5 36.5]).",
            id="self-intersection",
        ),
        pytest.param(
            {"geometry": Point(120.38, 36.06)},
            "rows.geojson, row 2: the geometry is Point; it must be a MultiPolygon or Polygon.",
            id="a point",
        ),
        pytest.param(
            {"code": "370202990"},
            "rows.geojson, row 2: 370202990 already has an area since 1900-01-01; a new one must "
            "hold from a later day (--valid-from).",
            id="the same division twice",
        ),
    ],
)
def test_a_bad_division_is_refused_by_its_row(
    session: Session, write: Write, change: dict[str, object], message: str
) -> None:
    path = write(
        subdistrict(code="370202990", geometry=affinity.translate(_SQUARE, 0.1)),
        subdistrict(**change),
    )
    with pytest.raises(InvalidInput) as refused:
        load_divisions(session, [path])
    assert str(refused.value) == message


def test_a_file_without_a_needed_field_is_refused(session: Session, write: Write) -> None:
    row = subdistrict()
    del row["parent_code"]
    with pytest.raises(UnreadableFile, match=r"rows\.geojson has no field parent_code; it has: "):
        load_divisions(session, [write(row)])


def test_a_file_that_is_none_is_refused(session: Session, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"There is no file .*nowhere\.geojson"):
        load_divisions(session, [tmp_path / "nowhere.geojson"])
    broken = tmp_path / "broken.geojson"
    broken.write_text('{"type": "FeatureCollection", "features": [', encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"broken\.geojson cannot be read"):
        load_divisions(session, [broken])


def test_a_file_without_a_reference_system_is_refused(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "rows.gpkg"
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        gpd.GeoDataFrame([subdistrict()]).to_file(path)
    with pytest.raises(MissingCrs, match=r"rows\.gpkg does not say its coordinate reference"):
        load_divisions(session, [path])


def test_parents_may_stand_after_their_children(session: Session, write: Write) -> None:
    there = affinity.translate(_SQUARE, 5)  # where nobody else is
    path = write(
        subdistrict(code="370299001", parent_code="370299", geometry=there),
        subdistrict(code="370299", level="district", parent_code="370200", geometry=there),
    )
    read = load_divisions(session, [path])
    assert read == {"city": 0, "district": 1, "subdistrict": 1, "community": 0, "new_areas": 2}
    below = queries.divisions(session, parent_code="370299")
    assert [one.code for one in below] == ["370299001"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parent_code": "370202001"}, "is a subdistrict; that of a subdistrict is a district"),
        ({"parent_code": "370203"}, "370202991 does not begin with its parent's, 370203"),
        ({"parent_code": None}, r"its parent \(empty\) is not a division"),
    ],
)
def test_a_hierarchy_that_contradicts_itself_is_refused(
    session: Session, write: Write, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        load_divisions(session, [write(subdistrict(**change))])


def test_a_merger_ends_one_division_before_the_other_grows(session: Session, write: Write) -> None:
    area = session.scalars(
        select(func.ST_AsText(DivisionArea.geom)).where(DivisionArea.division_code == "370202001")
    ).one()
    whole = write(subdistrict(code="370202991", geometry=from_wkt(area)))
    day = date(2026, 6, 1)
    with pytest.raises(InvalidInput, match="places end 370202001 --on 2026-06-01"):
        load_divisions(session, [whole], valid_from=day)
    session.rollback()
    assert service.end_division(session, "370202001", on_date=day).code == "370202001"
    load_divisions(session, [whole], valid_from=day)
    lon, lat = CORNER
    found = {
        on: service.locate(session, lon=lon, lat=lat, on_date=on).subdistrict_code
        for on in (date(2026, 5, 31), day)
    }
    assert found == {date(2026, 5, 31): "370202001", day: "370202991"}
    with pytest.raises(Conflict):
        service.end_division(session, "370202001", on_date=day)
    with pytest.raises(NotFound):
        service.end_division(session, "999999", on_date=day)


def test_a_list_brings_divisions_without_an_area(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    header = "code,level,parent_code,name_zh\n"
    path.write_text(header + "370202001999,community,370202001,示例社区\n", encoding="utf-8")
    assert load_divisions(session, [path])["community"] == 1
    path.write_text(header + "370202001,community,370202001,示例社区\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"list\.csv, line 2: '370202001' is no community code"):
        load_divisions(session, [path])


def test_the_same_city_again_changes_nothing(session: Session) -> None:
    def state() -> tuple[object, ...]:
        areas = session.execute(
            select(DivisionArea.id, DivisionArea.division_code, DivisionArea.valid_to).order_by(
                DivisionArea.id
            )
        )
        pieces = session.scalar(select(func.count()).select_from(DivisionPiece))
        return queries.counts(session), pieces, [tuple(area) for area in areas]

    before = state()
    summary = load_city(session, find_profile("qingdao"))
    assert summary.divisions == {
        "city": 1,
        "district": 10,
        "subdistrict": 141,
        "community": 2120,
        "new_areas": 0,
    }
    assert (summary.units, summary.responders, summary.grid_cells) == (676, 254, 1260)
    assert state() == before


def test_boundaries_hold_from_a_day_on_and_the_former_ones_until_it(
    session: Session, write: Write
) -> None:
    lon, lat = CORNER
    before = service.locate(session, lon=lon, lat=lat, on_date=date(2026, 1, 1))
    assert before.subdistrict_code is not None
    other = box(120.0, 35.0, 120.01, 35.01)  # out at sea, away from everything
    moved_away = subdistrict(code=before.subdistrict_code, geometry=other, name_zh="改名街道")
    around = box(lon - 0.001, lat - 0.001, lon + 0.001, lat + 0.001)
    taken_over = subdistrict(code="370202991", geometry=around)
    path = write(moved_away, taken_over)
    assert load_divisions(session, [path], valid_from=date(2026, 6, 1))["new_areas"] == 2

    def on(day: date, at: tuple[float, float] = CORNER) -> str | None:
        return service.locate(session, lon=at[0], lat=at[1], on_date=day).subdistrict_code

    assert on(date(2026, 5, 31)) == before.subdistrict_code
    assert on(date(2026, 6, 1)) == "370202991"
    assert on(date(2030, 1, 1)) == "370202991"
    assert on(date(2026, 6, 1), (120.005, 35.005)) == before.subdistrict_code
    with pytest.raises(InvalidInput, match="already has an area since 2026-06-01"):
        load_divisions(
            session,
            [write(subdistrict(code="370202991", geometry=other), name="other.geojson")],
            valid_from=date(2026, 6, 1),
        )
    assert load_divisions(session, [path], valid_from=date(2026, 7, 1))["new_areas"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"code": "37020200100100"}, "'37020200100100' is no grid cell code of 15 digits."),
        ({"code": "３７０２０２００１００１００１"}, "is no grid cell code of 15 digits."),
        ({"subdistrict_code": "370202999"}, "'370202999' is no subdistrict that is known."),
        ({"subdistrict_code": "370202"}, "'370202' is no subdistrict that is known."),
        ({"geometry": LineString([(120, 36), (121, 36)])}, "the geometry is LineString"),
    ],
)
def test_a_bad_grid_cell_is_refused_by_its_row(
    session: Session, write: Write, change: dict[str, object], message: str
) -> None:
    good = {"code": "370202001001001", "subdistrict_code": "370202001", "geometry": _SQUARE}
    with pytest.raises(InvalidInput) as refused:
        load_grid_cells(session, [write(good, good | change)])
    assert str(refused.value).startswith("rows.geojson, row 2: ")
    assert message in str(refused.value)


def test_a_grid_cell_again_moves_it(session: Session, write: Write) -> None:
    cell = {"code": "370202001001999", "subdistrict_code": "370202001", "geometry": _SQUARE}
    assert load_grid_cells(session, [write(cell)]) == 1
    there = affinity.translate(_SQUARE, 0.2)
    assert load_grid_cells(session, [write(cell | {"geometry": there})]) == 1
    assert queries.counts(session)["grid_cell"] == 1261
    centre = there.centroid
    found = queries.locate(
        session, lons=[centre.x], lats=[centre.y], on_dates=[date(2026, 1, 1)], tolerance_m=0
    )
    assert [row["cell_code"] for row in found] == ["370202001001999"]


def test_the_shipped_cells_are_of_known_subdistricts() -> None:
    cells = gpd.read_file(f"/vsigzip/{_QINGDAO}/grid_cells.geojson.gz")
    assert (cells["code"].str[:9] == cells["subdistrict_code"]).all()
