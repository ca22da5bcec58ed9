"""Running APIs for the tests."""

from collections.abc import Iterator

import pytest
from making import copy_of
from running_api import Api, running

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
    with copy_of(server, qingdao_template, _SHARED) as settings, running(settings) as api:
        yield api
