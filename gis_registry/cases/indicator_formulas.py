"""What indicators there are, and the formula of each: data, in two languages."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from sqlalchemy import ColumnElement, and_

from gis_registry.cases import indicator_counting as counting
from gis_registry.cases.indicator_measures import DURATIONS, MEASURES, UPPER_S, Duration
from gis_registry.tabular import read_csv

_FILE = Path(__file__).with_name("data") / "indicators.csv"
_DURATIONS = {key: one for one in DURATIONS for key in (one.key, one.seconds_key)}
_MEASURES = {one.key: one for one in MEASURES}


class Kind(StrEnum):
    """How an indicator comes from its measures."""

    COUNT = "count"
    SHARE = "share"
    WITHIN = "within"
    AVERAGE = "average"
    PERCENTILE = "percentile"


class Part(StrEnum):
    """Which of its cases."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


@dataclass(frozen=True)
class Indicator:
    """An indicator and its formula.

    Attributes:
        key: its name for programs.
        kind: how it is computed.
        numerator: a measure, or the duration whose times count.
        denominator: a measure; None for a count.
        parameter: the percent of a percentile, the minutes of what must be within them.
        source: what it is called in the evaluation rules that cities publish, if it is.
    """

    key: str
    kind: Kind
    numerator: str
    denominator: str | None
    parameter: int | None
    name_zh: str
    name_en: str
    numerator_zh: str
    numerator_en: str
    denominator_zh: str
    denominator_en: str
    source: str

    @property
    def unit(self) -> str:
        """What its value is in: cases, a share of 1, or minutes."""
        if self.kind is Kind.COUNT:
            return "cases"
        return "share" if self.kind in (Kind.SHARE, Kind.WITHIN) else "minutes"

    @property
    def duration(self) -> Duration | None:
        """The duration that it is about."""
        return _DURATIONS.get(self.numerator)

    @property
    def measures(self) -> list[str]:
        """What is read of the totals for it."""
        is_sum = self.kind in (Kind.COUNT, Kind.SHARE, Kind.AVERAGE)
        return [one for one in (self.numerator if is_sum else None, self.denominator) if one]

    @property
    def bucket(self) -> int:
        """The last bucket that is within the minutes."""
        return UPPER_S.index(60 * (self.parameter or 0))

    def cases_of(self, part: Part) -> tuple[str, ColumnElement[bool]]:
        """Return the moment on whose day cases are counted, and which of them are."""
        key = self.denominator if part is Part.DENOMINATOR and self.denominator else self.numerator
        if key in _MEASURES:
            return _MEASURES[key].at, counting.all_hold(_MEASURES[key].conditions)
        duration = _DURATIONS[key]
        has = counting.has(duration)
        if self.kind is Kind.WITHIN:
            has = and_(has, counting.seconds_of(duration) <= 60 * (self.parameter or 0))
        return duration.at, has


@cache
def indicators() -> dict[str, Indicator]:
    """Return all indicators by their keys."""
    return {
        row.required("key"): Indicator(
            key=row.required("key"),
            kind=Kind(row.required("kind")),
            numerator=row.required("numerator"),
            denominator=row.text("denominator") or None,
            parameter=int(row.number("parameter")) if row.text("parameter") else None,
            name_zh=row.required("name_zh"),
            name_en=row.required("name_en"),
            numerator_zh=row.required("numerator_zh"),
            numerator_en=row.required("numerator_en"),
            denominator_zh=row.text("denominator_zh"),
            denominator_en=row.text("denominator_en"),
            source=row.text("source"),
        )
        for row in read_csv(_FILE, {"key", "kind"})
    }
