"""What is said of units and responders."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, Field

from gis_registry.places.datums import Datum


class UnitEntry(BaseModel):
    """An organisation."""

    code: str
    parent_code: str | None
    kind: str = Field(
        description="city_centre, district_centre, department, enterprise or grassroots"
    )
    name_zh: str
    name_en: str
    division_code: str | None = Field(description="Area that it stands for")
    is_synthetic: bool = Field(description="Made up for demonstration")


class ResponderEntry(BaseModel):
    """A station or crew that can be sent."""

    code: str
    unit_code: str
    kind: str = Field(description="station or crew")
    name_zh: str
    name_en: str
    is_available: bool
    is_synthetic: bool = Field(description="Made up for demonstration")
    lon: float = Field(description="Longitude in degrees, EPSG:4490")
    lat: float = Field(description="Latitude in degrees, EPSG:4490")
    positioned_at: datetime


class ResponsibilityEntry(BaseModel):
    """A dated fact: the unit has this role for this; what is empty means any."""

    role: str = Field(description="supervisor, owner or maintainer")
    component_code: str | None = Field(description="Identifier of the one component")
    class_code: str | None
    class_name_zh: str | None
    class_name_en: str | None
    matter_code: str | None
    matter_name_zh: str | None
    matter_name_en: str | None
    division_code: str | None = Field(description="Area that it is limited to")
    division_name_zh: str | None
    division_name_en: str | None
    valid_from: date
    valid_to: date | None = Field(description="First day on which it no longer holds")
    is_past: bool = Field(description="It has ended, by the city's day")
    note: str


class UnitDetail(UnitEntry):
    """An organisation with what belongs to it."""

    parent: UnitEntry | None
    responsibilities: list[ResponsibilityEntry] = Field(
        description="By the day from which each holds"
    )
    responders: list[ResponderEntry]


class ResponderPosition(BaseModel):
    """Where a responder is now."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="Longitude in degrees, in the datum", examples=[120.3826])
    lat: float = Field(description="Latitude in degrees, in the datum", examples=[36.0671])
    datum: Datum = Field(default=Datum.CGCS2000, description="What the position is in")


class ResponderUpdate(BaseModel):
    """What a responder says of itself: where it is, whether it is free to go, or both."""

    model_config = ConfigDict(extra="forbid")

    position: ResponderPosition | None = None
    is_available: bool | None = None
