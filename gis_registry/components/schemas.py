"""What the registry says of a component."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gis_registry.catalogue.tables import GeometryType
from gis_registry.components.tables import ComponentState
from gis_registry.places.datums import Datum


class Named(BaseModel):
    """Something by its code, with its names."""

    model_config = ConfigDict(frozen=True)

    code: str
    name_zh: str
    name_en: str


class ClassName(Named):
    """A component class."""

    edition: str = Field(description="Edition that the class code belongs to")


class ComponentCard(BaseModel):
    """The identity card of a component, without its attributes and units: anybody may read it."""

    code: str = Field(description="Identifier of 16 or 17 digits")
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    state: str
    lon: float = Field(description="Longitude in degrees, EPSG:4490")
    lat: float = Field(description="Latitude in degrees, EPSG:4490")
    division: Named | None = Field(description="District")
    subdistrict: Named | None
    is_synthetic: bool = Field(description="Made up for demonstration")

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class ComponentDetail(ComponentCard):
    """Everything about a component as it is now."""

    geometry: dict[str, Any] = Field(description="GeoJSON geometry, EPSG:4490")
    accuracy_m: float = Field(description="Position accuracy in metres")
    cell_code: str | None = Field(description="Grid cell")
    supervisor: Named | None
    owner: Named | None
    maintainer: Named | None
    surveyed_on: date
    attributes: dict[str, Any]
    version: int
    changed_at: datetime


class NewPosition(BaseModel):
    """A position as somebody gives it."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="Longitude in degrees, in the datum", examples=[120.3826])
    lat: float = Field(description="Latitude in degrees, in the datum", examples=[36.0671])
    datum: Datum = Field(default=Datum.CGCS2000, description="What the position is in")


class ComponentEdit(BaseModel):
    """What to change about a component, and why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=1000, examples=["现场核实：井盖移至路缘"])
    position: NewPosition | None = Field(default=None, description="New place of a point")
    attributes: dict[str, JsonValue] | None = Field(
        default=None, description="Attributes to set; null as a value removes one"
    )
    state: ComponentState | None = Field(default=None, description="active or retired")


class NearComponent(BaseModel):
    """A component near a point."""

    code: str
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    distance_m: float = Field(description="Distance on the ground in metres")
    accuracy_m: float = Field(description="Position accuracy in metres")
    lon: float
    lat: float

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class ListedComponent(BaseModel):
    """A component in a list."""

    code: str
    class_code: str
    class_name_zh: str
    class_name_en: str
    subdistrict_code: str | None
    lon: float
    lat: float
    is_synthetic: bool


class ComponentPage(BaseModel):
    """Some components by identifier, and where the next ones begin."""

    components: list[ListedComponent]
    next_after: str | None = Field(description="Give this as `after` for the next page")


class HistoryEntry(BaseModel):
    """A state that a component has or had, and the change that made it."""

    version: int
    operation: str
    state: str
    class_code: str
    lon: float
    lat: float
    accuracy_m: float
    surveyed_on: date
    attributes: dict[str, Any]
    change_id: int
    made_at: datetime
    actor: str
    reason: str
    ended_at: datetime | None


class ExportedFile(BaseModel):
    """A file, or one layer of it, that components were written into."""

    file: str
    layer: str | None = Field(description="null: the format has no layers")
    geometry_type: GeometryType
    components: int


class Exported(BaseModel):
    """What an export wrote."""

    components: int
    files: list[ExportedFile]
    renamed: dict[str, str] = Field(
        description="Attributes that the file calls something else, and what"
    )
    mapping: str | None = Field(description="File that says how a survey reads it again")
