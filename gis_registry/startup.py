"""Opening the registry: a suitable database, migrated, with its city loaded."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from gis_registry.catalogue.loading import CatalogueSummary, load_catalogue
from gis_registry.db.checks import create_extensions, require_suitable
from gis_registry.db.engine import Database, answering
from gis_registry.errors import DatabaseUnsuitable
from gis_registry.places import loading as places_loading
from gis_registry.places import queries as places_queries
from gis_registry.places import service as places
from gis_registry.profile import CityProfile, find_profile
from gis_registry.resources import bundled
from gis_registry.settings import Settings
from gis_registry.units import loading as units_loading

_LOCK = 0x6769735F726567  # "gis_reg": one program at a time prepares a database

Tell = Callable[[str], None]


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


def open_registry(settings: Settings, *, tell: Tell | None = None) -> Database:
    """Open the database; an empty one is migrated and gets its city.

    Args:
        settings: where it is and which city.
        tell: called with a sentence before each step that takes a while.

    Raises:
        DatabaseUnavailable: it does not answer or is unsuitable.
        DatabaseUnsuitable: its schema is older or newer than this program.
        InvalidProfile: the city profile cannot be used.
    """
    database = Database(settings)
    try:
        _prepare(database, settings, tell or (lambda _: None))
    except BaseException:
        database.close()
        raise
    return database


def migrate(database: Database) -> None:
    """Bring the schema to this program's version."""
    with answering(database.url), database.engine.connect() as connection:
        _locked(connection)
        create_extensions(connection)
        require_suitable(connection)
        _upgrade(connection)
        connection.commit()


def load_city(session: Session, profile: CityProfile) -> CitySummary:
    """Load everything that a city profile holds but its surveys and reports.

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


@cache
def schema_head() -> str | None:
    """Return the version of the schema that this program works with."""
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def _prepare(database: Database, settings: Settings, tell: Tell) -> None:
    with answering(database.url), database.engine.connect() as connection:
        head = schema_head()
        current = MigrationContext.configure(connection).get_current_revision()
        if current == head and _has_city(connection):
            return
        _locked(connection)
        current = MigrationContext.configure(connection).get_current_revision()
        if current is None:
            _refuse_foreign_tables(connection)
            tell("Preparing an empty database.")
            create_extensions(connection)
            require_suitable(connection)
            _upgrade(connection)
        elif current != head:
            raise DatabaseUnsuitable(
                f"The database's schema is at version {current}, this program's at {head}. Back it "
                "up, then run `gis-registry db migrate`."
            )
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            if places_queries.city(session) is None:
                profile = find_profile(settings.city)
                tell(f"Loading the city profile “{profile.key}”.")
                load_city(session, profile)
                session.commit()
        connection.execute(text("ANALYZE"))
        connection.commit()


def _has_city(connection: Connection) -> bool:
    return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM city)")))


def _locked(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _refuse_foreign_tables(connection: Connection) -> None:
    ours = {"spatial_ref_sys", "pointsfaces", "alembic_version"}
    others = sorted(set(inspect(connection).get_table_names()) - ours)
    if others:
        raise DatabaseUnsuitable(
            f"The database already holds other tables ({', '.join(others[:5])}). Give the registry "
            "a database of its own: createdb, then GIS_REGISTRY_DATABASE_URL."
        )


def _upgrade(connection: Connection) -> None:
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
