"""What is said of places."""

from datetime import date as calendar_date
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class CityEntry(BaseModel):
    """The city of this registry."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    name_zh: str
    name_en: str
    division_code: str
    time_zone: str = Field(description="IANA name of the zone that times are shown in")
    edition: str = Field(
        validation_alias="edition_key", description="Edition that new identifiers are issued in"
    )
    matter_edition: str = Field(
        validation_alias="matter_edition_key", description="Edition of matter codes"
    )
    place_tolerance_m: float = Field(
        description="How far outside every boundary a point may lie and still be placed, in metres"
    )
    map_lon: float = Field(description="Where a map opens: longitude in degrees, EPSG:4490")
    map_lat: float = Field(description="Where a map opens: latitude in degrees, EPSG:4490")
    map_zoom: int


class DivisionEntry(BaseModel):
    """An administrative division."""

    model_config = ConfigDict(from_attributes=True)

    code: str = Field(description="Official code of 6, 9 or 12 digits")
    level: str = Field(description="city, district, subdistrict or community")
    parent_code: str | None
    name_zh: str
    name_en: str


class LocatedPlace(BaseModel):
    """Where a point lies."""

    division: DivisionEntry | None = Field(description="District")
    subdistrict: DivisionEntry | None
    outside_m: float | None = Field(
        description="How far outside the subdistrict's polygon it lies, in metres; 0: inside"
    )
    cell_code: str | None = Field(description="Grid cell")


class CalendarDayEntry(BaseModel):
    """A day of the city's calendar of working time."""

    date: calendar_date
    kind: str = Field(
        description="working, make_up (worked, as it is not else), weekend or holiday"
    )
    name_zh: str = Field(description="Of the holiday, also of the one that is made up for")
    name_en: str
    hours: list[str] = Field(description="Working hours by the city's clock, such as 08:00-12:00")
    note_zh: str = Field(description="What is not sure yet, such as holidays not yet published")
    note_en: str


class CalendarEntry(BaseModel):
    """Days of the city's calendar, of one of its versions."""

    version: int = Field(description="Number that grows whenever a calendar is loaded")
    loaded_at: datetime
    source: str = Field(description="Where the version's days come from")
    time_zone: str = Field(description="IANA name of the zone that the hours are in")
    days: list[CalendarDayEntry]


class CalendarChange(BaseModel):
    """What a load of the calendar changed."""

    version: int = Field(description="The one that it made; if nothing was new, the one before")
    is_new: bool
    hours_changed: bool = Field(description="Whether the working hours of the week are others")
    days: dict[str, list[calendar_date]] = Field(
        description="The days that became holiday, working (to make up) or regular again"
    )
