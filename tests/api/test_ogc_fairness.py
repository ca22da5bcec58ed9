"""What one client may take of the database: its share, its time, and nothing once it is gone."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from statistics import quantiles
from time import perf_counter

import httpx
import psycopg
import pytest
from running_api import Api, running
from sqlalchemy import make_url

from gis_registry.api.ogc.fairness import Shares, reads_as
from gis_registry.errors import TooManyRequests
from gis_registry.roles import Role
from gis_registry.settings import Settings

SLOW = "/ogc/collections/divisions/items"  # while a transaction of the test's holds its table
QUICK = "/ogc/collections/components/items"
TIMEOUT_S = 3.0


@pytest.fixture(scope="module")
def api(module_settings: Settings) -> Iterator[Api]:
    """Return an API of this module's own, whose statements may take three seconds."""
    limited = module_settings.model_copy(update={"statement_timeout_s": TIMEOUT_S})
    with running(limited) as api:
        yield api


@asynccontextmanager
async def as_(api: Api, role: Role, *, timeout_s: float = 60) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {api.keys[role]}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=api.url, headers=headers, timeout=timeout_s, limits=limits, trust_env=False
    ) as client:
        yield client


@asynccontextmanager
async def slow(api: Api) -> AsyncIterator[psycopg.AsyncConnection]:
    """Let nobody read the divisions meanwhile."""
    assert api.settings.database_url is not None
    url = make_url(api.settings.database_url.get_secret_value()).set(drivername="postgresql")
    connection = await psycopg.AsyncConnection.connect(url.render_as_string(hide_password=False))
    async with connection:
        await connection.execute("LOCK TABLE divisions IN ACCESS EXCLUSIVE MODE")
        yield connection


async def waiting(connection: psycopg.AsyncConnection) -> int:
    cursor = await connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
    ((count,),) = await cursor.fetchall()
    return int(count)


async def wait_until(connection: psycopg.AsyncConnection, count: int) -> None:
    async with asyncio.timeout(10):
        while await waiting(connection) != count:
            await asyncio.sleep(0.02)


async def p95_s(client: httpx.AsyncClient) -> float:
    times = []
    for _ in range(40):
        started = perf_counter()
        answer = await client.get(QUICK)
        times.append(perf_counter() - started)
        assert answer.status_code == 200
    return quantiles(times, n=20)[-1]


def test_one_client_does_not_starve_the_others(api: Api) -> None:
    async def both() -> tuple[float, float, list[httpx.Response]]:
        async with as_(api, Role.READER) as noisy, as_(api, Role.ANALYST) as other:
            usual = await p95_s(other)
            async with slow(api) as connection:
                asked = [asyncio.create_task(noisy.get(SLOW)) for _ in range(200)]
                await wait_until(connection, api.settings.pool_size // 2)
                meanwhile = await p95_s(other)
            return usual, meanwhile, await asyncio.gather(*asked)

    usual, meanwhile, answers = asyncio.run(both())
    statuses = [one.status_code for one in answers]
    assert set(statuses) <= {200, 429, 503}
    refused = [one for one in answers if one.status_code == 429]
    assert len(refused) > 50  # of those that waited, some may have had their turn
    assert all(int(one.headers["retry-after"]) > 0 for one in refused)
    assert refused[0].json()["type"] == "/problems/too-many-requests"
    assert statuses.count(200) > 0
    assert meanwhile < 2 * usual + 0.25  # 200 requests to parse and refuse are beside it


def test_what_takes_too_long_is_stopped_and_its_connection_used_again(api: Api) -> None:
    async def ask() -> tuple[list[httpx.Response], list[httpx.Response]]:
        async with as_(api, Role.READER) as client:
            async with slow(api):
                late = await asyncio.gather(*(client.get(SLOW) for _ in range(3)))
            return late, await asyncio.gather(*(client.get(SLOW) for _ in range(20)))

    late, after = asyncio.run(ask())
    assert {one.status_code for one in late} == {503}
    assert {one.json()["type"] for one in late} == {"/problems/took-too-long"}
    assert {one.status_code for one in after} == {200}


def test_what_nobody_waits_for_any_more_is_stopped_in_the_database(api: Api) -> None:
    async def ask() -> float:
        async with as_(api, Role.READER, timeout_s=0.5) as client, slow(api) as connection:
            asked = asyncio.create_task(client.get(SLOW))
            await wait_until(connection, 1)
            with pytest.raises(httpx.ReadTimeout):
                await asked
            gone = perf_counter()
            await wait_until(connection, 0)
            return perf_counter() - gone

    assert asyncio.run(ask()) < TIMEOUT_S / 2
    with api.as_(Role.READER) as client:
        assert client.get(SLOW).status_code == 200


@pytest.mark.parametrize("asked", [{"filter": "code = '" + "1" * 40_000 + "'"}, {"x" * 40_000: ""}])
def test_an_address_that_is_too_long_is_refused(api: Api, asked: dict[str, str]) -> None:
    with api.as_(Role.READER) as client:
        answer = client.get(QUICK, params=asked)
    assert answer.status_code == 400
    assert "An address may have" in answer.json()["detail"]


def test_a_share_is_half_and_nobodys_is_all() -> None:
    async def count(client: str | None, connections: int) -> int:
        shares, held, release = Shares(connections), 0, asyncio.Event()

        async def hold() -> None:
            nonlocal held
            if client is not None:
                reads_as(client)
            async with shares.share():
                held += 1
                await release.wait()

        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(hold())
            for _ in range(5):
                await asyncio.sleep(0)
            most = held
            release.set()
        assert held == 10
        return most

    assert asyncio.run(count("a", 8)) == 4
    assert asyncio.run(count("a", 1)) == 1
    assert asyncio.run(count(None, 2)) == 10


def test_a_wait_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis_registry.api.ogc.fairness._LONGEST_WAIT_S", 0.01)

    async def ask() -> None:
        reads_as("a")
        shares = Shares(1)
        async with shares.share():
            with pytest.raises(TooManyRequests, match="took longer"):
                async with shares.share():
                    raise AssertionError
        async with shares.share():
            pass

    asyncio.run(ask())
