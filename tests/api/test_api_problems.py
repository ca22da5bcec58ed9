"""Whatever goes wrong is answered with a problem that says what to do."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from running_api import LAMP, POSITIONS, Api, running
from sqlalchemy import event, text
from sqlalchemy.orm import Session
from structlog.testing import capture_logs
from waiting import wait_until

from gis_registry.api.problems import kinds
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.errors import DatabaseUnavailable
from gis_registry.places import service as places
from gis_registry.roles import Role
from gis_registry.settings import Settings

REPORT = {"lon": POSITIONS[0][0], "lat": POSITIONS[0][1], "matter": LAMP}


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    body: dict[str, object] = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, body["status"]) == (status, status)
    assert body["type"] == f"/problems/{code}"
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == response.headers["x-request-id"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/static/nowhere.js", 404, "not-found"),
        ("DELETE", "/api/components", 405, "method-not-allowed"),
        ("GET", "/api/components/12", 422, "invalid-input"),
        ("GET", "/api/components/3702020137999999", 404, "unknown-identifier"),
        ("GET", "/api/components?class=9999", 404, "unknown-class"),
        ("GET", "/api/components?division=1", 422, "invalid-input"),
        ("GET", "/api/components?after=x", 422, "invalid-input"),
        ("GET", "/api/components?limit=0", 422, "invalid-input"),
        ("GET", "/api/components?limit=99999999999999999999", 422, "invalid-input"),
        ("GET", "/api/components/nearest?lon=0&lat=0", 422, "invalid-position"),
        ("GET", "/api/components/nearest?lon=nan&lat=inf", 422, "invalid-position"),
        ("GET", "/api/components/nearest?lon=x", 422, "invalid-input"),
        ("GET", "/api/reports/0", 422, "invalid-input"),
        ("GET", "/api/reports/9223372036854775807", 404, "not-found"),
        ("GET", "/api/reports/9223372036854775808", 422, "invalid-input"),
        ("GET", "/api/reports?before=9223372036854775808", 422, "invalid-input"),
        ("GET", "/api/cases/99999999999999999999999", 422, "invalid-input"),
        ("GET", "/api/detections/7", 404, "not-found"),
        ("GET", "/api/components?class=%00", 422, "invalid-input"),
        ("GET", "/api/components/%00", 422, "invalid-input"),
        ("GET", "/c/%00", 422, "invalid-input"),
        ("GET", "/problems/nothing", 404, "not-found"),
    ],
)
def test_what_cannot_be_answered(
    shared_api: Api, method: str, path: str, status: int, code: str
) -> None:
    response = shared_api.as_(Role.ADMINISTRATOR).request(method, path)
    assert_problem(response, status, code)
    if status == 405:
        assert response.headers["allow"] == "GET"


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "body"),
        (b"{", "body.1"),
        (b"[]", "body"),
        (b'{"lon": 120}', "body.lat"),
        (json.dumps(REPORT | {"colour": "red"}).encode(), "body.colour"),
        (json.dumps(REPORT | {"accuracy_m": 0}).encode(), "body.accuracy_m"),
        (json.dumps(REPORT | {"text": "\0"}).encode(), "body.text"),
        (json.dumps(REPORT | {"text": "\ud800"}).encode(), "body.text"),
        (json.dumps(REPORT | {"reported_at": "2026-01-01T00:00"}).encode(), "body.reported_at"),
        (b'{"lon": NaN, "lat": 36, "matter": "0137"}', "body.0"),
    ],
)
def test_a_body_that_cannot_be_used(shared_api: Api, body: bytes, where: str) -> None:
    response = shared_api.as_(Role.INSPECTOR).post(
        "/api/reports", content=body, headers={"Content-Type": "application/json"}
    )
    problem = assert_problem(response, 422, "invalid-input")
    assert where in [fault["where"] for fault in problem["errors"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lon": 0, "lat": 0}, "invalid-position"),
        ({"lon": 1e300}, "invalid-position"),
        ({"lon": 36.0671, "lat": 120.3826}, "invalid-position"),
        ({"lon": 2.35, "lat": 48.85}, "invalid-position"),
        ({"matter": "nothing"}, "unknown-matter-type"),
        ({"reported_at": "0001-01-01T00:00:00+14:00"}, "invalid-input"),
        ({"reported_at": "9999-12-31T23:59:59-14:00"}, "invalid-input"),
    ],
)
def test_a_report_that_cannot_be_answered(
    shared_api: Api, change: dict[str, object], code: str
) -> None:
    client = shared_api.as_(Role.INSPECTOR)
    response = client.post("/api/reports", json=REPORT | change)
    assert_problem(response, 404 if code.startswith("unknown") else 422, code)
    sent = {**REPORT, "image": "x.jpg", "taken_at": "2026-01-01T00:00:00Z", **change}
    sent["taken_at"] = sent.pop("reported_at", sent["taken_at"])
    response = client.post("/api/detections", json=sent)
    assert_problem(response, 404 if code.startswith("unknown") else 422, code)


def test_text_deep_in_attributes_is_checked(shared_api: Api) -> None:
    client = shared_api.as_(Role.ANALYST)
    url = f"/api/components/{shared_api.codes[0]}"
    for attributes in ({"a": {"b": ["\0"]}}, {"\0": 1}, {"a": ["\udfff"]}):
        body = json.dumps({"reason": "x", "attributes": attributes})
        response = client.patch(url, content=body, headers={"Content-Type": "application/json"})
        assert_problem(response, 422, "invalid-input")
    infinite = b'{"reason": "x", "attributes": {"a": 1e999}}'
    response = client.patch(url, content=infinite, headers={"Content-Type": "application/json"})
    assert_problem(response, 422, "invalid-input")


def test_a_body_that_is_too_large(own_settings: Settings) -> None:
    own_settings.max_request_bytes = 1000
    with running(own_settings) as api:
        client = api.as_(Role.INSPECTOR)
        large = json.dumps(REPORT | {"text": "x" * 1000}).encode()
        declared = client.post("/api/reports", content=large)
        problem = assert_problem(declared, 413, "request-too-large")
        assert "1,000 bytes" in str(problem["detail"])
        sent = client.post(
            "/api/reports",
            content=iter([large[:600], large[600:]]),
            headers={"Content-Type": "application/json"},
        )
        assert_problem(sent, 413, "request-too-large")
        assert client.post("/api/reports", json=REPORT).status_code == 201


def test_what_nobody_foresaw(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(session: Session) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(places, "show_city", fail)
    with capture_logs() as lines:
        response = api.as_(Role.READER).get("/api/city")
        wait_until(lambda: lines)
    assert_problem(response, 500, "registry-error")
    assert "secret" not in response.text
    (line,) = [one for one in lines if one["event"] == "request"]
    assert (line["log_level"], line["status"], line["path"]) == ("error", 500, "/api/city")
    assert isinstance(line["exc_info"], RuntimeError)


def test_an_answer_that_takes_too_long(
    own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_settings.statement_timeout_s = 0.1
    with running(own_settings) as api:

        def sleep(session: Session) -> None:
            session.execute(text("SELECT pg_sleep(30)"))

        monkeypatch.setattr(places, "show_city", sleep)
        response = api.as_(Role.READER).get("/api/city")
        problem = assert_problem(response, 503, "took-too-long")
        assert "more than 0.1 s" in str(problem["detail"])


def test_nothing_is_answered_that_was_not_committed(api: Api) -> None:
    client = api.as_(Role.INSPECTOR)

    def fail(_: Session) -> None:
        raise RuntimeError("the disk is full")

    event.listen(Session, "before_commit", fail)
    try:
        assert_problem(client.post("/api/reports", json=REPORT), 500, "registry-error")
    finally:
        event.remove(Session, "before_commit", fail)
    assert client.get("/api/reports").json()["reports"] == []


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a short name, which the unprivileged server account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gr-api-"))
    yield folder
    shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_database_goes_away_and_comes_back(home: Path) -> None:
    with running(Settings(home=home)) as api:
        server = EmbeddedServer(home)
        client = api.as_(Role.READER)
        assert client.get("/ready").status_code == 200
        server.stop()
        with capture_logs() as lines:
            for path in ("/ready", "/api/city", f"/c/{api.codes[0]}"):
                response = client.get(path)
                problem = assert_problem(response, 503, "database-unavailable")
                assert "postgresql" not in str(problem["detail"])
                assert response.headers["retry-after"] == "5"
            wait_until(lambda: len(lines) == 3)
        assert all("does not answer" in line["reason"] for line in lines)
        assert client.get("/health").status_code == 200
        page = client.get(f"/c/{api.codes[0]}", headers={"Accept": "text/html"})
        assert (page.status_code, "数据库暂时没有响应" in page.text) == (503, True)
        server.start()
        assert client.get("/ready").status_code == 200
        assert client.get("/api/city").status_code == 200
        server.stop()
        server.start()
        assert client.get("/api/city").status_code == 200


def test_ready_is_not_with_another_schema(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gis_registry.readiness.SCHEMA_VERSION", "9999")
    problem = assert_problem(api.as_(None).get("/ready"), 503, "database-unsuitable")
    assert "this program's at 9999" in str(problem["detail"])


def test_a_database_that_is_not_there_stops_the_start() -> None:
    settings = Settings.model_validate(
        {"database_url": "postgresql://nobody@/nothing?host=/nonexistent"}
    )
    with pytest.raises(DatabaseUnavailable, match="does not answer"), running(settings):
        pass


def test_every_kind_of_problem_has_a_page(shared_api: Api) -> None:
    client = shared_api.as_(None)
    listed = client.get("/problems").text
    codes = {one.code for one in kinds()}
    assert {"took-too-long", "outdated", "request-too-large"} <= codes
    for code in codes:
        assert f'href="/problems/{code}"' in listed
        assert code in client.get(f"/problems/{code}").text
