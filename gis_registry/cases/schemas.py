"""What is said of a case."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from gis_registry.components.schemas import ClassName, Named
from gis_registry.dispatch.schemas import Fact, ResponsibleUnit


class CaseEventEntry(BaseModel):
    """Something that happened to a case."""

    sequence: int
    kind: str
    happened_at: datetime
    actor: str
    note: dict[str, Any]


class CaseSummary(BaseModel):
    """A case: what and where, its state, and its latest dispatch decision."""

    id: int
    division_code: str
    state: str = Field(description="open or closed")
    matter_code: str | None
    matter_name_zh: str | None
    matter_name_en: str | None
    class_code: str | None
    component_code: str | None
    unit_code: str | None
    unit_name_zh: str | None
    unit_name_en: str | None
    responders: list[dict[str, Any]] = Field(description="Nearest when it was decided")
    lon: float
    lat: float
    opened_at: datetime
    events: list[CaseEventEntry] = []
    responsible: ResponsibleUnit | None = Field(
        default=None,
        description="The latest decision with its grounds; only where one case is shown",
    )


class CasePage(BaseModel):
    """Some cases, the newest first, and where the next ones begin."""

    cases: list[CaseSummary]
    next_before: int | None = Field(description="Give this as `before` for the next page")


class ReturnCount(BaseModel):
    """How often a unit returned cases of one matter for one reason."""

    matter: Named | None
    component_class: ClassName | None = Field(alias="class", serialization_alias="class")
    reason: str
    count: int
    stood: int = Field(description="In how many of them the next unit has it still, or finished it")

    model_config = ConfigDict(populate_by_name=True)


class UnitReturns(BaseModel):
    """What a unit returned as not its own."""

    unit: Named
    count: int
    stood: int
    returns: list[ReturnCount]


class ReturnedFact(BaseModel):
    """A responsibility by which cases went to a unit that returned them."""

    fact: Fact
    count: int


class Returns(BaseModel):
    """What units returned, and the responsibilities that it casts doubt on."""

    since: date | None
    count: int
    stood: int = Field(description="How often the decision that followed stands")
    units: list[UnitReturns] = Field(description="The most returns first")
    facts: list[ReturnedFact] = Field(description="The most often returned first")
