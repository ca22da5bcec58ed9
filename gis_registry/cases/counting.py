"""What repeated returns teach: which units return what, and which responsibilities are in doubt."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.cases import queries
from gis_registry.cases.schemas import ReturnCount, ReturnedFact, Returns, UnitReturns
from gis_registry.components.lookup import class_name
from gis_registry.components.schemas import Named
from gis_registry.dispatch.checking import facts_by_id
from gis_registry.places.service import the_city

_EVER = datetime(1, 1, 1, tzinfo=UTC)


def count_returns(session: Session, *, since: date | None = None) -> Returns:
    """Count what units returned as not theirs.

    Args:
        session: open transaction.
        since: only from this day of the city on.
    """
    moment = _EVER
    if since is not None:
        moment = datetime.combine(since, time(), tzinfo=ZoneInfo(the_city(session).time_zone))
    rows = queries.returns(session, since=moment)
    by_unit = [
        _of_unit(list(found)) for _, found in groupby(rows, key=lambda row: row["unit_code"])
    ]
    by_fact: Counter[int] = Counter()
    for row in rows:
        if row["responsibility_id"] is not None:
            by_fact[row["responsibility_id"]] += row["count"]
    facts = facts_by_id(session, by_fact)
    return Returns(
        since=since,
        count=sum(one.count for one in by_unit),
        stood=sum(one.stood for one in by_unit),
        units=sorted(by_unit, key=lambda one: (-one.count, one.unit.code)),
        facts=[
            ReturnedFact(fact=facts[one], count=count)
            for one, count in sorted(by_fact.items(), key=lambda item: (-item[1], item[0]))
            if one in facts
        ],
    )


def _of_unit(rows: Sequence[RowMapping]) -> UnitReturns:
    counts: dict[tuple[str | None, str | None, str | None, str], ReturnCount] = {}
    for row in rows:
        key = (row["matter_code"], row["edition_key"], row["class_code"], row["reason"])
        one = counts.setdefault(key, _none_yet(row))
        one.count += row["count"]
        one.stood += row["stood"]
    first = rows[0]
    return UnitReturns(
        unit=Named(
            code=first["unit_code"], name_zh=first["unit_name_zh"], name_en=first["unit_name_en"]
        ),
        count=sum(one.count for one in counts.values()),
        stood=sum(one.stood for one in counts.values()),
        returns=sorted(counts.values(), key=lambda one: -one.count),
    )


def _none_yet(row: RowMapping) -> ReturnCount:
    matter = component_class = None
    if row["matter_code"] is not None:
        matter = Named(
            code=row["matter_code"], name_zh=row["matter_name_zh"], name_en=row["matter_name_en"]
        )
    if row["class_code"] is not None:
        component_class = class_name(row)
    return ReturnCount(
        matter=matter,
        component_class=component_class,
        reason=row["reason"],
        count=0,
        stood=0,
    )
