"""The account that the embedded server's processes run as: PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from gis_registry.errors import DatabaseUnavailable

_UNPRIVILEGED = ("postgres", "_postgres", "nobody")
# What a server inherits decides what it does: PGPORT moves it, PROJ_DATA of a Python package
# breaks PostGIS's transformations, LD_LIBRARY_PATH loads other libraries. So it gets only these.
_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


@dataclass(frozen=True)
class ServerAccount:
    """An account of the operating system.

    Attributes:
        user_id: Its number.
        group_id: Number of its main group.
        is_switched: Whether this program, being root, has to become it.
    """

    user_id: int
    group_id: int
    is_switched: bool

    @classmethod
    def choose(cls, data_dir: Path) -> Self:
        """Return the owner of the cluster, or who shall own it when it is not made yet.

        Raises:
            DatabaseUnavailable: The cluster belongs to somebody else, or root finds no account
                without privileges.
        """
        owner = data_dir.stat() if data_dir.is_dir() else None
        if os.geteuid() != 0:
            if owner is not None and owner.st_uid != os.geteuid():
                raise DatabaseUnavailable(
                    f"The database in {data_dir} belongs to the account {_name(owner.st_uid)}: "
                    "run this as that account or as root, or set GIS_REGISTRY_HOME to a folder "
                    "of your own."
                )
            return cls(user_id=os.geteuid(), group_id=os.getegid(), is_switched=False)
        if owner is not None and (data_dir / "PG_VERSION").is_file():
            if owner.st_uid == 0:
                raise DatabaseUnavailable(
                    f"The database in {data_dir} belongs to root, but PostgreSQL refuses to run "
                    f"as root: give it to another account with `chown -R postgres {data_dir}`."
                )
            return cls(user_id=owner.st_uid, group_id=_group(owner.st_uid), is_switched=True)
        for name in _UNPRIVILEGED:
            try:
                account = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(user_id=account.pw_uid, group_id=account.pw_gid, is_switched=True)
        raise DatabaseUnavailable(
            "PostgreSQL refuses to run as root and there is no account `postgres` or `nobody` to "
            "run it as: add one, or run this as an ordinary user."
        )

    def run(
        self,
        arguments: Sequence[str | Path],
        *,
        output: IO[bytes] | int = subprocess.DEVNULL,
        text_input: str = "",
        pass_descriptors: Sequence[int] = (),
    ) -> int:
        """Run a program as this account in a session of its own and return its exit status.

        Args:
            arguments: The program and its arguments.
            output: Open file that gets what it prints.
            text_input: What it reads from its standard input.
            pass_descriptors: Open files that it inherits.

        Raises:
            DatabaseUnavailable: The system does not let this program become the account.
        """
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": _LOCALE}
        try:
            return subprocess.run(
                list(arguments),
                input=text_input.encode(),
                stdout=output,
                stderr=output,
                check=False,
                cwd="/",
                env=environment,
                pass_fds=pass_descriptors,
                start_new_session=True,  # an interrupt at the terminal stays with the program
                umask=0o077,
                user=self.user_id if self.is_switched else None,
                group=self.group_id if self.is_switched else None,
                extra_groups=[] if self.is_switched else None,
            ).returncode
        except PermissionError as error:
            raise DatabaseUnavailable(
                f"{arguments[0]} cannot be run as the account {_name(self.user_id)}: {error}. "
                "Run this as an ordinary user, or set GIS_REGISTRY_DATABASE_URL."
            ) from error

    def can_reach(self, folder: Path) -> bool:
        """Return whether the account may enter the folder; asked of the system, not computed."""
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]) == 0

    def make_private(self, folder: Path) -> None:
        """Make a folder that only this account, and root, can enter.

        Raises:
            OSError: It exists, or the file system knows no owners.
        """
        folder.mkdir(mode=0o700)
        folder.chmod(0o700)
        if self.is_switched:
            os.chown(folder, self.user_id, self.group_id)

    def owns_private(self, folder: Path) -> bool:
        """Return whether the folder is a real one, of this account, closed to all others."""
        state = folder.lstat()
        is_folder = folder.is_dir() and not folder.is_symlink()
        return is_folder and state.st_uid == self.user_id and state.st_mode & 0o077 == 0


def _group(user_id: int) -> int:
    try:
        return pwd.getpwuid(user_id).pw_gid
    except KeyError:
        return user_id


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
