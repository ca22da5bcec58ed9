"""Running commands in this process, where speed matters."""

import sys
from pathlib import Path

import pytest
from running_cli import Outcome, Run

from gis_registry.cli.main import main
from gis_registry.settings import Settings


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
