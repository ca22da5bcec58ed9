"""Keeping the totals: folding what waits into them, filling them, checking them by a recount."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Executable,
    Select,
    Table,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import Session

from gis_registry.cases import indicator_counting as counting
from gis_registry.cases import indicator_queries as queries
from gis_registry.cases.indicator_counting import PROGRESS, day_of, item_of, text_of
from gis_registry.cases.indicator_histograms import added_up, packed, unpacked
from gis_registry.cases.indicator_measures import COUNTED, DURATIONS
from gis_registry.cases.indicator_queries import sum_of
from gis_registry.cases.indicator_tables import CHANGES, HISTOGRAMS, OF_CITY, TOTALS, Period, Scope
from gis_registry.cases.progress import progress_of
from gis_registry.notifications.periodic import periodic

_KEYS = ("division_code", "scope", "period", "begins_on", "item")
_COUNT_PERIODS = (Period.DAY, Period.MONTH)
_TIME_PERIODS: Mapping[Scope, tuple[Period, ...]] = {
    **dict.fromkeys(Scope, (Period.MONTH, Period.YEAR)),
    Scope.ALL: (Period.DAY, Period.MONTH, Period.YEAR),
}


class Difference(NamedTuple):
    """Where a total is not what a recount gives."""

    division_code: str
    scope: str
    item: str
    period: str
    begins_on: date


def fold(session: Session) -> None:
    """Add what waits to the totals; whoever asks meanwhile gets the same."""
    queries.fold_alone(session)
    session.execute(_folding())


def _added(scope: Scope, period: Period, source: Any, day: ColumnElement[Any]) -> list[Any]:
    """Return the columns by which totals of a scope and a period are kept."""
    return [
        (text_of("") if scope in OF_CITY else source.division_code).label("division_code"),
        text_of(scope).label("scope"),
        text_of(period).label("period"),
        _begin(period, day).label("begins_on"),
        item_of(scope, source).label("item"),
    ]


def _begin(period: Period, day: ColumnElement[Any]) -> ColumnElement[Any]:
    return day if period is Period.DAY else cast(func.date_trunc(text_of(period), day), Date)


def _grouped(chosen: Select[Any], count: int) -> Select[Any]:
    return chosen.group_by(*(literal_column(str(n + 1)) for n in range(count)))


@cache  # of many columns: to make it takes longer than to run it
def _folding() -> Executable:
    moved = delete(CHANGES).returning(*CHANGES.c).cte("moved")
    counts = [
        _grouped(
            select(
                *_added(scope, period, moved.c, moved.c.on_day),
                *(sum_of(key, moved.c) for key in COUNTED),
            ).where(moved.c.bucket.is_(None)),
            len(_KEYS),
        )
        for scope in Scope for period in _COUNT_PERIODS
    ]  # fmt: skip
    times = [
        _grouped(
            select(
                *_added(scope, period, moved.c, moved.c.on_day),
                moved.c.key.label("duration"), moved.c.bucket,
                func.sum(moved.c.count).label("cases"),
            ).where(moved.c.bucket.is_not(None)),
            len(_KEYS) + 2,
        )
        for scope in Scope for period in _TIME_PERIODS[scope]
    ]  # fmt: skip
    add_counts = _upsert(
        TOTALS,
        union_all(*counts),
        {key: TOTALS.c[key] + literal_column(f"excluded.{key}") for key in COUNTED},
    )
    add_times = _upsert(
        HISTOGRAMS,
        _packed(union_all(*times)),
        {"packed": added_up(f"{HISTOGRAMS}.packed || excluded.packed")},
    )
    folding: Executable = add_times.add_cte(add_counts.cte("add_counts"))
    return folding


def _inserted(table: Table, chosen: Any) -> Insert:
    return insert(table).from_select([one.name for one in chosen.selected_columns], chosen)


def _upsert(table: Table, chosen: Any, values: Mapping[str, ColumnElement[Any]]) -> Insert:
    return _inserted(table, chosen).on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=values
    )


def _packed(rows: Any) -> Select[Any]:
    """Return the histograms that grouped rows come to."""
    every = rows.subquery()
    keys = [every.c[key] for key in (*_KEYS, "duration")]
    return select(*keys, packed(every.c.bucket, every.c.cases).label("packed")).group_by(*keys)


def fill_statements() -> Iterator[Executable]:
    """Return what fills empty totals from the cases; nothing may change or wait meanwhile."""
    for scope in Scope:
        if scope in OF_CITY:
            yield _inserted(TOTALS, _city_counts(scope))
            yield _inserted(HISTOGRAMS, _packed(_city_times(scope)))
            continue
        yield _inserted(TOTALS, _recounted(scope, Period.DAY))
        yield _inserted(TOTALS, _months(scope))
        shortest, *longer = _TIME_PERIODS[scope]
        yield _inserted(HISTOGRAMS, _packed(_retimed(scope, shortest)))
        for period in longer:
            yield _inserted(HISTOGRAMS, _packed(_longer_times(scope, shortest, period)))
            shortest = period


def _months(scope: Scope) -> Select[Any]:
    """Return the totals of months, from those of days."""
    days = TOTALS.c
    return _grouped(
        select(
            days.division_code, days.scope, text_of(Period.MONTH).label("period"),
            _begin(Period.MONTH, days.begins_on).label("begins_on"), days.item,
            *(func.sum(days[key]).label(key) for key in COUNTED),
        ).where(days.scope == text_of(scope), days.period == text_of(Period.DAY)),
        len(_KEYS),
    )  # fmt: skip


def _city_counts(scope: Scope) -> Select[Any]:
    """Return the totals of the whole city, from those of its divisions."""
    kept = TOTALS.c
    return _grouped(
        select(
            text_of("").label("division_code"), text_of(scope).label("scope"),
            kept.period, kept.begins_on, kept.item,
            *(func.sum(kept[key]).label(key) for key in COUNTED),
        ).where(kept.scope == text_of(OF_CITY[scope])),
        len(_KEYS),
    )  # fmt: skip


def _city_times(scope: Scope) -> Select[Any]:
    """Return the times of the whole city, from those of its divisions."""
    kept = _kept_times(OF_CITY[scope]).subquery()
    return _grouped(
        select(
            text_of("").label("division_code"), text_of(scope).label("scope"),
            kept.c.period, kept.c.begins_on, kept.c.item, kept.c.duration,
            kept.c.bucket, func.sum(kept.c.cases).label("cases"),
        ),
        len(_KEYS) + 2,
    )  # fmt: skip


def _longer_times(scope: Scope, source: Period, period: Period) -> Select[Any]:
    """Return the times of longer periods, from those of shorter ones."""
    kept = _kept_times(scope, source).subquery()
    return _grouped(
        select(
            kept.c.division_code, kept.c.scope, text_of(period).label("period"),
            _begin(period, kept.c.begins_on).label("begins_on"), kept.c.item, kept.c.duration,
            kept.c.bucket, func.sum(kept.c.cases).label("cases"),
        ),
        len(_KEYS) + 2,
    )  # fmt: skip


def _kept_times(scope: Scope, *periods: Period) -> Select[Any]:
    """Return the entries of the histograms of a scope, of some periods or of all, as rows."""
    kept = HISTOGRAMS.c
    entries = unpacked(f"{HISTOGRAMS}.packed")
    return (
        select(*(kept[key] for key in _KEYS), kept.duration, entries.c.bucket, entries.c.cases)
        .select_from(HISTOGRAMS.join(entries, true()))
        .where(kept.scope == text_of(scope), kept.period.in_(map(text_of, periods or Period)))
    )


def _recounted(scope: Scope, period: Period) -> Select[Any]:
    parts = [
        _grouped(
            select(
                *_added(scope, period, PROGRESS.c, day_of(moment)),
                *counting.counts(moment, COUNTED),
            ).where(PROGRESS.c[moment].is_not(None)),
            len(_KEYS),
        )
        for moment in counting.moments(COUNTED)
    ]
    every = union_all(*parts).subquery()
    keys = [every.c[key] for key in _KEYS]
    return select(*keys, *(func.sum(every.c[key]).label(key) for key in COUNTED)).group_by(*keys)


def _retimed(scope: Scope, period: Period) -> Any:
    return union_all(
        *(
            _grouped(
                select(
                    *_added(scope, period, PROGRESS.c, day_of(one.at)),
                    text_of(one.key).label("duration"),
                    counting.bucket_of(one).label("bucket"),
                    func.count().label("cases"),
                ).where(PROGRESS.c[one.at].is_not(None), counting.has(one)),
                len(_KEYS) + 2,
            )
            for one in DURATIONS
        )
    )


def rebuild(session: Session) -> None:
    """Make all totals anew from the cases; who changes a case meanwhile waits."""
    queries.fold_alone(session)
    session.execute(text("LOCK TABLE indicator_changes IN EXCLUSIVE MODE"))
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    for table in (CHANGES, TOTALS, HISTOGRAMS):
        session.execute(delete(table))
    for statement in fill_statements():
        session.execute(statement)


def differences(session: Session, *, most: int = 10) -> list[Difference]:
    """Count all cases again and return where totals differ, with what waits; at most so many.

    Each kind of total is compared in one snapshot, so that cases may change meanwhile.
    """
    found: list[Difference] = []
    for scope in Scope:
        for period in _COUNT_PERIODS:
            found += _differences(session, _compared_counts(scope, period), most)
        for period in _TIME_PERIODS[scope]:
            found += _differences(session, _compared_times(scope, period), most)
    return found[:most]


def _differences(session: Session, compared: Executable, most: int) -> list[Difference]:
    return [Difference(*row) for row in session.execute(compared, {"most": most})]


@cache
def _compared_counts(scope: Scope, period: Period) -> Executable:
    waiting = _grouped(
        select(
            *_added(scope, period, CHANGES.c, CHANGES.c.on_day),
            *(sum_of(key, CHANGES.c) for key in COUNTED),
        ).where(CHANGES.c.bucket.is_(None)),
        len(_KEYS),
    )
    kept = select(TOTALS).where(TOTALS.c.scope == scope, TOTALS.c.period == period)
    return _compared([_recounted(scope, period), kept, waiting], COUNTED)


@cache
def _compared_times(scope: Scope, period: Period) -> Executable:
    waiting = select(
        *_added(scope, period, CHANGES.c, CHANGES.c.on_day),
        CHANGES.c.key.label("duration"),
        CHANGES.c.bucket,
        CHANGES.c.count.label("cases"),
    ).where(CHANGES.c.bucket.is_not(None))
    return _compared([_retimed(scope, period), _kept_times(scope, period), waiting], ("cases",))


def _compared(sides: Sequence[Any], sums: Sequence[str]) -> Executable:
    """Return what finds where the first side is not the sum of the others."""
    signed = []
    for side, sign in zip(sides, ("", "-", "-"), strict=True):
        part = side.subquery()
        signed.append(
            select(
                *(
                    (literal_column("-1") * one if sign and one.name in sums else one)
                    .label(one.name)
                    for one in part.c
                )
            )
        )  # fmt: skip
    every = union_all(*signed).subquery()
    others = [one for one in every.c if one.name not in sums]
    return (
        select(*(every.c[key] for key in Difference._fields))
        .group_by(*others)
        .having(or_(*(func.sum(every.c[key]) != literal_column("0") for key in sums)))
        .order_by(every.c.begins_on, every.c.division_code, every.c.item)
        .limit(bindparam("most"))
    )


def unlike_events(session: Session, *, most: int = 10) -> list[int]:
    """Make each case anew of its events and return those that stand elsewhere; at most so many.

    What happens to cases meanwhile is left out of both, since it is read in one snapshot.
    """
    with closing(queries.histories(session)) as histories:
        unlike = (
            now.case_id for first, now, events in histories if progress_of(first, events) != now
        )
        return list(islice(unlike, most))


TASKS = (periodic("* * * * *")(fold),)
