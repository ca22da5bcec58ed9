"""Colours of classes."""

import re

from gis_registry.maps.palette import class_colour, major_colour


def parts(colour: str) -> tuple[int, int, int]:
    found = re.fullmatch(r"hsl\((\d+),(\d+)%,(\d+)%\)", colour)
    assert found is not None
    hue, saturation, lightness = found.groups()
    return int(hue), int(saturation), int(lightness)


def test_a_major_class_has_a_hue_and_a_class_a_shade_of_it() -> None:
    shades = [parts(class_colour("01", rank, 42)) for rank in range(42)]
    assert {hue for hue, _, _ in shades} == {parts(major_colour("01"))[0]}
    lightness = [one for _, _, one in shades]
    assert lightness == sorted(lightness)
    assert lightness[0] < parts(major_colour("01"))[2] < lightness[-1]


def test_major_classes_differ_and_none_is_the_red_of_cases() -> None:
    hues = [parts(major_colour(f"{number:02}"))[0] for number in range(1, 9)]
    assert len(set(hues)) == 8
    assert all(20 < hue < 340 for hue in hues)


def test_the_only_class_of_a_major_class_has_a_colour() -> None:
    assert parts(class_colour("09", 0, 1))
