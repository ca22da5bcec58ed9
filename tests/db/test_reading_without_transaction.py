"""Reads by an event loop of their own: they write nothing, and end in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from gis_registry.db.engine import Database
from gis_registry.db.reading import WHOLE_AT_ONCE, Reading
from gis_registry.errors import DatabaseUnavailable, InvalidInput, NotFound, TookTooLong


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


def test_what_is_read_whole_begins_in_time(shared_database: Database) -> None:
    async def begin() -> None:
        reading = Reading(shared_database.url, connections=1, longest_s=0.1)
        await reading.open()
        try:
            await anext(reading.whole("SELECT pg_sleep(5)", {}, form="text"))
        finally:
            await reading.close()

    with pytest.raises(TookTooLong, match=r"more than 0\.1 s"):
        asyncio.run(begin())


def test_what_cannot_be_calculated_is_refused(shared_database: Database) -> None:
    with pytest.raises(InvalidInput, match="cannot calculate this: division by zero"):
        read(shared_database, "SELECT 1 / (length(%(given)s) - 5)")


def test_a_table_that_was_just_dropped_is_told(shared_database: Database) -> None:
    with pytest.raises(NotFound, match="ask again"):
        read(shared_database, "SELECT FROM layers.things_1")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        read(shared_database, "SELECT nothing FROM layers")


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


ENDLESS = "SELECT repeat('x', 1000) || %(given)s FROM (SELECT generate_series(1, 100000000)) AS n"


def test_what_is_read_whole_comes_in_parts_and_whole_rows(shared_database: Database) -> None:
    async def parts() -> list[bytes]:
        async with opened(shared_database) as reading:
            rows = "SELECT n, 'a ''100 %%''' FROM generate_series(1, 50000) AS n"
            return [part async for part in reading.whole(rows, {}, form="csv")]

    found = asyncio.run(parts())
    assert len(found) > 1
    assert all(part.endswith(b"\n") for part in found)
    assert b"".join(found).splitlines() == [b"%d,a '100 %%'" % n for n in range(1, 50001)]


def test_only_some_are_read_whole_at_once_and_the_others_go_on(shared_database: Database) -> None:
    async def crowd() -> None:
        async with opened(shared_database) as reading:
            values = {"given": "100 %"}
            whole = [reading.whole(ENDLESS, values, form="text") for _ in range(WHOLE_AT_ONCE + 1)]
            for one in whole[:-1]:
                assert (await anext(one)).endswith(b"100 %\n")
            with pytest.raises(DatabaseUnavailable, match="in use"):
                await anext(whole[-1])
            assert await reading.rows("SELECT 1") == [(1,)]
            await whole[0].aclose()  # makes room
            again = reading.whole("SELECT 1", {}, form="text")
            assert [part async for part in again] == [b"1\n"]
            await whole[1].aclose()

    asyncio.run(crowd())


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Reading]:
    reading = Reading(database.url, connections=1, longest_s=0.5, longest_wait_s=2)
    await reading.open()
    try:
        yield reading
    finally:
        await reading.close()
