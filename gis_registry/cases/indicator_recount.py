"""Counting all cases again, a month at a time: every total of a month in one pass over its cases.

One statement counts the measures of a month and one its times, each of all scopes together, so that
what they come to fits in memory. Times of a year are the sum of those of its months.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    LargeBinary,
    Select,
    Table,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union_all,
    values,
)

from gis_registry.cases import indicator_counting as counting
from gis_registry.cases.indicator_counting import PROGRESS, day_of, item_of, text_of
from gis_registry.cases.indicator_histograms import added_up
from gis_registry.cases.indicator_measures import COUNTED, DURATIONS
from gis_registry.cases.indicator_tables import OF_CITY, Period, Scope

KEYS = ("division_code", "scope", "period", "begins_on", "item")
#: What totals of measures are kept of, and what histograms of times.
COUNT_PERIODS: Mapping[Scope, Sequence[Period]] = dict.fromkeys(Scope, (Period.DAY, Period.MONTH))
TIME_PERIODS: Mapping[Scope, Sequence[Period]] = {
    **dict.fromkeys(Scope, (Period.MONTH, Period.YEAR)),
    Scope.ALL: tuple(Period),
}
#: The first and the last day of the month, or of the year, that statements are about.
FIRST, LAST = (cast(bindparam(name), Date) for name in ("first", "last"))
_ITEMS = [scope for scope in Scope if scope is not Scope.ALL and scope not in OF_CITY]
_ZERO = literal_column("0", Integer)


def days_of_cases() -> Select[*tuple[Any, ...]]:
    """Return the first and the last day on which anything counts of cases, as they are now."""
    moments = [PROGRESS.c[one] for one in counting.moments(COUNTED)]
    first, last = func.min(func.least(*moments)), func.max(func.greatest(*moments))
    return select(counting.day_in_city(first), counting.day_in_city(last))


def counts_of_month() -> Select[Any]:
    """Return the totals of a month and of its days."""
    flags = {moment: 1 << n for n, moment in enumerate(counting.moments(COUNTED))}
    moments = values(column("day", Date), column("flag", Integer), name="moments").data(
        [(day_of(moment), _number(flag)) for moment, flag in flags.items()]
    )
    days = (
        select(moments.c.day, func.bit_or(moments.c.flag).label("flags"))
        .where(moments.c.day.between(FIRST, LAST))
        .group_by(moments.c.day)
        .lateral("days")
    )

    def on_day(key: str) -> ColumnElement[bool]:
        return days.c.flags.bitwise_and(_number(flags[counting.moment_of(key)])) != _ZERO

    # Each case once for each of its days; without OFFSET it would be read in the order of a key.
    each = (
        select(
            *_about_cases(),
            days.c.day,
            *(counting.added(key, on_day(key)).label(key) for key in COUNTED),
        )
        .select_from(PROGRESS.join(days, true()))
        .where(or_(*map(_is_in_it, flags)))
        .offset(_ZERO)
        .subquery("each")
    )
    return _grouped(each, COUNT_PERIODS, [counting.summed(key, each.c[key]) for key in COUNTED])


def times_of_month() -> Select[Any]:
    """Return how many cases took how long, in a month and, of divisions, its days."""
    each = union_all(
        *(
            select(
                *_about_cases(),
                day_of(one.at).label("day"),
                text_of(one.key).label("duration"),
                counting.bucket_of(one).label("bucket"),
            ).where(_is_in_it(one.at), counting.has(one))
            for one in DURATIONS
        )
    ).subquery("times")
    cases = func.count().label("cases")
    return _grouped(each, TIME_PERIODS, [cases], besides=[each.c.duration, each.c.bucket])


def histograms_of_year(table: Table) -> Select[Any]:
    """Return the histograms of a year: the sum of those of its months.

    Args:
        table: where these are.
    """
    kept = table.c
    keys = [kept[key] for key in ("division_code", "scope", "item", "duration")]
    joined = func.string_agg(kept.packed, literal_column("''::bytea"), type_=LargeBinary)
    every = (
        select(*keys, joined.label("packed"))
        .where(kept.period == text_of(Period.MONTH), kept.begins_on.between(FIRST, LAST))
        .group_by(*keys)
        .subquery("of_months")
    )
    return select(
        *(every.c[key.name] for key in keys),
        text_of(Period.YEAR).label("period"),
        FIRST.label("begins_on"),
        added_up("of_months.packed").label("packed"),
    )


def _about_cases() -> list[ColumnElement[Any]]:
    """Return what totals are kept by, of cases."""
    return [PROGRESS.c.division_code, *(item_of(one, PROGRESS.c).label(one) for one in _ITEMS)]


def _grouped(
    each: Any,
    periods: Mapping[Scope, Sequence[Period]],
    sums: Sequence[ColumnElement[Any]],
    *,
    besides: Sequence[ColumnElement[Any]] = (),
) -> Select[Any]:
    """Return sums for each scope and each of its days, and for the month that they are of.

    A column by which a scope is not grouped is null in its rows.
    """
    division, day = each.c.division_code, each.c.day
    items: dict[Scope, Any] = {scope: each.c[scope] for scope in _ITEMS}
    sets = [
        tuple_(
            *([] if scope in OF_CITY else [division]),
            *([] if scope is Scope.ALL else [items[OF_CITY.get(scope, scope)]]),
            *([day] if period is Period.DAY else []),
            *besides,
        )
        for scope in Scope
        for period in periods[scope]
        if period is not Period.YEAR
    ]

    def is_by(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
        return and_(*(func.grouping(one) == _ZERO for one in columns))

    return select(
        func.coalesce(division, text_of("")).label("division_code"),
        case(
            *((is_by(division, items[scope]), text_of(scope)) for scope in _ITEMS),
            *((is_by(items[part]), text_of(scope)) for scope, part in OF_CITY.items()),
            else_=text_of(Scope.ALL),
        ).label("scope"),
        case((is_by(day), text_of(Period.DAY)), else_=text_of(Period.MONTH)).label("period"),
        func.coalesce(day, FIRST).label("begins_on"),
        func.coalesce(*items.values(), text_of("")).label("item"),
        *besides,
        *sums,
    ).group_by(func.grouping_sets(*sets))


def _is_in_it(moment: str) -> ColumnElement[bool]:
    """Return that a moment of a case is in the month."""
    begins, ends = (counting.beginning_of(day) for day in (FIRST, LAST + _number(1)))
    return and_(PROGRESS.c[moment] >= begins, PROGRESS.c[moment] < ends)


def _number(number: int) -> ColumnElement[int]:
    return literal_column(str(number), Integer)
