"""Opening the registry: a suitable database, migrated, with its city loaded.

What only an empty or outdated database needs (Alembic, the readers of files) is imported when it is
needed: every command passes through here.
"""

from collections.abc import Callable

from sqlalchemy import Connection, inspect, text
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.db.checks import create_extensions, require_suitable
from gis_registry.db.engine import Database, answering
from gis_registry.errors import Conflict, DatabaseUnsuitable
from gis_registry.places import queries as places_queries
from gis_registry.profile import find_profile
from gis_registry.resources import bundled
from gis_registry.settings import Settings

#: The schema's version that this program works with: the newest migration. Versions are numbers of
#: four digits, so that they sort as text.
SCHEMA_VERSION = "0021"

_LOCK = 0x6769735F726567  # "gis_reg": one program at a time prepares a database

Tell = Callable[[str], None]


def open_registry(settings: Settings, *, tell: Tell | None = None) -> Database:
    """Open the database; an empty one is migrated and gets its city.

    From then on this process goes by the simulated clock, if the settings give one.

    Args:
        settings: where it is and which city.
        tell: called with a sentence before each step that takes a while.

    Raises:
        DatabaseUnavailable: it does not answer or is unsuitable.
        DatabaseUnsuitable: its schema is older or newer than this program.
        InvalidProfile: the city profile cannot be used.
        Conflict: the registry is of another city than the settings say.
    """
    tell = tell or (lambda _: None)
    if settings.simulated_clock is not None:
        clock.simulate(clock.SimulatedClock.parse(settings.simulated_clock))
        tell(f"{clock.WARNING} It shows {clock.now():%Y-%m-%d %H:%M} UTC.")
    database = Database(settings)
    try:
        _prepare(database, settings, tell)
    except BaseException:
        database.close()
        raise
    return database


def migrate(database: Database) -> None:
    """Bring the schema to this program's version.

    Raises:
        DatabaseUnavailable: the database does not answer or is unsuitable.
        DatabaseUnsuitable: it is somebody else's, or its schema is newer than this program.
    """
    with answering(database.url), database.engine.connect() as connection:
        _locked(connection)
        current = schema_version(connection)
        if current is None:
            _refuse_foreign_tables(connection)
        elif current > SCHEMA_VERSION:
            raise _other_version(current)
        create_extensions(connection)
        require_suitable(connection)
        _upgrade(connection)
        connection.commit()


def schema_version(connection: Connection) -> str | None:
    """Return the version of a database's schema, or None where there is none yet."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _prepare(database: Database, settings: Settings, tell: Tell) -> None:
    with answering(database.url), database.engine.connect() as connection:
        if schema_version(connection) == SCHEMA_VERSION and _has_city(connection):
            require_suitable(connection)
            _require_city(connection, settings)
            return
        _locked(connection)
        current = schema_version(connection)
        if current is None:
            _refuse_foreign_tables(connection)
            tell("Preparing an empty database.")
            create_extensions(connection)
            require_suitable(connection)
            _upgrade(connection)
        elif current != SCHEMA_VERSION:
            raise _other_version(current)
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            if places_queries.city(session) is None:
                from gis_registry.city_loading import load_city

                profile = find_profile(settings.city)
                tell(f"Loading the city profile “{profile.key}”.")
                load_city(session, profile)
                session.commit()
        _require_city(connection, settings)
        connection.execute(text("ANALYZE"))
        connection.commit()


def _other_version(current: str) -> DatabaseUnsuitable:
    advice = (
        "Back it up, then run `gis-registry db migrate`."
        if current < SCHEMA_VERSION
        else "A newer program made it: update this one."
    )
    return DatabaseUnsuitable(
        f"The database's schema is at version {current}, this program's at {SCHEMA_VERSION}. "
        f"{advice}"
    )


def _has_city(connection: Connection) -> bool:
    return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM city)")))


def _require_city(connection: Connection, settings: Settings) -> None:
    if settings.city is None:
        return
    wanted = find_profile(settings.city)
    key, name_en = connection.execute(text("SELECT key, name_en FROM city")).one()
    if key != wanted.key:
        raise Conflict(
            f"This registry is of {name_en}, but GIS_REGISTRY_CITY names {wanted.name_en}. Give "
            "another city a registry of its own: set GIS_REGISTRY_HOME to another folder."
        )


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
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
