"""The worker as a process of its own: stopped, killed, started again."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from receiving import Receiver
from sqlalchemy import text
from test_sending import add, announced, deliveries
from waiting import ending

from gis_registry.db.engine import Database
from gis_registry.notifications.tables import DeliveryStatus
from gis_registry.settings import Settings

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "gis_registry.cli.main", "worker"]
#: As the command, with less patience for workers that are dead.
IMPATIENT = """
import asyncio
from gis_registry.db.engine import Database
from gis_registry.notifications import tasks
from gis_registry.notifications.working import work
from gis_registry.settings import Settings
settings = Settings()
with Database(settings) as database:
    asyncio.run(work(database, settings, tasks.TASKS, concurrency=5, stalled_after_s=1.5))
"""


@contextmanager
def working(
    settings: Settings, *command: str, timeout_s: float = 10
) -> Iterator[subprocess.Popen[str]]:
    assert settings.database_url is not None
    started = subprocess.Popen(
        command,
        env=os.environ
        | {
            "GIS_REGISTRY_DATABASE_URL": settings.database_url.get_secret_value(),
            "GIS_REGISTRY_WEBHOOK_PRIVATE_ADDRESSES": "true",
            "GIS_REGISTRY_WEBHOOK_TIMEOUT_S": str(timeout_s),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with ending(started) as process:
        yield process


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_finishes_what_it_sends(
    database: Database, private_settings: Settings, receiver: Receiver, ending: signal.Signals
) -> None:
    add(database, receiver.url)
    announced(database, 1)
    receiver.is_let_through.clear()
    with working(private_settings, *COMMAND) as process:
        assert receiver.arrived.wait(60)
        process.send_signal(ending)
        threading.Timer(0.5, receiver.is_let_through.set).start()
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "Working · press Ctrl-C to stop." in err
    assert "status=delivered" in err
    assert "Traceback" not in err
    assert deliveries(database)[0].status is DeliveryStatus.DELIVERED
    with database.session() as session:
        assert session.scalar(text("SELECT count(*) FROM procrastinate_workers")) == 0


def test_killed_while_sending_it_loses_nothing(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    webhook = add(database, receiver.url)
    announced(database, 1, 2, 3)
    receiver.is_let_through.clear()
    command = [sys.executable, "-c", IMPATIENT]
    with working(private_settings, *command, timeout_s=1) as process:
        assert receiver.arrived.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert {one.status for one in deliveries(database)} == {DeliveryStatus.PENDING}
    receiver.is_let_through.set()
    with working(private_settings, *command, timeout_s=1):
        for _ in range(900):
            if {one.status for one in deliveries(database)} == {DeliveryStatus.DELIVERED}:
                break
            threading.Event().wait(0.1)
    assert {one.status for one in deliveries(database)} == {DeliveryStatus.DELIVERED}
    assert set(receiver.ids) == {"370202-1-1", "370202-2-1", "370202-3-1"}
    assert len(receiver.verified(webhook.secret)) >= 4


def test_once_runs_what_is_due_and_ends(
    database: Database, private_settings: Settings, receiver: Receiver
) -> None:
    add(database, receiver.url)
    announced(database, *range(50))
    with working(private_settings, *COMMAND, "--once") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(set(receiver.ids)) == len(receiver.ids) == 50
