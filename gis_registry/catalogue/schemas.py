"""What the catalogue says."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class EditionEntry(BaseModel):
    """One edition of the standard."""

    model_config = ConfigDict(from_attributes=True)

    key: str
    name_zh: str
    name_en: str
    class_digits: int = Field(description="Digits of a class code")
    valid_from: date | None


class ClassEntry(BaseModel):
    """A component class of an edition."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)

    edition: str = Field(validation_alias="edition_key")
    code: str
    name_zh: str
    name_en: str
    major_code: str
    major_name_zh: str
    major_name_en: str
    geometry_type: str = Field(description="point, line or polygon")
    accuracy_m: float = Field(description="Position accuracy that surveys must reach, in metres")
    is_in_profile: bool = Field(description="Whether the city keeps components of it")


class MatterTypeEntry(BaseModel):
    """What can be wrong, with a component or in a place."""

    model_config = ConfigDict(from_attributes=True)

    edition: str = Field(validation_alias="edition_key")
    kind: str = Field(description="component or place")
    code: str
    name_zh: str
    name_en: str
    major_code: str
    major_name_zh: str


class ClassDetail(ClassEntry):
    """A component class with what belongs to it."""

    counterparts: list[ClassEntry] = Field(description="The same kind of thing in other editions")
    matter_type: MatterTypeEntry | None = Field(
        description="What can be wrong with one; a report names it by the class's code"
    )
    attribute_schema: dict[str, Any] | None = Field(
        description="JSON Schema of its attributes; those it does not name may hold anything"
    )
