"""What goes into a report and what comes out."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, field_validator

from gis_registry.components.schemas import ClassName, Named
from gis_registry.dispatch.schemas import NearResponder, ResponsibleUnit, Sentence
from gis_registry.places.datums import Datum
from gis_registry.reports.tables import Channel

DEFAULT_ACCURACY_M = 10.0


class _Said(BaseModel):
    """What somebody says: nothing besides the fields, and no text that cannot be stored."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*")
    @classmethod
    def _without_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("text must not contain the NUL character")
        return value


class Sender(_Said):
    """Who a report comes from, where that is somebody else than who sends it."""

    account: str | None = Field(
        default=None, max_length=200, description="Their account with the channel"
    )
    name: str | None = Field(default=None, max_length=200)
    phone: str | None = Field(default=None, max_length=50)
    email: str | None = Field(default=None, max_length=254)


class NewReport(_Said):
    """A report as it arrives."""

    lon: float = Field(description="Longitude in degrees, in the datum", examples=[120.3826])
    lat: float = Field(description="Latitude in degrees, in the datum", examples=[36.0671])
    datum: Datum = Field(default=Datum.CGCS2000, description="What the position is in")
    accuracy_m: float = Field(
        default=DEFAULT_ACCURACY_M,
        gt=0,
        le=5000,
        description="Radius in metres that holds the true position 68 times in 100",
    )
    matter: str = Field(
        min_length=1,
        max_length=20,
        description="Matter type code, or a class code: something is wrong with one of these",
        examples=["01037", "0137", "06001"],
    )
    text: str = Field(default="", max_length=4000, examples=["路灯不亮"])
    scanned: str | None = Field(
        default=None,
        max_length=500,
        description="Read off the component: its identifier, tag, or the text of a QR code",
    )
    address: str | None = Field(default=None, max_length=500, description="Where, in words")
    media_url: str | None = Field(
        default=None, max_length=2000, pattern=r"^https?://\S+$", description="A picture elsewhere"
    )
    photos: list[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] = Field(
        default=[], max_length=10, description="Photos that were sent before, by their hash"
    )
    sender: Sender | None = Field(default=None, description="Who it comes from; not shown to all")
    channel: Channel = Channel.INSPECTOR
    client_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The sender's own key: the same key twice is one report",
    )
    reported_at: AwareDatetime | None = Field(
        default=None, description="When it was seen, with its time zone; unset: now"
    )


class ReportedPlace(BaseModel):
    """Where a report is."""

    division: Named | None = Field(description="District")
    subdistrict: Named | None
    outside_m: float | None = Field(
        description="How far outside the subdistrict's polygon it lies, in metres; 0: inside"
    )
    cell_code: str | None


class CandidateClue(BaseModel):
    """Something that a report says which fits a component."""

    kind: str = Field(description="scanned, written (a label in the text) or number")
    said: str
    matched: str = Field(description="What it fits: identifier, tag, qr, … or an attribute")
    odds: float = Field(description="How many times likelier it makes this component")
    is_doubtful: bool = Field(
        description="It stands too far away, or is of a class that the matter is not about"
    )
    label_of: str | None = Field(
        default=None, description="Component that the label belongs to: this one took its place"
    )


class ComponentCandidate(BaseModel):
    """A component that the report may be about."""

    code: str
    component_class: ClassName = Field(alias="class", serialization_alias="class")
    distance_m: float
    reach_m: float = Field(description="How far off it could be by both accuracies, in metres")
    probability: float
    likelihood: float | None = Field(
        default=None, description="Density of the distance under both errors, per square metre"
    )
    unmapped: float | None = Field(
        default=None,
        description="That of components which are not on the map, by the density around",
    )
    clue: CandidateClue | None = None
    lon: float
    lat: float

    model_config = ConfigDict(populate_by_name=True)


class SimilarReport(BaseModel):
    """An open case that a report may repeat, by its first report."""

    report_id: int = Field(description="First report of the case")
    case_id: int
    probability: float = Field(description="That it is of the same incident")
    distance_m: float = Field(description="To the case's report that is most alike, as all below")
    age_s: float = Field(description="How much earlier that one was made, in seconds")
    text_similarity: float = Field(description="Of the two texts, 0 to 1; 0 where one is empty")
    is_same_component: bool


class Suggestion(SimilarReport):
    """An open case that a report may repeat, with what its first report says."""

    state: str = Field(description="Of the case: open")
    component_code: str | None = Field(description="Component that its first report is about")
    text: str
    reported_at: datetime


class SimilarReports(BaseModel):
    """What a report would repeat, if it were sent."""

    component_code: str | None = Field(description="Component that it would be about")
    joins_case_id: int | None = Field(description="Case that it would join; none: its own")
    similar: list[Suggestion] = Field(description="Likeliest first")


class Answer(BaseModel):
    """What a report comes to: which component, whose job, who is nearest, and why."""

    outcome: str = Field(description="unique, ambiguous, none, or place (no component is meant)")
    component_code: str | None = Field(description="The component meant, if it is unique")
    candidates: list[ComponentCandidate]
    place: ReportedPlace
    responsible: ResponsibleUnit
    responders: list[NearResponder] = Field(description="The nearest who are free to go")
    similar: list[SimilarReport] = Field(
        default=[], description="Earlier reports of open cases that it may repeat, likeliest first"
    )
    grounds: list[Sentence]


class AnsweredReport(BaseModel):
    """A stored report with its answer."""

    id: int
    division_code: str = Field(description="District that its case belongs to")
    channel: str
    matter: Named
    text: str
    lon: float = Field(description="Longitude in degrees, EPSG:4490")
    lat: float = Field(description="Latitude in degrees, EPSG:4490")
    accuracy_m: float
    photos: list[str] = Field(default=[], description="Its photos by their hash")
    reported_at: datetime
    received_at: datetime
    reported_by: str
    client_key: str | None
    case_id: int
    is_duplicate: bool = Field(
        default=False, description="It joined the case of an earlier report of the same incident"
    )
    is_repeat: bool = Field(
        default=False, description="Its client key was known: this is the first answer again"
    )
    answer: Answer


class ReportSummary(BaseModel):
    """A report in a list."""

    id: int
    channel: str
    matter_code: str
    matter_name_zh: str
    matter_name_en: str
    outcome: str
    component_code: str | None
    case_id: int
    lon: float
    lat: float
    reported_at: datetime


class ReportPage(BaseModel):
    """Some reports, the newest first, and where the next ones begin."""

    reports: list[ReportSummary]
    next_before: int | None = Field(description="Give this as `before` for the next page")


class Told(BaseModel):
    """A sentence, in both languages or in the one asked for."""

    zh: str | None
    en: str | None


class ExplanationStep(Told):
    """A step from a report to its answer, with what it rests on."""

    step: str = Field(
        description="report, datum, place, photo, candidate, component, precedence, unit, "
        "responder, case"
    )
    facts: dict[str, JsonValue] = Field(description="What was considered, and what came of it")


class Difference(Told):
    """Something in which the answer given again differs from the one that was given."""

    what: str = Field(
        description="place, outcome, component, candidates, responsible or others (other claims)"
    )
    then: JsonValue
    replayed: JsonValue


class Replay(Told):
    """The same question asked of the registry as it was, but for where responders were."""

    components_as_of: datetime = Field(description="When the report was answered")
    responsibilities_on: date = Field(description="Day of the report in the city")
    is_same: bool = Field(description="It comes to the same answer")
    differences: list[Difference]


class Explanation(BaseModel):
    """The whole chain from a report to its answer, as it was kept, and its replay."""

    report_id: int
    answered_at: datetime
    steps: list[ExplanationStep]
    replay: Replay
