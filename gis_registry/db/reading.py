"""Reads without a transaction of their own, for answers that must be quick and many.

One statement is one snapshot. The connections are kept open for it, commit by themselves, can write
nothing, and plan every statement with the values that it is asked with.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import URL, Executable
from sqlalchemy.dialects.postgresql.psycopg import dialect

from gis_registry.errors import DatabaseUnavailable, TookTooLong

_OPTIONS = (
    "-c timezone=UTC -c default_transaction_read_only=on -c plan_cache_mode=force_custom_plan"
    " -c jit=off -c max_parallel_workers_per_gather=0 -c statement_timeout={milliseconds}"
)

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
    ) -> None:
        """Hold what is needed; nothing is connected yet.

        Args:
            url: the database.
            connections: how many there may be.
            longest_s: how long a statement may take.
            longest_wait_s: how long to wait for a connection.
            share: is held together with a connection, for whoever reads.
        """
        self._share = share
        self.url = url
        self._longest_s = longest_s
        self._pool = AsyncConnectionPool(
            url.set(drivername="postgresql").render_as_string(hide_password=False),
            min_size=min(2, connections),
            max_size=connections,
            timeout=longest_wait_s,
            open=False,
            kwargs={
                "autocommit": True,
                "connect_timeout": 10,
                "options": _OPTIONS.format(milliseconds=max(1, round(longest_s * 1000))),
            },
        )

    async def open(self) -> None:
        """Begin to connect."""
        await self._pool.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def rows(
        self, statement: str, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Return what a statement finds.

        Args:
            statement: SQL with ``%(named)s`` values.
            values: those.

        Raises:
            DatabaseUnavailable: the database does not answer, or all connections are in use.
            TookTooLong: the statement took longer than it may.
        """
        async with self._connection() as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._share(), self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise DatabaseUnavailable("All connections to the database are in use.") from error
        except psycopg.errors.QueryCanceled as error:
            raise TookTooLong.after(self._longest_s) from error
        except psycopg.OperationalError as error:
            where = self.url.difference_update_query(["password"]).render_as_string()
            raise DatabaseUnavailable(f"The database at {where} does not answer.") from error
