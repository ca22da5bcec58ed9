"""What the registry says of a component."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gis_registry.catalogue.tables import GeometryType
from gis_registry.components.tables import AliasKind, ComponentState, Relation
from gis_registry.places.datums import Datum
from gis_registry.units.tables import UnitRole


class Named(BaseModel):
    """Something by its code, with its names."""

    model_config = ConfigDict(frozen=True)

    code: str
    name_zh: str
    name_en: str


#: Names in Chinese and English by code.
Names = Mapping[str, tuple[str, str]]


def named(code: str, names: Names) -> Named:
    """Return something by its code with its names; without any, it is called by its code."""
    name_zh, name_en = names.get(code, (code, code))
    return Named(code=code, name_zh=name_zh, name_en=name_en or name_zh)


class ClassName(Named):
    """A component class."""

    edition: str = Field(description="Edition that the class code belongs to")


class KnownIdentifier(BaseModel):
    """An identifier that was issued for a component; all of them stay valid."""

    code: str
    edition: str | None = Field(description="Edition that it was issued in")
    is_primary: bool = Field(description="Whether the city tells this one first")
    valid_from: date


class Alias(BaseModel):
    """Something else that a component is or was known by."""

    model_config = ConfigDict(from_attributes=True)

    kind: AliasKind
    value: str = Field(examples=["SN-0815"])
    valid_from: date
    valid_to: date | None = Field(description="First day on which it no longer held")


class Candidate(BaseModel):
    """A component that something written on a label or in a list stands or stood for."""

    code: str
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    state: str
    kind: AliasKind = Field(description="What it is of this component")
    value: str
    valid_from: date | None
    valid_to: date | None = Field(description="First day on which it no longer held")

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class FoundBy(BaseModel):
    """By what a component was found, if not by its own identifier."""

    kind: AliasKind
    value: str
    valid_from: date
    valid_to: date | None = Field(description="First day on which it no longer held")
    others: list[Candidate] = Field(description="Components that had the same one before")


class Successor(BaseModel):
    """What stands today where a component was: the end of its lineage."""

    code: str
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    state: str

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class LineageEntry(BaseModel):
    """A step in the life of a component that its identifier, or another one's, outlived."""

    relation: str = Field(
        description="replaced_by, split_into, merged_into; seen from the successor replaces, "
        "split_from, merged_from; reclassified, or migrated to another edition"
    )
    code: str | None = Field(default=None, description="The other component")
    class_from: str | None = None
    class_to: str | None = None
    on_date: date
    reason: str


class ComponentCard(BaseModel):
    """The identity card of a component, without its attributes and units: anybody may read it."""

    code: str = Field(description="Identifier of 16 or 17 digits, the key of the component")
    identifiers: list[KnownIdentifier] = Field(description="All it has, the primary one first")
    found_by: FoundBy | None
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    state: str
    lon: float = Field(description="Longitude in degrees, EPSG:4490")
    lat: float = Field(description="Latitude in degrees, EPSG:4490")
    division: Named | None = Field(description="District")
    subdistrict: Named | None
    is_synthetic: bool = Field(description="Made up for demonstration")
    ended_on: date | None = Field(description="Day on which it was retired or withdrawn")
    became: list[Successor] = Field(description="What stands today in its place")

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class ComponentDetail(ComponentCard):
    """Everything about a component as it is now, or as it was at a moment."""

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
    aliases: list[Alias] = Field(description="Tags, QR tokens and keys, also former ones")
    lineage: list[LineageEntry]
    as_of: datetime | None = Field(description="The moment that is shown; null: now")


class NewPosition(BaseModel):
    """A position as somebody gives it."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="Longitude in degrees, in the datum", examples=[120.3826])
    lat: float = Field(description="Latitude in degrees, in the datum", examples=[36.0671])
    datum: Datum = Field(default=Datum.CGCS2000, description="What the position is in")


class ComponentEdit(BaseModel):
    """What to change about a component, and why."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    reason: str = Field(min_length=1, max_length=1000, examples=["现场核实：井盖移至路缘"])
    position: NewPosition | None = Field(default=None, description="New place of a point")
    attributes: dict[str, JsonValue] | None = Field(
        default=None, description="Attributes to set; null as a value removes one"
    )
    state: ComponentState | None = Field(default=None, description="active or retired")
    class_code: str | None = Field(
        default=None,
        alias="class",
        max_length=20,
        description="Code of the class that it really is of; the identifier stays",
    )
    units: dict[UnitRole, Annotated[str, Field(max_length=100)] | None] | None = Field(
        default=None, description="Code of the unit of each role to set; null: there is none"
    )
    surveyed_on: date | None = Field(default=None, description="Day of the survey that says so")
    accuracy_m: float | None = Field(
        default=None, gt=0, le=1000, description="How exact the position is, in metres"
    )


class NewAlias(BaseModel):
    """Something else that a component is known by."""

    model_config = ConfigDict(extra="forbid")

    kind: AliasKind
    value: str = Field(min_length=1, max_length=500, examples=["SN-0815"])
    on_date: date | None = Field(default=None, description="From this day on; null: today")
    reason: str = Field(min_length=1, max_length=1000, examples=["现场核对标牌"])


class EndedAlias(NewAlias):
    """Something that a component is no longer known by."""

    on_date: date | None = Field(default=None, description="The first day without; null: today")


class Succession(BaseModel):
    """What took the place of one or several components."""

    relation: Relation
    predecessors: list[str] = Field(min_length=1, max_length=1000)
    successors: list[str] = Field(min_length=1, max_length=1000)
    on_date: date | None = Field(default=None, description="Day on which it was; null: today")
    reason: str = Field(min_length=1, max_length=1000, examples=["道路改造，井盖合并"])

    model_config = ConfigDict(extra="forbid")


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
    primary_code: str = Field(description="The identifier that the city tells first")
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
