"""Reads by an event loop of their own: they write nothing, and end in time."""

import asyncio
from typing import Any

import psycopg
import pytest

from gis_registry.db.engine import Database
from gis_registry.db.reading import Reading
from gis_registry.errors import DatabaseUnavailable, TookTooLong


def read(database: Database, statement: str, *, longest_s: float = 5) -> list[tuple[Any, ...]]:
    async def once() -> list[tuple[Any, ...]]:
        reading = Reading(database.url, connections=1, longest_s=longest_s)
        await reading.open()
        try:
            return await reading.rows(statement, {"given": "100 %"})
        finally:
            await reading.close()

    return asyncio.run(once())


def test_it_reads_with_bound_values(shared_database: Database) -> None:
    assert read(shared_database, "SELECT %(given)s, current_setting('timezone')") == [
        ("100 %", "UTC")
    ]


def test_it_writes_nothing(shared_database: Database) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        read(shared_database, "DELETE FROM components")


def test_what_takes_too_long_is_stopped(shared_database: Database) -> None:
    with pytest.raises(TookTooLong, match=r"more than 0\.1 s"):
        read(shared_database, "SELECT pg_sleep(5)", longest_s=0.1)


def test_a_database_that_is_gone_is_told(shared_database: Database) -> None:
    async def gone() -> None:
        reading = Reading(
            shared_database.url.set(database="nothing_here"),
            connections=1,
            longest_s=1,
            longest_wait_s=0.5,
        )
        await reading.open()
        try:
            await reading.rows("SELECT 1")
        finally:
            await reading.close()

    with pytest.raises(DatabaseUnavailable):
        asyncio.run(gone())
