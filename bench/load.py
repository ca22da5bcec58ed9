"""Load a city and its re-survey, beside ogr2ogr copying the same files into the same server.

    python bench/city.py /var/tmp/city --components 3500000 --resurvey
    python bench/load.py /var/tmp/city

Each step is a command of its own, timed whole. ogr2ogr (Debian: gdal-bin) copies the GeoPackage
into a table with a spatial index; `survey load` and `survey apply` check, locate and match every
row, keep what became of it, issue identifiers and register the components with all their indexes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

LIMITS = {"first load": 2.0, "re-survey": 2.5}
MEMORY_LIMIT_GB = 3.0
COPY_TABLE = "bench_copy"


@dataclass(frozen=True)
class Run:
    """A command that ran: how long, and its peak memory."""

    seconds: float
    peak_gb: float
    output: str


def run(command: list[str | Path], home: Path) -> Run:
    """Run a command; it must succeed."""
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            list(map(str, command)),
            stdout=output,
            env=os.environ | {"GIS_REGISTRY_HOME": str(home)},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        output.seek(0)
        if status != 0:
            raise SystemExit(f"{' '.join(map(str, command))} failed.")
        return Run(seconds, usage.ru_maxrss / 2**20, output.read())


def copy_with_ogr(ogr2ogr: str, home: Path, source: Path) -> Run:
    """Copy a GeoPackage into a table with a spatial index by ogr2ogr; drop the copy again."""
    host = json.loads(registry(home, "db", "status", "--json").output)["socket_dir"]
    target = f"PG:host={host} user=gis_registry dbname=gis_registry"
    names = ["-nln", COPY_TABLE, "-lco", "GEOMETRY_NAME=geom", "-overwrite"]
    done = run(
        [ogr2ogr, "-f", "PostgreSQL", target, source, *names, "--config", "PG_USE_COPY", "YES"],
        home,
    )
    registry(home, "db", "psql", "-qc", f"DROP TABLE {COPY_TABLE}")
    registry(home, "db", "psql", "-qc", "CHECKPOINT")
    return done


def registry(home: Path, *arguments: str | Path) -> Run:
    """Run a command of gis-registry."""
    return run([sys.executable, "-m", "gis_registry.cli.main", *map(str, arguments)], home)


def load(home: Path, source: Path, as_of: str) -> tuple[Run, Run, dict[str, int]]:
    """Load a survey and apply it."""
    loaded = registry(
        home, "survey", "load", source, "--class-field", "class_code", "--as-of", as_of, "--json"
    )
    summary = json.loads(loaded.output)
    applied = registry(home, "survey", "apply", str(summary["survey"]), "--json")
    registry(home, "db", "psql", "-qc", "CHECKPOINT")
    return loaded, applied, summary["verdicts"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("city", type=Path, help="what bench/city.py --resurvey wrote")
    parser.add_argument("--home", type=Path, help="scratch registry; it is made and removed")
    options = parser.parse_args(arguments)
    ogr2ogr = shutil.which("ogr2ogr")
    if ogr2ogr is None:
        parser.error("ogr2ogr is not installed; on Debian: apt-get install gdal-bin")
    home = options.home or Path(tempfile.mkdtemp(prefix="bench-load-"))
    surveys = (
        ("first load", options.city / "components_point.gpkg", "2026-06-30"),
        ("re-survey", options.city / "resurvey_point.gpkg", "2026-10-31"),
    )
    home.chmod(0o755)
    registry(home, "db", "start")
    within = True
    try:
        registry(home, "survey", "list")  # prepares the database
        for name, source, as_of in surveys:
            peer = copy_with_ogr(ogr2ogr, home, source)
            print(f"{name}: {source.name}")
            print(f"  ogr2ogr        {peer.seconds:7.1f} s", flush=True)
            loaded, applied, verdicts = load(home, source, as_of)
            seconds = loaded.seconds + applied.seconds
            peak_gb = max(loaded.peak_gb, applied.peak_gb)
            ratio = seconds / peer.seconds
            within &= ratio <= LIMITS[name] and peak_gb <= MEMORY_LIMIT_GB
            print(f"  survey load    {loaded.seconds:7.1f} s, {loaded.peak_gb:.2f} GB at most")
            print(f"  survey apply   {applied.seconds:7.1f} s, {applied.peak_gb:.2f} GB at most")
            print(f"  together       {ratio:7.2f} x ogr2ogr; limit {LIMITS[name]}")
            print(f"  memory         {peak_gb / MEMORY_LIMIT_GB:7.2f} of {MEMORY_LIMIT_GB} GB")
            print(f"  verdicts       {verdicts}", flush=True)
    finally:
        registry(home, "db", "stop")
        if options.home is None:
            shutil.rmtree(home)
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
