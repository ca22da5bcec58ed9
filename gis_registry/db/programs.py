"""Find the PostgreSQL server programs that the system's packages installed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gis_registry.errors import ServerProgramsMissing

LEAST_MAJOR_VERSION = 15
SUGGESTED_MAJOR_VERSION = 17
INSTALLATIONS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # postgresql.org's packages for Red Hat and its kin
    "/opt/homebrew/opt/postgresql@*/bin",  # Homebrew on Apple silicon
    "/usr/local/opt/postgresql@*/bin",  # Homebrew on Intel
)
_PROGRAMS = ("postgres", "initdb", "pg_ctl")
_EXTENSIONS = {"postgis": "PostGIS", "pgrouting": "pgRouting"}


@dataclass(frozen=True, order=True)
class ServerPrograms:
    """One installation of the server's programs.

    Attributes:
        major_version: For example 15.
        bin_dir: Folder of ``postgres`` and ``initdb``.
        missing: Names of the extensions that are not installed for it.
    """

    major_version: int
    bin_dir: Path
    missing: tuple[str, ...] = ()

    @property
    def postgres(self) -> Path:
        """The server's program."""
        return self.bin_dir / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a cluster."""
        return self.bin_dir / "initdb"


def find_server_programs(
    major_version: int | None = None,
    *,
    search_path: str | None = None,
    installations: Sequence[str] = INSTALLATIONS,
) -> ServerPrograms:
    """Return the newest usable installation.

    Args:
        major_version: Only this one, because a cluster was made by it.
        search_path: Folders to look for programs in, as in ``PATH``; unset: ``PATH`` itself.
        installations: Patterns of absolute folders in which systems install server programs.

    Raises:
        ServerProgramsMissing: None is installed with PostGIS and pgRouting; says what to install.
    """
    bin_dirs = {path.resolve() for path in _candidates(search_path, installations)}
    found = sorted((each for path in bin_dirs if (each := _inspect(path))), reverse=True)
    wanted = [
        each
        for each in found
        if each.major_version >= LEAST_MAJOR_VERSION and major_version in (None, each.major_version)
    ]
    for programs in wanted:
        if not programs.missing:
            return programs
    raise ServerProgramsMissing(_what_is_missing(major_version, found, wanted))


def install_hint(major_version: int) -> str:
    """Return what to run on this system to install the server, PostGIS and pgRouting."""
    if sys.platform == "darwin":
        return f"run `brew install postgresql@{SUGGESTED_MAJOR_VERSION} postgis pgrouting`"
    return (
        "on Debian or Ubuntu run "
        f"`apt install postgresql-{major_version}-postgis-3 postgresql-{major_version}-pgrouting`"
    )


def _candidates(search_path: str | None, installations: Sequence[str]) -> Iterator[Path]:
    pg_config = shutil.which("pg_config", path=search_path)
    if pg_config and (bin_dir := _output(pg_config, "--bindir")):
        yield Path(bin_dir)
    if postgres := shutil.which("postgres", path=search_path):
        yield Path(postgres).resolve().parent
    for pattern in installations:
        yield from Path("/").glob(pattern.lstrip("/"))


def _inspect(bin_dir: Path) -> ServerPrograms | None:
    if not all((bin_dir / name).is_file() for name in _PROGRAMS):
        return None
    version = re.search(r"PostgreSQL\) (\d+)", _output(str(bin_dir / "postgres"), "--version"))
    if version is None:
        return None
    major_version = int(version[1])
    extensions = [share / "extension" for share in _share_dirs(bin_dir, major_version)]
    missing = tuple(
        title
        for name, title in _EXTENSIONS.items()
        if not any((folder / f"{name}.control").is_file() for folder in extensions)
    )
    return ServerPrograms(major_version=major_version, bin_dir=bin_dir, missing=missing)


def _share_dirs(bin_dir: Path, major_version: int) -> Iterator[Path]:
    """Yield where the installation's shared files may lie; Debian may have no ``pg_config``."""
    pg_config = bin_dir / "pg_config"
    if pg_config.is_file() and (share_dir := _output(str(pg_config), "--sharedir")):
        yield Path(share_dir)
        return
    if len(bin_dir.parents) > 3:
        yield bin_dir.parents[2] / "share" / "postgresql" / str(major_version)
        yield bin_dir.parents[3] / "share" / "postgresql" / str(major_version)
    yield bin_dir.parent / "share" / "postgresql"
    yield bin_dir.parent / "share" / "pgsql"
    yield bin_dir.parent / "share"


def _output(program: str, argument: str) -> str:
    """Return what the program prints, or nothing when it cannot run."""
    try:
        done = subprocess.run(
            [program, argument], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _what_is_missing(
    major_version: int | None, found: Sequence[ServerPrograms], wanted: Sequence[ServerPrograms]
) -> str:
    suggested = major_version or SUGGESTED_MAJOR_VERSION
    if wanted:
        suggested = wanted[0].major_version
        state = f"PostgreSQL {suggested} is installed without {' and '.join(wanted[0].missing)}"
    elif major_version is not None:
        state = f"The programs of PostgreSQL {major_version}, which made the cluster, are missing"
    elif found:
        state = (
            f"PostgreSQL {found[0].major_version} is too old, "
            f"{LEAST_MAJOR_VERSION} or later is needed"
        )
    else:
        state = "PostgreSQL with PostGIS and pgRouting is not installed"
        suggested = _debian_major_version()
    return (
        f"{state}: {install_hint(suggested)}, "
        "or set GIS_REGISTRY_DATABASE_URL to a server that has them."
    )


def _debian_major_version() -> int:
    """Return the PostgreSQL of this Debian or Ubuntu release, or the suggested one elsewhere."""
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8") if release.is_file() else ""
    name = re.search(r'^VERSION_ID="?([\d.]+)', text, re.MULTILINE)
    return {"12": 15, "13": 17, "24.04": 16}.get(name[1] if name else "", SUGGESTED_MAJOR_VERSION)
