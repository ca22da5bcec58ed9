"""Searching collections by words, place and time, in the order in which words hit."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gis_registry.errors import InvalidInput
from gis_registry.maps import collections
from gis_registry.maps.collection_search import Search, search
from gis_registry.maps.collections import About, Collection
from gis_registry.maps.questions import interval_of

CITY = (119.5, 35.5, 121.0, 37.1)
YEAR_2024 = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC))


def layer(name: str, zh: str, en: str, **about: object) -> Collection:
    return replace(
        collections.grid_cells(),
        name=name,
        title_zh=zh,
        title_en=en,
        description="",
        about=About(**about),  # type: ignore[arg-type]
    )


PUBLISHED = [
    layer("wells", "水井", "Wells", source="measured beside the drainage network"),
    layer("pipes", "管网", "Pipes", keywords=("排水", "drainage"), department="水务局"),
    layer("drainage", "排水分区", "Drainage zones", field="水务", interval=YEAR_2024),
    layer("bays", "海湾", "Bays", box=(122.0, 36.0, 123.0, 37.0)),
]


def found(**asked: object) -> list[str]:
    given = Search(**asked)  # type: ignore[arg-type]
    return [one.name for one in search(PUBLISHED, given, city_box=CITY)]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("", ["wells", "pipes", "drainage", "bays"]),
        (" , ", ["wells", "pipes", "drainage", "bays"]),
        ("drainage", ["drainage", "pipes", "wells"]),
        ("DRAINAGE Zones", ["drainage"]),
        ("排水", ["drainage", "pipes"]),
        ("水务", ["pipes", "drainage"]),
        ("bays,wells", ["wells", "bays"]),
        ("drainage bays", []),
    ],
)
def test_words_find_what_they_hit_nearest_to_the_name_first(words: str, names: list[str]) -> None:
    assert found(words=words) == names


def test_a_box_finds_what_says_where_it_is_and_else_what_is_in_the_city() -> None:
    assert found(box=(121.5, 30, 125, 40)) == ["bays"]
    assert found(box=(119, 36, 120, 36.5)) == ["wells", "pipes", "drainage"]
    assert found(box=(122.5, 36, -170, 37)) == ["bays"]
    assert found(box=(-170, 36, -160, 37)) == []


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [("2024-06-01", True), ("2025-01-01/..", False), ("../2023-12-31", False)],
)
def test_a_time_finds_what_is_of_it_or_says_none(asked: str, is_found: bool) -> None:
    assert ("drainage" in found(interval=interval_of(asked))) is is_found
    assert "pipes" in found(interval=interval_of(asked))


@pytest.mark.parametrize(
    "said",
    ["", "..", "../..", "a/b/c", "2024-13-01", "2024-01-01T00:00:00", "2025-01-01/2024-01-01"],
)
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(InvalidInput):
        interval_of(said)
