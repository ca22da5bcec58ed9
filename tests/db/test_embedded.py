"""The embedded server, run for real: first use, many programs, crashes, unusual homes."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text
from waiting import ending, wait_until

from gis_registry.db.account import ServerAccount
from gis_registry.db.cluster import server_settings, socket_dir_for
from gis_registry.db.embedded import EmbeddedServer, StopOutcome
from gis_registry.db.programs import find_server_programs
from gis_registry.errors import DatabaseUnavailable, ServerProgramsMissing

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another")
PROGRAM = """
import os, sys
from pathlib import Path
from gis_registry.db.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), clusters=Path(sys.argv[2]))
"""
HOLDER = (
    # What runs in the background of a shell ignores interrupts, and so would this.
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    + PROGRAM
    + "server.acquire(); print('held', flush=True); input(); server.release()"
)

# Forked before any of them begins, so that they begin together.
TEN_PROGRAMS = (
    PROGRAM
    + """
begin, begin_writing = os.pipe()
held, held_writing = os.pipe()
end, end_writing = os.pipe()
for _ in range(10):
    if os.fork() == 0:
        os.close(begin_writing)
        os.close(end_writing)
        os.read(begin, 1)
        server.acquire()
        os.write(held_writing, b"h")
        os.read(end, 1)
        server.release()
        os._exit(0)
os.close(begin_writing)
for _ in range(10):
    assert os.read(held, 1) == b"h"
print(server.status().is_running)
os.close(end_writing)
print([os.wait()[1] for _ in range(10)])
print(server.status().is_running)
"""
)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that every account can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for link in folder.rglob("postgres"):
            if (link / "PG_VERSION").exists():
                EmbeddedServer(link.parent).stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def made_home() -> Iterator[Path]:
    """A home whose cluster is made once for all tests; stopped."""
    with open_folder() as folder:
        with EmbeddedServer(folder / "home"):
            pass
        yield folder / "home"


@pytest.fixture
def home(made_home: Path) -> Iterator[Path]:
    """The made home; a test leaves it stopped."""
    yield made_home
    assert EmbeddedServer(made_home).stop() is StopOutcome.WAS_NOT_RUNNING, "left running"


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that every account can enter."""
    with open_folder() as path:
        yield path


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


@contextmanager
def run_program(code: str, home: Path, **options: object) -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(  # type: ignore[call-overload]
        [sys.executable, "-c", code, str(home), str(home.parent / "clusters")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )
    with ending(started) as process:
        yield process


@contextmanager
def holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run another program that holds the server until it is told to end or killed."""
    with run_program(HOLDER, home, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process


def test_first_use_makes_the_database_and_the_last_one_stops_it(folder: Path) -> None:
    server = EmbeddedServer(folder / "home")

    url = server.acquire()

    extensions = {str(name) for (name,) in query(url, "SELECT extname FROM pg_extension")}
    assert extensions >= {"postgis", "pgrouting", "btree_gist", "pg_trgm"}
    assert query(url, "SELECT datname FROM pg_database WHERE datname LIKE 'gis%'") == [
        ("gis_registry",)
    ]
    wanted = {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
        "max_connections": "200",
        "work_mem": "32MB",
        "max_wal_size": "4GB",
        "TimeZone": "UTC",
        "server_encoding": "UTF8",
    }
    for name, value in wanted.items():
        assert query(url, f"SHOW {name}") == [(value,)], name
    status = server.status()
    assert status.is_running
    assert not status.is_pinned
    assert status.url == url
    assert status.version is not None
    assert status.socket_dir.stat().st_mode & 0o777 == 0o700

    server.release()

    assert not server.status().is_running
    assert server.status().pid is None
    assert not (folder / "home" / "postgres" / "postmaster.pid").exists()


def test_what_was_written_is_there_at_the_next_use_which_is_quick(home: Path) -> None:
    with EmbeddedServer(home) as url:
        query(url, "CREATE TABLE kept AS SELECT 7 AS number")
    began_at = time.monotonic()

    with EmbeddedServer(home) as url:
        assert time.monotonic() - began_at < 5
        assert query(url, "SELECT number FROM kept") == [(7,)]
        query(url, "DROP TABLE kept")


def test_each_acquire_wants_its_release(home: Path) -> None:
    server = EmbeddedServer(home)
    server.acquire()
    server.acquire()

    server.release()
    assert server.status().is_running
    server.release()

    assert not server.status().is_running
    server.release()  # one too many is harmless


def test_ten_programs_at_once_share_one_server(folder: Path) -> None:
    with run_program(TEN_PROGRAMS, folder / "home") as process:
        output, errors = process.communicate(timeout=60)

    assert errors == ""
    assert output.splitlines() == ["True", str([0] * 10), "False"]
    assert (folder / "home" / "postgres.log").read_text().count("starting PostgreSQL") == 1


def test_server_outlives_a_killed_program_and_the_next_one_stops_it(home: Path) -> None:
    server = EmbeddedServer(home)
    with holder(home) as process:
        process.kill()
    pid = server.status().pid
    assert pid is not None

    with server:
        assert server.status().pid == pid

    assert not server.status().is_running


def test_an_interrupt_at_the_terminal_does_not_stop_the_server(home: Path) -> None:
    with holder(home) as process:
        for _ in range(10):  # one that comes just before it waits for input is not heard
            os.killpg(process.pid, signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=3)
                break
        assert process.poll() is not None
    assert EmbeddedServer(home).status().is_running

    assert EmbeddedServer(home).stop() is StopOutcome.STOPPED


def test_a_killed_server_is_started_again_with_what_was_committed(home: Path) -> None:
    server = EmbeddedServer(home)
    url = make_url(server.acquire())
    pid = server.status().pid
    assert pid is not None
    with closing(psycopg.connect(user=url.username, dbname=url.database, **url.query)) as busy:
        busy.execute("CREATE TABLE kept AS SELECT 7 AS number")
        busy.commit()
        # A process that computes does not notice at once that its server is gone.
        busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 5000000)")
        os.kill(pid, signal.SIGKILL)

        again = server.acquire()

    assert server.status().pid != pid
    assert query(again, "SELECT number FROM kept") == [(7,)]
    query(again, "DROP TABLE kept")
    server.release()
    server.release()


def test_a_stale_process_number_that_is_in_use_again_does_not_matter(home: Path) -> None:
    data_dir = home / "postgres"
    lines = [os.getpid(), data_dir, 1, 5432, data_dir, "", "1 1", "ready   ", ""]
    (data_dir / "postmaster.pid").write_text("\n".join(map(str, lines)))

    with EmbeddedServer(home) as url:
        assert query(url, "SELECT 1") == [(1,)]


def test_a_pinned_server_runs_until_it_is_stopped(home: Path) -> None:
    server = EmbeddedServer(home)

    server.start()
    server.start()
    with EmbeddedServer(home):
        pass

    assert server.status().is_running
    assert server.status().is_pinned
    assert server.stop() is StopOutcome.STOPPED
    assert not server.status().is_pinned
    assert server.stop() is StopOutcome.WAS_NOT_RUNNING


def test_stop_says_that_others_use_the_server(home: Path) -> None:
    with holder(home) as process:
        assert EmbeddedServer(home).stop() is StopOutcome.STOPPED_WHILE_IN_USE
        _, errors = process.communicate("\n", timeout=30)
        assert (process.returncode, errors) == (0, "")


def test_a_forked_child_does_not_keep_the_server(home: Path) -> None:
    code = PROGRAM + (
        "server.acquire()\n"
        "reading, writing = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.close(writing); os.read(reading, 1); server.release(); os._exit(0)\n"
        "server.release()\n"
        "print(server.status().is_running)\n"
        "os.close(writing); print(os.wait()[1])\n"
    )
    with run_program(code, home) as process:
        assert process.communicate(timeout=60) == ("False\n0\n", "")


def test_status_of_an_unused_home_makes_nothing(tmp_path: Path) -> None:
    status = EmbeddedServer(tmp_path / "home").status()

    assert (status.is_running, status.is_pinned, status.version) == (False, False, None)
    assert EmbeddedServer(tmp_path / "home").stop() is StopOutcome.WAS_NOT_RUNNING
    assert not (tmp_path / "home").exists()


def test_a_program_killed_while_it_makes_the_cluster_leaves_nothing_half_made(
    folder: Path,
) -> None:
    home = folder / "home"
    with run_program(HOLDER, home) as process:
        wait_until(lambda: (home / "postgres.new" / "base").is_dir())
        process.kill()
    assert not (home / "postgres").exists()

    with EmbeddedServer(home) as url:
        assert query(url, "SELECT postgis_version() IS NOT NULL") == [(True,)]
    assert not (home / "postgres.new").exists()


def test_a_program_killed_while_it_makes_the_database_leaves_nothing_half_made(
    folder: Path,
) -> None:
    home = folder / "home"
    with run_program(HOLDER, home) as process:
        wait_until(lambda: EmbeddedServer(home).status().is_running)
        process.kill()

    with EmbeddedServer(home) as url:
        assert query(url, "SELECT postgis_version() IS NOT NULL") == [(True,)]
        names = query(url, "SELECT datname FROM pg_database WHERE datname LIKE 'gis%'")
        assert names == [("gis_registry",)]


def test_an_unfinished_database_is_made_anew(home: Path) -> None:
    with EmbeddedServer(home):
        postgres = EmbeddedServer(home).url("postgres")
        engine = create_engine(postgres, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(
                text("ALTER DATABASE gis_registry RENAME TO gis_registry_unfinished")
            )
    with EmbeddedServer(home) as url:
        assert query(url, "SELECT pgr_version() IS NOT NULL") == [(True,)]


@AS_ROOT
def test_a_home_closed_to_the_account_gets_its_cluster_elsewhere(folder: Path) -> None:
    clusters = folder / "lib" / "clusters"
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedServer(closed / "home", clusters=clusters)

    with server as url:
        query(url, "CREATE TABLE kept AS SELECT 7 AS number")
    with server as url:
        assert query(url, "SELECT number FROM kept") == [(7,)]

    link = closed / "home" / "postgres"
    assert link.is_symlink()
    assert link.resolve().parent == clusters
    assert link.resolve().stat().st_uid != 0
    assert closed.stat().st_mode & 0o777 == 0o700

    shutil.rmtree(closed / "home")
    with server as url:
        assert query(url, "SELECT to_regclass('kept')") == [(None,)]
    assert len(list(clusters.iterdir())) == 2

    shutil.rmtree(link.resolve())
    with pytest.raises(DatabaseUnavailable, match="where there is no database"):
        server.acquire()


@pytest.fixture(params=["x" * 120, "部件 a,b 100% it's"])
def moved_home(home: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The made home under an unusual name: a stopped home may be moved."""
    moved = home.with_name(request.param)
    home.rename(moved)
    yield moved
    moved.rename(home)


def test_a_home_with_an_unusual_path(moved_home: Path) -> None:
    server = EmbeddedServer(moved_home)

    with server as url:
        status = server.status()
        assert query(url, "SELECT 1") == [(1,)]
        assert len(os.fsencode(status.socket_dir)) < 90
        assert status.socket_dir.stat().st_mode & 0o777 == 0o700
        assert status.socket_dir.stat().st_uid == status.data_dir.stat().st_uid

    assert not status.socket_dir.exists()


def test_a_short_socket_folder_that_somebody_else_made_is_refused(moved_home: Path) -> None:
    data_dir = moved_home / "postgres"
    socket_dir = socket_dir_for(data_dir, ServerAccount.choose(data_dir))
    socket_dir.mkdir(mode=0o755)
    try:
        with pytest.raises(DatabaseUnavailable, match="not a private folder"):
            EmbeddedServer(moved_home).acquire()
    finally:
        socket_dir.rmdir()


def test_a_server_that_does_not_start_says_why_and_where_its_log_is(home: Path) -> None:
    configuration = home / "postgres" / "postgresql.conf"
    before = configuration.read_text()
    configuration.write_text(before + "shared_buffers = 'plenty'\n")
    try:
        with pytest.raises(DatabaseUnavailable, match=r"FATAL: .*postgres\.log") as caught:
            EmbeddedServer(home).acquire()
    finally:
        configuration.write_text(before)
    assert str(home) in str(caught.value)


def test_a_disk_that_is_full_while_the_cluster_is_made_is_explained(folder: Path) -> None:
    code = PROGRAM + (
        "import resource\n"
        "from gis_registry.errors import DatabaseUnavailable\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))\n"
        "try:\n"
        "    server.acquire()\n"
        "except DatabaseUnavailable as error:\n"
        "    print(error)\n"
    )
    with run_program(code, folder / "home") as process:
        output, errors = process.communicate(timeout=60)

    assert errors == ""
    assert "could not be made" in output
    assert str(folder / "home" / "postgres.log") in output
    assert not (folder / "home" / "postgres").exists()


def test_a_folder_in_the_way_is_left_alone(folder: Path) -> None:
    precious = folder / "postgres" / "precious.txt"
    precious.parent.mkdir()
    precious.touch()

    with pytest.raises(DatabaseUnavailable, match="in the way"):
        EmbeddedServer(folder).acquire()

    assert precious.exists()


def test_missing_programs_are_named_and_nothing_is_made(tmp_path: Path) -> None:
    def nowhere(major_version: int | None) -> object:
        return find_server_programs(
            major_version, search_path=str(tmp_path), installations=[f"{tmp_path}/*"]
        )

    server = EmbeddedServer(tmp_path / "home", find_programs=nowhere)  # type: ignore[arg-type]
    with pytest.raises(ServerProgramsMissing, match=r"is not installed: .*postgis.*pgrouting"):
        server.acquire()

    assert not (tmp_path / "home" / "postgres").exists()
    assert not server.status().is_running


def make_installation(root: Path, major_version: int, *extensions: str) -> None:
    """Lay out an installation as Debian does, without ``pg_config``."""
    bin_dir = root / "lib" / "postgresql" / str(major_version) / "bin"
    share_dir = root / "share" / "postgresql" / str(major_version) / "extension"
    bin_dir.mkdir(parents=True)
    share_dir.mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl"):
        (bin_dir / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {major_version}.4'\n")
        (bin_dir / name).chmod(0o755)
    for name in extensions:
        (share_dir / f"{name}.control").touch()


@pytest.fixture
def find_in(tmp_path: Path) -> Callable[[int | None], Path]:
    def find(major_version: int | None = None) -> Path:
        return find_server_programs(
            major_version,
            search_path=str(tmp_path / "empty"),
            installations=[f"{tmp_path}/lib/postgresql/*/bin"],
        ).bin_dir

    return find


def test_the_newest_complete_installation_is_taken(
    tmp_path: Path, find_in: Callable[..., Path]
) -> None:
    make_installation(tmp_path, 9, "postgis", "pgrouting")
    make_installation(tmp_path, 15, "postgis", "pgrouting")
    make_installation(tmp_path, 16, "postgis", "pgrouting")
    make_installation(tmp_path, 17, "postgis")

    assert find_in().parent.name == "16"
    assert find_in(15).parent.name == "15"


@pytest.mark.skipif(sys.platform == "darwin", reason="names Debian's packages")
def test_what_is_missing_is_named_with_its_packages(
    tmp_path: Path, find_in: Callable[..., Path]
) -> None:
    make_installation(tmp_path, 14, "postgis", "pgrouting")
    with pytest.raises(ServerProgramsMissing, match="PostgreSQL 14 is too old, 15 or later"):
        find_in()

    make_installation(tmp_path, 15, "pgrouting")
    packages = "postgresql-15-postgis-3 postgresql-15-pgrouting"
    with pytest.raises(ServerProgramsMissing, match=f"without PostGIS: .*{packages}"):
        find_in()

    with pytest.raises(ServerProgramsMissing, match=r"PostgreSQL 16, which made the cluster"):
        find_in(16)


@pytest.mark.parametrize(
    ("gigabytes", "shared_buffers"), [(0.5, "128MB"), (2, "512MB"), (64, "1024MB")]
)
def test_shared_buffers_follow_the_memory(gigabytes: float, shared_buffers: str) -> None:
    assert server_settings(int(gigabytes * 2**30))["shared_buffers"] == shared_buffers
