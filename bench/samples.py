"""Build the two sample cities in `data/samples/` from their public sources.

    python bench/samples.py qingdao SOURCE_DIR     # OSM, china-division and road graph files
    python bench/samples.py cambridge SOURCE_DIR   # open data of the City of Cambridge

`city.toml`, `README.md` and `synthesis.csv` are written by hand and are not touched.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from pathlib import Path

import numpy as np
from city import build_city, say, write_components
from city_describe import City
from city_place import Placed
from city_samples_cambridge import write_cambridge
from city_samples_divisions import write_divisions, write_grid_cells, write_roads
from city_samples_reports import write_detections, write_reports
from city_samples_units import write_responders, write_responsibilities, write_units
from city_streets import Floats

SAMPLES = Path(__file__).resolve().parent.parent / "data" / "samples"
COMPONENTS, SEED = 20_000, 7


def build_qingdao(source: Path, out: Path) -> None:
    """Divisions first, then who is responsible, then what stands on the streets."""
    write_divisions(source, out)
    write_roads(source, out)
    subdistricts = read_subdistricts(out)
    with (out / "synthesis.csv").open(encoding="utf-8", newline="") as file:
        rules = list(csv.DictReader(file))
    units = write_units(out, subdistricts)
    facts = write_responsibilities(out, subdistricts, rules)
    say(f"{len(units)} units, {facts} responsibilities")
    city, placed, _ = build_city(out, COMPONENTS, SEED)
    write_components(out, city, placed, "geojson")
    say(f"{write_grid_cells(out, city.profile, city.areas, placed.xy)} grid cells")
    say(f"{write_responders(out, units, places_of(city, placed))} responders")
    say(f"{write_reports(out, city, placed)} reports")
    say(f"{write_detections(out, city, placed)} detections")


def read_subdistricts(out: Path) -> list[tuple[str, str, str, str]]:
    """Code, district code, Chinese and English name."""
    with gzip.open(out / "divisions.geojson.gz", "rt", encoding="utf-8") as file:
        rows = [feature["properties"] for feature in json.load(file)["features"]]
    return [
        (row["code"], row["parent_code"], row["name_zh"], row["name_en"])
        for row in rows
        if row["level"] == "subdistrict"
    ]


def places_of(city: City, placed: Placed) -> dict[str, Floats]:
    """Per district, (lon, lat) of a place 6 m beside every component."""
    district = np.array(city.areas.districts)[city.streets.area[placed.street]]
    lonlat = np.column_stack(city.to_degrees.transform(placed.xy[:, 0] + 6.0, placed.xy[:, 1]))
    return {code: lonlat[district == code] for code in np.unique(district).tolist()}


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("city", choices=["qingdao", "cambridge"])
    parser.add_argument("source", type=Path, metavar="SOURCE_DIR")
    parser.add_argument("--out", type=Path, help="default: data/samples/CITY")
    options = parser.parse_args(arguments)
    out = options.out or SAMPLES / options.city
    build = build_qingdao if options.city == "qingdao" else write_cambridge
    build(options.source, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
