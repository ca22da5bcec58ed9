"""What a report asks, once its words are resolved: of what, where and when."""

from dataclasses import dataclass
from datetime import date, datetime

from gis_registry.catalogue.service import Matter
from gis_registry.photos.schemas import PhotoEntry


@dataclass(frozen=True)
class Question:
    """What is wrong, where it was seen and how exactly, what was said and scanned, and when.

    ``lon`` and ``lat`` are degrees in EPSG:4490; ``accuracy_m`` is the radius that holds the true
    position 68 times in 100; ``on_date`` is the city's day of ``reported_at``.
    """

    matter: Matter
    lon: float
    lat: float
    accuracy_m: float
    text: str
    scanned: str | None
    reported_at: datetime
    on_date: date
    photos: tuple[PhotoEntry, ...] = ()
