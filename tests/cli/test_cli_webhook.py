"""Webhooks by command, and the receiver of the document."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from noticing import notice
from project import PROJECT
from receiving import Receiver, receiving
from running_cli import Run
from waiting import ending, wait_until

from gis_registry.db.engine import Database
from gis_registry.notifications.announcing import announce
from gis_registry.settings import Settings


@pytest.fixture(autouse=True)
def _loggers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the log of this process alone, which other tests write as well."""
    monkeypatch.setattr("gis_registry.api.logs.configure_logging", lambda _: None)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("GIS_REGISTRY_WEBHOOK_PRIVATE_ADDRESSES", "true")
    with receiving() as one:
        yield one


def test_a_webhooks_life(run: Run, own_settings: Settings, receiver: Receiver) -> None:
    added = run(own_settings, "webhook", "add", receiver.url, "--kinds", "case.filed, case.closed")
    secret = added.out.strip()
    assert secret.startswith("whsec_")
    assert "use https" in added.err
    tested = run(own_settings, "webhook", "test", 1)
    assert (tested.exit_code, tested.out) == (0, "It was taken, with status 200.\n")
    assert receiver.verified(secret)[0]["type"] == "webhook.test"

    with Database(own_settings) as database, database.session() as session:
        announce(session, [notice(1), notice(2, "case.returned")])
    receiver.answers = [410]
    assert run(own_settings, "worker", "--once").exit_code == 0
    (dead,) = run(own_settings, "webhook", "deliveries", "--dead", "--json").json["deliveries"]
    assert (dead["notice_id"], dead["last_status_code"]) == ("370202-1-1", 410)
    assert "410 Gone" in run(own_settings, "webhook", "deliveries", "--webhook", 1).out
    assert "not active" in run(own_settings, "webhook", "list").out
    assert run(own_settings, "webhook", "activate", 1, "--json").json["dead"] == 1
    assert run(own_settings, "webhook", "retry", "--all-dead").out == "1 delivery is tried again.\n"
    assert run(own_settings, "worker", "--once").exit_code == 0
    assert receiver.ids[1:] == ["370202-1-1"] * 2

    again = run(own_settings, "webhook", "retry", dead["id"])
    assert (again.exit_code, "only dead ones" in again.sentence) == (1, True)
    assert run(own_settings, "webhook", "rotate", 1, "--json").json["secret"] != secret
    assert run(own_settings, "webhook", "show", 1, "--json").json["kinds"] == [
        "case.closed",
        "case.filed",
    ]
    assert "active" in run(own_settings, "webhook", "deactivate", 1).out
    assert "0 pending and 0 dead" in run(own_settings, "webhook", "remove", 1).out
    assert run(own_settings, "webhook", "list", "--json").json == []


def test_a_test_that_is_not_taken_fails(
    run: Run, own_settings: Settings, receiver: Receiver
) -> None:
    run(own_settings, "webhook", "add", receiver.url)
    receiver.answers = [500]
    tested = run(own_settings, "webhook", "test", 1, "--json")
    assert (tested.exit_code, tested.json["last_status_code"]) == (1, 500)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["add", "http://127.0.0.1/"], 1),
        (["add", "nowhere"], 1),
        (["add", "https://example.org/", "--kinds", "case filed"], 2),
        (["add", "https://example.org/", "--division", "Shinan"], 2),
        (["show", 99], 1),
        (["test", 99], 1),
        (["retry"], 2),
        (["retry", 1, "--all-dead"], 2),
        (["deliveries", "--limit", 0], 1),
    ],
)
def test_what_cannot_be_is_refused(
    run: Run, module_settings: Settings, arguments: list[object], exit_code: int
) -> None:
    refused = run(module_settings, "webhook", *arguments)
    assert (refused.exit_code, refused.out) == (exit_code, "")
    assert "Traceback" not in refused.err


def test_the_receiver_of_the_document_verifies(
    run: Run, own_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_WEBHOOK_PRIVATE_ADDRESSES", "true")
    document = (PROJECT / "docs" / "integrator.md").read_text()
    program = re.search(r"```python\n(import os\nfrom http\.server.*?)```", document, re.DOTALL)
    assert program is not None
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    secret = run(own_settings, "webhook", "add", f"http://127.0.0.1:{port}/").out.strip()
    started = subprocess.Popen(
        [sys.executable, "-c", program[1]],
        env=os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def listens() -> bool:
        assert started.poll() is None, "the receiver ended"
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with ending(started) as receiver:
        wait_until(listens)
        with Database(own_settings) as database, database.session() as session:
            announce(session, [notice(7)])
        run(own_settings, "worker", "--once")
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "case.filed 7\n"
        run(own_settings, "webhook", "rotate", 1)
        run(own_settings, "webhook", "rotate", 1)
        assert run(own_settings, "webhook", "test", 1, "--json").json["last_status_code"] == 400
