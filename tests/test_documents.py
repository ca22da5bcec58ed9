"""What the documents say is there, and what is there they say."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gis_registry import errors
from gis_registry.api.access import permissions_by_route
from gis_registry.api.app import create_app
from gis_registry.api.ogc import OPERATIONS
from gis_registry.api.ogc.operations import PREFIX
from gis_registry.cases.life_cycle import TRANSITIONS, Action, Need
from gis_registry.cases.tables import CaseEventKind, CaseState
from gis_registry.cli.main import app as command_line
from gis_registry.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
REFERENCE = PROJECT / "docs" / "reference"


def _errors(kind: type[errors.RegistryError]) -> Iterator[type[errors.RegistryError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _errors(one)


def _commands(command: Any, name: str = "") -> Iterator[str]:
    parts = getattr(command, "commands", None)
    if parts is None:
        yield name
        return
    for part, one in parts.items():
        yield from _commands(one, f"{name} {part}".strip())


def test_every_setting_is_documented() -> None:
    text = (REFERENCE / "settings.md").read_text()
    named = set(re.findall(r"`GIS_REGISTRY_(\w+)`", text))
    assert named == {name.upper() for name in Settings.model_fields}


def test_the_defaults_of_settings_are_those_of_the_program() -> None:
    rows = re.findall(
        r"^\| `GIS_REGISTRY_(\w+)` \| ([^|]+) \|", (REFERENCE / "settings.md").read_text(), re.M
    )
    for name, said in rows:
        default = Settings.model_fields[name.lower()].default
        if isinstance(default, bool):
            assert said == str(default).lower(), name
        elif isinstance(default, int | float):
            assert float(said) == default, name
        elif isinstance(default, str):
            assert said == f"`{default}`", name
        else:  # without a value, words say what holds then
            assert said.startswith(("none", "the ", "`photos/`", "`~/")), name


def test_every_error_code_is_documented_with_its_status() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (\d+) \|", (REFERENCE / "errors.md").read_text(), re.M)
    assert {code: int(status) for code, status in rows} == {
        one.code: one.status for one in _errors(errors.RegistryError)
    }


def test_every_command_is_documented() -> None:
    text = (REFERENCE / "commands.md").read_text()
    first_column = "\n".join(re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE))
    named = set(re.findall(r"`([a-z][a-z -]*)`", first_column))
    assert named == set(_commands(typer.main.get_command(command_line)))


def test_every_route_is_documented_with_its_permission() -> None:
    rows = re.findall(
        r"^\| `([A-Z]+) ([^`]+)` \| ([^|]+) \|", (REFERENCE / "http.md").read_text(), re.MULTILINE
    )
    routes = {
        (method, route.path): " or ".join(permissions) or "*public*"
        for route, permissions in permissions_by_route(create_app(Settings()).routes)
        for method in (getattr(route, "methods", None) or ())
        if method != "HEAD"
    }
    routes |= {(one.method, PREFIX + one.path): str(one.permission) for one in OPERATIONS}
    assert {(method, path): permission for method, path, permission in rows} == routes


def test_the_documents_name_each_decision_and_file_that_exists() -> None:
    for document in [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_every_kind_of_event_that_webhooks_tell_is_named() -> None:
    text = (PROJECT / "docs" / "integrator.md").read_text()
    listed = re.search(r"`type` is `case\.` and the event:\n(.*?); or", text, re.S)
    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == {str(one) for one in CaseEventKind}


def _drawn(diagram: str) -> Iterator[tuple[str, str, str]]:
    """Return what a diagram of states draws: from, to, by which action; ``open`` is each within."""
    block = re.search(r"state open \{(.*?)\}", diagram, re.S)
    assert block is not None
    within = set(re.findall(r"(\w+) -->", block[1])) | set(re.findall(r"--> (\w+)", block[1]))
    for before, after, action in re.findall(r"(\w+) --> (\w+): ([\w-]+)", diagram):
        for one in within if before == "open" else {before}:
            if after != "open":
                yield one, after, action
            else:
                yield from ((one, each, action) for each in within)


def test_the_life_of_a_case_is_drawn_and_told_as_it_is() -> None:
    text = (PROJECT / "docs" / "dispatcher.md").read_text()
    diagram = re.search(r"```mermaid\n(.*?)```", text, re.S)
    assert diagram is not None
    changing = {
        (before, one.after, one.action)
        for one in TRANSITIONS.values()
        for before in one.before
        if one.after is not None
    }
    suspended = TRANSITIONS[Action.SUSPEND].before
    resumed = {(CaseState.SUSPENDED, one, Action.RESUME) for one in suspended}
    assert set(_drawn(diagram[1])) == changing | resumed
    who = {"dispatcher": "dispatch", "inspector": "report", "unit": "handle"}
    rows = re.findall(r"^\| `([\w-]+)` ([^ |]+) \| ([a-z, ]+) \| [^|]* \| ([^|]*)\|", text, re.M)
    assert {
        (action, name, tuple(who[one] for one in may.split(", "))) for action, name, may, _ in rows
    } == {(one.action, one.name_zh, one.permissions) for one in TRANSITIONS.values()}
    words = {Need.LIMIT: "time", Need.PHOTOS: "photo"}
    for action, _, _, needs in rows:
        for need in TRANSITIONS[Action(action)].needs:
            assert words.get(need, need) in needs, action


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    block = re.search(
        r"## Two commands.*?```sh\n(.*?)```", (PROJECT / "README.md").read_text(), re.S
    )
    assert block is not None
    targets = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    assert targets == [["make", "demo"], ["make", "test"]]
    makefile = (PROJECT / "Makefile").read_text()
    assert re.search(r"^demo:.*\n\t.*gis-registry demo", makefile, re.MULTILINE)
    assert re.search(r"^test:.*\n\t.*pytest", makefile, re.MULTILINE)


@pytest.mark.slow
def test_the_first_walk_of_the_readme_works(
    own_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert own_settings.database_url is not None
    monkeypatch.setenv("GIS_REGISTRY_DATABASE_URL", own_settings.database_url.get_secret_value())
    monkeypatch.chdir(tmp_path)
    walk = re.findall(
        r"^\.venv/bin/gis-registry (.+)$", (PROJECT / "README.md").read_text(), re.MULTILINE
    )
    assert len(walk) == 3
    for line in ["demo --no-serve", *walk]:
        command_line(shlex.split(line), standalone_mode=False)
    printed = capsys.readouterr().out
    assert "路灯 street light" in printed
    assert "outcome" in printed
    assert (tmp_path / "out.html").is_file()
