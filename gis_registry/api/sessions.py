"""One database session a request: its transaction is committed before the answer is sent."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import anyio
from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.db.engine import Database
from gis_registry.errors import DatabaseUnavailable
from gis_registry.settings import Settings

_LONGEST_WAIT_S = 20.0
_LIMIT = text(
    "SELECT set_config('statement_timeout', :milliseconds, true), "
    "set_config('plan_cache_mode', :plans, true)"
)


def connections(settings: Settings) -> int:
    """Return how many connections the engine opens at most."""
    return 2 * settings.pool_size


async def take_turn(request: Request) -> AsyncIterator[None]:
    """Let in as many requests at once as there are connections.

    Without this, requests that wait for a connection would fill the threads that the requests that
    have one need to go on.

    Raises:
        DatabaseUnavailable: too many are before this one.
    """
    async with turn(request.app.state.turns):
        yield


@asynccontextmanager
async def turn(turns: anyio.Semaphore) -> AsyncIterator[None]:
    """Hold one of as many turns as there are connections.

    Raises:
        DatabaseUnavailable: too many are before this one.
    """
    try:
        with anyio.fail_after(_LONGEST_WAIT_S):
            await turns.acquire()
    except TimeoutError as error:
        raise DatabaseUnavailable("All connections to the database are in use.") from error
    try:
        yield
    finally:
        turns.release()


def open_session(
    request: Request, _: Annotated[None, Depends(take_turn, scope="function")]
) -> Iterator[Session]:
    """Open a transaction; committed when the route is done, rolled back on any error.

    Raises:
        DatabaseUnavailable: the database does not answer.
    """
    database: Database = request.app.state.database
    settings: Settings = request.app.state.settings
    with database.session() as session:
        limit_statements(session, settings)
        yield session


def limit_statements(
    session: Session, settings: Settings, *, plans: Literal["auto", "force_generic_plan"] = "auto"
) -> None:
    """Let no statement of a transaction take longer than the settings allow.

    Args:
        session: open transaction.
        settings: every setting.
        plans: how the server plans statements that it has seen before; generic plans are made once
            for a connection, which pays where statements ask for little.
    """
    session.execute(
        _LIMIT,
        {
            "milliseconds": str(max(1, round(settings.statement_timeout_s * 1000))),
            "plans": plans,
        },
    )


#: The scope "function" ends before the answer is sent: a commit that fails becomes an error.
DatabaseSession = Annotated[Session, Depends(open_session, scope="function")]
