"""The classes of the shipped editions without a database: for looking at a file's codes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gis_registry.tabular import read_csv

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class ShippedEdition:
    """An edition's key, how long its class codes are, and its Chinese names by code."""

    key: str
    class_digits: int
    names: dict[str, str]


@cache
def shipped_editions() -> tuple[ShippedEdition, ...]:
    """Return the editions, the oldest first."""
    digits = {
        row.required("key"): int(row.number("class_digits"))
        for row in read_csv(_DATA / "editions.csv", {"key", "class_digits"})
    }
    names: dict[str, dict[str, str]] = {key: {} for key in digits}
    for row in read_csv(_DATA / "component_classes.csv", {"edition", "code", "name_zh"}):
        names[row.required("edition")][row.required("code")] = row.required("name_zh")
    return tuple(ShippedEdition(key, digits[key], names[key]) for key in digits)
