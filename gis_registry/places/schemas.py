"""What is said of places."""

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
