"""Loading a city: everything that its profile holds but surveys and reports."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from gis_registry.catalogue.loading import CatalogueSummary, load_catalogue
from gis_registry.places import loading as places_loading
from gis_registry.places import service as places
from gis_registry.profile import CityProfile
from gis_registry.units import loading as units_loading


@dataclass(frozen=True)
class CitySummary:
    """How much of a city was loaded."""

    city: str
    catalogue: CatalogueSummary
    divisions: dict[str, int]
    grid_cells: int
    units: int
    responsibilities: int
    responders: int


def load_city(session: Session, profile: CityProfile) -> CitySummary:
    """Load the city of a profile; what is there already is brought up to date.

    Raises:
        InvalidInput: a file of the profile contradicts itself; the message says where.
    """
    files = profile.files
    classes = profile.paths([files.classes])[0] if files.classes else None
    catalogue = load_catalogue(session, profile_file=classes)
    places.set_city(session, profile)
    city = places.the_city(session)
    return CitySummary(
        city=profile.key,
        catalogue=catalogue,
        divisions=places_loading.load_divisions(session, profile.paths(files.divisions)),
        grid_cells=places_loading.load_grid_cells(session, profile.paths(files.grid_cells)),
        units=units_loading.load_units(session, profile.paths(files.units)),
        responsibilities=units_loading.load_responsibilities(
            session, profile.paths(files.responsibilities), city=city
        ),
        responders=units_loading.load_responders(session, profile.paths(files.responders)),
    )
