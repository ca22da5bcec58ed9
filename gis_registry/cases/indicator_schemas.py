"""What is said of indicators."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field


class Formula(BaseModel):
    """An indicator in words."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    kind: str
    unit: str = Field(description="What its value is in: `cases`, `share` (of 1), `minutes`")
    name_zh: str
    name_en: str
    numerator_zh: str
    numerator_en: str
    denominator_zh: str = Field(description="Empty for a count")
    denominator_en: str
    source: str = Field(description="Its name in published evaluation rules, if it has one")


class IndicatorValue(BaseModel):
    """What an indicator comes to."""

    key: str
    value: float | None = Field(description="None: there is no such case")
    numerator: int | None = Field(description="Cases, or seconds; none of a percentile")
    denominator: int | None = Field(description="Cases; none of a count")


class IndicatorGroup(BaseModel):
    """The indicators of one unit, class, area, matter or time."""

    code: str = Field(description="Its code, or the first day; empty: cases that have none")
    name_zh: str
    name_en: str
    values: list[IndicatorValue]


class IndicatorAnswer(BaseModel):
    """Indicators of some days and cases, with their formulas."""

    from_: date = Field(serialization_alias="from", description="The first day")
    to: date = Field(description="The last day: today at the latest")
    by: str | None
    total: list[IndicatorValue]
    groups: list[IndicatorGroup]
    formulas: list[Formula]


class CountedCase(BaseModel):
    """A case that an indicator counts."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(validation_alias="case_id")
    division_code: str
    subdistrict_code: str | None
    state: str
    unit_code: str | None
    matter_code: str | None
    class_code: str | None
    reported_at: datetime
    filed_at: datetime | None
    first_dispatched_at: datetime | None
    dispatched_at: datetime | None
    handling_due_at: datetime | None
    handled_at: datetime | None
    ended_at: datetime | None


class CountedCases(BaseModel):
    """Some of the cases that an indicator counts, the newest first."""

    key: str
    part: str
    count: int = Field(description="How many there are in all")
    cases: list[CountedCase]
    next_before: int | None = Field(description="Give this as `before` for the next page")
