"""City profiles: the shipped ones, one of one's own, and what is wrong with a bad one."""

import shutil
from pathlib import Path

import pytest
from project import SAMPLES
from sqlalchemy.orm import Session

from gis_registry.catalogue.service import find_class
from gis_registry.city_loading import load_city
from gis_registry.errors import InvalidProfile
from gis_registry.places.service import the_city
from gis_registry.places.working_time import working_time
from gis_registry.profile import find_profile, read_profile

_MINIMAL = """
key = "nowhere"
name_zh = "无名市"
name_en = "Nowhere"
division_code = "990200"
time_zone = "Asia/Shanghai"
edition = "gbt30428-2013"
matter_edition = "gbt47678-2026"
projected_epsg = 4549
place_tolerance_m = 500
[map]
center = [120.0, 36.0]
zoom = 12
[files]
divisions = ["divisions.csv"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "city.toml").write_text(_MINIMAL, encoding="utf-8")
    (tmp_path / "divisions.csv").write_text(
        "code,level,parent_code,name_zh\n990200,city,,无名市\n", encoding="utf-8"
    )
    return tmp_path


def change(folder: Path, before: str, after: str) -> None:
    path = folder / "city.toml"
    content = path.read_text(encoding="utf-8")
    assert before in content
    path.write_text(content.replace(before, after), encoding="utf-8")


def test_qingdao_is_the_default() -> None:
    assert find_profile(None) == find_profile("qingdao")
    assert find_profile(None).name_zh == "青岛市"


@pytest.mark.parametrize("city", ["qingdao", "cambridge"])
def test_a_shipped_profile_names_files_that_are_there(city: str) -> None:
    profile = find_profile(city)
    files = profile.files
    paths = profile.paths(
        [
            *files.divisions,
            *files.grid_cells,
            *files.units,
            *files.responsibilities,
            *files.responders,
            *files.cameras,
            *files.video_kinds,
            *files.sensors,
            *files.sensor_rules,
            *files.citizen_kinds,
            *[one.file for one in profile.time_limits],
            *[one.file for one in profile.surveys],
            *[name for name in (profile.calendar,) if name and name.endswith(".csv")],
            *[name for name in (profile.demo.reports, profile.demo.detections) if name],
        ]
    )
    assert all(path.is_relative_to(SAMPLES / city) for path in paths)
    assert sum(one.is_default for one in map(find_profile, ("qingdao", "cambridge"))) == 1


def test_a_folder_of_ones_own_is_a_profile(folder: Path) -> None:
    profile = find_profile(str(folder))
    assert (profile.key, profile.name_en, profile.files.units) == ("nowhere", "Nowhere", [])


def test_a_city_that_is_neither_shipped_nor_a_folder_is_refused() -> None:
    with pytest.raises(InvalidProfile) as refused:
        find_profile("atlantis")
    assert str(refused.value) == (
        "GIS_REGISTRY_CITY is 'atlantis', which is neither a shipped city (cambridge, qingdao) "
        "nor a folder."
    )


def test_a_folder_without_a_profile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidProfile, match=r"city\.toml cannot be read: No such file"):
        read_profile(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('key = "nowhere"', "", "key: Field required"),
        ('key = "nowhere"', "key =", "is not valid TOML"),
        ('"990200"', '"99020"', "division_code: String should match pattern"),
        ("Asia/Shanghai", "Beijing", "'Beijing' is no time zone such as Asia/Shanghai"),
        ("Asia/Shanghai", "../etc", "'../etc' is no time zone such as Asia/Shanghai"),
        ("zoom = 12", "zoom = 99", "map.zoom: Input should be less than or equal to 20"),
        ("center = [120.0, 36.0]", "center = [120.0]", "map.center.1: Field required"),
        ("projected_epsg = 4549", "projected_epsg = 4549\nmoon = 1", "moon: Extra inputs"),
        ("tolerance_m = 500", "tolerance_m = -1", "place_tolerance_m: Input should be greater"),
        ("tolerance_m = 500", 'tolerance_m = 500\ncalendar = "moon"', "write chinesecalendar, or"),
        (
            "[files]",
            '[[working_hours]]\nweekdays = [1]\nhours = ["8-12"]\n[files]',
            "'8-12' is no working time such as 08:00-12:00",
        ),
        (
            "[files]",
            '[[working_hours]]\nweekdays = [1]\nhours = ["08:00-12:00"]\n' * 2 + "[files]",
            "There are two working hours for weekday 1",
        ),
        (
            "[files]",
            '[[surveys]]\nfile = "a.csv"\nas_of = 2026-01-01\n[files]',
            "say either class or class_field",
        ),
        (
            "[files]",
            '[[surveys]]\nfile = "a.csv"\nclass = "0137"\nclass_field = "c"\n'
            "as_of = 2026-01-01\n[files]",
            "say either class or class_field",
        ),
    ],
)
def test_what_is_wrong_with_a_profile_is_named(
    folder: Path, before: str, after: str, message: str
) -> None:
    change(folder, before, after)
    with pytest.raises(InvalidProfile) as refused:
        read_profile(folder)
    assert str(folder / "city.toml") in str(refused.value)
    assert message in str(refused.value)


def test_a_profile_in_another_encoding_is_refused(folder: Path) -> None:
    (folder / "city.toml").write_bytes(_MINIMAL.encode("gbk"))
    with pytest.raises(InvalidProfile, match="is not valid TOML"):
        read_profile(folder)


def test_a_file_that_is_missing_is_named(folder: Path) -> None:
    (folder / "divisions.csv").unlink()
    profile = read_profile(folder)
    with pytest.raises(InvalidProfile, match=r"profile nowhere names .*divisions\.csv"):
        profile.paths(profile.files.divisions)


def test_a_city_is_loaded_from_a_profile(session: Session, folder: Path) -> None:
    summary = load_city(session, read_profile(folder))
    assert (summary.city, summary.divisions["city"], summary.units) == ("nowhere", 1, 0)
    assert summary.calendar_version == working_time(session).version
    assert summary.catalogue.profile_classes == 115


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"gbt30428-2013"', '"gbt-1999"', "the edition 'gbt-1999' does not exist"),
        ('"gbt47678-2026"', '"gbt-1999"', "the edition 'gbt-1999' does not exist"),
        ('"990200"', '"990300"', "its divisions lack the city 990300"),
    ],
)
def test_a_profile_that_contradicts_its_files_is_refused(
    session: Session, folder: Path, before: str, after: str, message: str
) -> None:
    change(folder, before, after)
    with pytest.raises(InvalidProfile, match=message):
        load_city(session, read_profile(folder))


def test_the_classes_of_a_profile_replace_the_default_ones(session: Session, folder: Path) -> None:
    change(folder, "[files]", '[files]\nclasses = "classes.csv"')
    shutil.copyfile(_classes(folder), folder / "classes.csv")
    assert load_city(session, read_profile(folder)).catalogue.profile_classes == 2


def test_a_profile_names_schemas_and_the_share_that_may_be_missing(
    session: Session, folder: Path
) -> None:
    change(folder, "[files]", '[files]\nattribute_schemas = "schemas.json"')
    change(folder, "place_tolerance_m = 500", "place_tolerance_m = 500\nmax_missing_share = 0.05")
    (folder / "schemas.json").write_text(
        '{"every_class": {"properties": {"moon": {"type": "integer"}}}}', encoding="utf-8"
    )
    load_city(session, read_profile(folder))
    schema = find_class(session, "0137", edition_key="gbt30428-2013").attribute_schema
    assert schema is not None
    assert schema["properties"]["moon"] == {"type": "integer"}
    assert the_city(session).max_missing_share == 0.05
    (folder / "schemas.json").unlink()
    with pytest.raises(InvalidProfile, match=r"profile nowhere names .*schemas\.json"):
        load_city(session, read_profile(folder))


def _classes(folder: Path) -> Path:
    path = folder / "mine.csv"
    path.write_text(
        "edition,class_code\ngbt30428-2013,0137\ngbt47678-2026,01037\n", encoding="utf-8"
    )
    return path
