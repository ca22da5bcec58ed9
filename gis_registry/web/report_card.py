"""The report card of a month: what a mayor reads, as data and as a page that is whole."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import indicator_answers as answers
from gis_registry.cases.indicator_answers import Asked
from gis_registry.cases.indicator_formulas import Kind
from gis_registry.cases.indicator_schemas import (
    CountedCase,
    Formula,
    IndicatorGroup,
    IndicatorValue,
)
from gis_registry.cases.indicator_views import Grouping, days_of_month
from gis_registry.errors import InvalidInput
from gis_registry.places.service import the_city
from gis_registry.web.rendering import Language, render

_HEADLINES = (
    "reported_count",
    "filed_count",
    "handled_count",
    "closed_count",
    "filing_on_time_rate",
    "filing_accuracy",
    "dispatch_accuracy",
    "handling_on_time_rate",
    "closing_rate",
    "rework_rate",
    "report_to_close_p50",
    "drone_answer_rate",
)
_COLUMNS = (
    "reported_count",
    "handling_rate",
    "handling_on_time_rate",
    "overdue_rate",
    "closing_rate",
    "rework_rate",
    "report_to_close_p50",
)
_MOST_UNITS = 20
_MOST_OVERDUE = 10


@dataclass(frozen=True)
class Headline:
    """A figure with its formula and what it was the month before."""

    value: IndicatorValue
    formula: Formula
    before: float | None

    @property
    def change(self) -> float | None:
        """How much it is more than the month before: of a share in points of a hundred."""
        if self.value.value is None or self.before is None:
            return None
        return self.value.value - self.before


@dataclass(frozen=True)
class Overdue:
    """A case that waits beyond its deadline."""

    case: CountedCase
    unit: tuple[str, str]
    division: tuple[str, str]
    days: int


@dataclass(frozen=True)
class Day:
    """How many cases were reported and closed on a day."""

    on: date
    reported: int
    closed: int


@dataclass(frozen=True)
class ReportCard:
    """All that a report card shows."""

    city: tuple[str, str]
    about: tuple[str, str] | None
    first: date
    last: date
    is_whole: bool
    made_at: datetime
    headlines: list[Headline]
    days: list[Day]
    columns: list[Formula]
    districts: list[IndicatorGroup]
    units: list[IndicatorGroup]
    unit_count: int
    overdue: list[Overdue]
    footnotes: list[Formula]


def report_card(
    session: Session, month: tuple[date, date], *, unit: str | None, division: str | None
) -> ReportCard:
    """Return the report card of a month: of the city, a unit or a division.

    Raises:
        InvalidInput: a unit and a division are given, or the month is to come.
        NotFound: there is no such unit or division.
    """
    if unit is not None and division is not None:
        raise InvalidInput("Give a unit or a division, not both.")
    city = the_city(session)

    def asked(by: Grouping | None = None) -> Asked:
        return Asked(first=month[0], last=month[1], by=by, unit=unit, division=division)

    total = answers.answer(session, asked(), keys=_HEADLINES)
    before = _before(session, asked(), total.to)
    by_day = answers.answer(session, asked(Grouping.DAY), keys=("reported_count", "closed_count"))
    districts: list[IndicatorGroup] = []
    if unit is None:
        by = Grouping.SUBDISTRICT if division not in (None, city.division_code) else None
        districts = answers.answer(session, asked(by or Grouping.DIVISION), keys=_COLUMNS).groups
    units = answers.answer(session, asked(Grouping.UNIT), keys=_COLUMNS)
    formulas = {one.key: one for one in [*total.formulas, *units.formulas]}
    return ReportCard(
        city=(city.name_zh, city.name_en),
        about=_about(session, unit, division),
        first=total.from_,
        last=total.to,
        is_whole=total.to == month[1],
        made_at=clock.now().astimezone(ZoneInfo(city.time_zone)),
        headlines=[
            Headline(value, formula, before.get(value.key))
            for value, formula in zip(total.total, total.formulas, strict=True)
        ],
        days=_days(total.from_, total.to, by_day.groups),
        columns=units.formulas,
        districts=[one for one in districts if one.code],
        units=_busiest(units.groups) if unit is None else [],
        unit_count=len([one for one in units.groups if one.code]),
        overdue=_overdue(session, asked()),
        footnotes=[one for one in formulas.values() if one.denominator_zh],
    )


def render_card(card: ReportCard) -> str:
    """Return a report card as one HTML file that needs nothing else."""
    return render(
        "report_card.html",
        language=Language.ZH,
        card=card,
        shown=shown,
        delta=delta,
        formula=formula,
    )


def formula(one: Formula, language: str) -> str:
    """Return how a figure is made, in words."""
    numerator, denominator = (
        (one.numerator_zh, one.denominator_zh)
        if language == Language.ZH
        else (one.numerator_en, one.denominator_en)
    )
    if one.kind == Kind.PERCENTILE:
        return (
            f"： {numerator}（{denominator}）"
            if language == Language.ZH
            else (f": {numerator}, of {denominator}")
        )
    return f"= {numerator} ÷ {denominator}"


def shown(value: float | None, formula: Formula) -> str:
    """Return a value as people read it."""
    if value is None:
        return "–"
    match formula.unit:
        case "share":
            return f"{value:.2%}"
        case "minutes":
            return duration(value)
    return f"{value:,.0f}"


def duration(minutes: float) -> str:
    """Return a time in the unit in which it is read best."""
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"


def delta(one: Headline) -> str:
    """Return how a figure changed since the month before."""
    if one.change is None:
        return ""
    sign = "+" if one.change > 0 else "−" if one.change < 0 else "±"
    size = abs(one.change)
    match one.formula.unit:
        case "share":
            return f"{sign}{size * 100:.2f} pp"
        case "minutes":
            return f"{sign}{duration(size)}"
    return f"{sign}{size:,.0f}"


def _before(session: Session, asked: Asked, to: date) -> dict[str, float | None]:
    """Return the headlines of the month before, or of as many of its days while one goes on."""
    first, last = days_of_month(f"{to - timedelta(days=to.day):%Y-%m}")
    if to != asked.last:
        last = min(last, first + timedelta(days=to.day - 1))
    earlier = replace(asked, first=first, last=last)
    found = answers.answer(session, earlier, keys=_HEADLINES)
    return {one.key: one.value for one in found.total}


def _days(first: date, last: date, groups: Sequence[IndicatorGroup]) -> list[Day]:
    by_day = {one.code: [int(value.value or 0) for value in one.values] for one in groups}
    count = (last - first).days + 1
    days = [first + timedelta(days=n) for n in range(count)]
    return [Day(day, *by_day.get(day.isoformat(), [0, 0])) for day in days]


def _busiest(groups: Sequence[IndicatorGroup]) -> list[IndicatorGroup]:
    """Return the units with the most cases, those that are the least on time first."""
    known = [one for one in groups if one.code]
    busiest = sorted(known, key=lambda one: (-_due(one), one.code))[:_MOST_UNITS]
    return sorted(busiest, key=lambda one: (_on_time(one), -_due(one), one.code))


def _due(group: IndicatorGroup) -> int:
    return group.values[_COLUMNS.index("handling_rate")].denominator or 0


def _on_time(group: IndicatorGroup) -> float:
    value = group.values[_COLUMNS.index("handling_on_time_rate")].value
    return 2.0 if value is None else value


def _overdue(session: Session, asked: Asked) -> list[Overdue]:
    found = answers.longest_overdue(session, asked, limit=_MOST_OVERDUE)
    units = answers.names(session, Grouping.UNIT, [one.unit_code or "" for one in found])
    divisions = answers.names(session, Grouping.DIVISION, [one.division_code for one in found])
    now = clock.now()
    return [
        Overdue(
            case=one,
            unit=units[one.unit_code or ""],
            division=divisions[one.division_code],
            days=(now - (one.handling_due_at or now)).days,
        )
        for one in found
    ]


def _about(session: Session, unit: str | None, division: str | None) -> tuple[str, str] | None:
    if unit is not None:
        return answers.names(session, Grouping.UNIT, [unit])[unit]
    if division is not None:
        return answers.names(session, Grouping.DIVISION, [division])[division]
    return None
