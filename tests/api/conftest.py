"""Running APIs for the tests."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from running_api import Api, running
from sqlalchemy import create_engine, make_url, text

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.settings import Settings

_SHARED = "shared_api"


@pytest.fixture
def api(own_settings: Settings) -> Iterator[Api]:
    """Return an API of the test's own."""
    with running(own_settings) as api:
        yield api


@pytest.fixture(scope="session")
def shared_api(server: EmbeddedServer, qingdao_template: str) -> Iterator[Api]:
    """Return an API for tests that change nothing that another one looks at."""
    engine = create_engine(make_url(server.url("postgres")), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE {_SHARED} TEMPLATE "{qingdao_template}"'))
        try:
            with running(Settings(database_url=SecretStr(server.url(_SHARED)))) as api:
                yield api
        finally:
            connection.execute(text(f"DROP DATABASE {_SHARED} WITH (FORCE)"))
    engine.dispose()
