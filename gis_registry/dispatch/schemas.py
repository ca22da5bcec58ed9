"""What a dispatch decision says."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from gis_registry.components.schemas import ClassName, Named


class Sentence(BaseModel):
    """A reason in one sentence, in both languages."""

    step: str = Field(
        description="What it is a reason for: place, photo, component, unit, responder or case"
    )
    zh: str
    en: str


class Claim(BaseModel):
    """A unit that answers for this, and the fact that says so."""

    unit: Named
    role: str = Field(description="supervisor, owner or maintainer; empty: assigned by hand")
    basis: str = Field(description="Which rule of precedence the fact falls under")
    division_code: str | None = Field(description="Area that the fact is limited to")
    is_for_matter: bool = Field(default=False, description="The fact is limited to the matter")
    valid_from: date | None
    responsibility_id: int | None = Field(
        description="The fact; none: recorded on the component, or assigned by hand"
    )


class Side(BaseModel):
    """An area that the position may truly lie in, and whose job it would be there."""

    division: Named = Field(description="District")
    subdistrict: Named | None
    distance_m: float = Field(description="How far off the area is in metres; 0: it holds it")
    probability: float = Field(description="That the true position lies there")
    unit: Named | None = Field(description="Who would be responsible; none: nobody")


class ResponsibleUnit(BaseModel):
    """Which unit is responsible, and every other claim in order of precedence."""

    claim: Claim | None = Field(description="The claim that decides; none: nobody answers for it")
    others: list[Claim]
    grounds: list[Sentence]
    is_ambiguous: bool = Field(
        default=False,
        description="The position may lie across a boundary, where another unit is responsible",
    )
    sides: list[Side] = Field(
        default=[], description="If so: the area that counts, then those others; likeliest first"
    )
    returned: list[Claim] = Field(
        default=[], description="Claims passed over because their units returned the case"
    )


class Rung(Sentence):
    """A step of the order of precedence, and the claims that fell under it, in their order."""

    basis: str
    claims: list[Claim]
    is_deciding: bool = Field(description="Its first claim is the one that decided")


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


class UndecidedMatter(BaseModel):
    """What can be wrong, in a place or with a component of a class, and where that is open."""

    matter: Named
    component_class: ClassName | None = Field(
        alias="class",
        serialization_alias="class",
        description="Class of the components that it is about; none: a matter of the place",
    )
    places: list[Named] = Field(description="Subdistricts, or districts without any")

    model_config = ConfigDict(populate_by_name=True)


class Fact(BaseModel):
    """A dated fact as it is in the responsibilities; what is empty means any."""

    responsibility_id: int
    unit: Named
    role: str = Field(description="supervisor, owner or maintainer")
    class_code: str | None
    matter_code: str | None
    division_code: str | None
    valid_from: date
    note: str


class ResponsibilityConflict(BaseModel):
    """Facts of several units that weigh the same, and what they leave undecided."""

    facts: list[Fact]
    matters: list[UndecidedMatter]


class ResponsibilityCheck(BaseModel):
    """Whether on a date one unit comes first for every matter in every place."""

    on: date
    matter_count: int = Field(description="How many matters, by class, were asked for")
    place_count: int = Field(description="In how many subdistricts, or districts without any")
    gaps: list[UndecidedMatter] = Field(description="What nobody answers for, and where")
    conflicts: list[ResponsibilityConflict] = Field(
        description="Claims of several units with the same basis, area, role and date"
    )
