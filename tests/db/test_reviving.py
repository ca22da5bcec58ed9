"""A program that holds the embedded server outlives a crash of it, but not a stop."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.errors import DatabaseUnavailable
from gis_registry.settings import Settings


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a home of the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="gr-revive-"))
    try:
        yield folder
    finally:
        EmbeddedServer(folder).stop()
        shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _answer(database: Database) -> int | None:
    with database.session() as session:
        return session.scalar(text("SELECT 42"))


def _answer_after_a_crash(database: Database) -> int | None:
    """Ask again while connections to the killed server are still dying under the question."""
    for _ in range(20):
        with suppress(DatabaseUnavailable):
            return _answer(database)
    return _answer(database)


def test_a_server_that_crashed_is_started_again(home: Path) -> None:
    with Database(Settings(home=home)) as database:
        assert _answer(database) == 42
        pid = EmbeddedServer(home).status().pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert _answer_after_a_crash(database) == 42
        assert EmbeddedServer(home).status().pid != pid


def test_a_server_that_was_stopped_stays_so(home: Path) -> None:
    with Database(Settings(home=home)) as database:
        assert _answer(database) == 42
        EmbeddedServer(home).stop()
        with pytest.raises(DatabaseUnavailable, match="does not answer"):
            _answer(database)
        assert not EmbeddedServer(home).status().is_running
