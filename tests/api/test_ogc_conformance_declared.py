"""A conformance class is declared only where a test has the name of one of its abstract tests."""

import ast
from pathlib import Path

import pytest

from gis_registry.api.ogc import CONFORMANCE_CLASSES
from gis_registry.maps import filters

HERE = Path(__file__).parent
MODULES = (*HERE.glob("test_ogc_conformance_*.py"), HERE / "test_ogc_editing.py")
#: What the tests of a module are of that does not say so itself.
PART_4 = ("ogcapi-features-4/1.0",)


def found_for(standard: str, name: str) -> list[str]:
    """Return the tests of a class: they have it in a mark or in words, or are called after it."""
    found = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        standards = [
            ast.literal_eval(one.value)
            for one in tree.body
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "STANDARDS"
        ]
        if standard not in (standards[0] if standards else PART_4):
            continue
        for one in tree.body:
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                said = [*map(ast.unparse, one.decorator_list), ast.get_docstring(one) or ""]
                is_called = one.name.startswith(f"test_conf_{name.replace('-', '_')}")
                if is_called or f"/conf/{name}/" in " ".join(said):
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
