"""Reads without a transaction of their own, for answers that must be quick and many.

One statement is one snapshot. The connections are kept open for it, commit by themselves, can write
nothing, and plan every statement with the values that it is asked with, unless one plan is as good
for all of them. What is read whole, however long it takes, has a few connections of its own, so
that it leaves those of the quick ones free.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import URL, Executable
from sqlalchemy.dialects.postgresql.psycopg import dialect

from gis_registry.errors import DatabaseUnavailable, InvalidInput, NotFound, TookTooLong

_OPTIONS = (
    "-c timezone=UTC -c datestyle=ISO -c default_transaction_read_only=on"
    " -c jit=off -c max_parallel_workers_per_gather=0"
    " -c statement_timeout={milliseconds}"
)
#: How many are read whole at once; more wait.
WHOLE_AT_ONCE = 2
#: What is read whole is handed on in parts of about so many bytes.
PART_BYTES = 128 * 2**10

#: How SQLAlchemy writes what psycopg reads.
DIALECT = dialect()  # type: ignore[no-untyped-call]


def plain(statement: Executable) -> str:
    """Return a statement as SQL with ``%(named)s`` values."""
    return str(statement.compile(dialect=DIALECT))  # type: ignore[attr-defined]


class Reading:
    """Reads by one event loop."""

    def __init__(
        self,
        url: URL,
        *,
        connections: int,
        longest_s: float,
        longest_wait_s: float = 10.0,
        share: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
        share_whole: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
    ) -> None:
        """Hold what is needed; nothing is connected yet.

        Args:
            url: the database.
            connections: how many there may be.
            longest_s: how long a statement may take.
            longest_wait_s: how long to wait for a connection.
            share: is held together with a connection, for whoever reads.
            share_whole: the same for what is read whole.
        """
        self.share, self._share_whole = share, share_whole
        self.url = url
        self._longest_s = longest_s
        self._pool = self._new_pool(connections, longest_wait_s, round(longest_s * 1000) or 1)
        self._whole_pool = self._new_pool(WHOLE_AT_ONCE, longest_wait_s, 0, kept_open=0)

    def _new_pool(
        self, connections: int, longest_wait_s: float, milliseconds: int, *, kept_open: int = 2
    ) -> AsyncConnectionPool:
        return AsyncConnectionPool(
            self.url.set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=min(kept_open, connections),
            max_size=connections,
            timeout=longest_wait_s,
            open=False,
            kwargs={
                "autocommit": True,
                "connect_timeout": 10,
                "options": _OPTIONS.format(milliseconds=milliseconds),
            },
        )

    async def open(self) -> None:
        """Begin to connect."""
        await self._pool.open()
        await self._whole_pool.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._whole_pool.close()
        await self._pool.close()

    async def rows(
        self,
        statement: str,
        values: Mapping[str, Any] | None = None,
        *,
        is_plan_kept: bool = False,
    ) -> list[tuple[Any, ...]]:
        """Return what a statement finds.

        Args:
            statement: SQL with ``%(named)s`` values.
            values: those.
            is_plan_kept: whether it is planned once for all values, which takes longer than what is
                found by a key; only where the best plan is the same for any.

        Raises:
            DatabaseUnavailable: the database does not answer, or all connections are in use.
            TookTooLong: the statement took longer than it may.
            InvalidInput: it calculates what cannot be, such as a number that is too large.
            NotFound: a table that it reads was just dropped.
        """
        async with self._connection(self._pool, self.share) as connection:
            cursor = await connection.execute(statement, values, prepare=is_plan_kept)
            return await cursor.fetchall()

    async def whole(
        self, statement: str, values: Mapping[str, Any], *, form: Literal["csv", "text"]
    ) -> AsyncGenerator[bytes]:
        """Yield everything that a statement finds, as ``COPY`` writes it: some rows at a time.

        It may take as long as whoever reads it, once it has begun: the next rows are read when they
        are asked for. The statement ends when the generator is closed.

        Args:
            statement: SQL with ``%(named)s`` values.
            values: those.
            form: how rows are written.

        Raises:
            DatabaseUnavailable: the database does not answer, or too many read at once.
            TookTooLong: the first row did not come as soon as it must.
            NotFound: a table that it reads was just dropped.
        """
        copying = f"COPY ({statement}) TO STDOUT (FORMAT {form})"
        # Without values, psycopg would take a doubled % for two.
        given = {**values, "": None}
        async with (
            self._connection(self._whole_pool, self._share_whole) as connection,
            connection.cursor() as cursor,
            AsyncExitStack() as until,
        ):
            rows: list[bytes] = []
            size = 0
            try:
                async with asyncio.timeout(self._longest_s):
                    copy = await until.enter_async_context(cursor.copy(copying, given))
                    row = bytes(await copy.read())
            except TimeoutError as error:
                raise TookTooLong.after(self._longest_s) from error
            while row:
                rows.append(row)
                size += len(row)
                if size >= PART_BYTES:
                    yield b"".join(rows)
                    rows, size = [], 0
                    await asyncio.sleep(0)  # rows that have arrived are read without a pause
                row = bytes(await copy.read())
            if rows:
                yield b"".join(rows)

    @asynccontextmanager
    async def _connection(
        self, pool: AsyncConnectionPool, share: Callable[[], AbstractAsyncContextManager[None]]
    ) -> AsyncIterator[AsyncConnection]:
        try:
            async with share(), pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise DatabaseUnavailable(
                "All connections to the database are in use; try again in a while."
            ) from error
        except psycopg.errors.QueryCanceled as error:
            raise TookTooLong.after(self._longest_s) from error
        except psycopg.errors.UndefinedTable as error:  # of a layer's former version
            raise NotFound("This was just loaded anew; ask again.") from error
        except psycopg.DataError as error:
            raise InvalidInput(
                f"The database cannot calculate this: {error.diag.message_primary or error}."
            ) from error
        except psycopg.errors.InternalError_ as error:
            if not str(error).startswith("transform:"):
                raise
            raise InvalidInput(
                "Some of what is asked for lies beyond what the coordinate reference system can "
                "hold; ask for another one (`crs`), or for less (`bbox`)."
            ) from error
        except psycopg.OperationalError as error:
            where = self.url.difference_update_query(["password"]).render_as_string()
            raise DatabaseUnavailable(f"The database at {where} does not answer.") from error
