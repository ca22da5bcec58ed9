"""What is said of a case."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gis_registry.cases.tables import CaseState
from gis_registry.catalogue.tables import LimitStage, LimitUnit
from gis_registry.catalogue.time_limits import FoundLimit
from gis_registry.components.schemas import ClassName, Named
from gis_registry.dispatch.schemas import Fact, ResponsibleUnit
from gis_registry.places.datums import Datum


class CaseEventEntry(BaseModel):
    """Something that happened to a case."""

    sequence: int
    kind: str
    name_zh: str = Field(description="What happened, in Chinese")
    name_en: str = Field(description="What happened, in English")
    happened_at: datetime
    actor: str
    note: dict[str, Any]


class ScenePosition(BaseModel):
    """Where somebody was when they looked at a case."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(ge=-180, le=180, description="Degrees")
    lat: float = Field(ge=-90, le=90, description="Degrees")
    accuracy_m: float = Field(default=20.0, gt=0, le=1000)
    datum: Datum = Datum.CGCS2000


class CaseChange(BaseModel):
    """What goes with a change of a case; which of it is needed depends on the change."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = Field(
        default="", examples=["已更换灯具"]
    )
    photos: list[Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]] = Field(
        default=[], max_length=20, description="SHA-256 of photos sent to /api/photos"
    )
    position: ScenePosition | None = None
    unit_code: str | None = Field(
        default=None, min_length=1, max_length=100, description="The unit that it goes to"
    )
    condition: str | None = Field(
        default=None, min_length=1, max_length=100, description="What was found, for the limit"
    )
    amount: float | None = Field(default=None, gt=0, le=1000, description="How much more time")
    unit: LimitUnit | None = Field(default=None, description="What the amount counts")
    is_upheld: bool | None = Field(default=None, description="Whether an appeal is upheld")


class CaseStatus(BaseModel):
    """Where a case stands, and what can be done with it."""

    id: int
    division_code: str
    version: int = Field(description="Place of its last event; give it as If-Match")
    state: str
    state_zh: str
    state_en: str
    unit_code: str | None
    condition: str | None
    stage: str | None = Field(description="The stage whose limit runs")
    stage_began_at: datetime | None
    due_at: datetime | None = Field(description="Empty: no limit, or its clock is stopped")
    limit: FoundLimit | None
    actions: list[str] = Field(description="What you can do with it now")


class CaseSummary(BaseModel):
    """A case: what and where, its state, and its latest dispatch decision."""

    id: int
    division_code: str
    state: str = Field(description="Where it is in its life cycle")
    state_zh: str
    state_en: str
    is_open: bool
    version: int = Field(description="Place of its last event; give it as If-Match")
    stage: str | None = Field(description="The stage whose limit runs")
    due_at: datetime | None = Field(description="Empty: no limit, or its clock is stopped")
    condition: str | None = Field(description="What was found, by which its limit was chosen")
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
    actions: list[str] = Field(
        default=[], description="What you can do with it now; only where one case is shown"
    )
    responsible: ResponsibleUnit | None = Field(
        default=None,
        description="The latest decision with its grounds; only where one case is shown",
    )


class CaseOrder(StrEnum):
    """Which cases come first: the newest, or of the open ones those that are due first."""

    NEWEST = "newest"
    DUE = "due"


class CaseFilter(BaseModel):
    """Which cases are meant: those for which everything that is given holds."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    only_open: bool = Field(default=False, alias="open", description="Those that are still open")
    state: CaseState | None = None
    stage: LimitStage | None = Field(default=None, description="Whose limit runs")
    unit: str | None = Field(default=None, max_length=100, description="Code of whoever has them")
    mine: bool = Field(default=False, description="Those of your own unit")
    division: str | None = Field(
        default=None, max_length=12, description="Code of a district or subdistrict"
    )
    matter: str | None = Field(default=None, max_length=20, description="Code of a matter type")
    component_class: str | None = Field(
        default=None, alias="class", max_length=20, description="Code of a component class"
    )
    condition: str | None = Field(default=None, max_length=100)
    overdue: bool = Field(default=False, description="Those whose limit has passed")
    due_from: AwareDatetime | None = Field(default=None, description="Those due then or later")
    due_before: AwareDatetime | None = Field(default=None, description="Those due before this")
    until: AwareDatetime | None = Field(default=None, description="Those reported until this")


class CasePage(BaseModel):
    """Some cases, and where the next ones begin."""

    cases: list[CaseSummary]
    next_before: int | None = Field(description="Give this as `before` for the next page")
    next_after: str | None = Field(
        default=None, description="By when they are due: give this as `after` for the next page"
    )


class CaseStateEntry(BaseModel):
    """A state of the life cycle."""

    state: str
    name_zh: str
    name_en: str
    stage: str | None = Field(description="The stage whose limit runs in it")


class TransitionEntry(BaseModel):
    """Something that can be done with a case."""

    action: str
    event: str = Field(description="The event that says so")
    name_zh: str
    name_en: str
    hint: str = Field(description="What it does")
    before: list[str] = Field(description="The states in which it can be done")
    after: str | None = Field(description="The state that follows; empty: it stays or returns")
    permissions: list[str] = Field(description="Who does it needs one of these")
    needs: list[str] = Field(description="What it cannot do without")


class LifeCycle(BaseModel):
    """The life cycle of cases, for other programs."""

    states: list[CaseStateEntry]
    transitions: list[TransitionEntry]


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
