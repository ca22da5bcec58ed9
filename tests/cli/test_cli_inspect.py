"""``survey inspect`` answers people and scripts without a database."""

from pathlib import Path

import pytest
from delivered import frame, places
from running_cli import Run, run_program

from gis_registry.surveys.mapping import read_mapping


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    path = tmp_path / "lights.gpkg"
    codes = ["0137", "0137", "0101"]
    names = ["路灯", "路灯", "上水井盖"]
    frame(places(3), Code=codes, ObjName=names, DeptCode1=["QD-E-01"] * 3).to_file(path)
    return path


def test_a_file_is_shown_to_people(run: Run, delivery: Path) -> None:
    outcome = run(None, "survey", "inspect", delivery)
    assert outcome.exit_code == 0
    for words in ("3 Point", "EPSG:4490", "路灯 | 上水井盖", "gbt30428-2013", "columns.class_name"):
        assert words in outcome.out
    assert outcome.err == ""


def test_a_mapping_is_written_and_read_back(run: Run, delivery: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.toml"
    outcome = run(None, "survey", "inspect", delivery, "--mapping-out", out, "--json")
    assert outcome.exit_code == 0
    assert "read and correct it before you use it" in outcome.err
    mapping = read_mapping(out)
    assert mapping.class_.field == outcome.json["mapping"]["class"]["field"] == "Code"
    assert mapping.columns.supervisor_code == "DeptCode1"
    again = run(None, "survey", "inspect", delivery, "--mapping", out, "--json")
    assert again.json["rows"] == 3
    refused = run(None, "survey", "inspect", delivery, "--mapping-out", tmp_path / "no" / "m.toml")
    assert refused.exit_code == 1
    assert "cannot be written" in refused.sentence


def test_what_cannot_be_inspected_is_refused_in_a_sentence(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("a,b\n1,2\n")
    outcome = run(None, "survey", "inspect", table)
    assert outcome.exit_code == 1
    assert "has no coordinates" in outcome.sentence
    two = tmp_path / "two.gpkg"
    frame(places(1)).to_file(two, layer="lights")
    frame(places(1)).to_file(two, layer="bins")
    outcome = run(None, "survey", "inspect", two)
    assert outcome.exit_code == 0
    assert "choose one with --layer" in outcome.sentence
    assert run(None, "survey", "inspect", two, "--layer", "bins").exit_code == 0


def test_no_database_is_asked(delivery: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    outcome = run_program(
        None,
        *("survey", "inspect", delivery),
        GIS_REGISTRY_HOME=str(home),
        GIS_REGISTRY_DATABASE_URL="postgresql://nobody@127.0.0.1:9/none",
    )
    assert outcome.exit_code == 0, outcome.err
    assert not home.exists()
