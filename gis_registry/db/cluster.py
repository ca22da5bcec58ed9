"""The files of the embedded server: its cluster, its settings, its log, its socket's folder."""

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gis_registry.db.account import ServerAccount
from gis_registry.db.programs import ServerPrograms
from gis_registry.errors import DatabaseUnavailable

OWNER = "gis_registry"
PORT = 5432
#: Where root keeps clusters whose home the server's account cannot enter.
CLUSTERS = Path("/var/lib/gis-registry/clusters")
# With LC_CTYPE=C trigrams ignore Chinese, so the locale has to know letters.
_LOCALES = ("en_US.UTF-8", "C.UTF-8") if sys.platform == "darwin" else ("C.UTF-8", "en_US.UTF-8")
_LISTENING = (0, errno.EAGAIN)  # the latter: too many connect at the same moment
_SETTINGS_NAME = "gis-registry.conf"
_SOCKET_NAME = f".s.PGSQL.{PORT}"
_LONGEST_SOCKET_PATH = 103  # bytes: 107 on Linux, 103 on macOS
_LEAST_FREE_BYTES = 250 * 2**20  # a new cluster with its extensions is 70 MB, its first log 32
_LARGEST_LOG_BYTES = 20 * 2**20
_LOG_TAIL_BYTES = 16_384
_COMPLAINT = re.compile(r"\b(FATAL|PANIC|ERROR|error):")


@dataclass(frozen=True)
class Postmaster:
    """What the server wrote into ``postmaster.pid``; true only while its processes live."""

    pid: int
    socket_dir: Path
    is_ready: bool

    @classmethod
    def of(cls, data_dir: Path) -> "Postmaster | None":
        """Read what the cluster's server wrote, or nothing when it ended in order."""
        try:
            lines = (data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        if len(lines) < 8 or not lines[4]:
            return None  # still being written
        return cls(
            pid=int(lines[0]), socket_dir=Path(lines[4]), is_ready=lines[7].strip() == "ready"
        )

    def answers(self) -> bool:
        """Return whether something listens on its socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(10)
            return probe.connect_ex(os.fsencode(socket_path(self.socket_dir))) in _LISTENING


class ServerLog:
    """What initdb and the server print, in one file; an old one is kept when it gets large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._attempt_start = 0

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the log for a program that is about to write to it, and note where that begins."""
        if self.path.is_file() and self.path.stat().st_size > _LARGEST_LOG_BYTES:
            self.path.replace(self.path.with_name(self.path.name + ".1"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(self.path, flags, 0o600), "ab") as file:
            self._attempt_start = file.seek(0, os.SEEK_END)
            yield file

    def says(self, text: str) -> bool:
        """Return whether the text stands among the last lines since the log was opened."""
        return any(text in line for line in self._tail())

    def explain(self, what: str) -> DatabaseUnavailable:
        """Return an error that adds to ``what`` the log's last complaint and the log's path."""
        lines = self._tail()
        complaints = [line for line in lines if _COMPLAINT.search(line)] or lines
        free_bytes = shutil.disk_usage(self.path.parent).free
        reasons = complaints[-1:]
        if free_bytes < _LEAST_FREE_BYTES:
            reasons.append(f"only {free_bytes // 2**20} MB are free on its disk")
        because = f" ({'; '.join(reasons)})" if reasons else ""
        return DatabaseUnavailable(f"{what}{because}. The server's log is {self.path}")

    def _tail(self) -> list[str]:
        if not self.path.is_file():
            return []
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            since = self._attempt_start if self._attempt_start < size else 0
            file.seek(max(since, size - _LOG_TAIL_BYTES))
            lines = deque(file.read().decode(errors="replace").splitlines(), maxlen=50)
        return [line.strip() for line in lines if line.strip()]


def make_cluster(
    link: Path,
    *,
    programs: ServerPrograms,
    account: ServerAccount,
    log: ServerLog,
    clusters: Path,
    alive_descriptor: int,
) -> None:
    """Make a cluster that appears at ``link`` complete or not at all.

    It is made beside ``link`` and renamed. Where the account cannot enter the home, the cluster
    lies in ``clusters`` and ``link`` becomes a symbolic link to it.

    Args:
        link: Where the cluster shall appear.
        programs: What makes it.
        account: Who owns it.
        log: What gets the output of initdb.
        clusters: Where root keeps clusters that cannot lie in their home.
        alive_descriptor: Open file that every process of the server inherits.

    Raises:
        DatabaseUnavailable: The disk is full, no folder suits, or initdb fails.
    """
    staging = link.with_name(link.name + ".new")
    _remove_leftover(staging, clusters)
    folder = _make_folder(staging, account=account, clusters=clusters)
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _LEAST_FREE_BYTES:
        _remove_leftover(staging, clusters)
        raise DatabaseUnavailable(
            f"{folder.parent} has only {free_bytes // 2**20} MB free and a new database needs "
            f"{_LEAST_FREE_BYTES // 2**20} MB: free some, or set GIS_REGISTRY_HOME to a folder "
            "on a larger disk."
        )
    _initialise(folder, programs, account, log, alive_descriptor)
    configuration = os.open(
        folder / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    )
    with os.fdopen(configuration, "a", encoding="utf-8") as file:
        file.write(f"\ninclude_if_exists = '{_SETTINGS_NAME}'\n# Your own settings go below.\n")
    if link.is_dir() and not link.is_symlink():
        link.rmdir()  # empty, or the caller would not have come here
    staging.rename(link)


def write_settings(data_dir: Path, programs: ServerPrograms, account: ServerAccount) -> None:
    """Write the settings that suit this machine now; those in ``postgresql.conf`` below win."""
    settings = server_settings(memory_bytes())
    # Each page is logged whole when it is first changed after a checkpoint.
    quick = ["-c", "wal_compression=lz4", "-C", "wal_compression"]
    if account.run([programs.postgres, "-D", data_dir, *quick]) == 0:  # not all are built with it
        settings["wal_compression"] = "lz4"
    lines = [f"{name} = {value}" for name, value in settings.items()]
    header = "# Written at every start. Your own settings go to the end of postgresql.conf."
    script = 'cat > "$1.new" && mv -f -- "$1.new" "$1"'
    path = data_dir / _SETTINGS_NAME
    text = "\n".join([header, *lines, ""])
    # Written by the account, since root must not follow links in another account's folder.
    if account.run(["/bin/sh", "-c", script, "sh", path], text_input=text) != 0:
        free_megabytes = shutil.disk_usage(data_dir).free // 2**20
        raise DatabaseUnavailable(
            f"{path} cannot be written; {free_megabytes} MB are free on its disk."
        )


def server_settings(memory: int) -> dict[str, str]:
    """Return the server's settings for a machine with so many bytes of memory."""
    megabytes = memory // 2**20
    settings = {
        "shared_buffers": f"{min(max(megabytes // 4, 64), 1024)}MB",
        "effective_cache_size": f"{max(megabytes // 2, 128)}MB",
        "maintenance_work_mem": f"{min(max(megabytes // 16, 64), 1024)}MB",
        "work_mem": "32MB",
        "max_wal_size": "4GB",
        # Nothing reads the log but the server's own recovery, so that a big first load need not
        # write its rows twice.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_connections": "200",
        "random_page_cost": "1.1",
        "jit": "off",
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_min_messages": "warning",
        "log_checkpoints": "off",
        "log_line_prefix": "'%m [%p] '",
    }
    shared = Path("/dev/shm")  # noqa: S108  measured, not written to
    if shared.is_dir() and shutil.disk_usage(shared).total < 2**30:
        # Containers get 64 MB there, which parallel queries and index builds overrun.
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def memory_bytes() -> int:
    """Return the memory of this machine, or of the container if that is less."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = Path("/sys/fs/cgroup") / name
        if limit.is_file() and (text := limit.read_text(encoding="ascii").strip()).isdigit():
            sizes.append(int(text))
    return min(sizes)


def socket_dir_for(data_dir: Path, account: ServerAccount) -> Path:
    """Return where the server's socket goes: into the cluster, or to a short path if need be.

    The short one is named by the path and the inode of the cluster, so that a cluster that was
    deleted and made anew does not meet the socket of a server that still runs on the old one.
    """
    too_long = len(os.fsencode(data_dir / _SOCKET_NAME)) > _LONGEST_SOCKET_PATH
    # libpq takes a comma for the next host, PostgreSQL a quotation mark for the end of the path.
    if not too_long and not re.search(r'[,"\n\\]', str(data_dir)):
        return data_dir
    inode = data_dir.stat().st_ino if data_dir.exists() else 0
    name = hashlib.sha256(os.fsencode(data_dir) + str(inode).encode()).hexdigest()[:16]
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  made private below
        folder = parent / f"gis-registry-{name}"
        is_short = len(os.fsencode(folder / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH
        if is_short and "," not in str(parent) and account.can_reach(parent):
            break
    return folder


def make_socket_dir(folder: Path, account: ServerAccount) -> None:
    """Make the socket's folder unless it is there, and make sure that nobody else can enter it.

    Raises:
        DatabaseUnavailable: Somebody else made a folder of this name.
    """
    if not os.path.lexists(folder):
        # Made by the account itself, so that it never belongs to anybody else.
        account.run(["/bin/sh", "-c", 'mkdir -m 700 -- "$1"', "sh", folder])
    if not account.owns_private(folder):
        raise DatabaseUnavailable(
            f"{folder} is not a private folder of the server's account, so its socket cannot lie "
            "there: remove it, or set GIS_REGISTRY_HOME to a folder with a shorter path."
        )


def socket_path(socket_dir: Path) -> Path:
    """Return the socket that the server listens on."""
    return socket_dir / _SOCKET_NAME


def _make_folder(staging: Path, *, account: ServerAccount, clusters: Path) -> Path:
    """Make the empty folder of a new cluster at ``staging``, or elsewhere with a link there."""
    if account.can_reach(staging.parent):
        try:
            account.make_private(staging)
        except PermissionError:  # a file system without owners, such as a shared folder
            if not account.is_switched:
                raise
            staging.rmdir()
        else:
            return staging
    _make_clusters(clusters)
    folder = clusters / secrets.token_hex(8)
    staging.symlink_to(folder)  # first, so that a crash leaves nothing that is not known
    account.make_private(folder)
    if not account.can_reach(folder):
        _remove_leftover(staging, clusters)
        raise DatabaseUnavailable(
            f"The account that PostgreSQL runs as can enter neither {staging.parent} nor "
            f"{clusters}: set GIS_REGISTRY_HOME to a folder that all accounts can enter."
        )
    return folder


def _make_clusters(clusters: Path) -> None:
    """Make the folder of clusters so that any account can pass through what is made here."""
    for folder in reversed([clusters, *clusters.parents]):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)


def _remove_leftover(staging: Path, clusters: Path) -> None:
    """Remove what an interrupted making left."""
    if staging.is_symlink():
        folder = staging.readlink()
        if folder.parent == clusters and folder.is_dir():
            shutil.rmtree(folder)
        staging.unlink()
    elif staging.exists():
        shutil.rmtree(staging)


def _initialise(
    folder: Path,
    programs: ServerPrograms,
    account: ServerAccount,
    log: ServerLog,
    alive_descriptor: int,
) -> None:
    for locale in _LOCALES:
        arguments: list[str | Path] = [
            programs.initdb,
            *("--pgdata", folder, "--username", OWNER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", locale, "--no-instructions"),
        ]
        with log.open() as output:
            status = account.run(arguments, output=output, pass_descriptors=[alive_descriptor])
        if status == 0:
            return
        if not log.says("invalid locale name"):
            break
    raise log.explain(f"The database could not be made in {folder}")
