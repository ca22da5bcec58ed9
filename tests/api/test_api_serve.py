"""Serving in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from waiting import ending

from gis_registry.api.serve import serve
from gis_registry.errors import Conflict, InvalidInput
from gis_registry.settings import Settings

PROGRAM = """
import sys
from gis_registry.api.serve import serve
from gis_registry.settings import Settings
serve(Settings(), port=0)
"""


@contextmanager
def served(settings: Settings, **environment: str) -> Iterator[subprocess.Popen[str]]:
    assert settings.database_url is not None
    started = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=os.environ
        | {"GIS_REGISTRY_DATABASE_URL": settings.database_url.get_secret_value()}
        | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ending(started) as process:
        yield process


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_log_lines_for_programs(own_settings: Settings, ending: signal.Signals) -> None:
    with served(own_settings, GIS_REGISTRY_LOG_FORMAT="json") as process:
        assert process.stderr is not None
        listening = json.loads(process.stderr.readline())
        assert listening["event"] == "listening"
        with httpx.Client(base_url=listening["url"], trust_env=False) as client:
            ready = client.get("/ready")
        assert (ready.status_code, "server" in ready.headers) == (200, False)
        line = json.loads(process.stderr.readline())
        assert line.pop("duration_ms") > 0
        assert line.pop("timestamp").endswith("Z")
        assert line == {
            "event": "request",
            "level": "info",
            "logger": "gis_registry.api",
            "method": "GET",
            "path": "/ready",
            "status": 200,
            "actor": "anonymous",
            "request_id": ready.headers["x-request-id"],
        }
        process.send_signal(ending)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


def test_log_lines_for_people(own_settings: Settings) -> None:
    with served(own_settings) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "listening" in line
        url = line.split("url=")[1].split()[0]
        with httpx.Client(base_url=url, trust_env=False) as client:
            client.get("/health", headers={"X-Request-ID": "one-request"})
        line = process.stderr.readline()
        assert "request_id=one-request" in line
        assert "status=200" in line


def test_a_taken_port_is_one_sentence(
    own_settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=rf"^Port {port} of 127\.0\.0\.1 is taken [^.]*\.$"):
            serve(own_settings, "127.0.0.1", port)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("host", "port"), [("203.0.113.1", 8000), ("no.such.invalid", 8000)])
def test_an_address_that_is_not_ours(own_settings: Settings, host: str, port: int) -> None:
    with pytest.raises(InvalidInput, match=host):
        serve(own_settings, host, port)
