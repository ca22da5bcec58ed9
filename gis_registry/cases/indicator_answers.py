"""Asking for indicators: of which days and cases, by what, and which cases they count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import indicator_queries as queries
from gis_registry.cases import indicator_upkeep as upkeep
from gis_registry.cases.indicator_formulas import Indicator, Kind, Part, indicators
from gis_registry.cases.indicator_measures import UPPER_S
from gis_registry.cases.indicator_schemas import (
    CountedCase,
    CountedCases,
    Formula,
    IndicatorAnswer,
    IndicatorGroup,
    IndicatorValue,
)
from gis_registry.cases.indicator_tables import Scope
from gis_registry.cases.indicator_views import Grouping, View
from gis_registry.catalogue import service as catalogue
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places import queries as place_queries
from gis_registry.places.service import class_editions, code_editions, the_city
from gis_registry.places.tables import Level
from gis_registry.units import queries as units

#: More changes than this are folded by whoever asks: where no worker does it every minute.
_MOST_WAITING = 20_000
_EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class Asked:
    """What somebody asks: days of the city and codes; what is left out is this month, and all.

    ``division`` is a district or a subdistrict.
    """

    first: date | None = None
    last: date | None = None
    by: Grouping | None = None
    unit: str | None = None
    class_code: str | None = None
    matter: str | None = None
    division: str | None = None


def answer(session: Session, asked: Asked, *, keys: Sequence[str] = ()) -> IndicatorAnswer:
    """Return indicators: all or those of these keys, as a whole and for each group.

    They are exact: what changed last is counted with the totals.

    Raises:
        InvalidInput: the days are none, or in the future.
        NotFound: there is no such indicator, unit, class, matter or division.
    """
    view = view_of(session, asked)
    wanted = [_indicator(key) for key in keys] or list(indicators().values())
    if queries.is_long(session, most=_MOST_WAITING):
        upkeep.fold(session)
    total = _values(session, wanted, replace(view, by=None)).get("")
    grouped = _values(session, wanted, view) if view.by is not None else {}
    named = queries.names(session, view.by, grouped)
    return IndicatorAnswer(
        from_=view.first,
        to=view.last,
        by=view.by,
        total=total or [_value(one, {}, None) for one in wanted],
        groups=[
            IndicatorGroup(
                code=named[item][0], name_zh=named[item][1], name_en=named[item][2], values=values
            )
            for item, values in sorted(grouped.items(), key=lambda one: named[one[0]])
        ],
        formulas=[Formula.model_validate(one) for one in wanted],
    )


def cases(
    session: Session,
    asked: Asked,
    key: str,
    part: Part,
    *,
    before: int | None = None,
    limit: int = 100,
) -> CountedCases:
    """Return the very cases that an indicator counts, the newest first.

    Raises:
        InvalidInput: as :func:`answer`; or the limit is not 1 to 1000.
        NotFound: as :func:`answer`.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    wanted = _indicator(key)
    if wanted.denominator is None:
        part = Part.NUMERATOR
    elif wanted.kind in (Kind.AVERAGE, Kind.PERCENTILE):
        part = Part.DENOMINATOR
    view = replace(view_of(session, asked), by=None)
    moment, condition = wanted.cases_of(part)
    value = _values(session, [wanted], view).get("", [_value(wanted, {}, None)])[0]
    count = (value.numerator if part is Part.NUMERATOR else value.denominator) or 0
    # A moment that no case has is unknown to the index, so that all cases would be read.
    rows = (
        queries.cases(session, view, moment, condition, before=before, limit=limit + 1)
        if count
        else []
    )
    found = [CountedCase.model_validate(dict(row)) for row in rows[:limit]]
    return CountedCases(
        key=key,
        part=part,
        count=count,
        cases=found,
        next_before=found[-1].id if len(rows) > limit else None,
    )


def longest_overdue(session: Session, asked: Asked, *, limit: int) -> list[CountedCase]:
    """Return the cases that are overdue for longest and not handled; errors as :func:`answer`."""
    moment, condition = _indicator("overdue_rate").cases_of(Part.NUMERATOR)
    view = replace(view_of(session, asked), by=None)
    rows = queries.cases(session, view, moment, condition, limit=limit, by_moment=True)
    return [CountedCase.model_validate(dict(row)) for row in rows]


def names(session: Session, by: Grouping, codes: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the Chinese and English names of units or divisions by their codes."""
    found = queries.names(session, by, codes)
    return {code: (name_zh, name_en) for code, (_, name_zh, name_en) in found.items()}


def view_of(session: Session, asked: Asked) -> View:
    """Return what is asked as the totals know it; errors as :func:`answer`."""
    city = the_city(session)
    zone = ZoneInfo(city.time_zone)
    today = clock.now().astimezone(zone).date()
    last = min(asked.last or today, today)
    first = asked.first or last.replace(day=1)
    if first > today:
        raise InvalidInput(f"{first} has not come yet: today is {today}.")
    if not _EARLIEST <= first <= last:
        raise InvalidInput(
            f"From {first} to {asked.last or last} are no days: begin on {_EARLIEST} or later, and "
            "end no earlier than that."
        )
    items: list[tuple[Scope, tuple[str, ...]]] = []
    if asked.unit is not None:
        if not units.unit_ids(session, [asked.unit]):
            raise NotFound(f"There is no unit {asked.unit!r}; see `gis-registry units list`.")
        items.append((Scope.UNIT, (asked.unit,)))
    if asked.class_code is not None:
        edition, *earlier = class_editions(session)
        found = catalogue.find_class(
            session, asked.class_code, edition_key=edition, earlier_edition_keys=earlier
        )
        items.append((Scope.CLASS, (str(found.id),)))
    if asked.matter is not None:
        editions = code_editions(session)
        edition, *earlier = editions.class_editions
        matter = catalogue.find_matter(
            session,
            asked.matter,
            matter_edition_key=editions.matter_edition,
            class_edition_key=edition,
            earlier_edition_keys=earlier,
        )
        items.append((Scope.MATTER, (str(matter.type.id),)))
    division_code = None
    if asked.division is not None and asked.division != city.division_code:
        division = place_queries.division(session, asked.division)
        if division is None or division.level not in (Level.DISTRICT, Level.SUBDISTRICT):
            raise NotFound(
                f"There is no district or subdistrict {asked.division!r}; see "
                "`gis-registry places list`."
            )
        if division.level == Level.SUBDISTRICT:
            items.append((Scope.SUBDISTRICT, (division.code,)))
        else:
            division_code = division.code
    return View(
        zone=zone,
        first=first,
        last=last,
        today=today,
        by=asked.by,
        division_code=division_code,
        items=tuple(items),
    )


def _indicator(key: str) -> Indicator:
    found = indicators().get(key)
    if found is None:
        raise NotFound(f"There is no indicator {key!r}; there are: {', '.join(indicators())}.")
    return found


def _values(
    session: Session, wanted: Sequence[Indicator], view: View
) -> dict[str, list[IndicatorValue]]:
    """Return the values of indicators for each group that has cases."""
    keys = list(dict.fromkeys(key for one in wanted for key in one.measures))
    sums = queries.totals(session, keys, view) if keys else {}
    times = _times(session, wanted, view)
    groups = {group for group, row in sums.items() if any(row[key] for key in keys)}
    return {
        group: [
            _value(one, sums.get(group, {}), times.get(one.key, {}).get(group)) for one in wanted
        ]
        for group in groups
    }


def _times(session: Session, wanted: Sequence[Indicator], view: View) -> dict[str, dict[str, int]]:
    """Return what histograms say of indicators and groups: the bucket of a percentile, or cases."""
    durations = {
        one.key: one.duration
        for one in wanted
        if one.duration is not None and one.kind in (Kind.PERCENTILE, Kind.WITHIN)
    }
    if not durations:
        return {}
    histograms = queries.times(session, list(dict.fromkeys(durations.values())), view)
    found: dict[str, dict[str, int]] = {}
    for one in wanted:
        if one.key in durations:
            of = histograms[durations[one.key].key]
            is_percentile = one.kind is Kind.PERCENTILE
            found[one.key] = (
                of.percentile(one.parameter or 0) if is_percentile else of.within(one.bucket)
            )
    return found


def _value(
    one: Indicator, sums: Mapping[str, int] | RowMapping, of_times: int | None
) -> IndicatorValue:
    """Return an indicator of what measures come to and of what its histogram says."""
    numerator: int | None = None
    value: float | None = None
    denominator = int(sums.get(one.denominator, 0)) if one.denominator else None
    match one.kind:
        case Kind.COUNT:
            numerator = int(sums.get(one.numerator, 0))
            value = float(numerator)
        case Kind.SHARE | Kind.AVERAGE:
            numerator = int(sums.get(one.numerator, 0))
            value = numerator / denominator if denominator else None
            if one.kind is Kind.AVERAGE and value is not None:
                value /= 60
        case Kind.WITHIN:
            numerator = of_times or 0
            value = numerator / denominator if denominator else None
        case Kind.PERCENTILE:
            if of_times is not None:
                value = UPPER_S[min(of_times, len(UPPER_S) - 1)] / 60
    return IndicatorValue(key=one.key, value=value, numerator=numerator, denominator=denominator)
