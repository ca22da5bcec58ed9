"""Everything of indicators that talks to the database: adding up, and asking for the sums."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    RowMapping,
    Select,
    Text,
    and_,
    cast,
    func,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from gis_registry.cases import indicator_counting as counting
from gis_registry.cases.indicator_counting import PROGRESS, day_of, item_of, text_of
from gis_registry.cases.indicator_histograms import Histograms, packed
from gis_registry.cases.indicator_measures import Contribution, Duration
from gis_registry.cases.indicator_tables import CHANGES, HISTOGRAMS, TOTALS, Period, Scope
from gis_registry.cases.indicator_views import Grouping, Span, View
from gis_registry.cases.progress import Happening, Progress, first_of, progress_in
from gis_registry.cases.tables import CaseEventKind
from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.sql import load_queries
from gis_registry.places.tables import Division
from gis_registry.units.tables import Unit

_QUERIES = load_queries(Path(__file__).with_suffix(".sql"))

_NAMED: Mapping[Grouping, tuple[Any, str]] = {
    Grouping.UNIT: (Unit, "code"),
    Grouping.CLASS: (ComponentClass, "id"),
    Grouping.MATTER: (MatterType, "id"),
    Grouping.DIVISION: (Division, "code"),
    Grouping.SUBDISTRICT: (Division, "code"),
}
_EVENT = ("sequences", "kinds", "moments", "notes")
_Select = Select[*tuple[Any, ...]]
Groups = dict[str, RowMapping]


def append(session: Session, added: Mapping[Contribution, int]) -> None:
    """Append what changes of cases add."""
    columns = zip(*added, strict=True)
    values = dict(zip(Contribution._fields, map(list, columns), strict=True))
    session.execute(_QUERIES["append"], {**values, "count": list(added.values())})


def fold_alone(session: Session) -> None:
    """Let nobody else fold until the transaction ends."""
    session.execute(_QUERIES["fold_alone"])


def is_long(session: Session, *, most: int) -> bool:
    """Return whether more changes wait than this."""
    return bool(session.scalar(_QUERIES["is_long"], {"most": most}))


def totals(session: Session, keys: Sequence[str], view: View) -> Groups:
    """Return what measures come to, for each group; all in one snapshot."""
    scope = view.scope
    if scope is None:
        parts = _counted(keys, view)
    else:
        parts = [
            *(_kept(keys, view, scope, span) for span in view.count_spans()),
            _waiting(keys, view),
        ]
    every = union_all(*parts).subquery()
    summed = select(every.c.group, *(func.sum(every.c[key]).label(key) for key in keys)).group_by(
        every.c.group
    )
    return {row["group"]: row for row in session.execute(summed).mappings()}


def times(session: Session, durations: Sequence[Duration], view: View) -> dict[str, Histograms]:
    """Return how many cases took how long, by the key of the duration; all in one snapshot."""
    rows = session.execute(union_all(*_time_parts(durations, view)))
    found: dict[str, list[tuple[str, bytes]]] = {one.key: [] for one in durations}
    for duration, group, part in rows:
        found[duration].append((group, part))
    return {key: Histograms.of(parts) for key, parts in found.items()}


def cases(
    session: Session,
    view: View,
    moment: str,
    condition: ColumnElement[bool],
    *,
    before: int | None = None,
    limit: int,
    by_moment: bool = False,
) -> Sequence[RowMapping]:
    """Return the cases that are counted on the days of a moment.

    The newest come first, or those with the earliest moment.
    """
    order = [
        *([PROGRESS.c[moment]] if by_moment else []),
        PROGRESS.c.case_id.desc(),
        PROGRESS.c.division_code,
    ]
    keys = PROGRESS.primary_key.columns
    found = select(*keys).where(_is_asked(view, moment), condition).order_by(*order).limit(limit)
    if before is not None:
        found = found.where(PROGRESS.c.case_id < before)
    # A month has hundreds of thousands, so that only those which are shown are read as a whole.
    shown = found.subquery("shown")
    rows = session.execute(
        select(
            *PROGRESS.c,
            MatterType.code.label("matter_code"),
            ComponentClass.code.label("class_code"),
        )
        .join(shown, and_(*(PROGRESS.c[key.name] == shown.c[key.name] for key in keys)))
        .outerjoin(MatterType, MatterType.id == PROGRESS.c.matter_type_id)
        .outerjoin(ComponentClass, ComponentClass.id == PROGRESS.c.class_id)
        .order_by(*order)
    )
    return rows.mappings().all()


def names(
    session: Session, by: Grouping | None, items: Iterable[str]
) -> dict[str, tuple[str, str, str]]:
    """Return the code and the Chinese and English name of each group."""
    wanted = sorted(items)
    found = {one: (one, one, one) for one in wanted}
    if by is not None and by in _NAMED:
        table, key = _NAMED[by]
        values = [int(one) for one in wanted if one] if key == "id" else wanted
        rows = session.execute(
            select(
                cast(getattr(table, key), Text).label("item"),
                table.code, table.name_zh, table.name_en,
            ).where(getattr(table, key).in_(values))
        )  # fmt: skip
        found |= {row.item: (row.code, row.name_zh, row.name_en) for row in rows}
    return found


def histories(
    session: Session,
) -> Generator[tuple[Progress, Progress, list[Happening]], None, None]:
    """Return each case as it was before its first event, as it stands, and its events."""
    with session.execute(_QUERIES["histories"], execution_options={"yield_per": 500}) as rows:
        for row in rows.mappings():
            events = zip(*(row[name] for name in _EVENT), strict=True)
            yield (
                first_of(row),
                progress_in(row),
                [Happening(n, CaseEventKind(kind), at, note) for n, kind, at, note in events],
            )


def _is_asked(view: View, moment: str) -> ColumnElement[bool]:
    """Return that a case is one of those that are asked for, on the days of a moment."""
    first, after = view.moments()
    asked = [PROGRESS.c[moment] >= first, PROGRESS.c[moment] < after]
    if view.division_code is not None:
        asked.append(PROGRESS.c.division_code == view.division_code)
    names = {
        Scope.UNIT: PROGRESS.c.unit_code,
        Scope.CLASS: PROGRESS.c.class_id,
        Scope.MATTER: PROGRESS.c.matter_type_id,
        Scope.SUBDISTRICT: PROGRESS.c.subdistrict_code,
    }
    for scope, items in view.items:
        column = names[scope]
        is_number = isinstance(column.type, Integer)
        asked.append(column.in_([int(one) for one in items] if is_number else items))
    return and_(*asked)


def _counted(keys: Sequence[str], view: View) -> list[_Select]:
    """Return what cases themselves come to."""
    return [
        select(_group_of_case(view, moment).label("group"), *counting.counts(moment, keys))
        .where(_is_asked(view, moment))
        .group_by("group")
        for moment in counting.moments(keys)
    ]


def _group_of_case(view: View, moment: str) -> ColumnElement[str]:
    if view.by_scope is not None:
        return item_of(view.by_scope, PROGRESS.c)
    return _group(view, PROGRESS.c.division_code, day_of(moment))


def _group(view: View, division: ColumnElement[str], day: ColumnElement[Any]) -> ColumnElement[str]:
    match view.by:
        case Grouping.DIVISION:
            return division
        case Grouping.DAY:
            return cast(day, Text)
        case Grouping.WEEK | Grouping.MONTH:
            return cast(cast(func.date_trunc(text_of(view.by), day), Date), Text)
    return text_of("")


def _kept(keys: Sequence[str], view: View, scope: Scope, span: Span) -> _Select:
    """Return what totals of whole periods come to."""
    group = TOTALS.c.item if view.by_scope else _group(
        view, TOTALS.c.division_code, TOTALS.c.begins_on
    )  # fmt: skip
    return (
        select(group.label("group"), *(func.sum(TOTALS.c[key]).label(key) for key in keys))
        .where(*_is_of(TOTALS.c, view, scope, span))
        .group_by("group")
    )


def _is_of(columns: Any, view: View, scope: Scope, span: Span) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = [
        columns.scope == scope,
        columns.period == span.period,
        columns.begins_on.between(span.first, span.last),
    ]
    if view.division_code is not None:
        asked.append(columns.division_code == view.division_code)
    return asked + [columns.item.in_(items) for _, items in view.items]


def _is_waiting(view: View, first: date, last: date) -> ColumnElement[bool]:
    asked: list[ColumnElement[bool]] = [CHANGES.c.on_day.between(first, last)]
    if view.division_code is not None:
        asked.append(CHANGES.c.division_code == view.division_code)
    asked += [item_of(scope, CHANGES.c).in_(items) for scope, items in view.items]
    return and_(*asked)


def _group_of_change(view: View) -> ColumnElement[str]:
    if view.by_scope is not None:
        return item_of(view.by_scope, CHANGES.c)
    return _group(view, CHANGES.c.division_code, CHANGES.c.on_day)


def sum_of(key: str, changes: Any) -> ColumnElement[int]:
    """Return what changes (the columns of their table) add to a measure."""
    added = func.sum(changes.count).filter(changes.key == text_of(key))
    return func.coalesce(added, literal_column("0")).label(key)


def _waiting(keys: Sequence[str], view: View) -> _Select:
    """Return what changes come to that are not in the totals yet."""
    return (
        select(_group_of_change(view).label("group"), *(sum_of(key, CHANGES.c) for key in keys))
        .where(CHANGES.c.bucket.is_(None), _is_waiting(view, view.first, view.last))
        .group_by("group")
    )


def _time_parts(durations: Sequence[Duration], view: View) -> list[_Select]:
    """Return the times of whole periods, and of cases themselves where no totals are kept."""
    if view.scope is None:
        return [_timed(one, view) for one in durations]
    parts: list[_Select] = []
    for span in view.time_spans():
        if view.scope is not Scope.ALL and span.period is Period.DAY:
            days = replace(view, first=span.first, last=span.end)
            parts += [_timed(one, days) for one in durations]
        else:
            parts += _kept_times([one.key for one in durations], view, view.scope, span)
    return parts


def _kept_times(keys: Sequence[str], view: View, scope: Scope, span: Span) -> list[_Select]:
    """Return the times of whole periods: those in the totals, and those that wait."""
    columns = HISTOGRAMS.c
    group = columns.item if view.by_scope else _group(
        view, columns.division_code, columns.begins_on
    )  # fmt: skip
    kept = select(columns.duration, group.label("group"), columns.packed).where(
        columns.duration.in_(keys), *_is_of(columns, view, scope, span)
    )
    waiting = (
        select(
            CHANGES.c.key.label("duration"),
            _group_of_change(view).label("group"),
            packed(CHANGES.c.bucket, CHANGES.c.count).label("packed"),
        )
        .where(
            CHANGES.c.bucket.is_not(None),
            CHANGES.c.key.in_(keys),
            _is_waiting(view, span.first, span.end),
        )
        .group_by("duration", "group")
    )
    return [kept, waiting]


def _timed(duration: Duration, view: View) -> _Select:
    """Return the times of cases themselves."""
    counted = (
        select(
            _group_of_case(view, duration.at).label("group"),
            counting.bucket_of(duration).label("bucket"),
            func.count().label("cases"),
        )
        .where(_is_asked(view, duration.at), counting.has(duration))
        .group_by("group", "bucket")
        .subquery()
    )
    histogram = packed(counted.c.bucket, counted.c.cases).label("packed")
    return select(
        text_of(duration.key).label("duration"), counted.c.group, histogram
    ).group_by(counted.c.group)  # fmt: skip
