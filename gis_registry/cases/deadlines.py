"""By when a case must be done: limits as amounts of counting time, and which time counts.

A limit is an amount of time that counts: of every hour of the clock (urgent hours, calendar days of
24 hours) or of working time only (working hours; working days, each as much working time as the
standard day has in the season in which the limit begins). Pauses do not count.

The deadline is the *earliest* moment at which the time is used up: with hours until 12:00 and again
from 14:00, four working hours from 08:00 are due at 12:00 and not at 14:00, and an amount of 0 is
due when it begins, also at night. An extension begins to count where the time before it is used up,
in its own unit; several count in the order in which they were granted.

Everything is exact to the microsecond and in UTC.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gis_registry.catalogue.tables import LimitUnit
from gis_registry.catalogue.time_limits import UNIT_NAMES, amount_words
from gis_registry.errors import InvalidInput
from gis_registry.places.working_time import Span, Stretch, WorkingTime

#: No limit is longer, in whatever unit.
MOST = 10_000
_FAR = datetime.max.replace(tzinfo=UTC)
_NOTHING = timedelta(0)
_MINUTE = timedelta(minutes=1)


_BY_CLOCK = {
    LimitUnit.URGENT_HOUR: ("紧急工作时，昼夜计时", "urgent hours run day and night"),
    LimitUnit.CALENDAR_DAY: ("自然日，昼夜计时", "calendar days run day and night"),
}


@dataclass(frozen=True)
class Limit:
    """An amount of counting time, which may be a fraction: 0.5 urgent hours are 30 minutes."""

    amount: float
    unit: LimitUnit

    def __post_init__(self) -> None:
        """Refuse what is no amount."""
        if not (math.isfinite(self.amount) and 0 <= self.amount <= MOST):
            raise InvalidInput(f"A limit is 0 to {MOST}, not {self.amount:g}.")

    @property
    def name_zh(self) -> str:
        """The limit as people write it in Chinese."""
        return f"{self.amount:g}个{UNIT_NAMES[self.unit][0]}"

    @property
    def name_en(self) -> str:
        """The limit as people write it in English."""
        return amount_words(self.amount, self.unit)[1]


@dataclass(frozen=True)
class Pause:
    """A time that does not count, for somebody's reason; ``ended_at`` None: it goes on."""

    began_at: datetime
    ended_at: datetime | None
    reason: str
    actor: str

    def __post_init__(self) -> None:
        """Refuse moments without a zone, and an end before the beginning."""
        began_at = _utc(self.began_at)
        if self.ended_at is not None and _utc(self.ended_at) < began_at:
            raise InvalidInput("A pause does not end before it begins.")


@dataclass(frozen=True)
class Extension:
    """More time, granted for somebody's reason."""

    limit: Limit
    granted_at: datetime
    reason: str
    actor: str

    def __post_init__(self) -> None:
        """Refuse a moment without a zone."""
        _utc(self.granted_at)


@dataclass(frozen=True)
class LedgerEntry:
    """A time that counted as a whole or did not, and why.

    ``counted`` and ``left`` are the sums at its end; ``left`` below zero is how much counting time
    it is overdue. An extension is an entry without length, at which ``left`` grows.
    """

    began_at: datetime
    ended_at: datetime
    is_counted: bool
    reason_zh: str
    reason_en: str
    counted: timedelta
    left: timedelta


@dataclass(frozen=True)
class _Phase:
    """The limit or an extension: from when it counts in its unit, and when it is used up."""

    began_at: datetime
    unit: LimitUnit
    due_at: datetime | None


def due_at(
    started_at: datetime,
    limit: Limit,
    working_time: WorkingTime,
    *,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Extension] = (),
) -> datetime | None:
    """Return the earliest moment at which the time is used up.

    Returns:
        The moment in UTC; None while a pause that goes on holds it up. A pause that began when the
        time was used up already changes nothing.

    Raises:
        InvalidInput: a moment has no zone.
    """
    *_, last = _phases(_utc(started_at), limit, working_time, pauses, extensions)
    return last.due_at


def counted(
    began_at: datetime,
    ended_at: datetime,
    unit: LimitUnit,
    working_time: WorkingTime,
    *,
    pauses: Sequence[Pause] = (),
) -> timedelta:
    """Return how much time counts between two moments; a pause that goes on lasts to the second.

    Raises:
        InvalidInput: a moment has no zone, or the second is before the first.
    """
    began_at, ended_at = _utc(began_at), _utc(ended_at)
    if ended_at < began_at:
        raise InvalidInput("Time is counted from a moment to a later one.")
    total = _NOTHING
    stops, open_from = _merged(pauses)
    for begin, end in _counting(began_at, unit, working_time, stops, open_from):
        if begin >= ended_at:
            break
        total += min(end, ended_at) - begin
    return total


def length(limit: Limit, working_time: WorkingTime, moment: datetime) -> timedelta:
    """Return the time of a limit that begins at a moment."""
    if limit.unit is LimitUnit.WORKING_DAY:
        return working_time.standard_day(moment) * limit.amount
    if limit.unit is LimitUnit.CALENDAR_DAY:
        return timedelta(days=limit.amount)
    return timedelta(hours=limit.amount)


def moment_after(
    moment: datetime, amount: timedelta, unit: LimitUnit, working_time: WorkingTime
) -> datetime:
    """Return the earliest moment by which so much time has counted after another."""
    found = _used_up(_utc(moment), amount, unit, working_time, (), _FAR)
    assert found is not None  # noqa: S101  nothing holds it up
    return found


def moment_before(
    moment: datetime, amount: timedelta, unit: LimitUnit, working_time: WorkingTime
) -> datetime:
    """Return the earliest moment after which so much time has counted until another."""
    back = max(amount, _MINUTE)
    while (found := counted(moment - back, moment, unit, working_time)) < amount:
        back *= 2
    return moment_after(moment - back, found - amount, unit, working_time)


def ledger(
    started_at: datetime,
    limit: Limit,
    working_time: WorkingTime,
    *,
    pauses: Sequence[Pause] = (),
    extensions: Sequence[Extension] = (),
    until: datetime,
) -> list[LedgerEntry]:
    """Return what became of all the time from the start until a moment, without gaps, in order.

    Entries end where the time is used up. After that, time goes on counting in the last unit.

    Raises:
        InvalidInput: a moment has no zone.
    """
    started_at, until = _utc(started_at), _utc(until)
    if until < started_at:
        return []
    order = sorted(pauses, key=lambda one: _utc(one.began_at))
    phases = list(_phases(started_at, limit, working_time, pauses, extensions))
    grants: dict[datetime, list[Extension]] = {}
    for one in _in_order(extensions):
        grants.setdefault(max(_utc(one.granted_at), started_at), []).append(one)
    marks = {phase.due_at for phase in phases if phase.due_at} | {*grants, started_at, until}
    for pause in order:
        marks |= {_utc(pause.began_at), _ended_at(pause)}
    cuts = sorted(moment for moment in marks if started_at <= moment <= until)
    entries: list[LedgerEntry] = []
    total, left = _NOTHING, length(limit, working_time, started_at)
    for begin, end in zip(cuts, [*cuts[1:], until], strict=True):
        for one in grants.get(begin, ()):
            left += length(one.limit, working_time, one.granted_at)
            entries.append(_granted(one, begin, total, left))
        unit = next(one.unit for one in reversed(phases) if one.began_at <= begin)
        for part in _parts(begin, end, unit, working_time, order):
            if part.is_working:
                total += part.ended_at - part.began_at
                left -= part.ended_at - part.began_at
            entries.append(
                LedgerEntry(
                    part.began_at,
                    part.ended_at,
                    part.is_working,
                    part.reason_zh,
                    part.reason_en,
                    total,
                    left,
                )
            )
    return entries


def minute_by_minute(entries: Iterable[LedgerEntry]) -> Iterator[LedgerEntry]:
    """Return the same ledger with an entry for each minute of the clock, or part of one."""
    for entry in entries:
        if entry.began_at == entry.ended_at:
            yield entry
            continue
        begin = entry.began_at
        while begin < entry.ended_at:
            end = min(begin.replace(second=0, microsecond=0) + _MINUTE, entry.ended_at)
            missing = entry.ended_at - end if entry.is_counted else _NOTHING
            yield replace(
                entry,
                began_at=begin,
                ended_at=end,
                counted=entry.counted - missing,
                left=entry.left + missing,
            )
            begin = end


def _utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise InvalidInput(f"{moment.isoformat()} has no time zone.")
    if not 1900 <= moment.year <= 9000:
        raise InvalidInput(f"{moment.isoformat()} is no time of a case.")
    return moment.astimezone(UTC)


def _ended_at(pause: Pause) -> datetime:
    return _FAR if pause.ended_at is None else _utc(pause.ended_at)


def _in_order(extensions: Sequence[Extension]) -> list[Extension]:
    return sorted(extensions, key=lambda one: _utc(one.granted_at))


def _merged(pauses: Sequence[Pause]) -> tuple[list[Span], datetime]:
    """Return the pauses that ended, without overlaps and in order, and from when one goes on."""
    open_from = _FAR
    stops: list[Span] = []
    for begin, end in sorted((_utc(one.began_at), _ended_at(one)) for one in pauses):
        if end == _FAR:
            open_from = min(open_from, begin)
        elif stops and begin <= stops[-1][1]:
            stops[-1] = (stops[-1][0], max(stops[-1][1], end))
        else:
            stops.append((begin, end))
    return stops, open_from


def _counting(
    began_at: datetime,
    unit: LimitUnit,
    working_time: WorkingTime,
    stops: Sequence[Span],
    open_from: datetime,
) -> Iterator[Span]:
    """Return the spans of time that count after a moment, until a pause that goes on."""
    spans = [(began_at, _FAR)] if unit in _BY_CLOCK else working_time.spans(began_at)
    if not stops and open_from == _FAR:
        yield from spans
        return
    for begin, end in spans:
        if begin >= open_from:
            return
        end = min(end, open_from)
        for stop, resumed in stops:
            if stop >= end:
                break
            if begin < stop:
                yield begin, stop
            begin = max(begin, resumed)
        if begin < end:
            yield begin, end


def _used_up(
    began_at: datetime,
    amount: timedelta,
    unit: LimitUnit,
    working_time: WorkingTime,
    stops: Sequence[Span],
    open_from: datetime,
) -> datetime | None:
    """Return the earliest moment by which an amount of time has counted, if there is one."""
    if not amount:
        return began_at
    for begin, end in _counting(began_at, unit, working_time, stops, open_from):
        if amount <= end - begin:
            return begin + amount
        amount -= end - begin
    return None


def _phases(
    started_at: datetime,
    limit: Limit,
    working_time: WorkingTime,
    pauses: Sequence[Pause],
    extensions: Sequence[Extension],
) -> Iterator[_Phase]:
    """Return the limit and its extensions in the order in which their time is used up."""
    stops, open_from = _merged(pauses)
    begin = started_at
    for one, moment in (
        (limit, started_at),
        *((one.limit, one.granted_at) for one in _in_order(extensions)),
    ):
        amount = length(one, working_time, moment)
        due = _used_up(begin, amount, one.unit, working_time, stops, open_from)
        yield _Phase(begin, one.unit, due)
        if due is None:
            return
        begin = due


def _parts(
    began_at: datetime,
    ended_at: datetime,
    unit: LimitUnit,
    working_time: WorkingTime,
    pauses: Sequence[Pause],
) -> Iterable[Stretch]:
    """Return the parts of a time in which no pause begins or ends and the unit is one."""
    if began_at == ended_at:
        return []
    for one in pauses:
        if _utc(one.began_at) <= began_at < _ended_at(one):
            zh, en = f"暂停：{one.reason}（{one.actor}）", f"paused by {one.actor}: {one.reason}"
            return [Stretch(began_at, ended_at, False, zh, en)]
    if unit in _BY_CLOCK:
        return [Stretch(began_at, ended_at, True, *_BY_CLOCK[unit])]
    return working_time.stretches(began_at, ended_at)


def _granted(
    extension: Extension, moment: datetime, total: timedelta, left: timedelta
) -> LedgerEntry:
    limit, reason, actor = extension.limit, extension.reason, extension.actor
    return LedgerEntry(
        began_at=moment,
        ended_at=moment,
        is_counted=False,
        reason_zh=f"延期{limit.name_zh}：{reason}（{actor}）",
        reason_en=f"extended by {limit.name_en} by {actor}: {reason}",
        counted=total,
        left=left,
    )
