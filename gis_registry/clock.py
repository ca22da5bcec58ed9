"""What time it is: the real time, or that of a simulation that lets a day pass in minutes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from gis_registry.errors import InvalidInput

WARNING = (
    "THE CLOCK IS SIMULATED (GIS_REGISTRY_SIMULATED_CLOCK): every time written is made up. Never "
    "run a city like this."
)

#: In these there is a time of a case.
_YEARS = range(1900, 9001)


@dataclass(frozen=True)
class SimulatedClock:
    """A clock that showed ``shown_at`` at the real moment ``real_at`` and runs at ``speed``."""

    shown_at: datetime
    real_at: datetime
    speed: float

    def now(self) -> datetime:
        """Return what it shows."""
        return self.shown_at + (datetime.now(UTC) - self.real_at) * self.speed

    @classmethod
    def parse(cls, text: str) -> "SimulatedClock":
        """Read ``SHOWN@REAL*SPEED``: two times with their zones, and how many times as fast.

        Several processes that are given the same show the same.

        Raises:
            InvalidInput: it is no such clock.
        """
        try:
            shown, _, rest = text.partition("@")
            real, _, speed = rest.partition("*")
            clock = cls(datetime.fromisoformat(shown), datetime.fromisoformat(real), float(speed))
            year = clock.now().astimezone(UTC).year
            is_one = clock.shown_at.tzinfo is not None and clock.speed > 0 and year in _YEARS
        except (TypeError, ValueError, OverflowError) as error:
            raise _no_clock(text) from error
        if not is_one:
            raise _no_clock(text)
        return clock

    def __str__(self) -> str:
        """Return what :meth:`parse` reads."""
        return f"{self.shown_at.isoformat()}@{self.real_at.isoformat()}*{self.speed:g}"


def _no_clock(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text!r} is no simulated clock such as "
        "2026-06-01T00:00:00+08:00@2026-06-30T12:00:00Z*144 (two times with their zones, and how "
        "many times as fast)."
    )


_simulated: SimulatedClock | None = None


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC) if _simulated is None else _simulated.now().astimezone(UTC)


def is_simulated() -> bool:
    """Return whether this process goes by a simulated clock."""
    return _simulated is not None


def simulate(clock: SimulatedClock | None) -> None:
    """Let this process go by another clock from now on; None: by the real one."""
    global _simulated
    _simulated = clock


@contextmanager
def simulated(clock: SimulatedClock) -> Iterator[None]:
    """Go by another clock for a while."""
    before = _simulated
    simulate(clock)
    try:
        yield
    finally:
        simulate(before)
