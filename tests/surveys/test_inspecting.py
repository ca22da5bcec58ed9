"""What inspecting sees in a file, and which mapping it proposes, from names and from values."""

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from delivered import frame, places
from pyproj import Transformer

from gis_registry.catalogue.shipped import shipped_editions
from gis_registry.errors import UnreadableFile
from gis_registry.surveys.inspecting import Inspection, inspect, mapping_text
from gis_registry.surveys.mapping import Mapping, read_mapping
from gis_registry.surveys.proposing import Certainty, Guess
from gis_registry.surveys.reading import open_source

COUNT = 20


def written(folder: Path, **columns: Sequence[object]) -> Path:
    path = folder / "delivery.gpkg"
    frame(places(COUNT), **columns).to_file(path)
    return path


def repeated(*values: object) -> list[object]:
    return [values[n % len(values)] for n in range(COUNT)]


def guess(found: Inspection, key: str) -> Guess | None:
    return next((one for one in found.guesses if one.key == key), None)


def sure(found: Inspection, key: str) -> tuple[object, str] | None:
    one = guess(found, key)
    return one and (one.value, one.certainty.value)


def legacy(folder: Path) -> Path:
    return written(
        folder,
        OBJECTID=range(COUNT),
        ObjID=[f"3702020137{n:06d}" for n in range(1, COUNT + 1)],
        ObjName=repeated("路灯", "上水井盖"),
        Code=repeated("0137", "0101"),
        DeptCode1=repeated("QD-E-01"),
        DeptName1=repeated("城市管理局"),
        DeptName3=repeated("市南区路灯管理所", "市北区路灯管理所"),
        BGID=repeated("370202001001001"),
        ObjState=repeated("完好"),
        ORDate=repeated("20250630"),
        CHDate=repeated("20260401", "20260402"),
        DataSource=repeated("实测"),
        Note=repeated(None),
    )


def test_a_file_of_an_older_system_is_understood(tmp_path: Path) -> None:
    found = inspect(legacy(tmp_path))
    assert sure(found, "columns.identifier") == ("ObjID", "certain")
    assert sure(found, "class.field") == ("Code", "certain")
    assert sure(found, "edition") == ("gbt30428-2013", "certain")
    assert sure(found, "columns.class_name") == ("ObjName", "certain")
    assert sure(found, "columns.supervisor_code") == ("DeptCode1", "likely")
    assert sure(found, "columns.maintainer_code") == ("DeptName3", "possible")
    assert sure(found, "owners") == (
        {"市北区路灯管理所": "…", "市南区路灯管理所": "…"},
        "possible",
    )
    assert sure(found, "columns.surveyed_on") == ("CHDate", "likely")
    assert sure(found, "date_formats") is None
    assert sure(found, "attributes.ignore") == (["BGID"], "likely")
    assert sure(found, "attributes.rename") == (
        {"ObjState": "state", "DataSource": "data_source", "Note": "note"},
        "likely",
    )
    assert sure(found, "coverage") == (["370202"], "possible")
    assert (
        "2 of 2 different codes agree with the names in ObjName"
        in (guess(found, "edition") or found.guesses[0]).reason
    )


def test_the_proposed_file_is_commented_and_can_be_used(tmp_path: Path) -> None:
    path = legacy(tmp_path)
    found = inspect(path)
    text = mapping_text(found)
    written_to = tmp_path / "m.toml"
    written_to.write_text(text, encoding="utf-8")
    mapping = read_mapping(written_to)
    assert mapping == found.mapping
    assert "# possible: put the code of a unit beside each name" in text
    assert '# "市南区路灯管理所" = "…"' in text
    for one in found.guesses:
        assert f"# {one.certainty}: {one.reason}" in text
    columns = open_source(path, mapping).columns
    assert {"class_code", "class_name", "identifier", "supervisor_code", "state"} <= set(columns)
    assert "BGID" not in columns
    # Every comment that is a line of TOML can be made one.
    bare = "\n".join(
        line.removeprefix("# ") if " = " in line or line.startswith("# ]") else line
        for line in text.splitlines()
    )
    written_to.write_text(bare, encoding="utf-8")
    assert read_mapping(written_to).owners == {"市北区路灯管理所": "…", "市南区路灯管理所": "…"}


def test_the_edition_is_the_one_whose_names_agree(tmp_path: Path) -> None:
    # 0118 is a street light in 2007 and a septic-tank manhole in 2013.
    codes, names = repeated("0118", "0137", "0101"), repeated("路灯", "售货亭", "上水井盖")
    found = inspect(written(tmp_path, code=codes, name=names))
    edition = guess(found, "edition")
    assert edition is not None
    assert edition.value == "cjt214-2007"
    alone = inspect(written(tmp_path, code=repeated("0101", "0102")))
    assert sure(alone, "edition") == ("gbt30428-2013", "possible")
    assert sure(alone, "class.field") == ("code", "likely")
    newest = inspect(written(tmp_path, code=repeated("01037", "01001")))
    assert sure(newest, "edition") == ("gbt47678-2026", "likely")


def test_names_of_classes_stand_for_codes(tmp_path: Path) -> None:
    found = inspect(written(tmp_path, 类型=repeated("路灯", "雨水箅子")))
    assert found.mapping.class_.field == "类型"
    assert set(found.mapping.class_.values) == {"路灯", "雨水箅子"}
    edition = found.mapping.edition
    own = inspect(written(tmp_path, 类型=repeated("高杆灯", "矮杆灯")))
    assert own.mapping.class_.field is None
    assert sure(own, "class.values") == ({"高杆灯": "…", "矮杆灯": "…"}, "possible")
    assert edition in {"gbt30428-2013", "cjt214-2007"}


def test_numbers_are_not_taken_for_codes(tmp_path: Path) -> None:
    found = inspect(written(tmp_path, built=repeated("2014", "2013"), lamps=repeated(1, 2)))
    assert found.mapping == Mapping()
    assert all(one.certainty is Certainty.POSSIBLE for one in found.guesses)


def test_years_are_not_taken_for_codes_that_lost_their_zero(tmp_path: Path) -> None:
    years = [1998, *range(2008, 2008 + COUNT - 1)]
    alone = inspect(written(tmp_path, built=years))
    assert guess(alone, "class.field") is None
    assert guess(alone, "edition") is None
    beside = inspect(written(tmp_path, built=years, kind=repeated("0137", "0101")))
    assert sure(beside, "class.field") == ("kind", "likely")
    # What the column is called, or the names beside it, say that these are codes.
    codes = [2001, 2002, 2003]
    called = inspect(written(tmp_path, TypeCode=repeated(*codes)))
    assert sure(called, "class.field") == ("TypeCode", "certain")
    names = [
        next(e for e in shipped_editions() if e.class_digits == 5).names[f"0{one}"] for one in codes
    ]
    named = inspect(written(tmp_path, k=repeated(*codes), what=repeated(*names)))
    assert sure(named, "class.field") == ("k", "certain")


@pytest.mark.parametrize(
    ("values", "style"),
    [
        (["30.06.2026", "01.07.2026"], "%d.%m.%Y"),
        (["2026年6月30日", "2026年7月1日"], "%Y年%m月%d日"),
        (["2026/6/30", "2026/07/01"], None),
    ],
)
def test_ways_of_writing_days_are_told(
    tmp_path: Path, values: list[str], style: str | None
) -> None:
    found = inspect(written(tmp_path, 普查日期=repeated(*values)))
    assert sure(found, "columns.surveyed_on") == ("普查日期", "likely")
    assert found.mapping.date_formats == ((style,) if style else ())


def test_units_in_names_are_hints(tmp_path: Path) -> None:
    found = inspect(written(tmp_path, height_mm=repeated(8500), name_mm=repeated("x")))
    assert sure(found, "attributes.units") == ({"height_mm": {"from": "mm", "to": "m"}}, "possible")


def test_fields_are_described_by_a_sample(tmp_path: Path) -> None:
    found = inspect(written(tmp_path, name=repeated("a", None, " ", "b"), n=range(COUNT)))
    name, n = found.fields
    assert (name.name, name.filled, name.distinct, name.samples) == ("name", 0.5, 2, ["a", "b"])
    assert (n.type, n.filled, n.distinct, n.samples) == ("int64", 1.0, COUNT, ["0", "1", "2"])
    assert found.rows == found.sampled_rows == COUNT
    assert found.geometry_types == {"Point": COUNT}
    assert found.crs == "EPSG:4490"
    assert found.extent == found.extent_degrees
    assert found.extent is not None
    assert (found.extent.min_x, found.extent.min_y) == places(1)[0]


def test_several_layers_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "two.gpkg"
    frame(places(3)).to_file(path, layer="灯")
    frame(places(2)).to_file(path, layer="箱")
    found = inspect(path)
    assert [(one.name, one.rows) for one in found.layers] == [("灯", 3), ("箱", 2)]
    assert found.layer is None
    assert "choose one with --layer: 灯, 箱." in found.warnings[0]
    chosen = inspect(path, Mapping(layer="箱"))
    assert chosen.mapping.layer == "箱"
    assert chosen.rows == 2


def table(folder: Path, epsg: int, *, swapped: bool, comma: bool = False) -> Path:
    project = Transformer.from_crs(4490, epsg, always_xy=True)
    lines = ["X坐标;Y坐标"]
    for one in places(COUNT):
        x, y = (f"{value:.4f}" for value in project.transform(*one))
        line = f"{y};{x}" if swapped else f"{x};{y}"
        lines.append(line.replace(".", ",") if comma else line)
    path = folder / "delivery.csv"
    path.write_text("\n".join(lines), encoding="gbk")
    return path


def test_what_a_table_does_not_say_is_asked_for(tmp_path: Path) -> None:
    found = inspect(table(tmp_path, 4528, swapped=True))
    assert found.crs is None
    assert found.extent_degrees is None
    assert "Declare it: --crs" in found.warnings[0]
    assert sure(found, "axis_order") == ("northing-easting", "possible")
    assert sure(found, "crs") == ("EPSG:4528", "possible")
    assert found.mapping == Mapping()  # nothing of this is declared
    assert (found.encoding, found.encoding_reason) == (
        "gb18030",
        "the text is not UTF-8, but valid GB18030",
    )
    without_prefix = inspect(table(tmp_path, 4549, swapped=False))
    assert sure(without_prefix, "axis_order") is None
    assert "ask for the system" in (guess(without_prefix, "crs") or found.guesses[0]).reason


@pytest.mark.parametrize("epsg", [4490, 4326])
def test_degrees_with_latitude_first_are_seen(tmp_path: Path, epsg: int) -> None:
    found = inspect(table(tmp_path, epsg, swapped=True), Mapping(crs="wgs84"))
    assert sure(found, "axis_order") == ("northing-easting", "possible")


def test_a_zone_in_the_easting_that_the_system_has_not_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "prefixed.gpkg"
    data = frame(places(COUNT)).to_crs(4528)
    data.set_crs(4549, allow_override=True).to_file(path)
    found = inspect(path)
    assert found.crs == "EPSG:4549"
    assert sure(found, "crs") == ("EPSG:4528", "possible")
    assert "about 40,5" in (guess(found, "crs") or found.guesses[0]).reason


def test_decimal_commas_are_told_by_all_values(tmp_path: Path) -> None:
    found = inspect(table(tmp_path, 4549, swapped=False, comma=True), Mapping(crs="EPSG:4549"))
    assert sure(found, "decimal") == (",", "certain")
    assert found.mapping.crs == "EPSG:4549"
    assert found.extent_degrees is not None
    assert found.extent_degrees.min_x == pytest.approx(120.35, abs=1e-6)


def test_a_table_without_coordinates_names_its_columns(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["街道", "数量"])
    sheet.append(["香港中路", 3])
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(UnreadableFile, match="It has: 街道, 数量"):
        inspect(tmp_path / "t.xlsx")


def test_rows_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("lon,lat\n" + "x,36\n" * 3 + "120,36\n,\n")
    found = inspect(path, Mapping(crs="wgs84"))
    assert found.notes == {"lon is 'x', not a number.": 3}
    assert found.geometry_types == {"none": 4, "Point": 1}
    nothing = tmp_path / "nothing.csv"
    nothing.write_text("lon,lat\n,\n")
    assert "no row with coordinates" in inspect(nothing, Mapping(crs="wgs84")).warnings[0]
