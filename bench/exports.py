"""How long whole exports of all components take, and what they need of memory.

    GIS_REGISTRY_HOME=HOME python bench/exports.py [--formats csv,geojsonseq,parquet,fgb]

serves the registry that the settings name from a process of its own and downloads every component
in each format, over HTTP. Before that, in the same run, it reads the same table by a plain
``COPY components TO STDOUT``. Beside the time stand the most memory that the server and the program
that writes the file ever held, and how long a single feature takes meanwhile (the median). Nothing
is changed.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, sleep

import httpx
import psycopg

from gis_registry.db.engine import Database
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

FORMATS = ("csv", "geojsonseq", "parquet", "fgb")
ITEMS = "/ogc/collections/components/items"
CHUNK = 2**20


def plain_copy(database: Database) -> tuple[float, int]:
    """Return the seconds and bytes of the table as the database itself gives it out."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    started, size = perf_counter(), 0
    with (
        psycopg.connect(url, options="-c default_transaction_read_only=on") as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY components TO STDOUT (FORMAT csv)") as copy,
    ):
        for row in copy:
            size += len(row)
    return perf_counter() - started, size


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """Serve the registry; yields the address and the process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("gis-registry")
    server = subprocess.Popen(
        [program, "serve", "--port", str(port)],
        env={**os.environ, "GIS_REGISTRY_ANONYMOUS_ROLE": "reader"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{address}/ready", trust_env=False, timeout=60).raise_for_status()
                break
            except httpx.HTTPError:
                sleep(1)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(60)


@dataclass
class Watch:
    """What is measured while an export is downloaded, from a thread of its own."""

    address: str
    process: int
    server_mb: float = 0
    writer_mb: float = 0
    items_ms: list[float] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with httpx.Client(base_url=self.address, trust_env=False, timeout=60) as client:
            code = client.get(ITEMS, params={"limit": 1}).json()["features"][0]["id"]
            while not self.is_over.wait(0.2):
                started = perf_counter()
                client.get(f"{ITEMS}/{code}").raise_for_status()
                self.items_ms.append((perf_counter() - started) * 1000)
                self.server_mb = max(self.server_mb, _held_mb(self.process, "VmRSS"))
                for child in _children(self.process):
                    self.writer_mb = max(self.writer_mb, _held_mb(child, "VmHWM"))


def _held_mb(process: int, what: str) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0


def _children(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        found += [int(one) for one in task.read_text().split()]
    return found


def download(address: str, form: str, watch: Watch) -> tuple[float, float, int]:
    """Return the seconds until the first and the last byte, and how many there were."""
    thread = threading.Thread(target=watch.run)
    thread.start()
    started, first, size = perf_counter(), 0.0, 0
    headers = {"Accept-Encoding": "identity"}
    with (
        httpx.Client(base_url=address, trust_env=False, timeout=None) as client,  # noqa: S113  long
        client.stream("GET", ITEMS, params={"f": form}, headers=headers) as answer,
    ):
        answer.raise_for_status()
        for part in answer.iter_raw(CHUNK):
            first = first or perf_counter() - started
            size += len(part)
    took = perf_counter() - started
    watch.is_over.set()
    thread.join()
    return first, took, size


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--formats", default=",".join(FORMATS))
    asked = parser.parse_args()
    with open_registry(Settings()) as database:  # a server of its own runs while it is open
        measure(database, asked.formats.split(","))


def measure(database: Database, formats: Sequence[str]) -> None:
    """Measure and print a line for each format."""
    plain_s, plain_bytes = plain_copy(database)
    print(f"COPY components TO STDOUT: {plain_s:.1f} s, {plain_bytes / 2**20:,.0f} MiB")
    print("format      first s   all s  x COPY      MiB  server MiB  writer MiB  item ms")
    with served() as (address, process):
        idle = Watch(address, process)
        threading.Timer(5, idle.is_over.set).start()
        idle.run()
        print(f"{'(idle)':38s}{idle.server_mb:23,.0f}{statistics.median(idle.items_ms):21.1f}")
        for form in formats:
            watch = Watch(address, process)
            first, took, size = download(address, form, watch)
            print(
                f"{form:10s}{first:9.1f}{took:8.1f}{took / plain_s:8.1f}{size / 2**20:9,.0f}"
                f"{watch.server_mb:12,.0f}{watch.writer_mb:12,.0f}"
                f"{statistics.median(watch.items_ms):9.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
