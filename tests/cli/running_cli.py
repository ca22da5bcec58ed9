"""Commands and what they answered, and running the program itself."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
