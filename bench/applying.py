"""What 16 clients read over HTTP while a survey of 100,000 rows is loaded and applied.

    python bench/applying.py [--home DIR] [--components 500000] [--rows 100000] [--clients 16]
        [--alone-s 20] [--pause-ms 0] [--worker] [--seed 7]

Runs on the registry that the settings name, or on one of its own in DIR, which is filled with a
synthetic city the first time. The survey is drawn from the registry: every point of some
subdistricts again, some of them moved, new or gone. Clients, each from an address of its own,
ask one server process for tiles, pages, totals and single features of these places: alone, while
the survey is loaded, while it is applied, and afterwards.

Every answer is compared whole with what was answered alone before and with what is answered
afterwards: it has to be one of both, and the earlier one never after anybody saw the later one.
Times are printed as ratios to those alone. At the end the survey is reverted: the registry says
what it said before, with the history of both.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from applying_answers import Clients, Moment, Question, judge, report_times, report_verdict
from day_city import Program, cpu_s, make_city, run
from intake import served
from morecantile import tms
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.maps import count_upkeep
from gis_registry.settings import Settings
from gis_registry.startup import open_registry

#: Shares of the survey's rows: what moved, is gone, and is new.
MOVED, GONE, NEW = 0.3, 0.08, 0.1
PLACES = 8
#: How long clients ask before it counts: connections and what is kept in memory come to be.
WARMING_S = 5.0
_COUNTS = "component_counts, component_count_changes, component_blocks, component_block_changes"
_ITEMS = "/ogc/collections/components{}/items"
_TILE = "/ogc/collections/components/tiles/WebMercatorQuad/{z}/{y}/{x}"
#: Every active point of some subdistricts, none of which is more than a fifth of the survey.
_POINTS = """
WITH points AS (
  SELECT code, class_id, subdistrict_code, accuracy_m, ST_X(geom) AS lon, ST_Y(geom) AS lat
  FROM components
  WHERE state = 'active' AND GeometryType(geom) = 'POINT'
), subdistricts AS (
  SELECT subdistrict_code, count(*) AS size,
    sum(count(*)) OVER (ORDER BY count(*) DESC, subdistrict_code) AS until
  FROM points
  WHERE subdistrict_code IS NOT NULL
  GROUP BY subdistrict_code HAVING count(*) * 5 <= :rows
)
SELECT points.code, k.code AS class_code, subdistrict_code, points.accuracy_m, lon, lat
FROM points
JOIN subdistricts USING (subdistrict_code)
JOIN component_classes k ON k.id = class_id
WHERE until - size < :rows
ORDER BY points.code
"""


@dataclass(frozen=True)
class Surveyed:
    """A survey's file with its mapping, and what was changed: identifiers and where they were."""

    path: Path
    mapping: Path
    changed: Sequence[tuple[str, float, float]]
    class_codes: Sequence[str]


def draw(session: Session, folder: Path, rows: int, seed: int) -> Surveyed:
    """Write a survey of what the registry holds, with its changes."""
    rng = np.random.default_rng(seed)
    found = pd.DataFrame(session.execute(text(_POINTS), {"rows": rows}).mappings().all())
    if found.empty:
        raise SystemExit("The registry holds no components: fill it first, or give --home.")
    fate = rng.choice(3, len(found), p=(1 - MOVED - GONE, MOVED, GONE))
    new = found.sample(round(NEW * len(found)), random_state=seed)
    metres = np.where(fate == 1, rng.uniform(2, 4, len(found)), 0.0)
    moved = shifted(found, metres, rng)[fate != 2]
    added = shifted(new, rng.uniform(65, 90, len(new)), rng)
    written = pd.concat([moved, added], ignore_index=True)
    points = gpd.points_from_xy(written.lon, written.lat, crs=4490)
    path = folder / "survey.gpkg"
    gpd.GeoDataFrame(written[["class_code", "accuracy_m"]], geometry=points).to_file(path)
    print(f"{len(written):,} rows: {(fate == 1).sum():,} moved, {len(new):,} new, "
          f"{(fate == 2).sum():,} gone", flush=True)  # fmt: skip
    changed = found[fate > 0].sample(frac=1, random_state=seed)
    classes = found.class_code.value_counts().index.tolist()
    mapping = folder / "mapping.toml"
    covered = json.dumps(sorted(found.subdistrict_code.unique()))
    mapping.write_text(f"coverage = {covered}\n")
    return Surveyed(
        path, mapping, list(zip(changed.code, changed.lon, changed.lat, strict=True)), classes
    )


def shifted(points: pd.DataFrame, metres: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return points so many metres off, each in another direction."""
    angle = rng.uniform(0, 2 * np.pi, len(points))
    north = metres * np.sin(angle) / 111_000
    east = metres * np.cos(angle) / (111_000 * np.cos(np.radians(points.lat)))
    return points.assign(lon=points.lon + east, lat=points.lat + north)


def questions_of(surveyed: Surveyed) -> list[Question]:
    """Return what is asked about the places of a survey; each kind of question as often."""
    grid = tms.get("WebMercatorQuad")
    places = surveyed.changed[:: max(1, len(surveyed.changed) // PLACES)][:PLACES]
    by_kind: dict[str, list[str]] = {}
    for z in (9, 12, 16):
        tiles = {grid.tile(lon, lat, z) for _, lon, lat in places}
        by_kind[f"tile z{z}"] = [_TILE.format(z=one.z, y=one.y, x=one.x) for one in tiles]
    items = _ITEMS.format("")
    boxes = (
        ",".join(f"{one:.6f}" for one in (lon - 0.003, lat - 0.0025, lon + 0.003, lat + 0.0025))
        for _, lon, lat in places
    )
    of_classes = [_ITEMS.format(f"-{code}") for code in surveyed.class_codes[:PLACES]]
    by_kind["item"] = [f"{items}/{code}" for code, _, _ in places]
    by_kind["first page"] = [items, *(f"{one}?limit=100" for one in of_classes[:3])]
    by_kind["total"] = [f"{one}?limit=1" for one in (items, *of_classes)]
    by_kind["box"] = [f"{items}?limit=1000&bbox={one}" for one in boxes]
    return [
        Question(kind, addresses[number % len(addresses)])
        for kind, addresses in by_kind.items()
        for number in range(max(PLACES, len(addresses)))
    ]


def observe(clients: Clients, surveyed: Surveyed, options: argparse.Namespace) -> tuple[str, bool]:
    """Load and apply the survey while clients ask; return its number, and whether all was well."""
    clients.ask_all()
    before = list(clients.answers)
    with clients.asking(options.clients, pause_s=options.pause_ms / 1000, seed=options.seed):
        time.sleep(WARMING_S)
        moments = [now()]
        time.sleep(options.alone_s)
        moments.append(now())
        said = ("--class-field", "class_code", "--mapping", surveyed.mapping, "--synthetic")
        forced = ("--force", "benchmark")  # of some class, more may be gone than is believable
        loaded = json.loads(run("survey", "load", surveyed.path, *said, *forced, "--json"))
        number = str(loaded["survey"])
        moments.append(now())
        run("survey", "apply", number)
        moments.append(now())
        time.sleep(options.alone_s / 2)
        moments.append(now())
    told = len(clients.answers)
    clients.ask_all()
    print(f"survey {number}: {loaded['verdicts']}", flush=True)
    is_well = report_times(clients.answers, moments)
    verdict = judge(clients, before, clients.answers[told:])
    return number, report_verdict(clients, verdict) and is_well


def now() -> Moment:
    """Return the time, and the processor time that everybody has used until now."""
    settings = Settings()
    server = EmbeddedServer(settings.home) if settings.database_url is None else None
    pid = server.status().pid if server is not None else None
    mine_s = time.process_time()
    used_s = {
        "database": cpu_s(pid) if pid is not None else 0.0,
        "API and survey": cpu_s(os.getpid()) - mine_s,
        "clients": mine_s,
    }
    return Moment(time.perf_counter(), used_s)


def totals(clients: Clients) -> list[str]:
    """Ask for the totals now; returns what they are."""
    asked = {one.address: one for one in clients.questions if one.kind == "total"}
    now = Clients(clients.port, list(asked.values()))
    now.ask_all()
    return [json.loads(body)["numberMatched"] for _, body in now.contents]


@contextmanager
def working(folder: Path, *, is_wanted: bool) -> Iterator[None]:
    """Run a worker, which folds the map's counts every minute, if it is wanted."""
    worker = Program("worker", says="Working", environment={}, log=folder / "worker.log")
    if is_wanted:
        worker.start()
    try:
        yield
    finally:
        worker.stop()


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--home", type=Path, help="a registry of its own, made the first time")
    parser.add_argument("--components", type=int, default=500_000, help="of the one in --home")
    parser.add_argument("--rows", type=int, default=100_000, help="of the survey, about")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--alone-s", type=float, default=20.0, help="how long they ask alone")
    parser.add_argument("--pause-ms", type=float, default=0.0, help="of a client, on average")
    parser.add_argument("--worker", action="store_true", help="let a worker run beside")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    if options.home is not None:
        make_city(options.home.absolute(), options.components)
    os.environ["GIS_REGISTRY_ANONYMOUS_ROLE"] = "reader"
    try:
        with tempfile.TemporaryDirectory(prefix="bench-applying-") as made:
            folder = Path(made)
            with open_registry(Settings(), tell=print) as database:
                with database.session() as session:
                    count_upkeep.fold(session)
                    surveyed = draw(session, folder, options.rows, options.seed)
                run("db", "psql", "-qc", f"VACUUM ANALYZE {_COUNTS}")
                with working(folder, is_wanted=options.worker), served(1) as port:
                    clients = Clients(port, questions_of(surveyed))
                    before = totals(clients)
                    number, is_well = observe(clients, surveyed, options)
                    done = json.loads(run("survey", "revert", number, "--json"))
                    is_undone = totals(clients) == before and not done["kept"]
                    print(f"reverted: {done['withdrawn']:,} withdrawn, {done['restored']:,} "
                          f"restored; totals as before: {is_undone}")  # fmt: skip
                with database.session() as session:
                    count_upkeep.fold(session)
    finally:
        if options.home is not None:
            run("db", "stop")
    return 0 if is_well and is_undone else 1


if __name__ == "__main__":
    sys.exit(main())
