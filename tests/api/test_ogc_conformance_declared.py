"""A conformance class is declared only where a test has the name of one of its abstract tests."""

import ast
from pathlib import Path

import pytest

from gis_registry.api.ogc import CONFORMANCE_CLASSES
from gis_registry.maps import filters

MODULES = sorted(Path(__file__).parent.glob("test_ogc_conformance_*.py"))


def found_for(standard: str, name: str) -> list[str]:
    """Return the tests that have a name of a class, in modules that are of its standard."""
    found = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        standards = [
            ast.literal_eval(one.value)
            for one in tree.body
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "STANDARDS"
        ]
        if not any(standard in one for one in standards):
            continue
        for one in tree.body:
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                marks = " ".join(map(ast.unparse, one.decorator_list))
                if f"/conf/{name}/" in marks:
                    found.append(f"{path.name}::{one.name}")
    return found


# Those of CQL2 have their filters in tests/maps/test_filters.py, which asks for some of each.
@pytest.mark.parametrize(
    "declared", [one for one in CONFORMANCE_CLASSES if one not in filters.CONFORMANCE_CLASSES]
)
def test_a_class_that_is_declared_is_tested(declared: str) -> None:
    standard, name = declared.removeprefix("http://www.opengis.net/spec/").split("/conf/")
    assert found_for(standard, name), f"no test has a name of {declared}"


def test_a_class_that_is_not_tested_is_found_out() -> None:
    assert not found_for("ogcapi-tiles-1/1.0", "png")
    assert not found_for("ogcapi-tiles-2/1.0", "core")
