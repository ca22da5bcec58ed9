"""What many ask at about the same time is answered together, in one transaction.

Whoever comes while others are being answered waits, and is then answered with all who have come
meanwhile. A batch of eight costs little more than one, so that many at once are served more quickly
this way than side by side; and a request that waits holds neither a thread nor a connection.

Those who are answered together ask again at about the same time. After a batch of several the next
one therefore waits a moment for as many, or the first to come would be answered alone and make all
others wait. Whoever asks alone is never kept waiting.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import anyio
from sqlalchemy.orm import Session

from gis_registry.api.sessions import limit_statements, turn
from gis_registry.db.engine import Database
from gis_registry.errors import RegistryError
from gis_registry.roles import Permission
from gis_registry.settings import Settings
from gis_registry.users import service as users
from gis_registry.users.service import Actor

Asked = TypeVar("Asked")
Told = TypeVar("Told")

Plans = Literal["auto", "force_generic_plan"]

_MOMENT_S = 0.02


@dataclass(frozen=True)
class _Waiting(Generic[Asked, Told]):
    """Somebody who waits: with which key, for what; None is the key of nobody known.

    The answer says who they are, if that is known, and what they are told or why they are not.
    """

    key: str | None
    asked: Asked
    answer: asyncio.Future[tuple[Actor | None, Told | BaseException]]


class Combining(Generic[Asked, Told]):
    """Takes single requests, and answers in batches those that wait."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        turns: anyio.Semaphore,
        *,
        permissions: Sequence[Permission],
        answer: Callable[[Session, Sequence[tuple[Actor, Asked]]], Sequence[Told | RegistryError]],
        most_at_once: int = 100,
        plans: Plans = "force_generic_plan",
    ) -> None:
        """Begin with nobody waiting.

        Args:
            database: open registry.
            settings: every setting.
            turns: as many as there are connections; a batch takes one.
            permissions: each who asks needs one of these.
            answer: answers what those who may have asked, each with its answer or its error.
            most_at_once: the largest batch.
            plans: as for :func:`gis_registry.api.sessions.limit_statements`.
        """
        self._database = database
        self._settings = settings
        self._turns = turns
        self._permissions = permissions
        self._answer = answer
        self._most_at_once = most_at_once
        self._plans = plans
        self._waiting: deque[_Waiting[Asked, Told]] = deque()
        self._has_come = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def ask(
        self, key: str | None, asked: Asked, *, known: Callable[[Actor], None] | None = None
    ) -> Told:
        """Return the answer once it is committed.

        Args:
            key: the key of who asks.
            asked: what is asked.
            known: is told who asks, also where they are refused.

        Raises:
            NotAuthenticated: the key is not known.
            NotPermitted: its role is not enough.
            RegistryError: as the answer has it.
        """
        future = asyncio.get_running_loop().create_future()
        mine: _Waiting[Asked, Told] = _Waiting(key, asked, future)
        self._waiting.append(mine)
        self._has_come.set()
        if self._task is None:
            self._task = asyncio.create_task(self._answer_all())
        actor, told = await mine.answer
        if actor is not None and known is not None:
            known(actor)
        if isinstance(told, BaseException):
            raise told
        return told

    async def _answer_all(self) -> None:
        """Answer batch after batch until nobody waits."""
        try:
            count = await self._answer_next()
            while await self._come(count):
                count = await self._answer_next()
        finally:
            self._task = None

    async def _come(self, count: int) -> bool:
        """Wait until so many have come, but only for a moment; whether any have."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOMENT_S):
                while len(self._waiting) < count:
                    self._has_come.clear()
                    await self._has_come.wait()
        return bool(self._waiting)

    async def _answer_next(self) -> int:
        """Answer those who wait; how many they were."""
        batch: list[_Waiting[Asked, Told]] = []
        try:
            async with turn(self._turns):
                while self._waiting and len(batch) < self._most_at_once:
                    batch.append(self._waiting.popleft())
                found = await anyio.to_thread.run_sync(self._answered, batch)
        except Exception as error:  # no turn came, or no thread: nobody waits for ever
            batch += self._waiting
            self._waiting.clear()
            found = [(None, error)] * len(batch)
        for one, result in zip(batch, found, strict=True):
            if not one.answer.done():  # or who asked has gone; what was asked is done all the same
                one.answer.set_result(result)
        return len(batch)

    def _answered(
        self, batch: Sequence[_Waiting[Asked, Told]]
    ) -> list[tuple[Actor | None, Told | BaseException]]:
        try:
            with self._database.session() as session:
                limit_statements(session, self._settings, plans=self._plans)
                return self._in_transaction(session, batch)
        except BaseException as error:
            if len(batch) == 1:
                return [(None, error)]
            # What one of them ran into is not the others' fault.
            return [found for one in batch for found in self._answered([one])]

    def _in_transaction(
        self, session: Session, batch: Sequence[_Waiting[Asked, Told]]
    ) -> list[tuple[Actor | None, Told | BaseException]]:
        actors = users.actors(
            session,
            [one.key for one in batch],
            anonymous_role=self._settings.anonymous_role,
        )
        found: dict[int, tuple[Actor | None, Told | BaseException]] = {}
        may: list[tuple[int, Actor]] = []
        for n, actor in enumerate(actors):
            if isinstance(actor, RegistryError):
                found[n] = (None, actor)
            elif (refused := actor.refusal(*self._permissions)) is not None:
                found[n] = (actor, refused)
            else:
                may.append((n, actor))
        told = self._answer(session, [(actor, batch[n].asked) for n, actor in may])
        for (n, actor), one in zip(may, told, strict=True):
            found[n] = (actor, one)
        return [found[n] for n in range(len(batch))]
