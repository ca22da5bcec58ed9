"""Colours of component classes: a hue for each major class, a shade for each class within it."""

_HUES = (212, 30, 276, 142, 190, 320, 52, 245)
"""Degrees on the colour wheel. Red is missing: on the map it means an open case."""

_SATURATION = 68
_DARKEST, _LIGHTEST = 28, 60


def major_colour(index: int) -> str:
    """Return the CSS colour that stands for the n-th major class as a whole."""
    return _colour(index, (_DARKEST + _LIGHTEST) / 2)


def class_colours(index: int, count: int) -> list[str]:
    """Return the CSS colours of the classes of the n-th major class, from dark to light."""
    steps = max(1, count - 1)
    return [
        _colour(index, _DARKEST + (_LIGHTEST - _DARKEST) * step / steps) for step in range(count)
    ]


def _colour(index: int, lightness: float) -> str:
    return f"hsl({_HUES[index % len(_HUES)]},{_SATURATION}%,{lightness:.0f}%)"
