"""Look-ups and reports on a big registry, beside the same SQL replayed by pgbench.

    python bench/lookup.py [--probes 2000] [--seed 7]

Runs on the registry that the settings name (GIS_REGISTRY_HOME or GIS_REGISTRY_DATABASE_URL); fill
it first with ``bench/city.py`` and ``gis-registry survey load``. Every statement that the services
send for a sample of the probes is recorded and replayed by pgbench on one connection, so that both
mean the same SQL on the same rows. The reports stay: use a registry that is there for benchmarks.
"""

import argparse
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from gis_registry.components import service as components
from gis_registry.db.engine import Database
from gis_registry.db.programs import find_server_programs
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

_SCRIPTS = 100  # pgbench takes at most 128


@dataclass(frozen=True)
class Probe:
    """A component, and a point beside it."""

    code: str
    class_code: str
    lon: float
    lat: float


@dataclass
class Timing:
    """What one kind of work took, a call each, in milliseconds."""

    name: str
    limit: str
    limit_ms: float
    percentile: int
    whole_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)


class Recorder:
    """Adds up the time that statements take, and keeps them with their values put in."""

    def __init__(self, database: Database) -> None:
        self.spent_s = 0.0
        self.statements: list[str] | None = None
        self._began_s = 0.0
        event.listen(database.engine, "before_cursor_execute", self._before)
        event.listen(database.engine, "after_cursor_execute", self._after)

    def _before(self, *_: Any) -> None:
        self._began_s = time.perf_counter()

    def _after(self, _: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
        self.spent_s += time.perf_counter() - self._began_s
        if self.statements is not None:
            bound = psycopg.ClientCursor(cursor.connection)
            rows = values if isinstance(values, list) else [values]
            self.statements += [bound.mogrify(statement, row) for row in rows]


def probes(session: Session, count: int, seed: int) -> list[Probe]:
    """Choose components at random, and a point up to 15 m away from each."""
    rows = session.execute(
        text(
            """
            SELECT c.code, k.code AS class_code,
              ST_X(ST_PointOnSurface(c.geom)) AS lon, ST_Y(ST_PointOnSurface(c.geom)) AS lat
            FROM components c TABLESAMPLE BERNOULLI (:percent) REPEATABLE (:seed)
            JOIN component_classes k ON k.id = c.class_id
            WHERE c.state = 'active'
            ORDER BY c.code
            """
        ),
        {
            "seed": seed,
            "percent": min(
                100.0,
                150.0
                * count
                / max(1, session.scalar(text("SELECT count(*) FROM components")) or 1),
            ),
        },
    ).all()
    rng = random.Random(seed)
    chosen = rng.sample(list(rows), min(count, len(rows)))
    return [
        Probe(
            row.code,
            row.class_code,
            row.lon + rng.uniform(-15, 15) / 90_000,
            row.lat + rng.uniform(-15, 15) / 111_000,
        )
        for row in chosen
    ]


def measure(
    database: Database,
    recorder: Recorder,
    timing: Timing,
    chosen: list[Probe],
    work: Callable[[Session, Probe], object],
) -> Timing:
    """Do the work once for each probe, in a transaction of its own."""
    for number, probe in enumerate(chosen):
        recorder.statements = [] if number < _SCRIPTS else None
        with Session(database.engine) as session:
            recorder.spent_s = 0.0
            began_s = time.perf_counter()
            done = work(session, probe)
            session.commit()
            timing.whole_ms.append((time.perf_counter() - began_s) * 1000)
            timing.database_ms.append(recorder.spent_s * 1000)
        # A report that joins another's case finds no such case when it is replayed.
        if recorder.statements is not None and not getattr(done, "is_duplicate", False):
            script = "".join(f"{one.strip()};\n" for one in recorder.statements)
            timing.scripts.append(_with_numbers_of_its_own(script, done))
    recorder.statements = None
    return timing


def _with_numbers_of_its_own(script: str, done: object) -> str:
    """Return a script that gives a report and its case the numbers that it takes when replayed."""
    if not isinstance(done, AnsweredReport):
        return script
    taken = {
        str(number): f"currval(pg_get_serial_sequence('{table}', 'id'))"
        for table, number in (("reports", done.id), ("cases", done.case_id))
    }
    # What stands in quotes is text, and stays.
    parts = re.compile(r"'(?:[^']|'')*'|(?<![\w.])\d+(?![\w.])")
    return parts.sub(lambda found: taken.get(found[0], found[0]), script)


def replay(database: Database, timing: Timing, transactions: int) -> list[float]:
    """Replay the recorded statements by pgbench; return each transaction's milliseconds."""
    pgbench = find_server_programs().bin_dir / "pgbench"
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory() as folder:
        for number, script in enumerate(timing.scripts):
            Path(folder, f"{number}.sql").write_text(f"BEGIN;\n{script}COMMIT;\n")
        files = [f"--file={Path(folder, f'{number}.sql')}" for number in range(len(timing.scripts))]
        subprocess.run(
            [
                pgbench,
                "--no-vacuum",
                "--client=1",
                f"--transactions={transactions}",
                "--log",
                f"--log-prefix={folder}/log",
                "--random-seed=7",
                *files,
                url,
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        lines = [
            line for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()
        ]
    return [int(line.split()[2]) / 1000 for line in lines]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--probes", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with open_registry(Settings(), tell=print) as database:
        recorder = Recorder(database)
        with database.session() as session:
            total = session.scalar(text("SELECT count(*) FROM components")) or 0
            chosen = probes(session, arguments.probes, arguments.seed)
        print(f"{total:,} components, {len(chosen):,} probes\n")
        measured = [
            measure(
                database,
                recorder,
                Timing("component show", "p50 ≤ 1 ms in the database", 1.0, 50),
                chosen,
                lambda session, probe: components.show(session, probe.code),
            ),
            measure(
                database,
                recorder,
                Timing("component nearest, 5 of a class", "p95 ≤ 5 ms", 5.0, 95),
                chosen,
                lambda session, probe: components.nearest(
                    session, lon=probe.lon, lat=probe.lat, class_code=probe.class_code, count=5
                ),
            ),
            measure(
                database,
                recorder,
                Timing("report answered", "p50 ≤ 20 ms", 20.0, 50),
                chosen,
                lambda session, probe: reports.submit(
                    session,
                    NewReport(
                        lon=probe.lon, lat=probe.lat, matter=probe.class_code, accuracy_m=8.0
                    ),
                    reported_by="benchmark",
                ),
            ),
        ]
        header = f"{'':34}{'p50':>8}{'p95':>8}{'p99':>8}   milliseconds"
        for timing in measured:
            peer = replay(database, timing, len(chosen))
            print(f"{timing.name}  (aim: {timing.limit})\n{header}")
            for label, values in (
                ("in process, whole", timing.whole_ms),
                ("in process, in the database", timing.database_ms),
                ("same SQL by pgbench, whole", peer),
            ):
                spread = "".join(f"{np.percentile(values, p):8.2f}" for p in (50, 95, 99))
                print(f"  {label:32}{spread}")
            aimed = timing.database_ms if "database" in timing.limit else timing.whole_ms
            reached = float(np.percentile(aimed, timing.percentile))
            ratio = float(np.percentile(timing.whole_ms, 50) / np.percentile(peer, 50))
            print(
                f"  p{timing.percentile} is {reached / timing.limit_ms:.2f} of the limit; "
                f"p50 in process is {ratio:.2f} × pgbench's\n"
            )


if __name__ == "__main__":
    main()
