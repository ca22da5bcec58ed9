"""The PostgreSQL that the program runs for itself: made on first use, stopped by its last user.

The home holds::

    postgres          the cluster, or a symbolic link to it where the home is closed to its account
    postgres.new      a cluster in the making
    postgres.log      what the server says
    postgres.lock     held alone while the server is made, started or stopped
    postgres.users    held together by all that use the server; free when the last one is gone
    postgres.alive    held by the server's own processes, so that dead is told from slow
    postgres.pinned   there while ``db start`` keeps the server running
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from gis_registry.db.account import ServerAccount
from gis_registry.db.checks import create_extensions, require_suitable
from gis_registry.db.cluster import (
    CLUSTERS,
    OWNER,
    PORT,
    Postmaster,
    ServerLog,
    make_cluster,
    make_socket_dir,
    socket_dir_for,
    socket_path,
    write_settings,
)
from gis_registry.db.locks import FileLock
from gis_registry.db.programs import ServerPrograms, find_server_programs
from gis_registry.errors import DatabaseUnavailable

DATABASE = "gis_registry"
_UNFINISHED_DATABASE = "gis_registry_unfinished"
_POLL_S = 0.01
_LEFTOVER_TIMEOUT_S = 30.0  # for processes whose server was killed to see it and end
_START_TIMEOUT_S = 300.0  # recovery after a crash replays up to max_wal_size
_STOP_TIMEOUT_S = 120.0  # the last checkpoint may have a gigabyte to write


class StopOutcome(StrEnum):
    """What ``stop`` found."""

    WAS_NOT_RUNNING = "was-not-running"
    STOPPED = "stopped"
    STOPPED_WHILE_IN_USE = "stopped-while-in-use"


@dataclass(frozen=True)
class ServerStatus:
    """The embedded server at one moment.

    Attributes:
        is_running: Whether it accepts connections.
        is_pinned: Whether it keeps running when the last program ends.
        data_dir: Folder of the cluster, with links resolved; may not exist yet.
        socket_dir: Folder of its socket.
        url: SQLAlchemy URL of the registry's database.
        version: Full version while it runs, such as "15.13".
        pid: Process number of the server while it runs.
    """

    is_running: bool
    is_pinned: bool
    data_dir: Path
    socket_dir: Path
    url: str
    version: str | None
    pid: int | None


class EmbeddedServer:
    """The server under one home, shared by all programs that use this home.

    An object belongs to the process that made it; a forked child makes its own.
    """

    def __init__(
        self,
        home: Path,
        *,
        clusters: Path = CLUSTERS,
        find_programs: Callable[[int | None], ServerPrograms] = find_server_programs,
    ) -> None:
        """Look at nothing yet.

        Args:
            home: Folder that holds the server's files; made when missing.
            clusters: Where root keeps clusters whose home the server's account cannot enter.
            find_programs: Returns the server's programs, given the cluster's major version.
        """
        self.home = home.expanduser().absolute()
        self._clusters = clusters
        self._find_programs = find_programs
        self._link = self.home / "postgres"
        self._pin = self.home / "postgres.pinned"
        self._log = ServerLog(self.home / "postgres.log")
        self._users = FileLock(self.home / "postgres.users")
        self._hold_count = 0

    def acquire(self) -> str:
        """Start the server unless it runs, hold it, and return the URL of its database.

        May be called again; every call wants its ``release``.

        Raises:
            ServerProgramsMissing: PostgreSQL, PostGIS or pgRouting is not installed.
            DatabaseUnsuitable: The new database fails a check.
            DatabaseUnavailable: The server cannot be made or started; says why.
        """
        with self._alone():
            self._take_hold()
            return self.url()

    def release(self) -> None:
        """Let the server go; the last one to do so stops it, unless it is pinned.

        Raises:
            DatabaseUnavailable: The server does not stop.
        """
        if not self._users.is_held:  # never acquired, or forked from the process that did
            return
        if not self.home.is_dir():
            self._users.close()
            return
        with self._alone():
            self._drop_hold()

    def start(self) -> None:
        """Start the server unless it runs, and keep it running when programs end.

        Raises:
            DatabaseUnavailable: As ``acquire``.
        """
        with self._alone():
            self._take_hold()
            try:
                self._pin.touch()
            finally:
                self._drop_hold()

    def stop(self) -> StopOutcome:
        """Unpin and stop the server, also under programs that use it, whose queries then fail.

        Raises:
            DatabaseUnavailable: The server does not stop.
        """
        if not self.home.is_dir():
            return StopOutcome.WAS_NOT_RUNNING
        with self._alone():
            self._pin.unlink(missing_ok=True)
            is_in_use = self._is_in_use_by_others()
            if not self._stop_server():
                return StopOutcome.WAS_NOT_RUNNING
            return StopOutcome.STOPPED_WHILE_IN_USE if is_in_use else StopOutcome.STOPPED

    def revive(self) -> None:
        """Start the server again if it crashed under this program; one that was stopped stays so.

        Raises:
            DatabaseUnavailable: As ``acquire``.
        """
        with self._alone():
            has_crashed = self._running() is None and Postmaster.of(self._data_dir) is not None
            if has_crashed and self._users.is_held:
                self._ensure_running()

    def status(self) -> ServerStatus:
        """Return what is so now; waits for nobody and changes nothing."""
        with self._explained():
            account = ServerAccount.choose(self._data_dir)
            version = self._version()
            postmaster = Postmaster.of(self._data_dir) if version else None
            socket_dir = socket_dir_for(self._data_dir, account)
            return ServerStatus(
                is_running=postmaster is not None,
                is_pinned=self._pin.exists(),
                data_dir=self._data_dir,
                socket_dir=postmaster.socket_dir if postmaster else socket_dir,
                url=self.url(),
                version=version,
                pid=postmaster.pid if postmaster else None,
            )

    def url(self, database: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of a database of this server, whether it runs or not."""
        return self._url(database).render_as_string(hide_password=False)

    def __enter__(self) -> str:
        """Hold the server and return the URL of its database."""
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the server go."""
        self.release()

    @property
    def _data_dir(self) -> Path:
        """The cluster with links resolved: its account may not be able to enter the home."""
        return self._link.resolve()

    def _socket_dir(self) -> Path:
        postmaster = Postmaster.of(self._data_dir)
        if postmaster is not None:
            return postmaster.socket_dir
        return socket_dir_for(self._data_dir, ServerAccount.choose(self._data_dir))

    def _url(self, database: str) -> URL:
        return URL.create(
            "postgresql+psycopg",
            username=OWNER,
            database=database,
            query={"host": str(self._socket_dir()), "port": str(PORT)},
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep all others from making, starting and stopping the server."""
        with self._explained():
            self._make_home()
            ServerAccount.choose(self._data_dir)  # says so when the cluster is somebody else's
            with FileLock(self.home / "postgres.lock").exclusive():
                yield

    def _make_home(self) -> None:
        if self.home.is_dir():
            return
        self.home.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            self.home.chmod(0o711)  # whatever the umask: the server's account has to pass

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DatabaseUnavailable(
                f"The embedded database cannot use {self.home}: {error}. Free the disk or mend the "
                "permissions there, or set GIS_REGISTRY_HOME to another folder."
            ) from error

    def _take_hold(self) -> None:
        if not self._users.is_held:
            self._hold_count = 0
            self._users.shared()
        self._hold_count += 1
        try:
            self._ensure_ready()
        except BaseException:
            self._drop_hold()
            raise

    def _drop_hold(self) -> None:
        self._hold_count -= 1
        if self._hold_count > 0:
            return
        self._users.close()
        # One that still repairs itself is left to it, or it would begin again the next time.
        is_wanted = self._pin.exists() or self._running() is None or self._is_in_use_by_others()
        if not is_wanted:
            self._stop_server()

    def _is_in_use_by_others(self) -> bool:
        """Return whether any other program holds the server; only asked while alone."""
        is_mine = self._users.is_held
        self._users.close()
        with FileLock(self.home / "postgres.users") as probe:
            is_in_use = not probe.try_exclusive()
        if is_mine:
            self._users.shared()
        return is_in_use

    def _version(self) -> str | None:
        """Return the version of the server, or nothing while it accepts no connections."""
        if self._running() is None:
            return None
        try:
            with self._connect("postgres") as connection:
                return str(connection.scalar(text("SHOW server_version"))).split()[0]
        except DatabaseUnavailable:
            return None  # it listens but refuses, being about to stop

    def _running(self) -> Postmaster | None:
        postmaster = Postmaster.of(self._data_dir)
        is_running = postmaster is not None and postmaster.is_ready and postmaster.answers()
        return postmaster if is_running else None

    def _is_alive(self) -> bool:
        """Return whether any process of the server lives, even one that outlived the server.

        Process numbers cannot tell: they are used again, and a killed server may stay as a zombie.
        """
        with FileLock(self.home / "postgres.alive") as probe:
            return not probe.try_shared()

    def _ensure_ready(self) -> None:
        self._ensure_running()
        try:
            self._ensure_database()
        except DatabaseUnavailable:
            if self._running() is not None:
                raise
            # It was killed a moment ago and still seemed to listen.
            self._ensure_running()
            self._ensure_database()

    def _ensure_running(self) -> None:
        began_at = time.monotonic()
        has_launched = False
        while self._running() is None:
            postmaster = Postmaster.of(self._data_dir)
            answers = postmaster is not None and postmaster.answers()
            if not answers and not self._is_alive():
                if has_launched:
                    raise self._log.explain("The embedded database server does not start")
                self._make_cluster_if_missing()
                self._launch()
                has_launched = True
            is_starting = answers or has_launched
            timeout_s = _START_TIMEOUT_S if is_starting else _LEFTOVER_TIMEOUT_S
            if time.monotonic() - began_at > timeout_s:
                raise self._log.explain(
                    f"The embedded database server is not ready after {timeout_s:.0f} s; it may "
                    "be repairing itself after a crash, so try again later"
                    if is_starting
                    else "Processes of a server that was killed are still running; wait for them "
                    f"or end them ({self._data_dir} is theirs)"
                )
            time.sleep(_POLL_S)

    def _make_cluster_if_missing(self) -> None:
        if (self._link / "PG_VERSION").is_file():
            return
        if self._link.is_symlink():
            raise DatabaseUnavailable(
                f"{self._link} points to {self._link.readlink()}, where there is no database: "
                f"bring it back, or remove {self._link} to begin with an empty one."
            )
        if self._link.exists() and (not self._link.is_dir() or any(self._link.iterdir())):
            raise DatabaseUnavailable(
                f"{self._link} is in the way: it is no PostgreSQL cluster. Move it away, or set "
                "GIS_REGISTRY_HOME to another folder."
            )
        programs = self._find_programs(None)
        with FileLock(self.home / "postgres.alive").exclusive() as alive:
            make_cluster(
                self._link,
                programs=programs,
                account=ServerAccount.choose(self._link / "none"),
                log=self._log,
                clusters=self._clusters,
                alive_descriptor=alive.fileno(),
            )

    def _launch(self) -> None:
        """Start the server as nobody's child, so that it outlives this program unnoticed."""
        data_dir = self._data_dir
        major_version = int((data_dir / "PG_VERSION").read_text(encoding="ascii"))
        programs = self._find_programs(major_version)
        account = ServerAccount.choose(data_dir)
        socket_dir = socket_dir_for(data_dir, account)
        if socket_dir != data_dir:
            make_socket_dir(socket_dir, account)
        write_settings(data_dir, programs, account)
        # Nobody is alive, so these are stale; their process number may be somebody else's by now.
        listening = socket_path(socket_dir)
        for stale in (data_dir / "postmaster.pid", listening, Path(f"{listening}.lock")):
            stale.unlink(missing_ok=True)
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{socket_dir}"',
            "logging_collector": "off",
        }
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        command: list[str | Path] = [programs.postgres, "-D", data_dir, *options]
        with self._log.open() as output, FileLock(self.home / "postgres.alive") as alive:
            account.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                output=output,
                pass_descriptors=[alive.exclusive().fileno()],
            )
            alive.leave_to_heirs()

    def _stop_server(self) -> bool:
        """Stop the server and wait until its last process is gone; say whether it ran."""
        data_dir = self._data_dir
        postmaster = Postmaster.of(data_dir)
        if postmaster is None or not postmaster.answers():
            return False
        os.kill(postmaster.pid, signal.SIGINT)  # a fast shutdown
        began_at = time.monotonic()
        while self._is_alive() or postmaster.answers():
            if time.monotonic() - began_at > _STOP_TIMEOUT_S:
                raise self._log.explain(
                    f"The embedded database server (process {postmaster.pid}) was told to stop "
                    f"and still runs after {_STOP_TIMEOUT_S:.0f} s"
                )
            time.sleep(_POLL_S)
        if postmaster.socket_dir != data_dir and postmaster.socket_dir.is_dir():
            postmaster.socket_dir.rmdir()
        return True

    @contextmanager
    def _connect(self, database: str) -> Iterator[Connection]:
        """Connect to a database; a refusal is explained by the server's log."""
        engine = create_engine(
            self._url(database), poolclass=NullPool, connect_args={"connect_timeout": 10}
        )
        try:
            with engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            reason = str(error.orig).strip().splitlines()[0]
            raise self._log.explain(
                f"The embedded database server refused the database {database}: {reason}"
            ) from error

    def _ensure_database(self) -> None:
        """Make the registry's database unless it is there, complete or not at all."""
        with self._connect("postgres") as connection:
            known = text("SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name)")
            if connection.scalar(known, {"name": DATABASE}):
                return
            connection.rollback()
            connection.execution_options(isolation_level="AUTOCOMMIT")
            unfinished = _UNFINISHED_DATABASE
            connection.execute(text(f"DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {unfinished} TEMPLATE template0"))
            with self._connect(unfinished) as inside, inside.begin():
                create_extensions(inside)
                require_suitable(inside)
            connection.execute(text(f"ALTER DATABASE {unfinished} RENAME TO {DATABASE}"))
