"""What the worker does by the clock."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class PeriodicTask:
    """Something to do again and again, in a transaction that the worker opens and commits.

    It may do a part, and return that there is more: then it is done again at once, in another one.
    ``cron`` counts in UTC. Of several workers one does it; it never runs beside itself, and a time
    that was missed by more than ten minutes is left out.
    """

    name: str
    cron: str
    run: Callable[[Session], bool | None]


def periodic(cron: str) -> Callable[[Callable[[Session], bool | None]], PeriodicTask]:
    """Turn a function that takes a session into a task; ``gis-registry worker`` lists them all."""

    def made(run: Callable[[Session], bool | None]) -> PeriodicTask:
        return PeriodicTask(name=f"{run.__module__}.{run.__name__}", cron=cron, run=run)

    return made
