"""Units, their tree, their dated responsibilities, and where their responders are."""

from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from making import CORNER
from project import SAMPLES
from shapely import LineString, Point
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.errors import InvalidInput, InvalidPosition, NotFound, UnreadableFile
from gis_registry.places import service as places
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.units import queries, service
from gis_registry.units.loading import (
    FileKind,
    kind_of_file,
    load_responders,
    load_responsibilities,
    load_units,
)
from gis_registry.units.schemas import ResponderPosition, ResponderUpdate
from gis_registry.units.tables import Responsibility, UnitKind

_QINGDAO = SAMPLES / "qingdao"
_UNITS = "code,parent_code,kind,name_zh,name_en,division_code,is_synthetic\n"
_FACTS = (
    "unit_code,role,component_code,class_code,matter_code,division_code,valid_from,valid_to,note\n"
)

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: str) -> Path:
        path = tmp_path / "some.csv"
        path.write_text(content, encoding="utf-8")
        return path

    return to_file


def test_qingdao_has_one_ten_fifty_three_and_six_hundred_twelve_units(session: Session) -> None:
    units = service.list_units(session)
    counts = Counter(one.kind for one in units)
    assert counts[UnitKind.CITY_CENTRE] == 1
    assert counts[UnitKind.DISTRICT_CENTRE] == 10
    assert counts[UnitKind.DEPARTMENT] + counts[UnitKind.ENTERPRISE] == 53
    assert counts[UnitKind.GRASSROOTS] == 612
    assert [one.code for one in units] == sorted(one.code for one in units)
    of_kind = service.list_units(session, kind=UnitKind.DISTRICT_CENTRE)
    assert {one.parent_code for one in of_kind} == {"QD-CC"}


def test_the_units_are_one_tree_under_the_city_centre(session: Session) -> None:
    parents = {one.code: one.parent_code for one in service.list_units(session)}
    assert [code for code, parent in parents.items() if parent is None] == ["QD-CC"]
    for code in parents:
        steps, at = 0, code
        while parents[at] is not None:
            at, steps = str(parents[at]), steps + 1
            assert steps < 10
        assert at == "QD-CC"


def test_parents_may_stand_after_their_children_or_be_there_already(
    session: Session, write: Write
) -> None:
    path = write(f"{_UNITS}X-2,X-1,grassroots,二,two,,true\nX-1,QD-CC,enterprise,一,one,,\n")
    assert load_units(session, [path]) == 2
    units = {one.code: one for one in service.list_units(session)}
    assert (units["X-2"].parent_code, units["X-1"].parent_code) == ("X-1", "QD-CC")
    assert (units["X-2"].is_synthetic, units["X-1"].is_synthetic) == (True, False)


def test_the_same_units_again_change_nothing_and_others_bring_them_up_to_date(
    session: Session, write: Write
) -> None:
    before = service.list_units(session)
    ids = queries.unit_ids(session)
    assert load_units(session, [_QINGDAO / "units.csv"]) == 676
    assert service.list_units(session) == before
    load_units(session, [write(f"{_UNITS}QD-E-01,QD-D-370202,enterprise,改名,renamed,,false\n")])
    assert queries.unit_ids(session) == ids
    changed = {one.code: one for one in service.list_units(session)}["QD-E-01"]
    assert (changed.name_zh, changed.parent_code) == ("改名", "QD-D-370202")
    known = {one.code: one for one in queries.units(session)}["QD-E-01"]
    assert known.name_zh == "改名"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(
            "X-1,QD-CC,office,一,one,,",
            "kind is 'office'; write city_centre, district_centre, department, enterprise, "
            "grassroots.",
            id="unknown kind",
        ),
        pytest.param(
            "X-1,X-9,enterprise,一,one,,", "the parent 'X-9' is not a unit.", id="unknown parent"
        ),
        pytest.param(
            "X-1,QD-CC,enterprise,一,one,370299,",
            "'370299' is not a division.",
            id="unknown division",
        ),
        pytest.param(
            ",QD-CC,enterprise,一,one,,", "the column 'code' is empty.", id="without a code"
        ),
        pytest.param(
            "X-1,QD-CC,enterprise,,one,,", "the column 'name_zh' is empty.", id="without a name"
        ),
        pytest.param(
            "X-1,QD-CC,enterprise,一,one,,maybe",
            "is_synthetic is 'maybe'; write true or false.",
            id="neither yes nor no",
        ),
        pytest.param(
            "X-1,X-1,enterprise,一,one,,",
            "the unit is, by its parents, its own parent.",
            id="its own parent",
        ),
        pytest.param(
            "QD-CC,X-1,city_centre,一,one,,\nX-1,QD-CC,enterprise,一,one,,",
            "the unit is, by its parents, its own parent.",
            id="a circle of two",
        ),
    ],
)
def test_a_bad_unit_is_refused_by_its_line(
    session: Session, write: Write, lines: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as refused, session.begin_nested():
        load_units(session, [write(f"{_UNITS}{lines}\n")])
    assert str(refused.value) == f"some.csv, line 2: {message}"
    assert len(service.list_units(session)) == 676


def facts(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Responsibility)) or 0


def load_facts(session: Session, path: Path) -> int:
    return load_responsibilities(session, [path], city=places.the_city(session))


def test_the_same_responsibilities_again_change_nothing(session: Session) -> None:
    assert facts(session) == 2354
    assert load_facts(session, _QINGDAO / "responsibilities.csv") == 2354
    assert facts(session) == 2354


def test_a_fact_again_with_an_end_ends_it(session: Session, write: Write) -> None:
    before = facts(session)
    load_facts(session, write(f"{_FACTS}QD-CC,maintainer,,0137,,370202,2026-01-01,,first\n"))
    load_facts(session, write(f"{_FACTS}QD-CC,maintainer,,0137,,370202,2026-01-01,2026-02-01,\n"))
    (fact,) = [
        one
        for one in service.show_unit(session, "QD-CC").responsibilities
        if one.valid_from == date(2026, 1, 1)
    ]
    assert (fact.valid_to, fact.is_past) == (date(2026, 2, 1), True)
    assert facts(session) == before + 1
    load_facts(session, write(f"{_FACTS}QD-CC,maintainer,,0137,,370202,2026-03-01,,again\n"))
    assert facts(session) == before + 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("X-9,owner,,0137,,,2026-01-01,,", "'X-9' is not a unit."),
        (
            "QD-CC,boss,,0137,,,2026-01-01,,",
            "role is 'boss'; write supervisor, owner, maintainer.",
        ),
        ("QD-CC,owner,,9999,,,2026-01-01,,", "There is no class '9999'"),
        ("QD-CC,owner,,01037,,,2026-01-01,,", "It exists in gbt47678-2026"),
        ("QD-CC,owner,,,99999,,2026-01-01,,", "There is no matter type '99999'"),
        ("QD-CC,owner,,,,370299,2026-01-01,,", "'370299' is not a division."),
        ("QD-CC,owner,,0137,,,,,", "the column 'valid_from' is empty."),
        ("QD-CC,owner,,0137,,,soon,,", "valid_from is 'soon', not a date such as 2026-06-30."),
        (
            "QD-CC,owner,,0137,,,2026-01-01,2026-01-01,",
            "it ends on or before the day that it begins.",
        ),
        (
            "QD-CC,owner,,,,,2026-01-01,,",
            "it names no component, class, matter type or division.",
        ),
        (
            "QD-CC,owner,37020201370001,,,,2026-01-01,,",
            "'37020201370001' is no identifier of 16 or 17 digits.",
        ),
    ],
)
def test_a_bad_responsibility_is_refused_by_its_line(
    session: Session, write: Write, line: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as refused, session.begin_nested():
        load_facts(session, write(f"{_FACTS}{line}\n"))
    assert str(refused.value).startswith("some.csv, line 2: ")
    assert message in str(refused.value)


def test_a_unit_tells_what_it_is_responsible_for_and_whom_it_can_send(
    session: Session, write: Write, tmp_path: Path
) -> None:
    load_facts(
        session,
        write(
            f"{_FACTS}QD-D-370202,owner,,0137,,370202,2001-01-01,2002-01-01,旧\n"
            "QD-D-370202,owner,,,06001,,2001-02-01,,\n"
            "QD-D-370202,maintainer,3702020137000001,,,,2999-01-01,,\n"
        ),
    )
    load(session, tmp_path, responder(unit_code="QD-D-370202"))
    unit = service.show_unit(session, " QD-D-370202 ")
    assert unit.parent is not None
    assert (unit.parent.code, unit.parent_code) == ("QD-CC", "QD-CC")
    assert [one.code for one in unit.responders] == ["R-1"]
    facts = unit.responsibilities
    assert [one.valid_from for one in facts] == sorted(one.valid_from for one in facts)
    past, of_matter, coming = facts[0], facts[1], facts[-1]
    assert (past.class_code, past.class_name_en) == ("0137", "street light")
    assert (past.division_code, past.division_name_zh) == ("370202", "市南区")
    assert (past.is_past, past.note) == (True, "旧")
    assert (of_matter.matter_code, of_matter.class_code) == ("06001", None)
    assert of_matter.matter_name_en
    assert coming.component_code == "3702020137000001"
    assert not any(one.is_past for one in facts[1:])
    with pytest.raises(NotFound, match="There is no unit 'X-9'; `gis-registry units list`"):
        service.show_unit(session, "X-9")


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (_UNITS, FileKind.UNITS),
        (_FACTS, FileKind.RESPONSIBILITIES),
        ('"unit_code","role"\n', FileKind.RESPONSIBILITIES),
        ('"code","the, parent_code",parent_code\n', FileKind.UNITS),
    ],
)
def test_a_file_is_known_by_its_header(write: Write, header: str, kind: FileKind) -> None:
    assert kind_of_file(write(header)) is kind
    assert kind_of_file(write("\ufeff" + header)) is kind


def test_a_file_with_another_header_is_refused(write: Write, tmp_path: Path) -> None:
    assert kind_of_file(_QINGDAO / "responders.geojson") is FileKind.RESPONDERS
    with pytest.raises(UnreadableFile, match="holds neither units"):
        kind_of_file(write("code,name\n"))
    with pytest.raises(UnreadableFile, match="holds neither units"):
        kind_of_file(write('"code, role, parent_code"\n'))
    with pytest.raises(UnreadableFile, match="holds neither units"):
        kind_of_file(write(""))
    with pytest.raises(UnreadableFile, match="cannot be opened: No such file"):
        kind_of_file(tmp_path / "none.csv")


def responder(**changes: object) -> dict[str, Any]:
    return {
        "code": "R-1",
        "unit_code": "QD-CC",
        "name_zh": "一班",
        "name_en": "first crew",
        "kind": "crew",
        "geometry": Point(*CORNER),
    } | changes


def load(session: Session, folder: Path, *rows: dict[str, Any]) -> int:
    path = folder / "people.geojson"
    gpd.GeoDataFrame(list(rows), crs=4326).to_file(path)
    return load_responders(session, [path])


def test_the_same_responders_again_change_nothing(session: Session) -> None:
    before = service.list_responders(session)
    assert len(before) == 254
    assert load_responders(session, [_QINGDAO / "responders.geojson"]) == 254
    assert service.list_responders(session) == before


def test_responders_again_keep_where_they_are_and_whether_they_are_free(
    session: Session, tmp_path: Path
) -> None:
    load(session, tmp_path, responder())
    there = Point(CORNER[0] + 0.01, CORNER[1])
    load(
        session,
        tmp_path,
        responder(
            unit_code="QD-D-370202",
            name_zh="二班",
            name_en="second",
            kind="station",
            is_available=False,
            geometry=there,
        ),
    )
    (one,) = [one for one in service.list_responders(session) if one.code == "R-1"]
    assert (one.unit_code, one.name_zh, one.name_en) == ("QD-D-370202", "二班", "second")
    assert (one.kind, one.is_available) == ("station", True)
    assert (one.lon, one.lat) == pytest.approx(CORNER)


def test_a_responder_is_free_unless_it_says_otherwise(session: Session, tmp_path: Path) -> None:
    rows = [
        responder(code="R-1"),
        responder(code="R-2", is_available=False),
        responder(code="R-3", is_available=None),
    ]
    assert load(session, tmp_path, *rows) == 3
    free = {one.code: one.is_available for one in service.list_responders(session)}
    assert (free["R-1"], free["R-2"], free["R-3"]) == (True, False, True)
    assert "R-2" not in {one.code for one in service.list_responders(session, only_available=True)}
    of_unit = service.list_responders(session, unit_code="QD-CC")
    assert {"R-1", "R-2", "R-3"} <= {one.code for one in of_unit}
    assert {one.unit_code for one in of_unit} == {"QD-CC"}
    with pytest.raises(NotFound, match="'X-9'"):
        service.list_responders(session, unit_code="X-9")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit_code": "X-9"}, "'X-9' is not a unit."),
        ({"code": None}, "code is empty."),
        ({"name_zh": " "}, "name_zh is empty."),
        ({"name_en": None}, "name_en is empty."),
        ({"geometry": Point(0, 0)}, "the position is 0, 0, which stands for a missing one."),
        ({"kind": "drone"}, "the kind is 'drone'; write station or crew."),
        ({"geometry": LineString([(120, 36), (121, 36)])}, "the geometry is LineString"),
        ({"is_available": "perhaps"}, "is_available is 'perhaps'; write true or false."),
    ],
)
def test_a_bad_responder_is_refused_by_its_row(
    session: Session, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(session, tmp_path, responder(), responder(**({"code": "R-2"} | change)))
    assert str(refused.value).startswith("people.geojson, row 2: ")
    assert message in str(refused.value)


def test_a_responder_tells_where_it_is_in_its_own_datum(session: Session) -> None:
    lon, lat = from_cgcs2000(*CORNER, Datum.GCJ02)
    code = service.list_responders(session)[0].code
    moved = service.update_responder(
        session,
        code,
        ResponderUpdate(
            position=ResponderPosition(lon=float(lon), lat=float(lat), datum=Datum.GCJ02)
        ),
    )
    assert (moved.lon, moved.lat) == pytest.approx(CORNER, abs=1e-8)
    busy = service.update_responder(session, code, ResponderUpdate(is_available=False))
    assert busy.is_available is False
    assert (busy.lon, busy.positioned_at) == (moved.lon, moved.positioned_at)


@pytest.mark.parametrize(
    ("code", "update", "error"),
    [
        ("nobody", ResponderUpdate(is_available=True), NotFound),
        ("QD-R-370202-T01", ResponderUpdate(), InvalidInput),
        (
            "QD-R-370202-T01",
            ResponderUpdate(position=ResponderPosition(lon=0, lat=0)),
            InvalidPosition,
        ),
    ],
)
def test_an_update_that_cannot_be_is_refused(
    session: Session, code: str, update: ResponderUpdate, error: type[Exception]
) -> None:
    with pytest.raises(error):
        service.update_responder(session, code, update)
