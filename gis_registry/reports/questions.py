"""What reports ask, once their words are resolved: of what, where and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.catalogue.service import Matter
from gis_registry.errors import InvalidInput, InvalidPosition, RegistryError
from gis_registry.moments import time_fault
from gis_registry.photos import service as photos
from gis_registry.photos.schemas import PhotoEntry
from gis_registry.places import service as places
from gis_registry.places.datums import to_cgcs2000
from gis_registry.places.tables import City
from gis_registry.reports.schemas import NewReport


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


def questions_of(
    session: Session, reports: Sequence[NewReport], city: City, now: datetime
) -> list[Question | RegistryError]:
    """Resolve the words of reports; one that cannot be answered gets its error.

    The errors are UnknownMatterType (the matter is neither a matter type nor a class),
    InvalidPosition (the position is none) and InvalidInput (it is from the future or from before
    2000, or names a photo that was not sent).
    """
    zone = ZoneInfo(city.time_zone)
    matters = catalogue.find_matters(
        session,
        {one.matter for one in reports},
        matter_edition_key=city.matter_edition_key,
        class_edition_key=city.edition_key,
        earlier_edition_keys=places.class_editions(session),
    )
    kept = photos.find_all(session, {sha256 for one in reports for sha256 in one.photos})

    def question(new: NewReport) -> Question | RegistryError:
        matter = matters.get(new.matter)
        if matter is None:
            return catalogue.unknown_matter(
                new.matter,
                matter_edition_key=city.matter_edition_key,
                class_edition_key=city.edition_key,
            )
        reported_at = new.reported_at or now
        fault = time_fault(reported_at, now=now)
        if fault is not None:
            return InvalidInput(f"The report is {fault}.")
        missing = [sha256 for sha256 in new.photos if sha256 not in kept]
        if missing:
            return InvalidInput(f"There is no photo {missing[0]}: send it to /api/photos first.")
        fault = places.position_fault(new.lon, new.lat)
        if fault is not None:
            return InvalidPosition(f"This position cannot be used: {fault}.")
        lon, lat = to_cgcs2000(new.lon, new.lat, new.datum)
        return Question(
            matter=matter,
            lon=float(lon),
            lat=float(lat),
            accuracy_m=new.accuracy_m,
            text=new.text,
            scanned=new.scanned,
            reported_at=reported_at,
            on_date=reported_at.astimezone(zone).date(),
            photos=tuple(kept[sha256] for sha256 in new.photos),
        )

    return [question(one) for one in reports]
