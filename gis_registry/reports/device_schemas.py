"""What cameras and sensors send, what they are answered, and how they are listed."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from gis_registry.places.datums import Datum
from gis_registry.reports.alarming import Event
from gis_registry.reports.device_tables import NotReported
from gis_registry.reports.schemas import AnsweredReport

MOST_READINGS = 1000
#: A longer code of a device, or label of a kind, could not be sent.
LONGEST_CODE = 100

Corner = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time cannot be told in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class BoxUnit(StrEnum):
    """What the corners of a box are measured in."""

    PIXELS = "pixels"
    FRACTIONS = "fractions"


class NewFrame(BaseModel):
    """What the analysis of one video frame found."""

    model_config = ConfigDict(extra="forbid")

    camera: str = Field(min_length=1, max_length=LONGEST_CODE, examples=["CAM-001"])
    frame_at: Moment = Field(description="When the frame was taken, with its time zone")
    frame_id: str | None = Field(default=None, max_length=200, description="The sender's own key")
    kind: str = Field(
        min_length=1,
        max_length=LONGEST_CODE,
        description="The label that the analysis gives it",
        examples=["street_stall"],
    )
    box: tuple[Corner, Corner, Corner, Corner] = Field(
        description="Left, top, right and bottom, from the image's upper left corner",
        examples=[(812, 540, 1010, 690)],
    )
    box_unit: BoxUnit = Field(description="pixels, or fractions of the image's width and height")
    confidence: float = Field(ge=0, le=1, description="How sure the analysis is")
    image_url: str | None = Field(default=None, max_length=2000)
    note: str = Field(default="", max_length=1000)

    @model_validator(mode="after")
    def _corners_in_order(self) -> Self:
        left, top, right, bottom = self.box
        if left >= right or top >= bottom:
            raise ValueError("the box must be left, top, right, bottom, in this order")
        return self


class Why(BaseModel):
    """A reason, with a code for programs."""

    code: str
    zh: str
    en: str


class Sighting(BaseModel):
    """One thing that a camera saw, over all its frames."""

    id: int
    camera: str
    kind: str
    name_zh: str | None = Field(description="What the label stands for; unset: it is not known")
    name_en: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    frame_count: int
    best_confidence: float
    lon: float = Field(description="Longitude on the ground in degrees, EPSG:4490")
    lat: float = Field(description="Latitude on the ground in degrees, EPSG:4490")
    accuracy_m: float
    report_id: int | None
    not_reported: Why | None = Field(description="Why there is no report; unset: there is one")


class AnsweredFrame(BaseModel):
    """What a frame came to."""

    sighting: Sighting
    is_new: bool = Field(description="It is the first frame that shows this")
    is_repeat: bool = Field(description="The frame was known: nothing was changed")
    report: AnsweredReport | None


class SightingPage(BaseModel):
    """Some sightings, the newest first, and where the next ones begin."""

    sightings: list[Sighting]
    next_before: int | None = Field(description="Give this as `before` for the next page")


class NewReading(BaseModel):
    """A value that a device measured."""

    model_config = ConfigDict(extra="forbid")

    device: str = Field(min_length=1, max_length=LONGEST_CODE, examples=["LAMP-001"])
    at: Moment = Field(description="When it was measured, with its time zone")
    quantity: str = Field(min_length=1, max_length=100, examples=["current"])
    value: float = Field(description="In the unit of the rules for this quantity")
    lon: float | None = Field(default=None, description="Where a moving device was, in the datum")
    lat: float | None = None
    datum: Datum = Datum.CGCS2000
    accuracy_m: float = Field(default=10.0, gt=0, le=5000)

    @model_validator(mode="after")
    def _whole_position(self) -> Self:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("give lon and lat, or neither")
        return self


_Many = Annotated[list[NewReading], Field(min_length=1, max_length=MOST_READINGS)]
_ONE, _MANY = TypeAdapter(NewReading), TypeAdapter[list[NewReading]](_Many)


def _one_or_many(body: object, _: ValidatorFunctionWrapHandler) -> object:
    """Check readings as the one or the other, so that faults name their fields and nothing else."""
    return (_MANY if isinstance(body, list) else _ONE).validate_python(body)


NewReadings = Annotated[NewReading | _Many, WrapValidator(_one_or_many)]


class ReadingOutcome(StrEnum):
    """What became of a reading."""

    KEPT = "kept"
    LATE = "late"
    REPEAT = "repeat"
    REFUSED = "refused"


class Alarm(BaseModel):
    """From when to when a device broke a rule."""

    id: int
    device: str
    rule: str
    raised_at: datetime
    updated_at: datetime
    cleared_at: datetime | None
    last_value: float
    peak: float = Field(description="The value farthest beyond the bounds; without bounds the last")
    report_id: int | None
    refusal: str | None = Field(description="Why there is no report; unset: there is one")


class AlarmEvent(Alarm):
    """What happened to an alarm; its state after that."""

    event: Event
    report: AnsweredReport | None = Field(
        description="The report, where the alarm was raised or reported"
    )


class AnsweredReading(BaseModel):
    """What became of one reading."""

    device: str
    quantity: str
    at: datetime
    outcome: ReadingOutcome = Field(
        description="kept; late: kept, but a newer one of the device was there, so that it raises "
        "and clears nothing by itself; repeat: known; refused: not kept"
    )
    why: Why | None = Field(description="Why it was refused")
    alarms: list[AlarmEvent] = Field(
        description="What it raised, updated and cleared; reported: refused before, accepted now"
    )


class AnsweredReadings(BaseModel):
    """What became of each reading, in the order in which they were sent."""

    readings: list[AnsweredReading]


class AlarmPage(BaseModel):
    """Some alarms, the newest first, and where the next ones begin."""

    alarms: list[Alarm]
    next_before: int | None = Field(description="Give this as `before` for the next page")


class CameraEntry(BaseModel):
    """A camera in a list."""

    code: str
    name_zh: str
    name_en: str
    lon: float
    lat: float
    height_m: float
    heading_deg: float = Field(description="Clockwise from north")
    field_of_view_deg: float = Field(description="From the left to the right edge of the image")
    pitch_deg: float | None = Field(description="How far below the horizon it looks")
    image_width: int
    image_height: int
    range_m: float
    unit_code: str | None
    is_synthetic: bool


class SensorEntry(BaseModel):
    """A sensor in a list."""

    code: str
    kind: str
    name_zh: str
    name_en: str
    component_code: str | None
    lon: float | None = Field(description="Of its own; unset: on a component, or moving")
    lat: float | None
    accuracy_m: float | None
    unit_code: str | None
    is_synthetic: bool
    open_alarms: int


class SensorPage(BaseModel):
    """Some sensors by code, and where the next ones begin."""

    sensors: list[SensorEntry]
    next_after: str | None = Field(description="Give this as `after` for the next page")


class LastReading(BaseModel):
    """The newest value of a quantity."""

    quantity: str
    at: datetime
    value: float


class SensorDetail(SensorEntry):
    """A sensor with its newest values and open alarms."""

    readings: list[LastReading]
    alarms: list[Alarm]


class CitizenKindEntry(BaseModel):
    """A minor kind of citizen report."""

    code: str
    name_zh: str
    name_en: str
    matter: str = Field(description="Send this as the report's matter")


class CitizenKinds(BaseModel):
    """A major kind of citizen report, and what it is divided into."""

    code: str
    name_zh: str
    name_en: str
    kinds: list[CitizenKindEntry]


def why_not_reported(code: NotReported, *, kind: str, refusal: str | None) -> Why:
    """Return why a sighting has no report, in both languages."""
    zh, en = {
        NotReported.LOW_CONFIDENCE: (
            "置信度低于该类型的下限。",
            "Its confidence is below the least of its kind.",
        ),
        NotReported.UNKNOWN_KIND: (
            f"没有名为{kind}的视频类型。",
            f"There is no kind of video matter {kind!r}.",
        ),
        NotReported.REFUSED: (f"上报未被接受：{refusal}", f"The report was refused: {refusal}"),
    }[code]
    return Why(code=code, zh=zh, en=en)
