"""Databases for the tests: one real server, a template built by the migrations, copies of it.

Tests run in several processes at once; each of these has a server and databases of its own.

``session`` is a transaction on the template's copy that is rolled back after each test.
``own_database`` is a copy of its own for tests that must commit or run the program itself.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

for name in [name for name in os.environ if name.startswith("GIS_REGISTRY_")]:
    del os.environ[name]

_numbers = count(1)


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    """Leave no test's simulated clock to the next."""
    yield
    clock.simulate(None)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """Run a server of this process's own for the whole session."""
    home = Path(tempfile.mkdtemp(prefix="gr-test-"))
    embedded = EmbeddedServer(home)
    embedded.acquire()
    # Nothing in it has to survive a crash of the machine.
    _run(embedded, "ALTER SYSTEM SET fsync = off")
    # Who waits for a lock that nobody lets go fails, and says for which.
    _run(embedded, "ALTER SYSTEM SET lock_timeout = '60s'")
    _run(embedded, "SELECT pg_reload_conf()")
    try:
        yield embedded
    finally:
        embedded.release()
        data = (home / "postgres").resolve()
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


def _url(server: EmbeddedServer, database: str) -> SecretStr:
    return SecretStr(server.url(database))


def _run(server: EmbeddedServer, statement: str) -> None:
    engine = create_engine(make_url(server.url("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _template(server: EmbeddedServer, city: str) -> str:
    name = f"template_{city}"
    _run(server, f'CREATE DATABASE "{name}"')
    with open_registry(Settings(database_url=_url(server, name), city=city)):
        pass
    return name


@pytest.fixture(scope="session")
def qingdao_template(server: EmbeddedServer) -> str:
    """Return a database with the default city and no components."""
    return _template(server, "qingdao")


@pytest.fixture(scope="session")
def cambridge_template(server: EmbeddedServer) -> str:
    """Return a database with the city of Cambridge and no components."""
    return _template(server, "cambridge")


def _copy(server: EmbeddedServer, template: str) -> Iterator[Settings]:
    name = f"copy_{next(_numbers)}"
    _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield Settings(database_url=_url(server, name))
    finally:
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def own_settings(server: EmbeddedServer, qingdao_template: str) -> Iterator[Settings]:
    """Return settings of a database of the test's own, with the default city."""
    yield from _copy(server, qingdao_template)


@pytest.fixture
def cambridge_settings(server: EmbeddedServer, cambridge_template: str) -> Iterator[Settings]:
    """Return settings of a database of the test's own, with Cambridge."""
    yield from _copy(server, cambridge_template)


@pytest.fixture
def empty_settings(server: EmbeddedServer) -> Iterator[Settings]:
    """Return settings of an empty database of the test's own."""
    yield from _copy(server, "template1")


@pytest.fixture
def own_database(own_settings: Settings) -> Iterator[Database]:
    """Return a database of the test's own, with the default city."""
    with Database(own_settings) as database:
        yield database


@pytest.fixture(scope="session")
def shared_database(server: EmbeddedServer, qingdao_template: str) -> Iterator[Database]:
    """Return a database with the default city that no test changes for good."""
    for settings in _copy(server, qingdao_template):
        with Database(settings) as database:
            yield database


@pytest.fixture
def session(shared_database: Database) -> Iterator[Session]:
    """Open a transaction that is rolled back after the test."""
    with shared_database.engine.connect() as connection:
        transaction = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
