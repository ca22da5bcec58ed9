"""Keeping the totals: folding what waits into them, filling them, checking them by a recount."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    Executable,
    Integer,
    MetaData,
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

from gis_registry.cases import indicator_queries as queries
from gis_registry.cases import indicator_recount as recount
from gis_registry.cases.indicator_counting import item_of, text_of
from gis_registry.cases.indicator_histograms import added_up, packed, unpacked
from gis_registry.cases.indicator_measures import COUNTED
from gis_registry.cases.indicator_queries import sum_of
from gis_registry.cases.indicator_recount import COUNT_PERIODS, KEYS, TIME_PERIODS
from gis_registry.cases.indicator_tables import CHANGES, HISTOGRAMS, OF_CITY, TOTALS, Period, Scope
from gis_registry.cases.indicator_views import end_of
from gis_registry.cases.progress import progress_of
from gis_registry.notifications.periodic import periodic

_Days = dict[str, date]


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


def _added(scope: Scope, period: Period, changes: Any) -> list[ColumnElement[Any]]:
    """Return the columns by which totals of a scope and a period are kept."""
    day = changes.on_day
    begins_on = day if period is Period.DAY else cast(func.date_trunc(text_of(period), day), Date)
    return [
        (text_of("") if scope in OF_CITY else changes.division_code).label("division_code"),
        text_of(scope).label("scope"),
        text_of(period).label("period"),
        begins_on.label("begins_on"),
        item_of(scope, changes).label("item"),
    ]


def _grouped(chosen: Select[Any], count: int) -> Select[Any]:
    return chosen.group_by(*(literal_column(str(n + 1)) for n in range(count)))


@cache  # of many columns: to make it takes longer than to run it
def _folding() -> Executable:
    moved = delete(CHANGES).returning(*CHANGES.c).cte("moved")
    add_counts = _upsert(
        TOTALS,
        _changed_counts(moved.c),
        {key: TOTALS.c[key] + literal_column(f"excluded.{key}") for key in COUNTED},
    )
    add_times = _upsert(
        HISTOGRAMS,
        _packed(_changed_times(moved.c)),
        {"packed": added_up(f"{HISTOGRAMS}.packed || excluded.packed")},
    )
    folding: Executable = add_times.add_cte(add_counts.cte("add_counts"))
    return folding


def _changed_counts(changes: Any) -> Any:
    """Return what changes (the columns of their table) add to totals."""
    return union_all(
        *(
            _grouped(
                select(
                    *_added(scope, period, changes), *(sum_of(key, changes) for key in COUNTED)
                ).where(changes.bucket.is_(None)),
                len(KEYS),
            )
            for scope, periods in COUNT_PERIODS.items()
            for period in periods
        )
    )


def _changed_times(changes: Any) -> Any:
    """Return what changes (the columns of their table) add to histograms, as rows."""
    return union_all(
        *(
            _grouped(
                select(
                    *_added(scope, period, changes),
                    changes.key.label("duration"),
                    changes.bucket,
                    func.sum(changes.count).label("cases"),
                ).where(changes.bucket.is_not(None)),
                len(KEYS) + 2,
            )
            for scope, periods in TIME_PERIODS.items()
            for period in periods
        )
    )


def _inserted(table: Table, chosen: Any) -> Insert:
    return insert(table).from_select([one.name for one in chosen.selected_columns], chosen)


def _upsert(table: Table, chosen: Any, values: Mapping[str, ColumnElement[Any]]) -> Insert:
    return _inserted(table, chosen).on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_=values
    )


def _packed(rows: Any) -> Select[Any]:
    """Return the histograms that grouped rows come to."""
    every = rows.subquery()
    keys = [every.c[key] for key in (*KEYS, "duration")]
    return select(*keys, packed(every.c.bucket, every.c.cases).label("packed")).group_by(*keys)


def rebuild(session: Session) -> None:
    """Make all totals anew from the cases; who changes a case meanwhile waits.

    They are made beside those that are kept, which answer until the end.
    """
    queries.fold_alone(session)
    session.execute(text("LOCK TABLE indicator_changes IN EXCLUSIVE MODE"))
    session.execute(delete(CHANGES))
    totals, histograms = (_made_beside(session, one) for one in (TOTALS, HISTOGRAMS))
    _prepare_recount(session)
    counts = _inserted(totals, recount.counts_of_month())
    times = _inserted(histograms, _packed(recount.times_of_month()))
    months, years = _months_and_years(session, recount.days_of_cases())
    for days in months:
        session.execute(counts, days)
        session.execute(times, days)
    of_year = _inserted(histograms, recount.histograms_of_year(histograms))
    for days in years:
        session.execute(of_year, days)
    _put_in_place(session, {totals: TOTALS, histograms: HISTOGRAMS})


def _prepare_recount(session: Session) -> None:
    """Let the totals of a month fit in memory unsorted; read no more cases than the month has."""
    session.execute(text("SET LOCAL work_mem = '256MB'"))
    session.execute(text("SET LOCAL enable_sort = off"))
    session.execute(text("SET LOCAL enable_seqscan = off"))


def _months_and_years(
    session: Session, *first_and_last: Select[*tuple[Any, ...]]
) -> tuple[list[_Days], list[_Days]]:
    """Return the months and the years that reach from the first day to the last, if any."""
    days = [one for row in session.execute(union_all(*first_and_last)) for one in row if one]
    if not days:
        return [], []
    years = range(min(days).year, max(days).year + 1)
    months = (date(year, month, 1) for year in years for month in range(1, 13))
    return (
        [
            {"first": one, "last": end_of(Period.MONTH, one)}
            for one in months
            if min(days) <= end_of(Period.MONTH, one) and one <= max(days)
        ],
        [{"first": date(one, 1, 1), "last": date(one, 12, 31)} for one in years],
    )


def _made_beside(session: Session, table: Table) -> Table:
    """Make an empty table like another one, without its indexes."""
    new = table.to_metadata(MetaData(), name=f"{table}_new")
    session.execute(text(f"CREATE TABLE {new} (LIKE {table} INCLUDING DEFAULTS)"))
    return new


def _put_in_place(session: Session, tables: Mapping[Table, Table]) -> None:
    """Give new tables the indexes of others, and then, all at once, their place."""
    names = {f"TABLE {new}": str(table) for new, table in tables.items()}
    for new, table in tables.items():
        indexes: list[Any] = [table.primary_key, *table.indexes]
        for one in indexes:
            names[f"INDEX {one.name}_new"] = str(one.name)
            keys = ", ".join(key.name for key in one.columns)
            unique = "UNIQUE" if one is table.primary_key else ""
            session.execute(text(f"CREATE {unique} INDEX {one.name}_new ON {new} ({keys})"))
        session.execute(
            text(f"ALTER TABLE {new} ADD PRIMARY KEY USING INDEX {table.primary_key.name}_new")
        )
        session.execute(text(f"ANALYZE {new}"))
    # In the order in which answers read them, so that nobody waits for each other.
    session.execute(text(f"DROP TABLE {', '.join(map(str, tables.values()))}"))
    for new_name, name in names.items():
        session.execute(text(f"ALTER {new_name} RENAME TO {name}"))


def differences(session: Session, *, most: int = 10) -> list[Difference]:
    """Count all cases again and return where totals differ, with what waits; at most so many.

    Each month is compared in one snapshot, so that cases may change meanwhile.
    """
    _prepare_recount(session)
    kept = (TOTALS.c.begins_on, HISTOGRAMS.c.begins_on, CHANGES.c.on_day)
    months, years = _months_and_years(
        session,
        recount.days_of_cases(),
        *(select(func.min(day), func.max(day)) for day in kept),
    )
    compared = [
        *((one, days) for days in months for one in _compared_months()),
        *((_compared_years(), days) for days in years),
    ]
    found = (
        Difference(*row)
        for statement, days in compared
        for row in session.execute(statement, {**days, "most": most})
    )
    return list(islice(found, most))


@cache
def _compared_months() -> tuple[Executable, Executable]:
    counts = [recount.counts_of_month(), _of_days(select(TOTALS))]
    times = [recount.times_of_month(), _of_days(_entries(select(HISTOGRAMS)))]
    return (
        _compared([*counts, _of_days(_changed_counts(CHANGES.c))], COUNTED),
        _compared([*times, _of_days(_changed_times(CHANGES.c))], ("cases",)),
    )


@cache
def _compared_years() -> Executable:
    """What waits is in neither: it is added to months and years together."""
    kept = select(HISTOGRAMS).where(
        HISTOGRAMS.c.period == text_of(Period.YEAR), HISTOGRAMS.c.begins_on == recount.FIRST
    )
    of_months = recount.histograms_of_year(HISTOGRAMS)
    return _compared([_entries(of_months), _entries(kept)], ("cases",))


def _of_days(kept: Any) -> Select[Any]:
    """Return those of kept totals that are of the month or its days."""
    every = kept.subquery()
    return select(every).where(
        every.c.period != text_of(Period.YEAR),
        every.c.begins_on.between(recount.FIRST, recount.LAST),
    )


def _entries(histograms: Select[Any]) -> Select[Any]:
    """Return the entries of histograms as rows."""
    kept = histograms.subquery("kept")
    entries = unpacked("kept.packed")
    return select(
        *(kept.c[key] for key in (*KEYS, "duration")), entries.c.bucket, entries.c.cases
    ).select_from(kept.join(entries, true()))


def _compared(sides: Sequence[Any], sums: Sequence[str]) -> Executable:
    """Return what finds where the first side is not the sum of the others."""
    names = [one for one in sides[0].selected_columns.keys() if one not in sums]  # noqa: SIM118
    signed = []
    for n, side in enumerate(sides):
        part = side.subquery()
        sign = literal_column("-1" if n else "1", Integer)
        signed.append(
            select(
                *(part.c[key] for key in names), *((sign * part.c[key]).label(key) for key in sums)
            )
        )
    every = union_all(*signed).subquery()
    return (
        select(*(every.c[key] for key in Difference._fields))
        .group_by(*(every.c[key] for key in names))
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
