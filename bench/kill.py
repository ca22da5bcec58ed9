"""Kill the program or the server at random moments of a load and its apply, and look what is left.

    python bench/kill.py [--moments 20] [--seed 7]

A registry with the sample city is made once; a re-survey of it is loaded and applied undisturbed,
for the result and the time it takes. Then, each time on a copy of the registry as it was before,
the program or the database server is killed (SIGKILL) at a random moment; `db check` must find
nothing torn, and doing the same again must end with the same registry.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np

SAMPLE = Path(__file__).resolve().parent.parent / "data/samples/qingdao/components_point.geojson.gz"
BY_FIELD = ("--class-field", "class_code")
#: Everything that a registry says, but for the numbers of changes and times.
FINGERPRINT = """
SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
  SELECT to_jsonb(c) - 'change_id' || '{"table": "components"}' FROM components c
  UNION ALL
  SELECT to_jsonb(h) - 'change_id' - 'ended_by' || '{"table": "component_history"}'
  FROM component_history h
  UNION ALL
  SELECT to_jsonb(b) - 'change_id' || '{"table": "identifier_blocks"}' FROM identifier_blocks b
  UNION ALL
  SELECT to_jsonb(s) || '{"table": "serial_counters"}' FROM serial_counters s
  UNION ALL
  SELECT to_jsonb(r) - 'survey_id' || '{"table": "survey_rows"}' FROM survey_rows r
) AS lines (content) CROSS JOIN LATERAL (SELECT content::text AS line) AS as_text
"""


def command(*arguments: str | Path) -> list[str]:
    """Return a command of gis-registry."""
    return [sys.executable, "-m", "gis_registry.cli.main", *map(str, arguments)]


class Registry:
    """A registry in a folder."""

    def __init__(self, home: Path) -> None:
        """Take the folder."""
        self.home = home
        self.environment = os.environ | {"GIS_REGISTRY_HOME": str(home)}

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command that must succeed."""
        done = subprocess.run(
            command(*arguments), env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{arguments} failed:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def fingerprint(self) -> str:
        """Return a digest of everything in the registry."""
        return self("db", "psql", "-qtAc", FINGERPRINT).strip()

    def begin(self, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """Start a command and go on."""
        return subprocess.Popen(
            command(*arguments),
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill_server(self) -> None:
        """Kill the database server."""
        os.kill(json.loads(self("db", "status", "--json"))["pid"], signal.SIGKILL)


def write_resurvey(path: Path, seed: int) -> None:
    """Write the sample's points a second time: some moved, changed, gone or new."""
    rng = np.random.default_rng(seed)
    points = gpd.read_file(f"/vsigzip/{SAMPLE}").drop(columns="source_key")
    points = points[rng.random(len(points)) > 0.02]
    metres = rng.normal(0, 0.2, (len(points), 2))
    metres[rng.random(len(points)) < 0.05] *= 15
    degrees = metres / (91_000, 111_000)
    points["geometry"] = gpd.points_from_xy(
        points.geometry.x + degrees[:, 0], points.geometry.y + degrees[:, 1], crs=points.crs
    )
    points.to_file(path)


def finish(registry: Registry, resurvey: Path) -> None:
    """Load and apply the re-survey, or go on with it where it is staged already."""
    surveys = json.loads(registry("survey", "list", "--json"))
    newest = surveys[0]
    if newest["file_name"] != resurvey.name:
        newest = json.loads(
            registry("survey", "load", resurvey, *BY_FIELD, "--as-of", "2026-09-30", "--json")
        )
    registry("survey", "apply", str(newest["survey"]))


def disturb(registry: Registry, resurvey: Path, moment_s: float, target: str) -> str:
    """Load and apply, and kill the target at a moment; return what was going on."""
    ends = time.monotonic() + moment_s
    step = registry.begin("survey", "load", resurvey, *BY_FIELD, "--as-of", "2026-09-30")
    going_on = "load"
    while time.monotonic() < ends:
        if step.poll() is not None and going_on == "load":
            step = registry.begin("survey", "apply", "2")
            going_on = "apply"
        elif step.poll() is not None:
            break
        time.sleep(0.005)
    if target == "program":
        step.kill()
    else:
        registry.kill_server()
    step.wait()
    return going_on


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    chance = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="bench-kill-"))
    folder.chmod(0o755)
    try:
        resurvey = folder / "resurvey.gpkg"
        write_resurvey(resurvey, options.seed)
        before = Registry(folder / "before")
        before("db", "start")
        before("survey", "load", SAMPLE, *BY_FIELD, "--as-of", "2026-06-30")
        before("survey", "apply", "1")
        before("db", "stop")

        undisturbed = copy_of(before, folder / "undisturbed")
        started = time.monotonic()
        finish(undisturbed, resurvey)
        whole_s = time.monotonic() - started
        wanted = undisturbed.fingerprint()
        undisturbed("db", "stop")
        print(f"undisturbed: {whole_s:.1f} s")

        sound = 0
        for number in range(options.moments):
            target = ("program", "server")[number % 2]
            moment_s = chance.uniform(0, whole_s)
            registry = copy_of(before, folder / "killed")
            going_on = disturb(registry, resurvey, moment_s, target)
            registry("db", "check")
            finish(registry, resurvey)
            same = registry.fingerprint() == wanted
            registry("db", "check", "--quiet")
            sound += same
            outcome = "the same registry" if same else "ANOTHER REGISTRY"
            print(f"{target:8} killed after {moment_s:5.2f} s ({going_on}): {outcome}", flush=True)
            registry("db", "stop")
            shutil.rmtree(registry.home)
        print(f"{sound} of {options.moments} ended as undisturbed ({sound / options.moments:.2f})")
        return int(sound != options.moments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy_of(registry: Registry, home: Path) -> Registry:
    """Return a copy of a registry whose server is stopped, with the server started."""
    subprocess.run(["cp", "-a", registry.home, home], check=True)  # noqa: S607  keeps the owner
    copy = Registry(home)
    copy("db", "start")
    return copy


if __name__ == "__main__":
    sys.exit(main())
