"""Counting cases in the database: the measures as SQL, over rows of cases."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    SmallInteger,
    Text,
    and_,
    case,
    cast,
    extract,
    false,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from gis_registry.cases.indicator_measures import (
    DURATIONS,
    MEASURES,
    UPPER_S,
    Condition,
    Duration,
    Test,
)
from gis_registry.cases.indicator_tables import OF_CITY, Scope
from gis_registry.cases.tables import CaseProgress
from gis_registry.places.tables import City

PROGRESS = CaseProgress.metadata.tables[CaseProgress.__tablename__]
_BIGINTS = ARRAY(BigInteger)
_ZONE = select(City.time_zone).scalar_subquery()
_MEASURES = {one.key: one for one in MEASURES}
_DURATIONS = {key: one for one in DURATIONS for key in (one.key, one.seconds_key)}


def text_of(said: str) -> ColumnElement[str]:
    """Return a text of ours as a literal."""
    return literal_column(f"'{said}'", Text)


def item_of(scope: Scope, columns: object) -> ColumnElement[str]:
    """Return what totals of a scope are kept by, as text; empty for a case that has none.

    Args:
        scope: what totals are kept of.
        columns: those of a table that has what cases are about.
    """
    names = {
        Scope.UNIT: "unit_code",
        Scope.CLASS: "class_id",
        Scope.MATTER: "matter_type_id",
        Scope.SUBDISTRICT: "subdistrict_code",
    }
    if scope is Scope.ALL:
        return text_of("")
    name = names[OF_CITY.get(scope, scope)]
    return func.coalesce(cast(getattr(columns, name), Text), text_of(""))


def day_of(moment: str) -> ColumnElement[object]:
    """Return the day in the city of a moment of a case."""
    return day_in_city(PROGRESS.c[moment])


def day_in_city(moment: ColumnElement[datetime]) -> ColumnElement[object]:
    """Return the day in the city of a moment."""
    return cast(func.timezone(_ZONE, moment), Date)


def beginning_of(day: ColumnElement[date]) -> ColumnElement[datetime]:
    """Return when a day begins in the city."""
    return func.timezone(_ZONE, cast(day, DateTime))


def seconds_of(duration: Duration) -> ColumnElement[int]:
    """Return how long it took, in seconds, of which the last may not be full."""
    took = extract("epoch", PROGRESS.c[duration.ends] - PROGRESS.c[duration.begins])
    return cast(func.greatest(literal_column("0"), func.ceil(took)), BigInteger)


def bucket_of(duration: Duration) -> ColumnElement[int]:
    """Return the bucket of how long it took."""
    bounds = cast(text_of("{" + ",".join(map(str, UPPER_S)) + "}"), _BIGINTS)
    return cast(func.width_bucket(seconds_of(duration) - literal_column("1"), bounds), SmallInteger)


def has(duration: Duration) -> ColumnElement[bool]:
    """Return that a case has a duration."""
    there = (PROGRESS.c[name].is_not(None) for name in (duration.begins, duration.ends))
    return and_(*there, all_hold(duration.conditions))


def all_hold(conditions: Iterable[Condition]) -> ColumnElement[bool]:
    """Return that all conditions hold of a row of cases."""
    return and_(true(), *(_is_so(one) for one in conditions))


def moments(keys: Iterable[str]) -> list[str]:
    """Return the moments on whose days measures are counted."""
    return list(dict.fromkeys(moment_of(key) for key in keys))


def moment_of(key: str) -> str:
    """Return the moment on whose day a measure is counted."""
    return _MEASURES[key].at if key in _MEASURES else _DURATIONS[key].at


def counts(moment: str, keys: Sequence[str]) -> list[ColumnElement[int]]:
    """Return what cases add to measures on the day of a moment; nothing to those of others."""
    return [
        summed(key, added(key))
        if moment_of(key) == moment
        else literal_column("0", BigInteger).label(key)
        for key in keys
    ]


def added(key: str, *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return what a case adds to a measure if conditions hold: whether it counts, or seconds."""
    if key in _MEASURES:
        return and_(*conditions, all_hold(_MEASURES[key].conditions))
    duration = _DURATIONS[key]
    is_counted = and_(*conditions, has(duration))
    return is_counted if key == duration.key else case((is_counted, seconds_of(duration)))


def summed(key: str, added: ColumnElement[Any]) -> ColumnElement[int]:
    """Return what cases come to, of what each adds to a measure."""
    if isinstance(added.type, Boolean):
        return func.count().filter(added).label(key)
    return cast(func.coalesce(func.sum(added), literal_column("0")), BigInteger).label(key)


def _is_so(condition: Condition) -> ColumnElement[bool]:
    column = PROGRESS.c[condition.field]
    match condition.test:
        case Test.HOLDS:
            return _is_true(column)
        case Test.FAILS:
            return ~func.coalesce(_is_true(column), false())
        case Test.KNOWN:
            return column.is_not(None)
        case Test.EQUALS:
            return column == text_of(str(condition.value))
        case Test.DIFFERS:
            return column.is_distinct_from(text_of(str(condition.value)))


def _is_true(column: ColumnElement[object]) -> ColumnElement[bool]:
    match column.type:
        case Boolean():
            return column.is_(true())
        case Integer():
            return column > literal_column("0")
        case DateTime():
            return column.is_not(None)
    raise TypeError(f"Nobody says when {column} holds.")
