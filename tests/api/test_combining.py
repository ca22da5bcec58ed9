"""Who asks at about the same time is answered in the same batch."""

import asyncio
import time
from collections.abc import Sequence

import anyio
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.api.combining import Combining
from gis_registry.db.engine import Database
from gis_registry.roles import Permission, Role
from gis_registry.settings import Settings
from gis_registry.users.service import Actor


@pytest.fixture
def sizes() -> list[int]:
    return []


@pytest.fixture
def combining(
    own_database: Database, own_settings: Settings, sizes: list[int]
) -> Combining[int, int]:
    def double(session: Session, asked: Sequence[tuple[Actor, int]]) -> list[int]:
        sizes.append(len(asked))
        session.execute(text("SELECT pg_sleep(0.05)"))
        return [2 * number for _, number in asked]

    settings = own_settings.model_copy(update={"anonymous_role": Role.READER})
    return Combining(
        own_database,
        settings,
        anyio.Semaphore(4),
        permissions=[Permission.READ],
        answer=double,
    )


async def ask_again(combining: Combining[int, int], numbers: Sequence[int]) -> list[int]:
    """Ask again as soon as there is an answer, but for the time that an answer takes to travel."""
    told = []
    for number in numbers:
        doubled = await combining.ask(None, number)
        told.append(doubled)
        await asyncio.sleep(0.001 * (number % 5))
    return told


def test_those_who_were_answered_together_are_answered_together_again(
    combining: Combining[int, int], sizes: list[int]
) -> None:
    async def eight() -> list[list[int]]:
        asked = [[10 * n + nth for n in range(6)] for nth in range(8)]
        return await asyncio.gather(*(ask_again(combining, numbers) for numbers in asked))

    told = asyncio.run(eight())
    assert sorted(one for each in told for one in each) == sorted(
        2 * (10 * n + nth) for n in range(6) for nth in range(8)
    )
    # Six rounds; eleven batches if the first to come were always answered alone.
    assert len(sizes) <= 9


def test_who_asks_alone_does_not_wait_for_others(
    combining: Combining[int, int], sizes: list[int]
) -> None:
    async def one_after_the_other() -> list[float]:
        await asyncio.gather(*(combining.ask(None, number) for number in range(4)))
        await combining.ask(None, 4)  # after several, a moment
        took_s = []
        for number in range(10):
            began_s = time.perf_counter()
            await combining.ask(None, number)
            took_s.append(time.perf_counter() - began_s)
        return took_s

    took_s = asyncio.run(one_after_the_other())
    assert sizes == [4, *[1] * 11]
    assert min(took_s) < 0.05 + 0.018


def test_nobody_waits_for_ever_when_no_thread_can_be_had(
    combining: Combining[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    async def two() -> list[object]:
        asked = (combining.ask(None, number) for number in range(2))
        return await asyncio.gather(*asked, return_exceptions=True)

    async def two_then_one() -> tuple[list[object], int]:
        with monkeypatch.context() as broken:
            broken.setattr(anyio.to_thread, "run_sync", refuse)
            async with asyncio.timeout(20):
                refused = await two()
        return refused, await combining.ask(None, 4)

    refused, told = asyncio.run(two_then_one())
    assert [str(one) for one in refused] == ["can't start new thread"] * 2
    assert told == 8
