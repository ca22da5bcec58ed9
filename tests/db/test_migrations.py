"""The migrations: one head, up and down again, and the models agree with what they make."""

from collections.abc import Iterator

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from pytest_alembic.tests import (
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine, create_engine, make_url, text

from gis_registry.db.checks import create_extensions
from gis_registry.resources import bundled
from gis_registry.settings import Settings
from gis_registry.startup import SCHEMA_VERSION

__all__ = [
    "test_model_definitions_match_ddl",
    "test_single_head_revision",
    "test_up_down_consistency",
    "test_upgrade",
]


@pytest.fixture
def alembic_config() -> Config:
    """Say where the migrations are."""
    config = Config()
    config.set_main_option("script_location", str(bundled("migrations")))
    config.set_main_option("path_separator", "os")
    return config


@pytest.fixture
def alembic_engine(empty_settings: Settings) -> Iterator[Engine]:
    """Return an engine of an empty database that has the extensions."""
    assert empty_settings.database_url is not None
    url = make_url(empty_settings.database_url.get_secret_value())
    engine = create_engine(url.set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        create_extensions(connection)
    yield engine
    engine.dispose()


def test_the_programs_version_is_the_newest_migration(alembic_config: Config) -> None:
    assert ScriptDirectory.from_config(alembic_config).get_current_head() == SCHEMA_VERSION


def test_going_all_the_way_down_leaves_nothing(alembic_runner, alembic_engine: Engine) -> None:  # type: ignore[no-untyped-def]
    left = text(
        "SELECT relname FROM pg_class "
        "WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'i', 'S') "
        "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e') "
        "AND relname NOT LIKE 'alembic%' AND relname NOT LIKE 'spatial_ref_sys%' ORDER BY relname"
    )
    functions = text("SELECT count(*) FROM pg_proc WHERE proname = 'metres_box'")
    alembic_runner.migrate_up_to("head")
    with alembic_engine.connect() as connection:
        assert len(connection.scalars(left).all()) > 40
        assert connection.scalar(functions) == 1
    alembic_runner.migrate_down_to("base")
    with alembic_engine.connect() as connection:
        assert connection.scalars(left).all() == []
        assert connection.scalar(functions) == 0
