"""Loading a city: everything that its profile holds but surveys and reports."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from gis_registry.catalogue import queries as catalogue_queries
from gis_registry.catalogue.loading import CatalogueSummary, load_catalogue
from gis_registry.catalogue.time_limit_loading import NewVersion, load_profile_limits
from gis_registry.errors import InvalidProfile
from gis_registry.places import calendars
from gis_registry.places import loading as places_loading
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.places.tables import Level
from gis_registry.profile import CityProfile
from gis_registry.reports import device_loading, reward_rules
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
    devices: dict[device_loading.FileKind, int]
    reward_rules: int
    calendar_version: int
    time_limits: int


def load_city(session: Session, profile: CityProfile) -> CitySummary:
    """Load the city of a profile; what is there already is brought up to date.

    Raises:
        InvalidProfile: it names an edition or a city that its files do not hold.
        InvalidInput: a file of the profile contradicts itself; the message says where.
    """
    files = profile.files
    classes = profile.paths([files.classes])[0] if files.classes else None
    schemas = profile.paths([files.attribute_schemas])[0] if files.attribute_schemas else None
    catalogue = load_catalogue(session, profile_file=classes, schemas_file=schemas)
    _require_editions(session, profile)
    places.set_city(session, profile)
    city = places.the_city(session)
    divisions = places_loading.load_divisions(session, profile.paths(files.divisions))
    _require_division(session, profile)
    return CitySummary(
        city=profile.key,
        catalogue=catalogue,
        divisions=divisions,
        grid_cells=places_loading.load_grid_cells(session, profile.paths(files.grid_cells)),
        units=units_loading.load_units(session, profile.paths(files.units)),
        responsibilities=units_loading.load_responsibilities(
            session, profile.paths(files.responsibilities), city=city
        ),
        responders=units_loading.load_responders(session, profile.paths(files.responders)),
        devices=device_loading.load(session, device_loading.files_of(profile)),
        reward_rules=reward_rules.load_rules(session, profile.paths(files.reward_rules), city=city),
        calendar_version=calendars.load_profile_calendar(
            session, profile, actor=f"city profile {profile.key}"
        ).version,
        time_limits=load_time_limits(session, profile),
    )


def load_time_limits(session: Session, profile: CityProfile) -> int:
    """Load the versions of time limits of a profile that are not there yet; return all limits."""
    editions = places.code_editions(session)
    return sum(
        load_profile_limits(
            session,
            profile.paths([one.file])[0],
            NewVersion(one.title, one.source, one.valid_from),
            editions=editions,
        )
        for one in profile.time_limits
    )


def _require_editions(session: Session, profile: CityProfile) -> None:
    known = [one.key for one in catalogue_queries.editions(session)]
    for key in (profile.edition, profile.matter_edition):
        if key not in known:
            raise InvalidProfile(
                f"The city profile {profile.key} cannot be used: the edition {key!r} does not "
                f"exist; there are {', '.join(known)}."
            )


def _require_division(session: Session, profile: CityProfile) -> None:
    division = places_queries.division(session, profile.division_code)
    if division is None or division.level != Level.CITY:
        raise InvalidProfile(
            f"The city profile {profile.key} cannot be used: its divisions lack the city "
            f"{profile.division_code}."
        )
