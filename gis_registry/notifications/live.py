"""Live notices for streams: one connection of this process listens, and each stream has a queue.

A stream that cannot follow is ended, and so is every stream when the connection to the database is
lost: its client connects again, says what it saw last, and is told what came since. So there is one
way in which gaps are closed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

import psycopg
import structlog
from pydantic import ValidationError
from sqlalchemy import URL
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.errors import DatabaseUnavailable, TooManyStreams
from gis_registry.notifications.announcing import Notice
from gis_registry.notifications.queries import CHANNEL
from gis_registry.notifications.schemas import LiveNotice

#: Returns what happened at a moment or later, the oldest first, at most so many.
Replay = Callable[[Session, datetime, int], Sequence[Notice]]

#: How many notices wait for a stream before it is ended.
QUEUE_SIZE = 1000
#: The most that is told again to a stream that resumes; one that missed more has to load afresh.
MOST_REPLAYED = 5000
#: A notice's time is when its transaction began: some that are older can have come later.
_OVERLAP = timedelta(seconds=10)
_LONGEST_WAIT_S = 10.0
_RECONNECT_S = (0.2, 1.0, 5.0)


class Subscription:
    """The notices that wait for one stream."""

    def __init__(self) -> None:
        self.why_ended: str | None = None
        self._queue: asyncio.Queue[LiveNotice | None] = asyncio.Queue(QUEUE_SIZE)

    def put(self, notice: LiveNotice) -> None:
        """Add a notice; a full queue ends the stream."""
        if self.why_ended is None:
            try:
                self._queue.put_nowait(notice)
            except asyncio.QueueFull:
                self.end("this stream was too slow")

    def end(self, why: str) -> None:
        """Let nothing more come; what waits is dropped, since it will be told again."""
        if self.why_ended is None:
            self.why_ended = why
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)

    async def notices(self) -> AsyncIterator[LiveNotice]:
        """Yield notices as they come, until it is ended."""
        while (notice := await self._queue.get()) is not None:
            yield notice


class LiveNotices:
    """Hears what is announced, and hands it to every stream of this process.

    It belongs to one event loop, and listens from the first stream on.
    """

    def __init__(self, url: URL, *, most_streams: int, replay: Replay | None = None) -> None:
        """Hold what is needed; nothing is connected yet.

        Args:
            url: the database.
            most_streams: how many streams there may be at once.
            replay: returns what happened since; without it streams that resume load afresh.
        """
        self.replay = replay
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._most_streams = most_streams
        self._subscriptions: set[Subscription] = set()
        self._is_closed = False
        self._is_listening = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[Subscription]:
        """Take part in what is announced from now on.

        Raises:
            TooManyStreams: there are as many as there may be.
            DatabaseUnavailable: the database does not answer, or the server stops.
        """
        if len(self._subscriptions) >= self._most_streams:
            raise TooManyStreams(
                f"{self._most_streams} streams are open already. Close one, or try again later."
            )
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            await self._listening()
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End all streams, and listen no more."""
        self._is_closed = True
        self._end_all("the server stops")
        if self._listener is not None:
            self._listener.cancel()

    async def _listening(self) -> None:
        if self._is_closed:
            raise DatabaseUnavailable("The server stops.")
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        try:
            async with asyncio.timeout(_LONGEST_WAIT_S):
                await self._is_listening.wait()
        except TimeoutError as error:
            raise DatabaseUnavailable("The database cannot be listened to.") from error

    async def _listen(self) -> None:
        log = structlog.get_logger("gis_registry.api")
        failures = 0
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=10, keepalives_idle=30
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._is_listening.set()
                    failures = 0
                    async for one in connection.notifies():
                        self._tell(one.payload)
            except psycopg.Error as error:
                log.warning("live notices interrupted", reason=str(error).strip())
            finally:
                if self._is_listening.is_set():
                    self._is_listening.clear()
                    self._end_all("the database was lost for a moment")
            await asyncio.sleep(_RECONNECT_S[min(failures, len(_RECONNECT_S) - 1)])
            failures += 1

    def _tell(self, payload: str) -> None:
        with suppress(ValidationError):  # anybody may notify the channel
            notice = LiveNotice.model_validate_json(payload)
            for one in tuple(self._subscriptions):
                one.put(notice)
                self._forget_ended(one)

    def _end_all(self, why: str) -> None:
        for one in tuple(self._subscriptions):
            one.end(why)
            self._forget_ended(one)

    def _forget_ended(self, subscription: Subscription) -> None:
        """Give the place of a stream that was ended to another, however long its client takes."""
        if subscription.why_ended is not None:
            self._subscriptions.discard(subscription)


def position_now() -> str:
    """Return where a stream begins that has seen nothing yet."""
    return f"{clock.now().isoformat()}_"


def since(position: str) -> datetime | None:
    """Return from when on a stream that was here has to be told again; None: it says nothing."""
    try:
        moment = datetime.fromisoformat(position.partition("_")[0])
        return moment - _OVERLAP if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def missed(session: Session, replay: Replay, moment: datetime) -> list[LiveNotice] | None:
    """Return what happened since a moment, the oldest first; None: it is too much to tell."""
    found = replay(session, moment, MOST_REPLAYED + 1)
    if len(found) > MOST_REPLAYED:
        return None
    return [LiveNotice.of(one) for one in found]
