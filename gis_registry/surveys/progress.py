"""Telling how far long work is."""

from collections.abc import Callable

#: Told after every batch: what is being done, how many rows are done, and of how many if known.
Progress = Callable[[str, int, int | None], None]


def silent(_stage: str, _done: int, _total: int | None) -> None:
    """Tell nobody how far the work is."""
