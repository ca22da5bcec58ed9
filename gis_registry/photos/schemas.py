"""What is told of a photo."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class ShownSize(StrEnum):
    """The copies of a photo that are shown."""

    IMAGE = "image"
    THUMBNAIL = "thumbnail"


class PhotoEntry(BaseModel):
    """A photo and what the camera wrote into it."""

    photo: str = Field(description="SHA-256 of the bytes that were sent, in hexadecimal")
    media_type: str = Field(description="What was sent, by its content: image/jpeg, png or webp")
    size_bytes: int
    width: int = Field(description="Width in pixels, the right way up")
    height: int = Field(description="Height in pixels, the right way up")
    taken_at: datetime | None = Field(
        description="When it was taken by the camera's clock; without a zone there, the city's"
    )
    lon: float | None = Field(description="Longitude of the camera in degrees, EPSG:4490")
    lat: float | None = Field(description="Latitude of the camera in degrees, EPSG:4490")
    heading_deg: float | None = Field(
        description="Where the camera looked: degrees from north, clockwise, by its compass"
    )
    camera: str | None = Field(description="Make and model")
    received_at: datetime
    received_by: str
    is_repeat: bool = Field(default=False, description="These bytes were kept before")


class UnusedFile(BaseModel):
    """A file in the store that is of no photo."""

    file: str = Field(description="Its path in the store")
    size_bytes: int
    modified_at: datetime


class CleanedPhotos(BaseModel):
    """Files that were of no photo, and are removed now or (a dry run) would be."""

    is_dry_run: bool
    size_bytes: int = Field(description="Of all of them")
    files: list[UnusedFile]
