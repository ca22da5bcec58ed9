"""Files that ship with the program: migrations and city profiles.

In a wheel they lie inside the package (``_bundled``), in a checkout at the project's root.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = {"migrations": "migrations", "samples": "data/samples"}


def bundled(name: str) -> Path:
    """Return the folder ``migrations`` or ``samples``, from the wheel or the checkout."""
    in_wheel = _PACKAGE / "_bundled" / name
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / _IN_CHECKOUT[name]
