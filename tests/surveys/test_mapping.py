"""A mapping says what a file's columns are; what is wrong with one is said with its key."""

import re
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from delivered import frame, places

from gis_registry.errors import InvalidInput, UnreadableFile
from gis_registry.surveys.mapping import AxisOrder, Mapping, read_mapping
from gis_registry.surveys.reading import open_source

WHOLE = """
layer = "lights"
crs = "EPSG:4549"
axis_order = "northing-easting"
encoding = "gb18030"
decimal = ","
header_row = 2
edition = "cjt214-2007"
as_of = 2026-06-30
accuracy_m = 0.5
date_formats = ["%d.%m.%Y"]
coverage = ["370202", "370203"]

[coordinates]
x = "X坐标"
y = "Y坐标"

[class]
field = "类型"
values = { "路灯" = "0137", "井盖" = "0101" }

[columns]
class_name = "名称"
identifier = "ObjID"
source_key = "KEY"
supervisor_code = "DeptCode1"
owner_code = "权属单位"
maintainer_code = "DeptCode3"
surveyed_on = "日期"
accuracy_m = "精度"

[owners]
"路灯管理所" = "QD-E-35"

[attributes]
rename = { H_MM = "height_m", "杆号" = "pole" }
ignore = ["OBJECTID"]
units = { H_MM = { from = "mm", to = "m" } }

[aliases]
tag = "杆号"
qr = "二维码"
contractor_key = "KEY2"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "m.toml"
    path.write_text(text, encoding="utf-8")
    return path


def delivered(**columns: list[object]) -> pa.Table:
    return pa.table(columns)


def test_every_key_is_read(tmp_path: Path) -> None:
    mapping = read_mapping(written(tmp_path, WHOLE))
    assert mapping.axis_order is AxisOrder.NORTHING_EASTING
    assert mapping.as_of == date(2026, 6, 30)
    assert mapping.coverage == ("370202", "370203")
    assert mapping.class_.values == {"路灯": "0137", "井盖": "0101"}
    assert mapping.alias_columns() == {"tag": "pole", "qr": "二维码", "contractor_key": "KEY2"}
    assert Mapping.model_validate(mapping.model_dump(by_alias=True)) == mapping


def test_the_documents_show_every_key_of_a_mapping(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/surveys.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.S)
    shown = read_mapping(written(tmp_path, example)).model_dump(by_alias=True, exclude_unset=True)
    assert set(shown) == {field.alias or name for name, field in Mapping.model_fields.items()}
    for part in ("columns", "attributes", "aliases"):
        assert set(shown[part]) == set(type(getattr(Mapping(), part)).model_fields), part
    assert {"# wkt = ", "# code = "} <= set(re.findall(r"# (?:wkt|code) = ", example))


def test_columns_arrive_under_their_meaning(tmp_path: Path) -> None:
    mapping = read_mapping(written(tmp_path, WHOLE))
    table = delivered(
        OBJECTID=[1, 2, 3],
        类型=["路灯", " 井盖", "0102"],
        名称=["路灯", "上水井盖", None],
        ObjID=["3702020137000001", None, None],
        KEY=["a", "a", "b"],
        DeptCode1=["QD-E-01", None, "x"],
        权属单位=["路灯管理所", "QD-E-31", None],
        DeptCode3=[None, None, None],
        日期=["30.06.2026", "31.02.2026", "2026-06-30"],
        精度=["0,5", "1.000,5", None],
        H_MM=["8500", "1.234,5", "hoch"],
        杆号=["LD-1", "LD-2", None],
        二维码=[None, "Q", None],
        KEY2=[1, 2, 3],
    )
    found = mapping.applied_to(table)
    assert found.to_pydict() == {
        "class_code": ["0137", "0101", "0102"],
        "class_name": ["路灯", "上水井盖", None],
        "identifier": ["3702020137000001", None, None],
        "source_key": ["a", "a", "b"],
        "KEY": ["a", "a", "b"],
        "supervisor_code": ["QD-E-01", None, "x"],
        "owner_code": ["QD-E-35", "QD-E-31", None],
        "maintainer_code": [None, None, None],
        "surveyed_on": ["2026-06-30", "31.02.2026", "2026-06-30"],
        "accuracy_m": ["0.5", "1000.5", None],
        "height_m": ["8.5", "1.2345", "hoch"],
        "pole": ["LD-1", "LD-2", None],
        "二维码": [None, "Q", None],
        "KEY2": [1, 2, 3],
    }
    assert tuple(found.column_names) == mapping.columns_of("f", table.column_names)


def test_no_mapping_leaves_all_as_it_is() -> None:
    table = delivered(class_code=["0137"], owner_code=["x"], n=[1])
    assert Mapping().applied_to(table).equals(table)
    without_columns = table.select([])
    assert Mapping().applied_to(without_columns).num_columns == 0


@pytest.mark.parametrize(
    ("unit", "value", "metres"),
    [
        *[("mm", 1200, 1.2), ("cm", 35, 0.35), ("dm", 7, 0.7), ("m", 0.1, 0.1), ("km", 1.5, 1500)],
        *[("in", 10, 0.254), ("ft", 30, 9.144), ("us-ft", 3937, 1200)],
    ],
)
def test_lengths_are_converted(unit: str, value: float, metres: float) -> None:
    mapping = Mapping.model_validate({"attributes": {"units": {"h": {"from": unit, "to": "m"}}}})
    assert mapping.applied_to(delivered(h=[value, None])).to_pydict() == {"h": [metres, None]}
    back = Mapping.model_validate({"attributes": {"units": {"h": {"from": "m", "to": unit}}}})
    (found, _) = back.applied_to(delivered(h=[metres, None])).to_pydict()["h"]
    assert found == pytest.approx(value, rel=1e-9)


def test_class_values_that_became_numbers_are_found() -> None:
    mapping = Mapping.model_validate(
        {"class": {"field": "t", "values": {"1": "0137", "2": "0101"}}}
    )
    for values in ([1, 2, None], [1.0, 2.0, None], ["1", "2 ", None]):
        assert mapping.applied_to(delivered(t=values))["class_code"].to_pylist() == [
            *("0137", "0101"),
            None,
        ]


def test_dates_that_are_dates_need_no_format() -> None:
    mapping = Mapping(columns={"surveyed_on": "d"}, date_formats=("%d/%m/%y", "%d/%m/%Y"))
    days = [date(2026, 6, 30), None]
    assert mapping.applied_to(delivered(d=days))["surveyed_on"].to_pylist() == days
    texts = ["1/7/26", " 30/06/2026 ", "7/26", None, ""]
    found = mapping.applied_to(delivered(d=texts))["surveyed_on"].to_pylist()
    assert found == ["2026-07-01", "2026-06-30", "7/26", None, ""]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("crs_ = 'x'", "crs_ is no key of a mapping; did you mean crs?"),
        ("[class]\nfeild = 'x'", "class.feild is no key .* did you mean field? .*code, field"),
        ("[columns]\nowner = 'x'", "columns.owner is no key .* did you mean owner_code"),
        (
            "[attributes.units]\nh = { from = 'miles', to = 'm' }",
            "attributes.units.h.from: .*'us-ft",
        ),
        ("[attributes.units]\nh = { form = 'mm' }", "units.h.from: Field required"),
        ("axis_order = 'yx'", "axis_order: Input should be 'easting-northing' or"),
        ("header_row = 0", "header_row: .*greater than or equal to 1"),
        ("accuracy_m = -1", "accuracy_m: .*greater than 0"),
        ("as_of = '30.6.2026'", "as_of: "),
        ("coverage = [370202]", "coverage: division codes are texts"),
        ("[class]\ncode = 137", 'class.code: a class code is text: write it .* as "0137"'),
        ("[class.values]\nlamp = 137", "class.values: a class code is text"),
        ("[class]\ncode = '0137'\nfield = 'x'", "class: say either code"),
        ("[coordinates]\nx = 'a'", "coordinates: say both x and y, or only wkt"),
        ("[columns]\nowner_code='a'\n[attributes]\nignore=['a']", "a is both ignored and used"),
        ("[attributes]\nrename={a='x', b='x'}", "two columns become x"),
        ("[attributes]\nrename={a='owner_code'}\n[columns]\nowner_code='b'", "become owner_code"),
    ],
)
def test_a_wrong_key_is_named_with_what_to_write(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words.replace("?", r"\?")) as raised:
        read_mapping(written(tmp_path, text))
    assert str(raised.value).startswith("m.toml: ")


def test_a_file_that_is_no_mapping_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="is not valid TOML"):
        read_mapping(written(tmp_path, "crs = EPSG:4549"))
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        read_mapping(tmp_path / "absent.toml")
    (tmp_path / "m.toml").write_bytes("crs = '青岛'".encode("gbk"))
    with pytest.raises(UnreadableFile, match="is not valid TOML"):
        read_mapping(tmp_path / "m.toml")


def test_a_column_that_the_file_has_not_is_named(tmp_path: Path) -> None:
    path = tmp_path / "lights.gpkg"
    frame(places(1), DeptCode1=["a"], owner_code=["b"]).to_file(path)
    with pytest.raises(InvalidInput, match=r"'DeptCode2', which columns.owner_code names; did you"):
        open_source(path, Mapping(columns={"owner_code": "DeptCode2"}))
    with pytest.raises(InvalidInput, match="'TYPE', which the class field names"):
        open_source(path, Mapping().overridden(class_field="TYPE"))
    with pytest.raises(InvalidInput, match="has a column owner_code of its own"):
        open_source(path, Mapping(columns={"owner_code": "DeptCode1"}))
    renamed = Mapping(
        columns={"owner_code": "DeptCode1"}, attributes={"rename": {"owner_code": "old_owner"}}
    )
    assert open_source(path, renamed).columns == ("owner_code", "old_owner")


def test_options_of_a_command_come_before_the_file(tmp_path: Path) -> None:
    mapping = read_mapping(written(tmp_path, WHOLE))
    assert mapping.overridden() == mapping
    other = mapping.overridden(crs="gcj02", layer="x", as_of=date(2026, 7, 1), accuracy_m=2)
    assert (other.crs, other.layer, other.as_of, other.accuracy_m) == (
        *("gcj02", "x"),
        date(2026, 7, 1),
        2,
    )
    assert mapping.overridden(class_code="0137").class_.model_dump() == {
        "code": "0137",
        "field": None,
        "values": {},
    }
    assert mapping.overridden(class_field="类型").class_ == mapping.class_
    assert mapping.overridden(class_field="KEY").class_.values == {}
