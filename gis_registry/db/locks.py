"""Locks on files that end with their process, however it ends, and stay out of its children."""

import fcntl
import os
import weakref
from pathlib import Path
from types import TracebackType
from typing import Self


class FileLock:
    """An advisory lock (``flock``) on a file, made when missing.

    The kernel releases it when the process dies. A forked child closes its copy at once, so it
    cannot keep the lock; a program that is run gets it only when it is handed ``fileno()``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        _all_locks.add(self)

    def exclusive(self) -> Self:
        """Wait until nobody else holds the file, then hold it alone."""
        fcntl.flock(self._open(), fcntl.LOCK_EX)
        return self

    def shared(self) -> Self:
        """Wait until nobody holds the file alone, then hold it together with others."""
        fcntl.flock(self._open(), fcntl.LOCK_SH)
        return self

    def try_exclusive(self) -> bool:
        """Hold the file alone if nobody else holds it; say whether that was so."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Hold the file together with others unless somebody holds it alone; say which."""
        return self._try(fcntl.LOCK_SH)

    @property
    def is_held(self) -> bool:
        """Whether this process holds the lock through this object."""
        return self._descriptor is not None

    def fileno(self) -> int:
        """Return the descriptor to hand to a program that shall hold the lock as well."""
        return self._open()

    def close(self) -> None:
        """Let go, also for a child that was forked this moment; without effect when not held."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.leave_to_heirs()

    def leave_to_heirs(self) -> None:
        """Close this process's copy; the programs that ``fileno()`` was handed to go on holding."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> int:
        if self._descriptor is None:
            flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self._open(), operation | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            return False
        return True


_all_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _close_in_child() -> None:
    for lock in list(_all_locks):
        lock.leave_to_heirs()  # the parent goes on holding it


os.register_at_fork(after_in_child=_close_in_child)
