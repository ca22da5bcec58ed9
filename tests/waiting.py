"""Waiting with a limit: what does not come fails the test that waits for it."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def wait_until(condition: Callable[[], object], timeout_s: float = 30) -> None:
    """Return as soon as something is so."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)  # a poll: another process or thread decides when


@contextmanager
def ending(
    process: "subprocess.Popen[str]", *, within_s: float = 120
) -> Iterator["subprocess.Popen[str]"]:
    """Kill a program at the end, or when it takes too long: who reads from it reads its end then.

    ``Popen`` itself waits for a program for ever, also after an error and after a limit of its own.
    """
    with process:
        limit = threading.Timer(within_s, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()
