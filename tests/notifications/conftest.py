"""Databases and receivers for the tests of notifications."""

from collections.abc import Iterator

import pytest
from receiving import Receiver, receiving

from gis_registry.db.engine import Database
from gis_registry.settings import Settings


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture
def private_settings(own_settings: Settings) -> Settings:
    """Return settings of a database of the test's own that let webhooks lead to this machine."""
    return own_settings.model_copy(update={"webhook_private_addresses": True})


@pytest.fixture
def database(private_settings: Settings) -> Iterator[Database]:
    with Database(private_settings) as database:
        yield database
