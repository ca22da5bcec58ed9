"""A city's day through the real API: 10,000 cases of all units, by a simulated clock.

    python bench/day.py [--home DIR] [--cases 10000] [--speed 200] [--clients 8] [--processes 2]
        [--kill] [--seed 7]

Runs on the registry that the settings name, or on one of its own in DIR, which is filled with a
synthetic city the first time. Every case goes its way over HTTP: reported, checked, filed (alone or
with others), dispatched, accepted, handled with a photo, looked at, closed; some are refused,
returned, suspended, extended, sent back, urged, appealed and reopened. Every step is done at its
simulated time, or at once when the server is behind. Then everything is counted again from the
events. The day stays in the registry: use one that is there for benchmarks.

With --kill the API, the worker and the embedded database are killed (SIGKILL) in turn while the day
runs, the clients try again, and a webhook's receiver listens.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from day_checks import faults_of_cases, faults_of_reports, figures
from day_city import (
    Program,
    command,
    cpu_s,
    find_people,
    find_places,
    free_port,
    make_city,
    pictures,
    run,
    wait_for,
)
from day_clients import Clients, Connection, Desk, Request, Timings
from day_kills import Killer, Receiver, faults_of_deliveries, undelivered
from day_ways import CaseWay, People, Plan, Told, plans

from gis_registry.clock import SimulatedClock
from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.notifications import service as webhooks
from gis_registry.notifications.schemas import NewWebhook
from gis_registry.places.service import the_city
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

_WALL_LIMIT_S = 600.0
_P99_LIMIT_MS = 150.0
_CASES = 10_000
_DELIVERED_S = 1800.0
#: What a case goes through, about.
_STEPS = 7
#: What is no transition: its time has no limit here.
_OTHERS = frozenset({"report", "photo", "read"})


@dataclass
class Day:
    """What is done, by whom and when."""

    plans: Sequence[Plan]
    people: People
    clock: SimulatedClock
    tag: str
    told: Told = field(default_factory=Told)


@dataclass
class Outcome:
    """What came of a day."""

    wall_s: float
    cpu_s: dict[str, float]
    timings: Timings
    faults: list[str]
    kills: list[str]
    figures: list[str]


def prepare(database: Database, options: argparse.Namespace) -> Day:
    """Draw the day and give everybody a key."""
    with database.session() as session:
        people = find_people(session)
        places = find_places(session, options.cases, options.seed)
        zone = ZoneInfo(the_city(session).time_zone)
    midnight = datetime.combine(options.date, datetime.min.time(), zone)
    tag = f"day-{datetime.now(UTC):%Y%m%d%H%M%S}-{os.getpid()}"
    drawn = plans(options.cases, midnight, places, options.seed)
    real_at = datetime.now(UTC) + timedelta(seconds=options.start_s)
    return Day(drawn, people, SimulatedClock(drawn[0].at, real_at, options.speed), tag)


def replay(database: Database, day: Day, options: argparse.Namespace) -> Outcome:
    """Let the day pass, and look what is left."""
    logs = Path(tempfile.mkdtemp(prefix="bench-day-"))
    print(f"{len(day.plans):,} reports, {len(day.people.units)} units; logs in {logs}", flush=True)
    environment = {
        "GIS_REGISTRY_SIMULATED_CLOCK": str(day.clock),
        "GIS_REGISTRY_LOG_FORMAT": "json",
        "GIS_REGISTRY_WEBHOOK_PRIVATE_ADDRESSES": "true",
    }
    port = free_port()
    serve = ("serve", "--port", str(port), "--processes", str(options.processes))
    api = Program(*serve, says='"listening"', environment=environment, log=logs / "api.log")
    worker = Program("worker", says="Working", environment=environment, log=logs / "worker.log")
    clients = Clients(port, day.clock, Desk(filing_together(day.people.dispatchers[0].key)))
    picture = pictures(options.seed)
    ways = [CaseWay(one, day.people, day.told, picture, tag=day.tag) for one in day.plans]
    api.start()
    try:
        with _disturbed(database, api, worker, options) as (killer, receiver):
            _wait_for_answers(port, day.clock, 4 * options.processes)
            time.sleep(max(0.0, (day.clock.real_at - datetime.now(UTC)).total_seconds()))
            cpu_before = _cpu_s(api)
            if killer is not None:
                most = _STEPS * len(ways)
                killer.begin(options.rounds, lambda: clients.steps / most)
            began_s = time.perf_counter()
            clients.run([one.go() for one in ways], options.clients)
            wall_s = time.perf_counter() - began_s
            cpu_after = _cpu_s(api)
            if receiver is not None:
                wait_for(lambda: _undelivered(database) == 0, _DELIVERED_S)
            faults = [f"{type(one).__name__}: {one}" for one in clients.done if one is not None]
            with database.session() as session:
                faults += faults_of_reports(session, day.told, day.tag)
                faults += faults_of_cases(session, day.told, day.tag)
                if receiver is not None:
                    faults += faults_of_deliveries(session, receiver, day.tag)
                lines = figures(session, day.tag, late=clients.latest)
    finally:
        worker.stop()
        api.stop()
    return Outcome(
        wall_s=wall_s,
        cpu_s={name: cpu_after[name] - cpu_before[name] for name in cpu_before},
        timings=clients.timings,
        faults=faults + faults_of_indicators(),
        kills=killer.kills if killer else [],
        figures=lines,
    )


@contextmanager
def _disturbed(
    database: Database, api: Program, worker: Program, options: argparse.Namespace
) -> Iterator[tuple[Killer, Receiver] | tuple[None, None]]:
    """Kill what serves the day, if that is asked for, and listen to what is told of it."""
    if not options.kill:
        yield None, None
        return
    port = free_port()
    receiver = Receiver(port)
    settings = Settings()
    with database.session() as session:
        new = NewWebhook(url=f"http://127.0.0.1:{port}/")
        webhook = webhooks.add(session, new, created_by="benchmark", allow_private=True)
    receiver.expect(webhook.secret)
    worker.start()
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    killer = Killer(api, worker, server)
    try:
        yield killer, receiver
    finally:
        killer.end()
        worker.stop()
        receiver.close()
        with database.session() as session:
            webhooks.remove(session, webhook.id)


def filing_together(key: str) -> Callable[[Sequence[int]], Request]:
    """Return what makes the request that files cases together."""

    def request(case_ids: Sequence[int]) -> Request:
        body = json.dumps({"action": "file", "cases": list(case_ids)}).encode()
        return Request("file together", "POST", "/api/cases/bulk", key, body)

    return request


def faults_of_indicators() -> list[str]:
    """Look whether the indicators equal a recount, where there are any."""
    done = subprocess.run(
        command("case", "stats", "--check"), capture_output=True, text=True, check=False
    )
    if done.returncode == 2:  # there is no such command yet
        print("indicators: not checked")
        return []
    return [] if done.returncode == 0 else [f"indicators: {done.stdout}{done.stderr}"]


def _wait_for_answers(port: int, clock: SimulatedClock, count: int) -> None:
    """Wait until so many requests were answered: processes listen before they can answer."""
    for _ in range(count):
        with Connection(port, clock, Timings()) as connection:
            connection(Request("read", "GET", "/health", ""))


def _undelivered(database: Database) -> int:
    with database.session() as session:
        return undelivered(session)


def _cpu_s(api: Program) -> dict[str, float]:
    """Return the processor time that the API, the database and the clients have used."""
    settings = Settings()
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    pid = server.status().pid if server is not None else None
    return {
        "API": cpu_s(api.pid),
        "database": cpu_s(pid) if pid is not None else 0.0,
        "clients": time.process_time(),
    }


def print_outcome(outcome: Outcome, cases: int) -> None:
    """Print everything as counts, times and ratios to their limits."""
    limit_s = _WALL_LIMIT_S * cases / _CASES
    ratio = outcome.wall_s / limit_s
    print(f"wall time {outcome.wall_s:.0f} s, {ratio:.2f} of {limit_s:.0f} s")
    taken = outcome.timings.taken_ms
    count = sum(map(len, taken.values()))
    print(f"{count:,} requests, {count / outcome.wall_s:.0f} a second; in ms:")
    print(f"  {'':16} {'count':>8} {'p50':>8} {'p95':>8} {'p99':>8}  p99 of {_P99_LIMIT_MS:.0f}")
    for kind, times in sorted(taken.items(), key=lambda one: -len(one[1])):
        print(_timing(kind, times))
    transitions = [ms for kind, times in taken.items() if kind not in _OTHERS for ms in times]
    print(_timing("all transitions", transitions))
    if outcome.timings.repeated:
        print(f"sent again: {dict(outcome.timings.repeated)}")
    for name, seconds in outcome.cpu_s.items():
        print(
            f"processor time of the {name}: {seconds:.1f} s, {seconds / count * 1000:.2f} ms each"
        )
    print("the simulated day:", *outcome.figures, sep="\n")
    if outcome.kills:
        print(f"killed: {', '.join(outcome.kills)}")
    print(f"faults: {len(outcome.faults)}", *outcome.faults[:50], sep="\n  ")


def _timing(kind: str, times: Sequence[float]) -> str:
    p50, p95, p99 = np.percentile(times, (50, 95, 99)) if times else (0.0, 0.0, 0.0)
    ratio = p99 / _P99_LIMIT_MS
    return f"  {kind:16} {len(times):8,} {p50:8.1f} {p95:8.1f} {p99:8.1f}  {ratio:.2f}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--home", type=Path, help="a registry of its own, made the first time")
    parser.add_argument("--components", type=int, default=100_000, help="of the registry in --home")
    parser.add_argument("--cases", type=int, default=_CASES)
    parser.add_argument("--date", type=date.fromisoformat, default=date(2026, 6, 15))
    parser.add_argument("--speed", type=float, default=200.0, help="how many times as fast")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--start-s", type=float, default=20.0, help="until the day begins")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kill", action="store_true", help="kill what serves, in turn")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is killed")
    options = parser.parse_args(arguments)
    if options.home is not None:
        make_city(options.home.absolute(), options.components)
    try:
        with open_registry(Settings(), tell=print) as database:
            day = prepare(database, options)
            outcome = replay(database, day, options)
    finally:
        if options.home is not None:
            run("db", "stop")
    print_outcome(outcome, options.cases)
    return int(bool(outcome.faults))


if __name__ == "__main__":
    sys.exit(main())
