"""Programs that are killed, interrupted, or load at the same time."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from delivered import LIGHT, frame, load, places, row_counts
from running_cli import PROGRAM, environment
from sqlalchemy import Connection, select, text

from gis_registry.components.tables import Component
from gis_registry.db.engine import Database
from gis_registry.settings import Settings

pytestmark = pytest.mark.slow

#: What a load waits for at a stage, and what it has said by then.
HOLD_MATCHING = (
    "SELECT pg_advisory_xact_lock(hashtextextended('surveys', 0))",
    "Matching …",
)
HOLD_REGISTERING = ("LOCK TABLE components IN EXCLUSIVE MODE", "Registering …")


@pytest.fixture
def lights(tmp_path: Path) -> Path:
    """Return a file of 300 lights."""
    frame(places(300)).to_file(tmp_path / "lights.gpkg")
    return tmp_path / "lights.gpkg"


@contextmanager
def _loading(settings: Settings, path: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [*PROGRAM, "survey", "load", str(path), "--class", LIGHT]
    with subprocess.Popen(
        command,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def _wait_for(program: "subprocess.Popen[str]", sentence: str) -> None:
    assert program.stderr is not None
    for line in program.stderr:
        if line.strip() == sentence:
            return
    raise AssertionError(f"the program ended without saying {sentence!r}")


def _wait_until_it_waits(connection: Connection) -> None:
    """Return once another session waits for what this one holds."""
    while not connection.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")):
        pass


@pytest.mark.parametrize("held", [HOLD_MATCHING, HOLD_REGISTERING], ids=["matching", "registering"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_load_that_is_stopped_leaves_the_registry_as_it_was(
    own_settings: Settings, lights: Path, held: tuple[str, str], how: signal.Signals
) -> None:
    statement, stage = held
    with Database(own_settings) as database:
        with database.session() as session:
            before = row_counts(session)
        with database.engine.connect() as holder:
            holder.execute(text(statement))
            with _loading(own_settings, lights) as program:
                _wait_for(program, stage)
                _wait_until_it_waits(holder)
                program.send_signal(how)
                _, said = program.communicate(timeout=60)
            holder.rollback()
        if how is signal.SIGINT:
            assert program.returncode == 130
            assert said.strip() == "Interrupted; what was not finished was undone."
        with database.session() as session:
            # Granted once the stopped program's transaction is gone from the server.
            session.execute(text("LOCK TABLE survey_rows IN ACCESS EXCLUSIVE MODE"))
            assert row_counts(session) == before
        with database.session() as session:
            assert load(session, lights).verdicts == {"new": 300}


def test_two_loads_at_the_same_time_register_each_light_once(
    own_settings: Settings, lights: Path, tmp_path: Path
) -> None:
    other = tmp_path / "reversed.gpkg"
    frame(places(300)[::-1]).to_file(other)
    with (
        Database(own_settings) as database,
        _loading(own_settings, lights) as one,
        _loading(own_settings, other) as two,
    ):
        for program in (one, two):
            _, said = program.communicate(timeout=100)
            assert program.returncode == 0, said
        with database.session() as session:
            codes = session.scalars(select(Component.code)).all()
            verdicts = session.execute(
                text("SELECT verdict, count(*), count(DISTINCT code) FROM survey_rows GROUP BY 1")
            ).all()
    assert len(set(codes)) == len(codes) == 300
    assert {tuple(row) for row in verdicts} == {("new", 300, 300), ("unchanged", 300, 300)}
