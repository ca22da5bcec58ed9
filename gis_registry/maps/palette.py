"""Colours of component classes: a hue for each major class, a shade for each class within it."""

_HUES = (212, 30, 276, 142, 190, 320, 52, 245)
"""Degrees on the colour wheel. Red is missing: on the map it means an open case."""

_SATURATION = 68
_DARKEST, _LIGHTEST = 28, 60


def major_colour(major_code: str) -> str:
    """Return the CSS colour that stands for a major class as a whole."""
    return _colour(major_code, 0.5)


def class_colour(major_code: str, rank: int, count: int) -> str:
    """Return the CSS colour of a class: the n-th from 0 of so many in its major class."""
    return _colour(major_code, rank / max(1, count - 1))


def _colour(major_code: str, share: float) -> str:
    hue = _HUES[(int(major_code) - 1) % len(_HUES)]
    lightness = _DARKEST + (_LIGHTEST - _DARKEST) * share
    return f"hsl({hue},{_SATURATION}%,{lightness:.0f}%)"
