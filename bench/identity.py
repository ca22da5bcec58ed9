"""Whether components keep their identity through a re-survey that carries no keys.

    python bench/identity.py cambridge FOLDER     two versions of real files, keys as the truth
    python bench/identity.py pair EARLIER LATER --key FIELD --class CODE [--city PROFILE]
    python bench/identity.py synthetic CITY_DIR   what bench/city.py --resurvey wrote

The earlier version is loaded and applied, the later one loaded without its key, in a scratch
registry; then each row's component is held against the key. A key is the truth where it stands once
in both versions and its two places are at most STABLE_M apart: keys farther apart were given to
another thing. Every wrong pair is printed.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from gis_registry.surveys.matching import earth_centred

STABLE_M = 20.0
PRECISION, RECALL, F1 = 0.999, 0.98, 0.999
CAMBRIDGE = (
    ("0137", "StreetLights_2015-04-13", "StreetLights_2017-07-31", "PoleID"),
    ("0113", "Hydrants_2013-08-15", "Hydrants_2017-03-22", "HYDRANT_ID"),
)
MOST_PRINTED = 50


@dataclass(frozen=True)
class Figures:
    """How many identities were kept rightly, wrongly, or not."""

    right: int
    wrong: int
    lost: int

    @property
    def precision(self) -> float:
        """Share of right ones among those that were found."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Share of right ones among those that are true."""
        return self.right / max(self.right + self.lost, 1)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two."""
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-12)


class Registry:
    """A scratch registry, asked by commands."""

    def __init__(self, city: str) -> None:
        """Make one of a city."""
        self.home = Path(tempfile.mkdtemp(prefix="bench-identity-"))
        self.home.chmod(0o755)
        self._environment = os.environ | {
            "GIS_REGISTRY_HOME": str(self.home),
            "GIS_REGISTRY_CITY": city,
        }
        self("db", "start")

    def __call__(self, *arguments: str | Path) -> str:
        """Run a command and return what it prints."""
        command = [sys.executable, "-m", "gis_registry.cli.main", *map(str, arguments)]
        done = subprocess.run(
            command, env=self._environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout

    def load(self, path: Path, *options: str) -> int:
        """Load a survey and return its number."""
        return int(json.loads(self("survey", "load", path, *options, "--json"))["survey"])

    def rows(self, survey: int) -> pd.DataFrame:
        """Return what became of the rows of a survey, those of its file."""
        text = self("survey", "rows", str(survey), "--format", "csv")
        rows = pd.read_csv(io.StringIO(text), dtype={"code": str, "row": "Int64"})
        return rows[rows["row"].notna()]

    def close(self) -> None:
        """Stop its server and remove it."""
        self("db", "stop")
        shutil.rmtree(self.home)


def read(path: Path) -> gpd.GeoDataFrame:
    """Read a vector file, gzipped or not, in degrees."""
    name = f"/vsigzip/{path.resolve()}" if path.suffix == ".gz" else str(path)
    return pyogrio.read_dataframe(name).to_crs(4326)


def pair(earlier: Path, later: Path, *, key: str, class_code: str, city: str) -> Figures:
    """Measure one pair of versions of a file."""
    before, after = read(earlier), read(later)
    registry = Registry(city)
    try:
        options = ("--class", class_code, "--crs", "wgs84")
        first = registry.load(earlier, *options)
        registry("survey", "apply", str(first))
        codes = registry.rows(first).set_index("row")["code"]
        keyless = registry.home / "later.gpkg"
        after.drop(columns=key).to_file(keyless)
        force = ("--force", "its truth is known")
        found = registry.rows(registry.load(keyless, "--class", class_code, *force))
    finally:
        registry.close()
    key_of_code = dict(zip(codes, keys_of(before, key), strict=False))
    return compare(found, keys_of(after, key), key_of_code, stable_keys(before, after, key))


def keys_of(frame: gpd.GeoDataFrame, key: str) -> list[str]:
    """Return the keys of rows as text, empty where there is none."""
    return ["" if pd.isna(one) else str(one).strip() for one in frame[key]]


def stable_keys(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame, key: str) -> set[str]:
    """Return the keys that stand once in both versions, at most STABLE_M apart."""
    places = []
    for frame in (before, after):
        keys = keys_of(frame, key)
        once = {one for one, count in Counter(keys).items() if count == 1 and one}
        points = shapely.centroid(frame.geometry.to_numpy())
        xyz = earth_centred(shapely.get_x(points), shapely.get_y(points))
        places.append({one: xyz[at] for at, one in enumerate(keys) if one in once})
    return {
        one
        for one in places[0].keys() & places[1].keys()
        if np.linalg.norm(places[0][one] - places[1][one]) <= STABLE_M
    }


def compare(
    found: pd.DataFrame, keys: list[str], key_of_code: dict[str, str], stable: set[str]
) -> Figures:
    """Hold what was found against the keys."""
    decided = found[found["verdict"].isin(["unchanged", "moved", "changed", "reclassified"])]
    right, wrong = 0, []
    for row, code, metres in zip(
        decided["row"], decided["code"], decided["distance_m"], strict=True
    ):
        is_, was = keys[int(row) - 1], key_of_code.get(code, "")
        if is_ in stable and is_ == was:
            right += 1
        elif is_ in stable or was in stable:
            wrong.append(f"row {row}: key {is_!r} became {code}, whose key was {was!r}, {metres} m")
    for line in wrong[:MOST_PRINTED]:
        print("    wrong", line)
    print(f"    verdicts {found['verdict'].value_counts().to_dict()}, {len(stable)} stable keys")
    return Figures(right, len(wrong), len(stable) - right)


def synthetic(folder: Path) -> Figures:
    """Measure the synthetic city, whose truth is known row by row."""
    registry = Registry("qingdao")
    try:
        by_field = ("--class-field", "class_code")
        first = registry.load(folder / "components_point.gpkg", *by_field)
        registry("survey", "apply", str(first))
        codes = registry.rows(first).sort_values("row")["code"].to_numpy()
        found = registry.rows(registry.load(folder / "resurvey_point.gpkg", *by_field))
    finally:
        registry.close()
    truth = pd.read_csv(folder / "truth.csv", dtype={"source_key": str, "resurvey_row": "Int64"})
    truth = truth[truth["resurvey_row"].notna()].sort_values("resurvey_row")
    keys = truth["source_key"].fillna("").str.rsplit("-", n=1).str[-1]
    number = np.where(keys == "", 0, keys.where(keys != "", "0").astype(int))
    should = np.where(number > 0, codes[number - 1], "")
    found = found.sort_values("row")
    decided = found["verdict"].isin(["unchanged", "moved", "changed", "reclassified"]).to_numpy()
    is_ = np.where(decided, found["code"].to_numpy(), "")
    print_errors(found, truth, should, is_)
    right = int(((is_ == should) & (should != "")).sum())
    wrong = int(((is_ != should) & (is_ != "")).sum())
    return Figures(right, wrong, int((should != "").sum()) - right)


def print_errors(
    found: pd.DataFrame, truth: pd.DataFrame, should: NDArray[np.object_], is_: NDArray[np.object_]
) -> None:
    """Count what happened to what, and write every error beside."""
    changes = truth["change"].to_numpy()
    outcome = np.select(
        [
            (found["verdict"] == "ambiguous").to_numpy(),
            (is_ == should) & (should != ""),
            (is_ == "") & (should == ""),
            is_ == "",
        ],
        ["ambiguous", "right", "rightly new", "lost"],
        "wrong",
    )
    print(pd.crosstab(changes, outcome).to_string())
    errors = np.flatnonzero((outcome == "wrong") | (outcome == "lost"))
    writer = csv.writer(sys.stdout)
    for at in errors:
        line = found.iloc[at]
        writer.writerow(
            [
                "error",
                line["row"],
                changes[at],
                line["verdict"],
                should[at],
                is_[at],
                line["reason"],
            ]
        )


def report(name: str, figures: Figures, *, limits: dict[str, float]) -> bool:
    """Print figures beside their limits."""
    within = True
    for what, limit in limits.items():
        value = getattr(figures, what)
        within &= value >= limit
        print(f"  {what:10} {value:.5f}; limit {limit} ({value / limit:.4f} of it)")
    print(f"  {name}: {figures.right} right, {figures.wrong} wrong, {figures.lost} not found")
    return within


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    real = commands.add_parser("cambridge")
    real.add_argument("folder", type=Path)
    one = commands.add_parser("pair")
    one.add_argument("earlier", type=Path)
    one.add_argument("later", type=Path)
    one.add_argument("--key", required=True)
    one.add_argument("--class", dest="class_code", required=True)
    one.add_argument("--city", default="cambridge")
    made = commands.add_parser("synthetic")
    made.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    keys = {"precision": PRECISION, "recall": RECALL}
    if options.command == "synthetic":
        return not report("synthetic", synthetic(options.folder), limits={"f1": F1})
    if options.command == "pair":
        pairs = [(options.class_code, options.earlier, options.later, options.key, options.city)]
    else:
        pairs = [
            (
                code,
                options.folder / f"{earlier}.geojson.gz",
                options.folder / f"{later}.geojson.gz",
                key,
                "cambridge",
            )
            for code, earlier, later, key in CAMBRIDGE
        ]
    within = True
    for code, earlier, later, key, city in pairs:
        print(f"{earlier.name} → {later.name}, class {code}, key {key}")
        figures = pair(earlier, later, key=key, class_code=code, city=city)
        within &= report(earlier.name, figures, limits=keys)
    return not within


if __name__ == "__main__":
    sys.exit(main())
