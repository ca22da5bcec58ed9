"""What every request passes: its id, its log line, headers, compression, waiting its turn."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
from running_api import Api, running
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs
from waiting import wait_until

from gis_registry.api.middleware import Envelope, is_request_id
from gis_registry.places import service as places
from gis_registry.roles import Role
from gis_registry.settings import Settings


def test_a_request_id_is_taken_over_or_made(shared_api: Api) -> None:
    client = shared_api.as_(None)
    sent = client.get("/health", headers={"X-Request-ID": "camera-17.2026_0001"})
    assert sent.headers["x-request-id"] == "camera-17.2026_0001"
    for unusable in ("short", "has spaces in it", "x" * 65, 'quo"ted-text', "-starts-badly"):
        made = client.get("/health", headers={"X-Request-ID": unusable})
        assert made.headers["x-request-id"] != unusable
        assert is_request_id(made.headers["x-request-id"])
    assert client.get("/health").headers["x-request-id"] != made.headers["x-request-id"]


def test_a_request_is_one_line_in_the_log(shared_api: Api) -> None:
    with capture_logs() as lines:
        shared_api.as_(Role.READER).get(f"/api/components/{shared_api.codes[0]}?key=secret")
        shared_api.as_(None).get("/api/me")
        wait_until(lambda: len(lines) == 2)
    first, second = lines
    assert first.pop("duration_ms") > 0
    assert first == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "path": "/api/components/{code}",
        "status": 200,
        "actor": "reader-1",
    }
    assert (second["actor"], second["status"]) == ("anonymous", 401)
    assert second["problem"] == "not-authenticated"


def test_browsers_are_kept_from_other_sites(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    for path in ("/", f"/c/{shared_api.codes[0]}", "/docs", "/api/me", "/nowhere", "/login"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
    policy = client.get("/maps/overview").headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-inline'" in policy
    assert "http" not in policy


def test_long_answers_are_compressed(shared_api: Api) -> None:
    client = shared_api.as_(Role.READER)
    for taken in ("gzip", "br", "zstd"):
        answer = client.get("/api/classes", headers={"Accept-Encoding": taken})
        assert answer.headers["content-encoding"] == taken
        assert answer.json()
    assert "content-encoding" not in client.get("/health").headers


def test_more_requests_than_connections_wait_their_turn(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_settings.pool_size = 1
    show_city = places.show_city

    def slow(session: Session) -> object:
        session.execute(text("SELECT pg_sleep(0.02)"))
        return show_city(session)

    with running(own_settings) as api:
        monkeypatch.setattr(places, "show_city", slow)
        headers = {"X-API-Key": api.keys[Role.READER]}
        limits = httpx.Limits(max_connections=None)
        with (
            httpx.Client(
                base_url=api.url, headers=headers, limits=limits, timeout=30, trust_env=False
            ) as client,
            ThreadPoolExecutor(100) as threads,
        ):
            started = time.perf_counter()
            answers = list(threads.map(lambda _: client.get("/api/city").status_code, range(150)))
        assert answers == [200] * 150
        assert time.perf_counter() - started < 15


def test_what_fails_after_the_answer_is_one_line() -> None:
    async def send(message: Message) -> None:
        pass

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        raise ValueError("too late")

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    with capture_logs() as lines, pytest.raises(ValueError, match="too late"):
        asyncio.run(Envelope(late)(scope, receive, send))
    assert [one["status"] for one in lines] == [200]


def test_pages_of_named_sites_may_read(module_settings: Settings) -> None:
    allowed = module_settings.model_copy(update={"allowed_origins": "https://map.example.org"})
    with running(allowed) as api, api.as_(Role.READER) as client:

        def told(origin: str) -> str | None:
            answer = client.get("/ogc/collections", headers={"Origin": origin})
            assert answer.status_code == 200
            return answer.headers.get("access-control-allow-origin")

        assert told("https://map.example.org") == "https://map.example.org"
        assert told("https://other.example.org") is None
        asked = {"Origin": "https://map.example.org", "Access-Control-Request-Method": "GET"}
        wanted = asked | {"Access-Control-Request-Headers": "authorization"}
        assert client.options("/ogc/collections", headers=wanted).status_code == 200
        asked["Access-Control-Request-Method"] = "DELETE"
        assert client.options("/ogc/collections", headers=asked).status_code == 400


def test_who_leaves_in_the_middle_of_a_stream_is_no_fault() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ExceptionGroup("in the stream", [anyio.BrokenResourceError()])

    scope = {"type": "http", "method": "GET", "path": "/api/events", "headers": []}
    with capture_logs() as lines:
        asyncio.run(Envelope(left)(scope, receive, send))
    assert [(one["log_level"], one["status"]) for one in lines] == [("info", 200)]
