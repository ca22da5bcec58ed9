"""What a dispatch decision says."""

from datetime import date

from pydantic import BaseModel, Field

from gis_registry.components.schemas import Named


class Sentence(BaseModel):
    """A reason in one sentence, in both languages."""

    step: str = Field(description="What it is a reason for: place, component, unit or responder")
    zh: str
    en: str


class Claim(BaseModel):
    """A unit that answers for this, and the fact that says so."""

    unit: Named
    role: str = Field(description="supervisor, owner or maintainer")
    basis: str = Field(description="Which rule of precedence the fact falls under")
    division_code: str | None = Field(description="Area that the fact is limited to")
    valid_from: date | None
    responsibility_id: int | None = Field(description="The fact; none: recorded on the component")


class ResponsibleUnit(BaseModel):
    """Which unit is responsible, and every other claim in order of precedence."""

    claim: Claim | None = Field(description="The claim that decides; none: nobody answers for it")
    others: list[Claim]
    grounds: list[Sentence]


class NearResponder(BaseModel):
    """Somebody who can be sent, and how far away they are."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    unit: Named
    is_of_responsible_unit: bool
    distance_m: float = Field(description="Distance on the ground in metres")
    lon: float
    lat: float
