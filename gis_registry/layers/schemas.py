"""What goes in and out of thematic layers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gis_registry.roles import Role

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=5000)]


class ColumnType(StrEnum):
    """Of what type the values of a column are."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"


class OriginKind(StrEnum):
    """What a layer is read from."""

    FILE = "file"
    TABLE = "table"


class Origin(BaseModel):
    """What a layer is read from, and how."""

    model_config = ConfigDict(frozen=True)

    kind: OriginKind
    place: str = Field(description="Path of the file, or schema and name of the table")
    mapping: dict[str, Any] = Field(default={}, description="How the file is to be understood")
    id_field: str | None = Field(default=None, description="Field that tells features apart")
    time_field: str | None = Field(default=None, description="Field with the time of a feature")


class OriginFacts(BaseModel):
    """What was read, to see whether it changed since."""

    format: str
    crs: str
    sha256: str
    size: int | None = None
    modified_at: float | None = Field(default=None, description="Seconds since 1970")
    origin: Origin | None = Field(default=None, description="What was read; none: nobody noted it")


class LayerColumn(BaseModel):
    """A column of a layer, with what its values are."""

    name: str = Field(description="As properties and filters call it")
    column: str = Field(description="As its table calls it")
    title: str = Field(description="As the file calls it")
    type: ColumnType
    filled: int = Field(default=0, description="How many features have a value")
    least: str | None = None
    greatest: str | None = None


class StrayValues(BaseModel):
    """The few values of a column that make it text: nearly all others are numbers or days."""

    name: str = Field(description="Of the column")
    like: ColumnType = Field(description="What the others are: number or date")
    values: int = Field(description="Rows with a value, also refused ones")
    strays: int = Field(description="Values that are not like the others")
    first: str = Field(description="The first of these, 80 characters at most")
    first_row: int = Field(description="Its row, from 1 in the file's order")


class Quality(BaseModel):
    """How good the data of one load are."""

    rows: int = Field(description="Rows that were read: features and refused ones")
    features: int
    refused: dict[str, int] = Field(description="Rows that are no features, by reason")
    repaired: int = Field(description="Features whose geometry was repaired")
    duplicates: int = Field(description="Features that repeat another one in everything")
    outside_divisions: int = Field(description="Features that are in no district of the city")
    far_from_city: int = Field(
        default=0, description="Features more than some 20 km beyond the city's box"
    )
    empty_columns: list[str] = Field(description="Columns without any value")
    stray_values: list[StrayValues] = Field(
        default=[], description="Columns that are text because of few of their values"
    )
    geometry_types: dict[str, int]
    box: tuple[float, float, float, float] | None = Field(
        description="Least longitude and latitude, greatest ones, EPSG:4490"
    )


class LayerText(BaseModel):
    """What people are told about a layer."""

    model_config = ConfigDict(extra="forbid")

    title_zh: Text = Field(min_length=1)
    title_en: Text = ""
    description: LongText = ""
    keywords: list[Annotated[Text, Field(min_length=1)]] = Field(default=[], max_length=50)
    department: Text | None = Field(default=None, description="Whose data these are")
    field: Text | None = Field(default=None, description="Of which field of work (领域)")
    licence: Text | None = None
    source: Text | None = Field(default=None, description="Where they come from")
    roles: list[Role] | None = Field(default=None, description="Who may read; none: all readers")


class LayerSummary(LayerText):
    """A layer and its published version."""

    model_config = ConfigDict(extra="ignore")

    name: str
    version: int
    origin: Origin
    refresh: str | None = Field(description="How often it is read again")
    added_at: datetime
    removed_at: datetime | None
    loaded_at: datetime
    loaded_by: str
    quality: Quality
    facts: OriginFacts
    columns: list[LayerColumn]


class VersionEntry(BaseModel):
    """A version of a layer."""

    number: int
    loaded_at: datetime
    actor: str
    features: int
    is_kept: bool


class LayerEntry(LayerSummary):
    """A layer with its versions and when it is read again."""

    versions: list[VersionEntry]
    next_refresh_at: datetime | None
    problem: str | None = Field(description="Why the last refresh failed")


class LayerEventEntry(BaseModel):
    """Something that happened to a layer."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    kind: str
    number: int | None = Field(description="Of the version")
    sentence: str
    actor: str


class LayerRowEntry(BaseModel):
    """What was found about a row."""

    row: int = Field(description="From 1 in the file's order")
    outcome: str = Field(description="refused: no feature; noted: a feature, and what to know")
    reason: str
    sentence: str
    attributes: dict[str, Any] | None


class LateLayer(BaseModel):
    """A layer that was not refreshed as it should be, and why."""

    name: str
    refresh: str
    due_at: datetime
    checked_at: datetime | None
    problem: str


@dataclass(frozen=True)
class NewLayer:
    """A layer to be published.

    Attributes:
        name: what it is called in addresses.
        origin: what it is read from.
        text: what people are told about it.
        refresh: how often it is read again: ``hourly``, ``daily``, ``weekly`` or a cron line.
    """

    name: str
    origin: Origin
    text: LayerText
    refresh: str | None = None
