"""What is said of units and responders."""

from datetime import datetime

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
