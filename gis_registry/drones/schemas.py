"""What goes into a detection and what comes out."""

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gis_registry.places.datums import Datum
from gis_registry.reports.schemas import AnsweredReport


class NewDetection(BaseModel):
    """A thing that a drone image shows, by its position on the ground."""

    model_config = ConfigDict(extra="forbid")

    lon: float = Field(description="Longitude in degrees, in the datum", examples=[120.46])
    lat: float = Field(description="Latitude in degrees, in the datum", examples=[36.10])
    datum: Datum = Datum.CGCS2000
    accuracy_m: float = Field(
        default=15.0,
        gt=0,
        le=5000,
        description="Radius in metres that holds the true position 68 times in 100",
    )
    matter: str = Field(min_length=1, max_length=20, examples=["06001"])
    confidence: float = Field(default=1.0, ge=0, le=1, description="How sure the detector is")
    image: str = Field(min_length=1, max_length=500, description="Name of the image")
    taken_at: AwareDatetime = Field(description="When the image was taken, with its time zone")
    note: str = Field(default="", max_length=4000)


class AnsweredDetection(BaseModel):
    """A stored detection with the report that answers it."""

    id: int
    image: str
    confidence: float
    is_repeat: bool = Field(
        default=False, description="It was known already: this is the first answer again"
    )
    report: AnsweredReport
