"""Programs that are killed, interrupted, or load at the same time."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from delivered import LIGHT, frame, places, row_counts, stage
from running_cli import PROGRAM, environment, run_program
from sqlalchemy import Connection, func, select, text
from waiting import ending, wait_until

from gis_registry.components.tables import Component
from gis_registry.db.engine import Database
from gis_registry.settings import Settings

pytestmark = pytest.mark.slow

#: What a command waits for at a stage, and what it has said by then.
HOLDS = {
    "load, matching": (
        "load",
        "SELECT pg_advisory_xact_lock(hashtextextended('surveys', 0))",
        "Looking at the whole …",
    ),
    "load, storing": ("load", "LOCK TABLE survey_rows IN EXCLUSIVE MODE", "Storing …"),
    "apply, registering": ("apply", "LOCK TABLE components IN EXCLUSIVE MODE", "Registering …"),
}


@pytest.fixture
def lights(tmp_path: Path) -> Path:
    """Return a file of 300 lights."""
    frame(places(300)).to_file(tmp_path / "lights.gpkg")
    return tmp_path / "lights.gpkg"


@contextmanager
def _running(settings: Settings, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    started = subprocess.Popen(
        [*PROGRAM, "survey", *map(str, arguments)],
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ending(started) as program:
        yield program


def _wait_for(program: "subprocess.Popen[str]", sentence: str) -> None:
    assert program.stderr is not None
    for line in program.stderr:
        if line.strip() == sentence:
            return
    raise AssertionError(f"the program ended without saying {sentence!r}")


def _wait_until_it_waits(connection: Connection) -> None:
    """Return once another session waits for what this one holds."""
    waiting = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
    wait_until(lambda: connection.scalar(waiting), 60)


@pytest.mark.parametrize("held", HOLDS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_command_that_is_stopped_leaves_the_registry_as_it_was(
    own_settings: Settings, lights: Path, held: str, how: signal.Signals
) -> None:
    command, statement, said_by_then = HOLDS[held]
    arguments: list[object] = ["load", lights, "--class", LIGHT]
    with Database(own_settings) as database:
        if command == "apply":
            with database.session() as session:
                arguments = ["apply", stage(session, lights).survey]
        with database.session() as session:
            before = row_counts(session)
        with database.engine.connect() as holder:
            holder.execute(text(statement))
            with _running(own_settings, *arguments) as program:
                _wait_for(program, said_by_then)
                _wait_until_it_waits(holder)
                program.send_signal(how)
                _, said = program.communicate(timeout=60)
            holder.rollback()
        if how is signal.SIGINT:
            assert program.returncode == 130
            assert said.strip() == "Interrupted; what was not finished was undone."
        with database.session() as session:
            # Granted once the stopped program's transaction is gone from the server.
            session.execute(text("LOCK TABLE survey_rows, components IN ACCESS EXCLUSIVE MODE"))
            assert row_counts(session) == before
        again = run_program(own_settings, "survey", *arguments, "--json")
        assert again.exit_code == 0, again.err
        assert again.json["verdicts"] == {"new": 300}
        with database.session() as session:
            registered = session.scalar(select(func.count()).select_from(Component))
            assert registered == (300 if command == "apply" else 0)


def test_of_two_who_apply_the_same_lights_at_once_the_second_is_told(
    own_settings: Settings, lights: Path, tmp_path: Path
) -> None:
    other = tmp_path / "reversed.gpkg"
    frame(places(300)[::-1]).to_file(other)
    with Database(own_settings) as database:
        with database.session() as session:
            surveys = [stage(session, path).survey for path in (lights, other)]
        with (
            _running(own_settings, "apply", surveys[0]) as one,
            _running(own_settings, "apply", surveys[1]) as two,
        ):
            said = {
                survey: (program.communicate(timeout=100)[1], program.returncode)
                for survey, program in zip(surveys, (one, two), strict=True)
            }
        assert sorted(code for _, code in said.values()) == [0, 1]
        (second,) = [survey for survey, (_, code) in said.items() if code == 1]
        assert f"Match it again: gis-registry survey match {second}" in said[second][0]
        assert run_program(own_settings, "survey", "match", second).exit_code == 0
        assert run_program(own_settings, "survey", "apply", second).exit_code == 0
        with database.session() as session:
            codes = session.scalars(select(Component.code)).all()
            verdicts = session.execute(
                text(
                    "SELECT survey_id, verdict, count(*) FROM survey_rows GROUP BY 1, 2 ORDER BY 1"
                )
            ).all()
    assert len(set(codes)) == len(codes) == 300
    (first,) = set(surveys) - {second}
    # The same lights in another order have the others' names.
    assert {tuple(row)[:2] for row in verdicts} == {(first, "new"), (second, "changed")}
