"""What commands share: the settings, the open registry, and who gives the command."""

import getpass
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from sqlalchemy.orm import Session

from gis_registry.cli.output import tell
from gis_registry.db.engine import Database
from gis_registry.places.service import the_city
from gis_registry.roles import Role
from gis_registry.settings import SETTINGS_FILE, Settings
from gis_registry.users.service import Actor

if TYPE_CHECKING:
    from gis_registry.profile import CityProfile

#: The largest number that the database can give anything.
LARGEST_NUMBER = 2**63 - 1

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and count, change nothing.")]
Before = Annotated[
    int | None, typer.Option(help="Those before this number.", min=1, max=LARGEST_NUMBER)
]


def read_settings() -> Settings:
    """Read the settings; what is wrong with them is a usage error."""
    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(map(str, fault["loc"])).upper()
            tell(f"The setting GIS_REGISTRY_{name} cannot be used: {fault['msg']}.")
        raise typer.Exit(2) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        tell(f"The settings file {SETTINGS_FILE} is not valid TOML: {error}.")
        raise typer.Exit(2) from error


@contextmanager
def registry(settings: Settings | None = None) -> Iterator[Database]:
    """Open the registry for a command."""
    from gis_registry.startup import open_registry

    database = open_registry(settings or read_settings(), tell=tell)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def transaction() -> Iterator[Session]:
    """Open the registry and a transaction, committed when the command ends well."""
    try:
        with registry() as database, database.session() as session:
            yield session
    except KeyboardInterrupt:
        tell("Interrupted; what was not finished was undone.")
        raise


def add_up_counts() -> None:
    """Add up what the map counts after many components changed, lest every tile does each time.

    The worker does it every minute; here it is done where none runs.
    """
    from gis_registry.maps import count_upkeep

    with transaction() as session:
        count_upkeep.fold_if_long(session)


def city_profile(session: Session) -> "CityProfile":
    """Return the profile of the registry's city.

    Raises:
        InvalidProfile: the settings do not name it, and it is no shipped one.
    """
    from gis_registry.errors import InvalidProfile
    from gis_registry.places.service import the_city
    from gis_registry.profile import find_profile

    named = read_settings().city
    city = the_city(session)
    try:
        return find_profile(named or city.key)
    except InvalidProfile as error:
        if named is not None:
            raise
        raise InvalidProfile(
            f"The profile of {city.name_en} ({city.key}) is not one of those shipped: name its "
            "folder by GIS_REGISTRY_CITY, or name the files to load."
        ) from error


def city_zone(session: Session) -> ZoneInfo:
    """Return the city's time zone, in which people read times."""
    return ZoneInfo(the_city(session).time_zone)


def read_moment(text: str | datetime) -> datetime:
    """Read a time in ISO 8601 with its zone; anything else is wrong usage."""
    try:
        moment = text if isinstance(text, datetime) else datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no time such as 2026-06-30T10:00:00+08:00."
        ) from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone: add one, such as +08:00 or Z.")
    return moment


@contextmanager
def checked_options() -> Iterator[None]:
    """Turn what a schema refuses into wrong usage of the option that holds it."""
    try:
        yield
    except ValidationError as error:
        fault = error.errors()[0]
        raise typer.BadParameter(f"{fault['loc'][0]}: {fault['msg']}.") from error


def actor() -> str:
    """Return who gives the command, for the record."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):
        return "command line"


def administrator() -> Actor:
    """Return the same as somebody who may do everything, as who commands the server may."""
    return Actor(name=actor(), role=Role.ADMINISTRATOR)


def keep_photo(session: Session, path: Path) -> str:
    """Keep a file as a photo and return its name, the SHA-256 of its bytes."""
    from gis_registry.photos import service as photos
    from gis_registry.photos.pictures import PhotoLimits
    from gis_registry.photos.store import open_store

    settings = read_settings()
    limits = PhotoLimits.of(settings)
    kept = photos.keep(
        session,
        photos.read_file(path, limits),
        received_by=actor(),
        store=open_store(settings),
        limits=limits,
    )
    return kept.photo
