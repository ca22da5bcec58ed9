"""Whether cases stand where their events say: recounted from the first event to the last."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases import indicators
from gis_registry.cases import recounting_queries as queries
from gis_registry.cases.progress import (
    Happening,
    Progress,
    first_of,
    progress_in,
    progress_of,
)
from gis_registry.cases.queries import insert_progress, locked_progress, update_progress
from gis_registry.cases.tables import CaseEventKind
from gis_registry.db.checks import CheckResult
from gis_registry.errors import Conflict, NotFound

_SAMPLE = 1_000
_BATCH = 1_000
_MOST_SHOWN = 3


@dataclass(frozen=True)
class Recount:
    """A case as it is kept (None: nothing is) and as its events have it.

    ``is_gapless`` says whether its events are numbered 1, 2, 3 and so on.
    """

    kept: Progress | None
    counted: Progress
    is_gapless: bool

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What differs: as it is kept, and as the events have it."""
        counted = asdict(self.counted)
        kept = asdict(self.kept) if self.kept else dict.fromkeys(counted)
        return {
            name: (kept[name], counted[name]) for name in counted if kept[name] != counted[name]
        }

    @property
    def fault(self) -> str | None:
        """What is wrong with it, in a sentence; None: nothing."""
        number = f"case {self.counted.case_id}"
        if not self.is_gapless:
            return f"{number}: an event is missing"
        if self.kept is None:
            return f"{number}: nothing says where it stands"
        told = ", ".join(
            f"{name} is {kept}, by its events {counted}"
            for name, (kept, counted) in self.differences.items()
        )
        return f"{number}: {told}" if told else None


def check_cases(session: Session, *, reads_all: bool = False) -> CheckResult:
    """Recount cases from their events and compare; changes nothing.

    Args:
        session: open transaction.
        reads_all: recount every case; otherwise about 1,000 from all over the table.
    """
    count, faults = 0, 0
    shown: list[str] = []
    for one in recount_all(session) if reads_all else recount_sample(session):
        count += 1
        if one.fault is not None:
            faults += 1
            shown += [one.fault] if len(shown) < _MOST_SHOWN else []
    if not faults:
        which = "Every case stands" if reads_all else f"{count:,} cases stand"
        return CheckResult("case-progress", True, f"{which} where the events say.")
    message = (
        f"{faults:,} of {count:,} cases do not stand where their events say: {'; '.join(shown)}"
        f"{' …' if faults > len(shown) else ''}. `gis-registry case repair CASE` puts one right."
    )
    return CheckResult("case-progress", False, message)


def recount_all(session: Session) -> Iterator[Recount]:
    """Recount every case, in batches."""
    keys = queries.keys_after(session, ("", 0), limit=_BATCH)
    while keys:
        yield from _recounts(session, keys)
        keys = queries.keys_after(session, keys[-1], limit=_BATCH)


def recount_sample(session: Session) -> Iterator[Recount]:
    """Recount about 1,000 cases from all over the table."""
    keys = queries.sampled_keys(session, about=_SAMPLE)
    for begin in range(0, len(keys), _BATCH):
        yield from _recounts(session, keys[begin : begin + _BATCH])


def recount(session: Session, case_id: int) -> Recount:
    """Recount one case.

    Raises:
        NotFound: there is no such case.
    """
    for found in _recounts(session, queries.keys_of(session, case_id)):
        return found
    raise NotFound(f"There is no case {case_id}.")


def repair(session: Session, case_id: int) -> Recount:
    """Write where a case stands again from its events; return what was kept before.

    Raises:
        NotFound: there is no such case.
        Conflict: an event of it is missing.
    """
    locked_progress(session, [case_id])
    found = recount(session, case_id)
    if not found.is_gapless:
        raise Conflict(f"An event of case {case_id} is missing: restore it from a backup.")
    if found.kept is None:
        insert_progress(session, [found.counted])
    elif found.differences:
        update_progress(session, [found.counted])
    if found.differences:
        indicators.count(session, [(found.kept, found.counted)])
    return found


def _recounts(session: Session, keys: Sequence[queries.Key]) -> Iterator[Recount]:
    return map(_recount, queries.with_events(session, keys)) if keys else iter(())


def _recount(row: RowMapping) -> Recount:
    kept = _kept(row["progress"])
    events = [
        Happening(
            one["sequence"],
            CaseEventKind(one["kind"]),
            datetime.fromisoformat(one["happened_at"]),
            one["note"],
        )
        for one in row["events"] or ()
    ]
    first = first_of(row)
    if events and kept and "state" not in events[0].note:
        # From before cases had a life cycle: no event says whose it was.
        first = replace(first, unit_code=kept.unit_code)
    return Recount(
        kept=kept,
        counted=progress_of(first, events),
        is_gapless=[one.sequence for one in events] == list(range(1, len(events) + 1)),
    )


def _kept(row: Mapping[str, Any] | None) -> Progress | None:
    """Return a row of the table that came as JSON."""
    if row is None:
        return None
    return progress_in(
        {
            name: datetime.fromisoformat(value) if name.endswith("_at") and value else value
            for name, value in row.items()
        }
    )
