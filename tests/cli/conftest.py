"""Running commands: in this process where speed matters, and as the program that people run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from making import copy_of

from gis_registry.cli.main import main
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.settings import Settings

PROGRAM = [sys.executable, "-m", "gis_registry.cli.main"]


@dataclass(frozen=True)
class Outcome:
    """What a command answered."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer, where it is JSON."""
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The one line that a refused command says last."""
        return self.err.strip().splitlines()[-1]


Run = Callable[..., Outcome]


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a program that uses the database of a test."""
    assert settings.database_url is not None
    return {**os.environ, "GIS_REGISTRY_DATABASE_URL": settings.database_url.get_secret_value()}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Return a function that runs a command in this process, on the database of some settings."""
    monkeypatch.chdir(tmp_path)

    def run_command(settings: Settings | None, *arguments: object) -> Outcome:
        if settings is not None and settings.database_url is not None:
            url = settings.database_url.get_secret_value()
            monkeypatch.setenv("GIS_REGISTRY_DATABASE_URL", url)
        monkeypatch.setattr(sys, "argv", ["gis-registry", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            exit_code = 0
        except SystemExit as ended:
            exit_code = int(ended.code or 0)
        written = capsys.readouterr()
        return Outcome(exit_code, written.out, written.err)

    return run_command


def run_program(settings: Settings | None, *arguments: object, **variables: str) -> Outcome:
    """Run the program itself to its end."""
    base = environment(settings) if settings is not None else dict(os.environ)
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=base | variables,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def module_settings(
    server: EmbeddedServer, qingdao_template: str, request: pytest.FixtureRequest
) -> Iterator[Settings]:
    """Return settings of a database that the tests of a module share, with the default city."""
    name = request.module.__name__.rpartition(".")[2]
    with copy_of(server, qingdao_template, name) as settings:
        yield settings
