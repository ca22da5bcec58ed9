"""What is said of a survey and its rows."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gis_registry.surveys.tables import Verdict


class SurveySummary(BaseModel):
    """A survey and what became of its rows; rows = accepted + refused."""

    survey: int = Field(description="Number of the survey")
    file_name: str
    crs: str = Field(description="What its coordinates were in")
    as_of: date
    state: str = Field(description="stopped, staged, applied or reverted")
    is_synthetic: bool
    rows: int
    accepted: int
    refused: int
    verdicts: dict[str, int] = Field(description="How many rows of each verdict")
    refusals: dict[str, int] = Field(description="How many rows were refused for each reason")
    findings: list[dict[str, Any]] = Field(description="What was found about the file as a whole")
    forced_reason: str | None = Field(description="Why it was loaded in spite of that")
    actor: str
    loaded_at: datetime


class SurveyRowEntry(BaseModel):
    """One row of a survey's file and what became of it."""

    row: int | None = Field(description="Row of the file, from 1; none for what the file lacks")
    verdict: str
    code: str | None = Field(description="Identifier of its component")
    distance_m: float | None = Field(description="Distance to the component it matched, in metres")
    reason: str | None
    score: float | None = Field(description="Probability of the match beside the best other one")
    runner_up: str | None = Field(description="Identifier of the component that would be next")
    runner_up_m: float | None = Field(description="Distance to that one, in metres")
    refusal: str | None
    issues: list[dict[str, Any]] | None = Field(description="Warnings and notes")
    decision: str | None = Field(description="accepted, rejected, dropped or retried")
    class_code: str | None
    subdistrict_code: str | None
    lon: float | None
    lat: float | None


class SurveyRowPage(BaseModel):
    """Some rows of a survey in the file's order, and where the next ones begin."""

    rows: list[SurveyRowEntry]
    next_after: int | None = Field(description="Give this as `after` for the next page")


class Reverted(BaseModel):
    """What reverting a survey did."""

    survey: int
    withdrawn: int = Field(description="Components that it had registered, now withdrawn")
    restored: int = Field(description="Components that it had changed, now as they were")
    kept: list[str] = Field(description="Identifiers changed since, which were left as they are")


class Decided(BaseModel):
    """What a decision about rows of a survey did."""

    survey: int
    decision: str = Field(description="accepted, rejected, dropped or undone")
    rows: int = Field(description="Rows and missing components that it is about")
    verdicts: dict[str, int] = Field(description="How many of them have each verdict")
    left_out: dict[str, int] = Field(
        description="How many of the selected ones cannot be decided so, by verdict"
    )


class Corrected(BaseModel):
    """What became of a row that was corrected."""

    survey: int
    row: int
    verdict: str
    code: str | None = Field(description="Identifier of the component that it is now found to be")
    reason: str
    edits: dict[str, Any] = Field(description="What it said before, and what it says now")
    is_matched: bool = Field(description="Whether the survey was matched again")


class NewCorrection(BaseModel):
    """What a row of a survey should say, and why."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    reason: str = Field(min_length=1, max_length=1000, examples=["现场核对"])
    values: dict[str, str] = Field(
        default={},
        max_length=1000,
        description="By attribute, or by supervisor_code, owner_code, maintainer_code, "
        "surveyed_on, accuracy_m or identifier, as a file would write it; an empty text takes the "
        "value away",
    )
    class_code: str | None = Field(
        default=None, alias="class", max_length=20, description="Code of its class"
    )
    geometry: dict[str, JsonValue] | None = Field(
        default=None, description="GeoJSON geometry, EPSG:4490"
    )


class RowChoice(BaseModel):
    """What an ambiguous row is."""

    model_config = ConfigDict(extra="forbid")

    row: int = Field(ge=1, le=2**31 - 1)
    component: str | None = Field(
        default=None, max_length=17, description="Identifier; null: a new component"
    )


class NewDecision(BaseModel):
    """A decision about rows of a survey: those for which all that is given holds, or everything."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accepted", "rejected", "dropped", "undone"]
    reason: str = Field(min_length=1, max_length=1000, examples=["现场核对"])
    verdicts: list[Verdict] = Field(default=[], max_length=8)
    classes: list[str] = Field(default=[], max_length=1000, description="Class codes")
    areas: list[str] = Field(default=[], max_length=1000, description="Districts, subdistricts")
    rows: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] = Field(default=[], max_length=10_000)
    components: list[str] = Field(
        default=[], max_length=10_000, description="Identifiers; so missing ones are named"
    )
    everything: bool = Field(default=False, description="All rows; then nothing else is given")
    choices: list[RowChoice] = Field(
        default=[], max_length=10_000, description="What ambiguous rows are; accepted, and alone"
    )

    @property
    def selects_rows(self) -> bool:
        """Whether rows are named otherwise than by choices."""
        named = self.verdicts, self.classes, self.areas, self.rows, self.components
        return self.everything or any(named)


class DecisionEntry(BaseModel):
    """What somebody decided about rows of a survey."""

    model_config = ConfigDict(from_attributes=True)

    made_at: datetime
    actor: str
    decision: str
    selection: dict[str, Any] = Field(description="Which rows")
    edits: dict[str, Any] | None = Field(description="What rows said or were before, and after")
    row_count: int
    reason: str
