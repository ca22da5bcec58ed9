"""Generate a synthetic city of any size along the roads of a city profile.

    python bench/city.py OUT_DIR --components 3500000 --seed 7 --resurvey

writes `components_point`, `components_line` and `components_polygon` in the schema of the sample
data, and with `--resurvey` a second survey of the points, `resurvey_point`, whose truth is in
`truth.csv`. Everything in these files is made up, except for the course of the roads.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import numpy as np
from city_describe import City, read_units, survey_batches
from city_place import Placed, place, read_rules
from city_resurvey import Changes, resurvey, resurvey_batches, write_truth
from city_streets import Profile, read_areas, read_streets
from city_write import SUFFIXES, write_survey

HERE = Path(__file__).resolve().parent
GEOMETRIES = ("point", "line", "polygon")


def build_city(
    folder: Path, components: int, seed: int, roads: Path | None = None
) -> tuple[City, Placed, Placed]:
    """Lay out a city.

    Args:
        folder: a city profile with `synthesis.csv` and, unless `roads` is given, `roads.csv.gz`.
        components: how many to set.
        seed: the same seed gives the same city.
        roads: another road graph, in the same columns.

    Returns:
        The city, its components in the order of their keys (points, lines, polygons, each along
        its street), and the places left free.
    """
    profile = Profile.read(folder)
    rules = read_rules(folder / "synthesis.csv")
    areas = read_areas(profile)
    streets = read_streets(profile, areas, roads or folder / "roads.csv.gz")
    say(f"{len(streets):,} streets, {streets.length_m.sum() / 1000:,.0f} km")
    streets, placed, surplus = place(rules, streets, areas, components, seed)
    minor = int(streets.is_minor.sum())
    say(f"{len(streets):,} streets furnished, {minor:,} of them made-up side streets")
    if len(placed) < components:
        say(f"only {len(placed):,} fit")
    kind = np.array([GEOMETRIES.index(rule.geometry) for rule in rules])[placed.rule]
    placed = placed.pick(np.lexsort((placed.nth, placed.rule, placed.street, kind)))
    districts = sorted(set(areas.districts))
    city = City(profile, rules, areas, streets, read_units(profile, rules, districts), seed)
    return city, placed, surplus


def of_geometry(city: City, placed: Placed, geometry: str) -> Placed:
    """Those whose class has this geometry, in their order."""
    return placed.pick(np.array([r.geometry == geometry for r in city.rules])[placed.rule])


def write_components(out: Path, city: City, placed: Placed, file_format: str) -> list[Path]:
    """Write one file per geometry type; keys count on from one to the next."""
    written, first_key = [], 1
    for geometry in GEOMETRIES:
        part = of_geometry(city, placed, geometry)
        path = out / f"components_{geometry}.{SUFFIXES[file_format]}"
        batches = survey_batches(city, part, first_key)
        write_survey(path, batches, geometry=geometry, file_format=file_format)
        say(f"{path.name}: {len(part):,}")
        first_key += len(part)
        written.append(path)
    return written


def write_resurvey(
    out: Path, city: City, placed: Placed, surplus: Placed, changes: Changes, file_format: str
) -> None:
    """Write the second survey and its truth."""
    rows = resurvey(city, of_geometry(city, placed, "point"), surplus, changes)
    path = out / f"resurvey_point.{SUFFIXES[file_format]}"
    write_survey(path, resurvey_batches(city, rows), geometry="point", file_format=file_format)
    write_truth(out / "truth.csv", city, rows)
    say(f"{path.name}: {len(rows.rule):,}; {rows.truth['change'].value_counts().to_dict()}")


def say(text: str) -> None:
    """Progress, on standard error."""
    spent = time.monotonic() - STARTED
    print(f"{spent:6.1f} s  {text}", file=sys.stderr)


STARTED = time.monotonic()


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path, metavar="OUT_DIR")
    parser.add_argument("--components", type=int, default=3_500_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--profile", type=Path, default=HERE.parent / "data" / "samples" / "qingdao"
    )
    parser.add_argument("--roads", type=Path, help="default: roads.csv.gz of the profile")
    parser.add_argument("--format", choices=list(SUFFIXES), default="gpkg", dest="file_format")
    parser.add_argument("--resurvey", action="store_true", help="write a second survey as well")
    parser.add_argument("--noise-m", type=float, default=0.3, help="of every second position")
    parser.add_argument(
        "--move-m", type=float, default=3.0, help="what moved went 1 to 2 times this"
    )
    parser.add_argument("--moved", type=float, default=0.02)
    parser.add_argument("--removed", type=float, default=0.01)
    parser.add_argument("--added", type=float, default=0.01)
    parser.add_argument("--reclassified", type=float, default=0.005)
    parser.add_argument(
        "--restated", type=float, default=0.0, help="share whose state differs as well"
    )
    options = parser.parse_args(arguments)
    if not (options.profile / "synthesis.csv").is_file():
        parser.error(f"{options.profile} has no synthesis.csv, which says how classes are spaced")
    options.out.mkdir(parents=True, exist_ok=True)
    city, placed, surplus = build_city(
        options.profile, options.components, options.seed, options.roads
    )
    say(f"{len(placed):,} components set")
    write_components(options.out, city, placed, options.file_format)
    if options.resurvey:
        changes = Changes(
            noise_m=options.noise_m,
            move_m=options.move_m,
            moved=options.moved,
            removed=options.removed,
            added=options.added,
            reclassified=options.reclassified,
            restated=options.restated,
        )
        write_resurvey(options.out, city, placed, surplus, changes, options.file_format)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    say(f"done, at most {peak_gb:.1f} GB of memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
