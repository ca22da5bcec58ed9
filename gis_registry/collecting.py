"""When Python looks for objects that only refer to each other, which it does by itself too often.

Every object that is reachable is looked at for that, and the libraries alone make some hundred
thousand. Objects that nothing refers to are freed at once in any case.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: So many more objects are made than freed before Python looks at the young ones: 700 by default.
_YOUNG = 50_000


def collect_seldom() -> None:
    """Leave out of it for good what is there now, and look seldom at what comes: for a server."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)


@contextmanager
def not_collecting() -> Iterator[None]:
    """Do not look meanwhile: for a batch that makes a million objects and keeps them all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
