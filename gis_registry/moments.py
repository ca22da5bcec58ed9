"""Which times something can have been seen, measured or photographed at."""

from datetime import UTC, datetime, timedelta

_CLOCK_SKEW = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def time_fault(at: datetime, *, now: datetime) -> str | None:
    """Return why nothing can have happened at a time (``from the future: …``), or None if it can.

    Args:
        at: the time, with its zone.
        now: when it is told; clocks may be ten minutes fast.
    """
    if at > now + _CLOCK_SKEW:
        return f"from the future: {at.isoformat()}"
    if at < _EARLIEST:
        return f"from before 2000: {at.isoformat()}"
    return None
