"""Every command explains itself, and wrong usage is told from a refusal."""

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from running_cli import Run

from gis_registry import __version__
from gis_registry.cli.main import app

#: Commands that do something and answer nothing.
SILENT = {"serve", "worker", "db start", "db stop", "db psql", "db migrate", "report-card"}
GROUPS = {
    *("demo", "serve", "db", "catalogue", "places", "units", "survey", "component"),
    *("report", "case", "dispatch", "drone", "export", "layer", "map", "user", "settings"),
    *("webhook", "worker", "report-card"),
}


def _commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        here = f"{path} {name}".strip()
        if hasattr(command, "commands"):
            yield from _commands(command, here)
        else:
            yield here, command


ROOT: Any = typer.main.get_command(app)
COMMANDS = dict(_commands(ROOT))


def test_the_groups_are_those_that_scripts_rely_on() -> None:
    assert set(ROOT.commands) == GROUPS


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_explained(path: str) -> None:
    command = COMMANDS[path]
    assert command.help
    assert command.help.strip().splitlines()[0].endswith(".")
    for parameter in command.params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), f"{path}: {parameter.name}"


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in SILENT])
def test_every_command_that_answers_has_json(path: str) -> None:
    assert "--json" in {name for one in COMMANDS[path].params for name in one.opts}


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_help_is_no_error(run: Run, group: str) -> None:
    outcome = run(None, group, "--help")
    assert outcome.exit_code == 0
    assert "Usage: gis-registry" in outcome.out


def test_the_version(run: Run) -> None:
    assert run(None, "--version").out == f"{__version__}\n"


WRONG = [
    ("banana",),
    ("survey", "banana"),
    ("survey", "load"),
    ("survey", "load", "x.gpkg", "--banana"),
    ("survey", "load", "x.gpkg", "--class", "0137", "--class-field", "kind"),
    ("survey", "load", "x.gpkg", "--class", "0137", "--as-of", "2026-02-30"),
    ("survey", "load", "x.gpkg", "--class", "0137", "--accuracy-m", "near"),
    ("survey", "load", "x.gpkg", "--class", "0137", "--stage"),
    ("survey", "match"),
    ("survey", "rows", "1", "--verdict", "lost"),
    ("survey", "rows", "1", "--format", "xml"),
    ("survey", "rows", "1", "--format", "csv", "--json"),
    ("survey", "rows", "1", "--format", "geojson", "--json"),
    ("survey", "show", "0"),
    ("survey", "show", "one"),
    ("survey", "show", "99999999999999999999"),
    ("case", "show", "99999999999999999999"),
    ("case", "list", "--before", "99999999999999999999"),
    ("report", "show", "-1"),
    ("report", "submit", "--lon", "120", "--lat", "36"),
    ("report", "submit", "--lon", "120", "--lat", "36", "--matter", "0137", "--accuracy-m", "-5"),
    ("report", "submit", "--lon", "120", "--lat", "36", "--matter", "0137", "--at", "2020-01-01"),
    ("report", "submit", "--lon", "120", "--lat", "36", "--matter", "0137", "--datum", "nad27"),
    ("drone", "show", "99999999999999999999"),
    ("component", "nearest", "east", "36"),
    ("component", "nearest", "120"),
    ("component", "edit", "3702030137000001", "--reason", "x", "--set", "lamp"),
    ("component", "edit", "3702030137000001", "--reason", "x", "--position", "120.3"),
    ("user", "add", "somebody", "--role", "emperor"),
    ("demo", "--port", "0"),
    ("map",),
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_usage_exits_2_and_answers_nothing(run: Run, arguments: tuple[str, ...]) -> None:
    outcome = run(None, *arguments)
    assert outcome.exit_code == 2
    assert outcome.out == ""
    assert "gis-registry" in outcome.err or "Option" in outcome.err
