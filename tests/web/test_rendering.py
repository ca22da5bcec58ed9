"""What templates do with texts: one language of two, code, and markup that stays text."""

import pytest

from gis_registry.maps import collections
from gis_registry.maps.collections import Property
from gis_registry.maps.queryables import PropertyType
from gis_registry.web.rendering import (
    clock_time,
    for_reader,
    is_address,
    is_moment,
    name_of,
    text_in,
    title_in,
    with_code,
)

STANDS = collections.components()


@pytest.mark.parametrize(
    ("text", "zh", "en"),
    [
        ("甲。 One.", "甲。", "One."),
        ("甲；乙。丙。 One; two. `Three`.", "甲；乙。丙。", "One; two. `Three`."),
        ("小类0101（井盖）。 Class 0101 (井盖).", "小类0101（井盖）。", "Class 0101 (井盖)."),
        ("甲到乙 From one to two.", "甲到乙", "From one to two."),
        ("只有中文。", "只有中文。", "只有中文。"),
        ("用QGIS看。见 README。", "用QGIS看。见 README。", "用QGIS看。见 README。"),
        ("来源 OpenStreetMap", "来源 OpenStreetMap", "来源 OpenStreetMap"),
        (
            "Only English. Nothing else.",
            "Only English. Nothing else.",
            "Only English. Nothing else.",
        ),
        ("", "", ""),
    ],
)
def test_a_text_in_two_languages_is_shown_in_one(text: str, zh: str, en: str) -> None:
    assert (text_in(text, "zh"), text_in(text, "en")) == (zh, en)


def test_descriptions_of_our_own_are_shown_in_one_language() -> None:
    for one in (STANDS, collections.divisions(), collections.grid_cells()):
        zh, en = text_in(one.description, "zh"), text_in(one.description, "en")
        assert f"{zh} {en}" == one.description
        assert en.isascii()


def test_a_title_in_two_languages_is_shown_in_one() -> None:
    both = "公用设施 Public utilities"
    assert (title_in(both, "zh"), title_in(both, "en")) == ("公用设施", "Public utilities")
    assert title_in("水务", "en") == "水务"


def test_code_is_set_apart_and_markup_stays_text() -> None:
    assert with_code("with `a<b` <i>") == "with <code>a&lt;b</code> &lt;i&gt;"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("2026-11-23T23:59:31.144211+00:00", "2026-11-24 07:59"),
        ("2026-11-30T16:00:00Z", "2026-12-01"),
        ("2026-11-23T08:15:00", "2026-11-23 08:15"),
        ("2026-11-23T00:00:00", "2026-11-23"),
        ("9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59+00:00"),
    ],
)
def test_times_are_those_of_the_clock_of_the_city(said: str, shown: str) -> None:
    assert is_moment(said)
    assert clock_time(said, "Asia/Shanghai") == shown


@pytest.mark.parametrize("said", ["", "2026-11-23", "2026-02-31T00:00:00Z", "2026-11-23T99:00 x"])
def test_other_texts_are_no_times(said: str) -> None:
    assert not is_moment(said)


@pytest.mark.parametrize(
    ("said", "is_one"),
    [
        ("https://example.org/a?b=1&c", True),
        ("http://h", True),
        ("javascript:alert(1)", False),
        ("see https://example.org", False),
        ("https://example.org and more", False),
        ("https://", False),
    ],
)
def test_addresses_on_the_web_are_told_from_other_texts(said: str, is_one: bool) -> None:
    assert is_address(said) is is_one


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"code": "1", "NAME": "Fiji"}, "Fiji"),
        ({"道路名称": "延安路", "名称": "积水点"}, "积水点"),
        ({"name_en": "Yanan", "name_zh": "延安"}, "延安"),
        ({"name": None, "道路名称": "延安路"}, "延安路"),
        ({"code": "1", "renamed_on": "2026-01-01"}, None),
    ],
)
def test_a_feature_is_called_what_it_says(properties: dict[str, object], name: str | None) -> None:
    assert name_of(properties, "zh") == name


def test_of_twins_the_reader_is_shown_the_own_one() -> None:
    columns = [
        Property(name, PropertyType.STRING, name, name, name)
        for name in ("code", "class_zh", "class_en", "note_en")
    ]
    assert [one.name for one in for_reader(columns, "zh")] == ["code", "class_zh", "note_en"]
    assert [one.name for one in for_reader(columns, "en")] == ["code", "class_en", "note_en"]
