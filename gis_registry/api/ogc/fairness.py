"""What one client may take of the database while others ask too.

A client is somebody by a key, or else an address. It reads by half of the connections at most, so
that whoever else asks finds one; more of its requests wait, and beyond so many are refused. What a
client no longer waits for is stopped, in the database as well.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from starlette.requests import Request
from starlette.responses import Response

from gis_registry.errors import TooManyRequests

#: So many of a client's requests may wait for one of its connections, and so long.
_MOST_WAITING = 100
_LONGEST_WAIT_S = 10.0
#: Most answers are there sooner: only those that take longer are worth watching their client.
_UNWATCHED_S = 0.05
#: What nginx calls it when nobody waits for the answer any more; it is seen in the log only.
_CLIENT_GONE = 499

_client: ContextVar[str | None] = ContextVar("client", default=None)


def reads_as(client: str) -> None:
    """Let what is read from now on, for the present request, count for a client."""
    _client.set(client)


class _Share:
    """What one client holds and waits for."""

    def __init__(self, connections: int) -> None:
        self.free = asyncio.Semaphore(connections)
        self.asking = 0


class Shares:
    """Every client's share of a number of connections."""

    def __init__(self, connections: int) -> None:
        """Divide so many connections: half of them, rounded up, are the most for one client."""
        self._each = -(-connections // 2)
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def share(self) -> AsyncIterator[None]:
        """Hold one connection's part of the share of whoever reads; nobody's is without limit.

        Raises:
            TooManyRequests: too many of the client's requests wait already, or this one did too
                long.
        """
        client = _client.get()
        if client is None:
            yield
            return
        share = self._shares.setdefault(client, _Share(self._each))
        if share.asking >= self._each + _MOST_WAITING:
            raise TooManyRequests(
                f"{share.asking} of your requests are being answered or wait already. Ask again "
                "when some are answered."
            )
        share.asking += 1
        try:
            await self._enter(share)
            try:
                yield
            finally:
                share.free.release()
        finally:
            share.asking -= 1
            if not share.asking:
                self._shares.pop(client, None)

    async def _enter(self, share: _Share) -> None:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await share.free.acquire()
        except TimeoutError as error:
            raise TooManyRequests(
                f"Your other requests took longer than {_LONGEST_WAIT_S:g} s. Ask for less at once."
            ) from error


async def while_wanted(request: Request, answer: Awaitable[Response]) -> Response:
    """Wait for an answer as long as its client does.

    Only requests without a body are watched: what changes something is done whole.
    """
    if request.method not in ("GET", "HEAD"):
        return await answer
    asking = asyncio.current_task()
    assert asking is not None  # noqa: S101  a coroutine runs in a task
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        is_gone = True
        asking.cancel()

    watching: asyncio.Task[None] | None = None

    def begin() -> None:
        nonlocal watching
        watching = asyncio.create_task(watch())

    timer = asyncio.get_running_loop().call_later(_UNWATCHED_S, begin)
    try:
        return await answer
    except asyncio.CancelledError:
        if not is_gone:
            raise
        asking.uncancel()
        return Response(status_code=_CLIENT_GONE)
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()
