"""The notebooks run from start to end, and what they show is so.

Each runs in a kernel of its own, with the Python of the tests, in a registry of its own.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode
from project import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def run(path: Path) -> dict[str, str]:
    """Run a notebook; return what each of its cells shows as text, by the cell's name."""
    notebook = read(path)
    where = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, resources=where, timeout=120).execute()
    return {
        cell.id: "".join(shown(one) for one in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def shown(output: NotebookNode) -> str:
    if output.output_type == "stream":
        return str(output.text)
    return str(output.data.get("text/html", output.data["text/plain"]))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_saved_without_outputs(path: Path) -> None:
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def test_a_survey_from_delivery_to_export() -> None:
    shows = run(PROJECT / "notebooks" / "survey.ipynb")
    assert "gb18030: nothing says it" in shows["inspect"]
    assert '"备注" = "note"' in shows["proposal"]
    assert "invalid-position" in shows["stage"]
    assert "staged" in shows["stage"]
    for verdict in ("unchanged", "moved", "changed", "new", "missing", "ambiguous", "refused"):
        assert f"<td>{verdict}</td>" in shows["rows"]
    assert shows["charts"].startswith("<Figure")
    assert "srcdoc=" in shows["map"]
    assert "新装路灯" in shows["far"]
    assert {*re.findall("rejected|accepted", shows["decide"])} == {"rejected", "accepted"}
    assert shows["apply"].startswith("applied, ")
    assert re.findall("registered|moved", shows["history"]) == ["registered", "moved"]
    exported, unchanged = re.findall(r"\d+", shows["export"])
    assert exported == unchanged
    assert "is_as_before=True" in shows["revert"]
    assert "reverted" in shows["surveys"]
