"""How quickly features and tiles are served, beside other servers on the same database.

    python bench/serve.py [--rounds 60] [--tipg PYTHON] [--bare] [--qgis]

Runs on the registry that the settings name (see README.md for filling it with 3.5 million
components). Peers read ``bench_peers.components``, a plain table of the same components with a
number as its key, which is made if it is missing: `--tipg` names a Python that has tipg and uvicorn
installed, `--qgis` runs QGIS Server (packages qgis-server and python3-qgis), `--bare` a reference
of FastAPI and psycopg alone. Each has one worker. Every round asks every server every question, in
turn and a few times on one connection; the median is printed with its ratio to the aim and to each
peer. How long it takes to estimate how many components a box has is measured in the database.
"""

import argparse
import asyncio
import http.client
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import UUID

import numpy as np
from intake import served
from sqlalchemy import URL, text
from sqlalchemy.orm import Session

from gis_registry.db.reading import Reading
from gis_registry.maps import collections, page_tokens, pages, questions
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

#: What is asked → its aim in milliseconds.
AIMS_MS = {
    "item": 1.5,
    "10 items": 2.0,
    "1,000 items": 12.0,
    "1 km box": 20.0,
    "densest 1 km box": 20.0,
    "10 of a late 4 km box": 20.0,
    "page at row 3 million": 5.0,
    "tile z16": 6.0,
    "tile z12": 50.0,
    "tile z9": 50.0,
    "estimated count": 1.0,
}
#: So often each is asked in a round, after once untimed; what takes long, once.
_IN_A_ROW = 4
_LONG_MS = 200.0
_DEEP = 3_000_000
_LONGEST_S = 120.0
_PEERS = """
CREATE SCHEMA bench_peers;
CREATE TABLE bench_peers.components AS
SELECT row_number() OVER (ORDER BY c.division_code, c.code) AS id, c.code, k.code AS class_code,
  k.name_zh AS class_name_zh, c.state, c.division_code, c.surveyed_on, c.accuracy_m, c.geom
FROM components c JOIN component_classes k ON k.id = c.class_id
WHERE c.state = 'active';
ALTER TABLE bench_peers.components ADD PRIMARY KEY (id);
CREATE INDEX ON bench_peers.components USING gist (geom);
ANALYZE bench_peers.components
"""
#: asyncpg takes a socket's folder from the environment alone.
_TIPG = """
import asyncpg, os, sys
real = asyncpg.create_pool
asyncpg.create_pool = lambda dsn, **options: real(**options)
import uvicorn
uvicorn.run("tipg.main:app", port=int(sys.argv[1]), log_level="warning")
"""


@dataclass(frozen=True)
class Place:
    """What is asked for: a component in the densest part of the city, and what is around it.

    ``box`` is a square kilometre such as half of all components have no denser one around them,
    ``late_box`` four kilometres square around one of the last components in the order of the key.
    """

    code: str
    number: int
    deep: int
    token: str
    box: str
    densest_box: str
    late_box: str
    tiles: dict[int, tuple[int, int]]


@dataclass
class Server:
    """A server with the addresses of the questions that it answers."""

    name: str
    port: int
    addresses: dict[str, str]
    taken_ms: dict[str, list[float]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def ask(self, question: str) -> list[float]:
        """Ask on one connection; returns the milliseconds that each answer took."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_LONGEST_S)
        with closing(connection):
            connection.connect()
            first_ms = self._answer(connection, question)
            if first_ms > _LONG_MS:
                return [first_ms]
            return [self._answer(connection, question) for _ in range(_IN_A_ROW)]

    def _answer(self, connection: http.client.HTTPConnection, question: str) -> float:
        began_s = time.perf_counter()
        connection.request("GET", self.addresses[question])
        answer = connection.getresponse()
        body = answer.read()
        took_ms = (time.perf_counter() - began_s) * 1000
        if answer.status not in (200, 204):
            raise RuntimeError(f"{self.name}, {question}: {answer.status} {body[:300]!r}")
        self.sizes[question] = len(body)
        return took_ms


def place(session: Session) -> Place:
    """Return a component in the square kilometre that has most, and what is asked around it."""
    cells = session.execute(
        text(
            "SELECT x, y, sum(count) AS count FROM component_counts WHERE level = 15 "
            "AND state = 'active' GROUP BY x, y ORDER BY count DESC"
        )
    ).all()
    up_to = np.cumsum([one.count for one in cells])
    x, y = cells[0].x, cells[0].y
    middle = cells[int(np.searchsorted(up_to, up_to[-1] / 2))]
    lon, lat = middle_of(x, y)
    number, code = session.execute(
        text(
            "SELECT id, code FROM bench_peers.components "
            "ORDER BY geom <-> ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) LIMIT 1"
        ),
        {"lon": lon, "lat": lat},
    ).one()
    most = session.scalar(text("SELECT max(id) FROM bench_peers.components"))
    deep = min(_DEEP, most - 20)
    key = session.execute(
        text("SELECT division_code, code FROM bench_peers.components WHERE id = :id"), {"id": deep}
    ).one()
    secret: UUID = session.execute(text("SELECT secret FROM signing_key")).scalar_one()
    token = page_tokens.token_of(list(key), asked='["components", {}]', secret=secret.bytes)
    tiles = {z: (x >> (15 - z) if z < 15 else x << (z - 15), 0) for z in (9, 12, 16)}
    tiles = {
        z: (across, y >> (15 - z) if z < 15 else y << (z - 15)) for z, (across, _) in tiles.items()
    }
    late: tuple[float, float] = session.execute(  # type: ignore[assignment]
        text(
            "SELECT ST_X(p), ST_Y(p) FROM bench_peers.components, ST_PointOnSurface(geom) AS p "
            "WHERE id >= 0.98 * :most ORDER BY id LIMIT 1"
        ),
        {"most": most},
    ).one()
    boxes = (
        box_around(middle_of(middle.x, middle.y)),
        box_around((lon, lat)),
        box_around(late, half_m=2_000),
    )
    return Place(code, number, deep, token, *boxes, tiles)


def middle_of(x: int, y: int) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a cell of level 15."""
    turns = 2**15
    northing = math.pi * (1 - 2 * (y + 0.5) / turns)
    return (x + 0.5) / turns * 360 - 180, math.degrees(math.atan(math.sinh(northing)))


def box_around(place: tuple[float, float], *, half_m: float = 500) -> str:
    """Return the square kilometre around a place, or another square."""
    lon, lat = place
    half_lat = half_m / 111_000
    half_lon = half_lat / math.cos(math.radians(lat))
    return f"{lon - half_lon:.6f},{lat - half_lat:.6f},{lon + half_lon:.6f},{lat + half_lat:.6f}"


def of_ours(asked: Place) -> dict[str, str]:
    """Return what we are asked."""
    items = "/ogc/collections/components/items"
    tiles = "/ogc/collections/components/tiles/WebMercatorQuad"
    return {
        "item": f"{items}/{asked.code}",
        "10 items": items,
        "1,000 items": f"{items}?limit=1000",
        "1 km box": f"{items}?limit=1000&bbox={asked.box}",
        "densest 1 km box": f"{items}?limit=1000&bbox={asked.densest_box}",
        "10 of a late 4 km box": f"{items}?limit=10&bbox={asked.late_box}",
        "page at row 3 million": f"{items}?token={quote(asked.token)}",
        **{f"tile z{z}": f"{tiles}/{z}/{y}/{x}" for z, (x, y) in asked.tiles.items()},
    }


def of_tipg(asked: Place) -> dict[str, str]:
    """Return what tipg is asked."""
    items = "/collections/bench_peers.components/items"
    tiles = "/collections/bench_peers.components/tiles/WebMercatorQuad"
    return {
        "item": f"{items}/{asked.number}",
        "10 items": f"{items}?limit=10",
        "1,000 items": f"{items}?limit=1000",
        "1 km box": f"{items}?limit=1000&bbox={asked.box}",
        "densest 1 km box": f"{items}?limit=1000&bbox={asked.densest_box}",
        "10 of a late 4 km box": f"{items}?limit=10&bbox={asked.late_box}",
        "page at row 3 million": f"{items}?limit=10&offset={asked.deep}",
        **{f"tile z{z}": f"{tiles}/{z}/{x}/{y}" for z, (x, y) in asked.tiles.items()},
    }


def of_bare(asked: Place) -> dict[str, str]:
    """Return what the reference is asked; it has no counts, so no low zooms."""
    x, y = asked.tiles[16]
    return {
        "item": f"/items/{asked.number}",
        "10 items": "/items",
        "1,000 items": "/items?limit=1000",
        "1 km box": f"/box?{urlencode({'bbox': asked.box, 'limit': 1000})}",
        "densest 1 km box": f"/box?{urlencode({'bbox': asked.densest_box, 'limit': 1000})}",
        "10 of a late 4 km box": f"/box?{urlencode({'bbox': asked.late_box, 'limit': 10})}",
        "page at row 3 million": f"/items?after={asked.deep}",
        "tile z16": f"/tiles/16/{x}/{y}",
    }


def of_qgis(asked: Place) -> dict[str, str]:
    """Return what QGIS Server is asked; it has no vector tiles."""
    items = "/wfs3/collections/components/items"
    return {
        "item": f"{items}/{asked.number}.json",
        "10 items": f"{items}.json?limit=10",
        "1,000 items": f"{items}.json?limit=1000",
        "1 km box": f"{items}.json?limit=1000&bbox={asked.box}",
        "densest 1 km box": f"{items}.json?limit=1000&bbox={asked.densest_box}",
        "10 of a late 4 km box": f"{items}.json?limit=10&bbox={asked.late_box}",
        "page at row 3 million": f"{items}.json?limit=10&offset={asked.deep}",
    }


@contextmanager
def running(argv: Callable[[int], Sequence[str]], environment: dict[str, str]) -> Iterator[int]:
    """Run a peer until the end; yields its port when it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    folder = Path(__file__).parent
    process = subprocess.Popen(
        argv(port),
        env={**os.environ, **environment},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise RuntimeError(f"{argv(port)[0]} ended with {process.returncode}")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def peers(
    asked: Place, url: URL, arguments: argparse.Namespace, until: ExitStack
) -> Iterator[Server]:
    """Start the peers that are wanted."""
    host = str(url.query.get("host") or url.host)
    where = {"PGHOST": host, "PGDATABASE": str(url.database), "PGUSER": str(url.username)}
    where |= {"PGPORT": str(url.port or url.query.get("port") or 5432)}
    if arguments.bare:
        bare = [sys.executable, "-m", "uvicorn", "serve_bare:app", "--log-level", "warning"]
        port = until.enter_context(running(lambda one: [*bare, "--port", str(one)], where))
        yield Server("bare", port, of_bare(asked))
    if arguments.tipg:
        told = {"DATABASE_URL": "postgresql://localhost/x", "TIPG_DB_SCHEMAS": '["bench_peers"]'}
        told |= {"TIPG_DB_SPATIAL_EXTENT": "false", "TIPG_DB_DATETIME_EXTENT": "false"}
        port = until.enter_context(
            running(lambda one: [arguments.tipg, "-c", _TIPG, str(one)], where | told)
        )
        yield Server("tipg", port, of_tipg(asked))
    if arguments.qgis:
        folder = Path(until.enter_context(tempfile.TemporaryDirectory()))
        project = folder / "project.qgs"
        connection = " ".join(
            f"{name}={where[variable]}"
            for name, variable in (("dbname", "PGDATABASE"), ("host", "PGHOST"), ("user", "PGUSER"))
        )
        told = {"QT_QPA_PLATFORM": "offscreen", "HOME": str(folder)}
        script = str(Path(__file__).with_name("serve_qgis.py"))
        subprocess.run(
            ["/usr/bin/python3", script, str(project), f"{connection} port={where['PGPORT']}"],
            check=True,
            env={**os.environ, **told},
        )
        server = ["qgis_mapserver", "-p", str(project)]
        port = until.enter_context(running(lambda one: [*server, f"127.0.0.1:{one}"], told))
        yield Server("QGIS Server", port, of_qgis(asked))


def main() -> None:
    """Ask every server every question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--tipg", metavar="PYTHON")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--qgis", action="store_true")
    arguments = parser.parse_args()
    os.environ["GIS_REGISTRY_ANONYMOUS_ROLE"] = "reader"
    with ExitStack() as until:
        database = until.enter_context(open_registry(Settings()))
        with database.session() as session:
            if session.scalar(text("SELECT to_regclass('bench_peers.components')")) is None:
                for statement in _PEERS.split(";"):
                    session.execute(text(statement))
            asked = place(session)
            total = session.scalar(text("SELECT count(*) FROM bench_peers.components"))
        print(f"{total:,} components; the densest box holds those around {asked.code}")
        servers = [Server("ours", until.enter_context(served(1)), of_ours(asked))]
        servers += peers(asked, database.url, arguments, until)
        measure(servers, arguments.rounds)
        estimates = asyncio.run(estimating(database.url, asked.densest_box, arguments.rounds))
        servers[0].taken_ms["estimated count"] = estimates
        servers[0].sizes["estimated count"] = 0
        report(servers)


def measure(servers: Sequence[Server], rounds: int) -> None:
    """Ask in turn; what a server needs seconds for, it is asked three times only."""
    for number in range(rounds):
        for server in servers:
            for question in server.addresses:
                taken = server.taken_ms.setdefault(question, [])
                if number >= 3 and np.median(taken) > 1000:
                    continue
                taken += server.ask(question)


async def estimating(url: URL, box: str, rounds: int) -> list[float]:
    """Return the milliseconds that it takes to estimate how many components a box has."""
    components = collections.components()
    asked = questions.conditions(components, box=box, properties={})
    reading = Reading(url, connections=1, longest_s=10)
    await reading.open()
    try:
        taken = []
        for _ in range(rounds * _IN_A_ROW):
            began_s = time.perf_counter()
            await pages.estimated(reading, components, asked)
            taken.append((time.perf_counter() - began_s) * 1000)
        return taken
    finally:
        await reading.close()


def report(servers: Sequence[Server]) -> None:
    """Print medians, and their ratios to the aim and to each peer."""
    ours, *others = servers
    for question, aim_ms in AIMS_MS.items():
        taken = ours.taken_ms[question]
        p50, p95 = np.percentile(taken, (50, 95))
        told = [
            f"{question}: p50 {p50:.2f} ms, {p50 / aim_ms:.2f} of the aim (p95 {p95:.2f} ms, "
            f"{ours.sizes[question] / 1000:,.0f} kB)"
        ]
        for one in others:
            if question in one.taken_ms:
                peer = float(np.median(one.taken_ms[question]))
                size = one.sizes[question] / 1000
                told.append(f"{p50 / peer:.3f} of {one.name} ({peer:,.1f} ms, {size:,.0f} kB)")
        print("; ".join(told), flush=True)


if __name__ == "__main__":
    main()
