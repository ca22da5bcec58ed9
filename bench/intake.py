"""How quickly reports are taken in, answered and kept, on a big registry.

    python bench/intake.py [--reports 10000] [--posts 3000] [--clients 8] [--processes 2]
        [--seed 7]

Runs on the registry that the settings name (GIS_REGISTRY_HOME or GIS_REGISTRY_DATABASE_URL; see
README.md for filling it). First a day's reports in one batch, then single POSTs from several
clients over HTTP to `gis-registry serve` in a process of its own. The reports stay: use a registry
that is there for benchmarks.
"""

import argparse
import http.client
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
from lookup import Probe, probes
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.db.engine import Database
from gis_registry.reports import service as reports
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.roles import Role
from gis_registry.settings import Settings
from gis_registry.startup import open_registry
from gis_registry.users import service as users

_BATCH_LIMIT_S = 20.0
_RATE_LIMIT = 150.0
_P99_LIMIT_MS = 100.0
_TEXTS = ("", "路灯不亮", "井盖破损", "垃圾桶满了没有人清", "看不清编号，请派人看一下", "broken")


def day(chosen: Sequence[Probe], seed: int) -> list[NewReport]:
    """Return a day's reports about components, each some metres off."""
    rng = random.Random(seed)
    now = datetime.now(UTC)
    return [
        NewReport(
            lon=one.lon,
            lat=one.lat,
            matter=one.class_code,
            accuracy_m=rng.choice((3.0, 8.0, 20.0)),
            text=rng.choice(_TEXTS),
            reported_at=now - timedelta(seconds=rng.uniform(0, 86_400)),
            client_key=f"{seed}:{now.timestamp()}:{number}",
        )
        for number, one in enumerate(chosen)
    ]


def batch(database: Database, new: Sequence[NewReport]) -> None:
    """Time one batch."""
    began_s = time.perf_counter()
    with database.session() as session:
        found = reports.submit_all(session, [Submission(one, "benchmark") for one in new])
    took_s = time.perf_counter() - began_s
    answered = [one for one in found if isinstance(one, AnsweredReport)]
    unique = sum(one.answer.outcome == "unique" for one in answered)
    print(
        f"batch of {len(new):,}: {took_s:.1f} s, {took_s / _BATCH_LIMIT_S:.2f} of the limit "
        f"({len(answered):,} answered, {unique:,} unique, "
        f"{sum(one.is_duplicate for one in answered):,} joined an earlier one)"
    )


@contextmanager
def served(processes: int) -> Iterator[int]:
    """Serve the registry from a process of its own; yields the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gis_registry.cli.main",
            "serve",
            "--port",
            str(port),
            "--processes",
            str(processes),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "GIS_REGISTRY_LOG_FORMAT": "json"},
    )
    assert server.stdout is not None  # noqa: S101  it is a pipe
    try:
        next(line for line in server.stdout if '"listening"' in line)
        threading.Thread(target=server.stdout.read, daemon=True).start()
        yield port
    finally:
        server.terminate()
        server.wait(30)


def posts(port: int, key: str, new: Sequence[NewReport], clients: int) -> None:
    """Send reports one by one from several clients at once; time each."""
    bodies = [one.model_dump_json(exclude_none=True).encode() for one in new]
    taken_ms: list[float] = []
    failed: list[int] = []
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def client(mine: Sequence[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for body in mine:
            began_s = time.perf_counter()
            connection.request("POST", "/api/reports", body, headers)
            response = connection.getresponse()
            response.read()
            taken_ms.append((time.perf_counter() - began_s) * 1000)
            if response.status != 201:
                failed.append(response.status)

    client(bodies[:50])
    taken_ms.clear()
    threads = [
        threading.Thread(target=client, args=(bodies[50 + n :: clients],)) for n in range(clients)
    ]
    began_s = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    rate = len(taken_ms) / (time.perf_counter() - began_s)
    p50, p95, p99 = np.percentile(taken_ms, (50, 95, 99))
    print(
        f"{len(taken_ms):,} POSTs from {clients} clients: {rate:.0f} a second, "
        f"{rate / _RATE_LIMIT:.2f} of the aim; p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms, "
        f"p99 is {p99 / _P99_LIMIT_MS:.2f} of the limit; {len(failed)} failed"
    )


def _key(session: Session) -> str:
    name = f"benchmark-{os.getpid()}"
    return users.add_user(session, name, Role.INSPECTOR)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--reports", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=3_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with open_registry(Settings(), tell=print) as database:
        with database.session() as session:
            total = session.scalar(text("SELECT count(*) FROM components")) or 0
            chosen = probes(session, arguments.reports + arguments.posts, arguments.seed)
            key = _key(session)
        random.Random(arguments.seed).shuffle(chosen)
        print(f"{total:,} components")
        new = day(chosen, arguments.seed)
        batch(database, new[: arguments.reports])
        with served(arguments.processes) as port:
            posts(port, key, new[arguments.reports :], arguments.clients)


if __name__ == "__main__":
    main()
