"""Live events: told as they are committed, and no stream holds the server up."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any

import httpx
import pytest
from playwright.sync_api import sync_playwright
from running_api import Api, running, serving
from sqlalchemy import text
from sqlalchemy.orm import Session
from test_api_browser import OPTIONS

from gis_registry import clock
from gis_registry.api import app as application
from gis_registry.api.access import COOKIE
from gis_registry.clock import SimulatedClock
from gis_registry.db.engine import Database
from gis_registry.notifications import live
from gis_registry.notifications.announcing import Notice, announce
from gis_registry.notifications.live import Subscription
from gis_registry.notifications.schemas import LiveNotice
from gis_registry.roles import Role
from gis_registry.settings import Settings

Event = dict[str, str]


def notice(number: int, kind: str = "case.filed", division: str = "370202") -> Notice:
    at = datetime(2026, 7, 8, 9, tzinfo=UTC) + timedelta(seconds=number)
    return Notice(f"{division}-{number}-1", kind, number, division, at, {"secret": "not live"})


@contextmanager
def stream(client: httpx.Client, **options: Any) -> Iterator[Iterator[Event]]:
    """Open a stream; yields its events, after the first comment has come."""
    with client.stream("GET", "/api/events", timeout=20, **options) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert "content-encoding" not in answer.headers

        def events() -> Iterator[Event]:
            event: Event = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    event[name] = value.strip()
                elif event:
                    yield event
                    event = {}

        yield events()


def data(event: Event) -> Any:
    return json.loads(event["data"])


@pytest.fixture
def tell(api: Api) -> Iterator[Callable[..., None]]:
    with Database(api.settings) as database:

        def commit(*notices: Notice) -> None:
            with database.session() as session:
                announce(session, notices)

        yield commit


def test_what_is_committed_is_told_to_who_wants_it(api: Api, tell: Callable[..., None]) -> None:
    client = api.as_(Role.READER)
    wanted = {"kind": ["case.closed", "case.returned"], "division": "370203"}
    with stream(client) as every, stream(client, params=wanted) as some:
        begin = next(every)
        assert (begin[""], begin["retry"]) == ("listening", "2000")
        assert live.since(begin["id"]) is not None
        next(some)
        tell(notice(1), notice(2, "case.closed", "370203"), notice(3, "case.closed"))
        told = [next(every) for _ in range(3)]
        assert [data(one)["case_id"] for one in told] == [1, 2, 3]
        assert data(told[0]) == {
            "id": "370202-1-1",
            "kind": "case.filed",
            "case_id": 1,
            "division_code": "370202",
            "happened_at": "2026-07-08T09:00:01Z",
        }
        assert told[0].keys() == {"id", "data"}
        tell(notice(4, "case.returned", "370203"))
        assert [data(next(some))["case_id"] for _ in range(2)] == [2, 4]


def test_who_may_not_read_is_not_told(api: Api) -> None:
    answer = api.as_(None).get("/api/events")
    assert answer.status_code == 401


def test_streams_hold_no_connection_and_leave_room_when_they_end(own_settings: Settings) -> None:
    few = own_settings.model_copy(update={"pool_size": 1, "event_streams": 4})
    with running(few) as api:
        client = api.as_(Role.READER)
        with (
            stream(client) as first,
            stream(client) as second,
            stream(client) as third,
            stream(client) as fourth,
        ):
            for one in (first, second, third, fourth):
                next(one)
            assert client.get("/api/me").status_code == 200
            refused = client.get("/api/events")
            assert refused.status_code == 503
            assert refused.json()["type"] == "/problems/too-many-streams"
        for _ in range(100):  # the server notices a moment later that they are gone
            with client.stream("GET", "/api/events") as answer:
                if answer.status_code == 200:
                    break
        assert answer.status_code == 200


def test_who_resumes_is_told_what_came_since(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime] = []

    def replay(session: Session, since: datetime, limit: int) -> list[Notice]:
        assert session.scalar(text("SELECT 1")) == 1
        asked.append(since)
        return [notice(n) for n in range(1, limit + 1 if since.year < 2001 else 4)]

    monkeypatch.setattr(application.cases, "notices_since", replay)
    with running(own_settings) as api, Database(api.settings) as database:
        client = api.as_(Role.READER)
        position = LiveNotice.of(notice(1)).position
        with stream(client, headers={"Last-Event-ID": position}) as resumed:
            told = [next(resumed) for _ in range(3)]
            assert [data(one)["case_id"] for one in told] == [1, 2, 3]
            assert asked == [notice(1).happened_at - timedelta(seconds=10)]
            with database.session() as session:
                announce(session, [notice(3), notice(4)])
            assert data(next(resumed))["case_id"] == 4
        for lost in ("2000-01-01T00:00:00+00:00_370202-1-1", "nonsense", "2026-01-01_x"):
            with stream(client, headers={"Last-Event-ID": lost}) as resumed:
                first = next(resumed)
                assert first["event"] == "missed"
                assert live.since(first["id"]) is not None


def test_a_stream_begins_when_the_cases_have_it() -> None:
    shown = datetime(2020, 6, 1, tzinfo=UTC)
    with clock.simulated(SimulatedClock(shown, datetime.now(UTC), 0.0)):
        assert live.since(live.position_now()) == shown - timedelta(seconds=10)


def test_who_resumes_while_the_database_is_busy_loads_afresh(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replay(session: Session, since: datetime, limit: int) -> list[Notice]:
        session.execute(text("SET LOCAL statement_timeout = 1"))
        session.execute(text("SELECT pg_sleep(5)"))
        return []

    monkeypatch.setattr(application.cases, "notices_since", replay)
    with running(own_settings) as api, Database(api.settings) as database:
        position = LiveNotice.of(notice(1)).position
        headers = {"Last-Event-ID": position}
        with stream(api.as_(Role.READER), headers=headers) as resumed:
            assert next(resumed)["event"] == "missed"
            with database.session() as session:
                announce(session, [notice(2)])
            assert data(next(resumed))["case_id"] == 2


def test_when_the_database_is_lost_streams_end_and_new_ones_are_told(
    api: Api, tell: Callable[..., None]
) -> None:
    client = api.as_(Role.READER)
    kill = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'LISTEN gis%'"
    )
    with stream(client) as events:
        next(events)
        with Database(api.settings) as database, database.session() as session:
            assert session.scalars(kill).all() == [True]
        assert next(events) == {"": "connect again: the database was lost for a moment"}
        assert list(events) == []
    with stream(client) as events:
        next(events)
        tell(notice(1))
        assert data(next(events))["case_id"] == 1


def test_the_server_stops_at_once(own_settings: Settings) -> None:
    settings = own_settings.model_copy(update={"anonymous_role": Role.READER})
    with httpx.Client(trust_env=False) as client:
        with serving(settings) as url:
            client.base_url = httpx.URL(url)
            opened = client.stream("GET", "/api/events")
            answer = opened.__enter__()
            lines = answer.iter_lines()
            assert next(lines) == ": listening"
            started = perf_counter()
        assert perf_counter() - started < 5
        assert ": connect again: the server stops" in list(lines)
        opened.__exit__(None, None, None)


def test_a_stream_that_cannot_follow_is_ended() -> None:
    async def too_many() -> list[LiveNotice]:
        subscription = Subscription()
        for number in range(live.QUEUE_SIZE + 1):
            subscription.put(LiveNotice.of(notice(number)))
        assert subscription.why_ended == "this stream was too slow"
        subscription.put(LiveNotice.of(notice(1)))
        return [one async for one in subscription.notices()]

    assert asyncio.run(too_many()) == []


@pytest.mark.browser
def test_a_browser_is_told_and_comes_back(api: Api, tell: Callable[..., None]) -> None:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is not installed: run `make test`, which installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        context = browser.new_context(base_url=api.url)
        context.add_cookies([{"name": COOKIE, "value": api.keys[Role.READER], "url": api.url}])
        page = context.new_page()
        page.goto("/")
        page.evaluate(
            """() => new Promise((opened, failed) => {
                setTimeout(() => failed("the stream does not open"), 30000);
                window.told = [];
                window.events = new EventSource("/api/events");
                events.onopen = opened;
                events.onmessage = (one) => told.push(JSON.parse(one.data).case_id);
            })"""
        )
        tell(notice(1), notice(2))
        page.wait_for_function("told.length == 2")
        assert page.evaluate("told") == [1, 2]
        browser.close()


def test_a_case_that_changed_meanwhile_is_told_to_who_resumes(api: Api) -> None:
    inspector = api.as_(Role.INSPECTOR)
    report = {"lon": 120.41, "lat": 36.07, "matter": "0101", "channel": "inspector"}
    with stream(api.as_(Role.READER)) as first:
        position = next(first)["id"]
    number = inspector.post("/api/reports", json=report).json()["case_id"]
    with stream(api.as_(Role.READER), headers={"Last-Event-ID": position}) as resumed:
        told = data(next(resumed))
    assert (told["kind"], told["case_id"]) == ("case.reported", number)
