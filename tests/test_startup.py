"""Opening the registry: an empty database, one of somebody else, one of another version."""

import subprocess
import sys

import pytest
from pydantic import SecretStr
from sqlalchemy import func, make_url, select, text

from gis_registry.components.tables import Component
from gis_registry.db.engine import Database
from gis_registry.errors import DatabaseUnavailable, DatabaseUnsuitable, InvalidProfile
from gis_registry.places import queries as places
from gis_registry.settings import Settings
from gis_registry.startup import SCHEMA_VERSION, migrate, open_registry, schema_version

_OPEN = """
import sys
from gis_registry.settings import Settings
from gis_registry.startup import open_registry
settings = Settings(database_url=sys.argv[1], city="cambridge")
with open_registry(settings, tell=print) as database, database.session() as session:
    from gis_registry.places import queries
    print(queries.city(session).key, queries.counts(session)["district"])
"""


def secret(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def run(settings: Settings, *statements: str) -> None:
    """Run statements on a database as it is, without opening the registry."""
    with Database(settings) as database, database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_two_programs_at_once_prepare_an_empty_database_once(empty_settings: Settings) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _OPEN, secret(empty_settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [(*program.communicate(timeout=120), program.returncode) for program in programs]
    assert [(errors, code) for _, errors, code in ended] == [("", 0), ("", 0)]
    told = sorted(output.splitlines() for output, _, _ in ended)
    assert [lines[-1] for lines in told] == ["cambridge 1", "cambridge 1"]
    prepared = ["Preparing an empty database.", "Loading the city profile “cambridge”."]
    assert sorted(lines[:-1] for lines in told) == [[], prepared]


def test_a_prepared_database_is_opened_as_it_is(own_settings: Settings) -> None:
    told: list[str] = []
    with open_registry(own_settings, tell=told.append) as database:
        with database.engine.connect() as connection:
            assert schema_version(connection) == SCHEMA_VERSION
        with database.session() as session:
            city = places.city(session)
            assert city is not None
            assert city.key == "qingdao"
            assert session.scalar(select(func.count()).select_from(Component)) == 0
    assert told == []


def test_a_migrated_database_without_a_city_gets_one(empty_settings: Settings) -> None:
    with Database(empty_settings) as database:
        migrate(database)
        migrate(database)  # nothing is left to do
    told: list[str] = []
    settings = empty_settings.model_copy(update={"city": "cambridge"})
    with open_registry(settings, tell=told.append) as database, database.session() as session:
        assert places.counts(session)["subdistrict"] == 13
    assert told == ["Loading the city profile “cambridge”."]


def test_a_bad_profile_leaves_the_database_empty(empty_settings: Settings) -> None:
    with pytest.raises(InvalidProfile):
        open_registry(empty_settings.model_copy(update={"city": "atlantis"}))
    with Database(empty_settings) as database, database.engine.connect() as connection:
        assert schema_version(connection) is None


def test_a_database_with_other_tables_is_left_alone(empty_settings: Settings) -> None:
    run(empty_settings, "CREATE TABLE payroll (id int)", "CREATE TABLE staff (id int)")
    with pytest.raises(DatabaseUnsuitable) as refused:
        open_registry(empty_settings)
    assert str(refused.value) == (
        "The database already holds other tables (payroll, staff). Give the registry a database "
        "of its own: createdb, then GIS_REGISTRY_DATABASE_URL."
    )
    with (
        Database(empty_settings) as database,
        pytest.raises(DatabaseUnsuitable, match="already holds other tables"),
    ):
        migrate(database)
    with Database(empty_settings) as database, database.engine.connect() as connection:
        assert schema_version(connection) is None


def test_a_database_that_has_only_the_extensions_counts_as_empty(
    empty_settings: Settings,
) -> None:
    run(empty_settings, "CREATE EXTENSION IF NOT EXISTS postgis")
    with Database(empty_settings) as database:
        migrate(database)
        with database.engine.connect() as connection:
            assert schema_version(connection) == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("0000", "Back it up, then run `gis-registry db migrate`."),
        ("9999", "A newer program made it: update this one."),
    ],
    ids=["older", "newer"],
)
def test_a_database_of_another_version_is_refused_with_what_to_do(
    own_settings: Settings, version: str, advice: str
) -> None:
    run(own_settings, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(DatabaseUnsuitable) as refused:
        open_registry(own_settings)
    assert str(refused.value) == (
        f"The database's schema is at version {version}, this program's at {SCHEMA_VERSION}. "
        f"{advice}"
    )


def test_a_newer_database_cannot_be_migrated(own_settings: Settings) -> None:
    run(own_settings, "UPDATE alembic_version SET version_num = '9999'")
    with (
        Database(own_settings) as database,
        pytest.raises(DatabaseUnsuitable, match="A newer program made it: update this one"),
    ):
        migrate(database)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "postgresql://city:s3cret@127.0.0.1:1/registry",
            "The database at postgresql+psycopg://city:***@127.0.0.1:1/registry does not answer (",
        ),
        (
            "postgresql://city@127.0.0.1:1/registry?password=s3cret",
            "The database at postgresql+psycopg://city@127.0.0.1:1/registry does not answer (",
        ),
        (
            "mysql://city:s3cret@127.0.0.1/registry",
            "GIS_REGISTRY_DATABASE_URL names mysql; PostgreSQL with PostGIS is needed "
            "(postgresql://user:password@host/name).",
        ),
        (
            "s3cret",
            "GIS_REGISTRY_DATABASE_URL is not a URL such as postgresql://user:password@host/name.",
        ),
        (
            "postgresql://city:s3cret@127.0.0.1:port/registry",
            "GIS_REGISTRY_DATABASE_URL is not a URL such as postgresql://user:password@host/name.",
        ),
        (
            "",
            "GIS_REGISTRY_DATABASE_URL is not a URL such as postgresql://user:password@host/name.",
        ),
    ],
    ids=["nobody there", "password as option", "another database", "no URL", "no port", "empty"],
)
def test_a_database_that_does_not_answer_is_one_sentence_without_the_password(
    url: str, message: str
) -> None:
    with pytest.raises(DatabaseUnavailable) as refused:
        open_registry(Settings(database_url=SecretStr(url)))
    said = str(refused.value)
    assert said.startswith(message)
    assert "s3cret" not in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"database": "nowhere"}, "nowhere"), ({"username": "nobody_known"}, "nobody_known")],
)
def test_a_database_or_role_that_does_not_exist_is_named(
    own_settings: Settings, change: dict[str, str], reason: str
) -> None:
    url = make_url(secret(own_settings)).set(**change)  # type: ignore[arg-type]
    settings = Settings(database_url=SecretStr(url.render_as_string(hide_password=False)))
    with pytest.raises(DatabaseUnavailable) as refused:
        open_registry(settings)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
