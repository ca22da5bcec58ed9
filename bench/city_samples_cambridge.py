"""The Cambridge sample: real public-domain assets under a made-up organisation."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pyogrio
import shapely
from city_samples_divisions import multipolygon
from city_samples_units import FACT_COLUMNS, UNIT_COLUMNS
from city_write import feature, write_geojson
from geopandas import GeoDataFrame
from pyproj import Transformer

DIVISIONS = ("code", "level", "parent_code", "name_zh", "name_en", "source")
ORIGIN = "City of Cambridge GIS (PDDL 1.0); code made up"
CITY, DISTRICT = "990100", "990101"
SURVEYS = {
    "0137": "StreetLights_2017-07-31.geojson.gz",
    "0113": "Hydrants_2017-03-22.geojson.gz",
    "0305": "LitterBarrels_2017-11-13.geojson.gz",
    "0214": "Signals_2014-12-09.geojson.gz",
    "0227": "BikeRacks_2018-01-09.geojson.gz",
    "0130": "UtilityPoles_2013-08-15.geojson.gz",
}
EARLIER = ("StreetLights_2015-04-13.geojson.gz",)  # not loaded by the demo, but by tests
CENTRE = "CA-311"
DEPARTMENTS = {
    "CA-DPW": "Public Works",
    "CA-ELEC": "Electrical Department",
    "CA-FIRE": "Fire Department",
    "CA-ISD": "Inspectional Services",
    "CA-TPT": "Traffic and Parking",
    "CA-WATER": "Water Department",
    "CA-UTIL": "Electric Utility",
}
DUTIES = {  # supervisor, owner, maintainer
    "0137": ("CA-ELEC", "CA-ELEC", "CA-ELEC"),
    "0113": ("CA-FIRE", "CA-WATER", "CA-WATER"),
    "0305": ("CA-DPW", "CA-DPW", "CA-DPW"),
    "0214": ("CA-TPT", "CA-TPT", "CA-TPT"),
    "0227": ("CA-TPT", "CA-TPT", "CA-DPW"),
    "0130": ("CA-ELEC", "CA-UTIL", "CA-UTIL"),
}
MATTERS = {
    "CA-DPW": ("06010", "06011", "06012", "06013", "06042", "10001"),
    "CA-TPT": ("06016", "09009", "09010"),
    "CA-ISD": ("06001", "08001", "08004", "08016"),
    "CA-ELEC": ("10002",),
}
FIRE_LANE = "09012"  # handled by the engine company of the neighbourhood
REPORTS = """citizen 01037 0137 Street light out for a week
citizen 01037 0137 Light flickers all night
inspector 01013 0113 Hydrant leaking at the base
citizen 01013 0113 Hydrant cap missing
citizen 03005 0305 Litter barrel overflowing
inspector 03005 0305 Barrel knocked over
citizen 02014 0214 Walk signal not working
sensor 02014 0214 Signal controller reports a lamp failure
citizen 02027 0227 Bike rack loose
inspector 01030 0130 Pole leaning towards the street
citizen 06013 0137 Deep pothole
citizen 09012 0113 Car blocking the fire lane""".splitlines()
ACCURACY_M = {"citizen": 20, "inspector": 5, "sensor": 3}


def read(path: Path) -> GeoDataFrame:
    """A gzipped GeoJSON file as a GeoDataFrame."""
    return pyogrio.read_dataframe(f"/vsigzip/{path.resolve()}")


def write_cambridge(source: Path, out: Path) -> None:
    """All files of the sample but `city.toml` and `README.md`."""
    for name in (*SURVEYS.values(), *EARLIER):
        shutil.copyfile(source / name, out / name)
    hoods = read(source / "CDDNeighborhoods_2021-08-12.geojson.gz")
    hoods["number"] = hoods["N_HOOD"].astype(int)
    hoods = hoods.sort_values("number")
    hoods["code"] = [f"{DISTRICT}{number:03d}" for number in hoods["number"]]
    write_divisions(source, out, hoods)
    write_units(out)
    write_responsibilities(source, out, hoods)
    write_responders(source, out)
    rng = np.random.default_rng([7, 41])
    write_reports(out, rng)
    write_detections(out, rng, hoods)


def write_divisions(source: Path, out: Path, hoods: GeoDataFrame) -> None:
    """City, one district of the same extent, the neighbourhoods as subdistricts."""
    boundary = read(source / "CityBoundary_2020-06-15.geojson.gz").geometry.iloc[0]
    rows = [
        ((CITY, "city", None, "剑桥市", "Cambridge", ORIGIN), boundary),
        ((DISTRICT, "district", CITY, "剑桥市", "Cambridge", ORIGIN), boundary),
    ]
    rows += [
        ((row.code, "subdistrict", DISTRICT, row.NAME, row.NAME, ORIGIN), row.geometry)
        for row in hoods.itertuples()
    ]
    write_geojson(
        out / "divisions.geojson.gz",
        (
            feature(dict(zip(DIVISIONS, values, strict=True)), multipolygon(shape), digits=6)
            for values, shape in rows
        ),
    )


def write_units(out: Path) -> None:
    """A made-up tree of departments, with the engine companies under the Fire Department."""
    rows = [(CENTRE, "", "city_centre", "City of Cambridge 311 (example)", CITY)]
    rows += [
        (
            code,
            CENTRE,
            "enterprise" if code == "CA-UTIL" else "department",
            f"{name} (example)",
            CITY,
        )
        for code, name in DEPARTMENTS.items()
    ]
    rows += [
        (engine_code(n), "CA-FIRE", "grassroots", f"Engine Company {n} (example)", DISTRICT)
        for n in (1, 2, 3, 4, 5, 6, 8, 9)
    ]
    with (out / "units.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(UNIT_COLUMNS)
        for code, parent, kind, name, division in rows:
            writer.writerow([code, parent, kind, name, name, division, "true"])


def engine_code(number: int) -> str:
    """Code of an engine company."""
    return f"CA-FIRE-E{number}"


def write_responsibilities(source: Path, out: Path, hoods: GeoDataFrame) -> None:
    """By class, by matter, and Public Works for what is left in each neighbourhood."""
    facts = []
    for class_code, units in DUTIES.items():
        for role, unit in zip(("supervisor", "owner", "maintainer"), units, strict=True):
            facts.append((unit, role, class_code, "", CITY, "made up"))
    for unit, matters in MATTERS.items():
        facts += [(unit, "maintainer", "", matter, CITY, "made up") for matter in matters]
    engines = read(source / "FireEngineDistricts_2020-02-03.geojson.gz").to_crs(26986)
    for row in hoods.to_crs(26986).itertuples():
        shared = shapely.area(shapely.intersection(engines.geometry.to_numpy(), row.geometry))
        number = int(engines["ENGINE"].iloc[int(shared.argmax())].removeprefix("Engine "))
        note = "engine district that covers most of the neighbourhood"
        facts.append((engine_code(number), "maintainer", "", FIRE_LANE, row.code, note))
        facts.append(("CA-DPW", "maintainer", "", "", row.code, "made up: whatever is left"))
    with (out / "responsibilities.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FACT_COLUMNS)
        for unit, role, class_code, matter, division, note in facts:
            writer.writerow([unit, role, "", class_code, matter, division, "2020-01-01", "", note])


def write_responders(source: Path, out: Path) -> None:
    """The real fire stations; the unit codes are made up."""
    stations = read(source / "FireStations_2013-08-15.geojson.gz")
    features = []
    for row in stations.itertuples():
        number = 1 if "Headquarters" in row.SITE_NAME else int(row.SITE_NAME.split()[-1])
        properties: dict[str, object] = {
            "code": f"CA-S{number}",
            "unit_code": engine_code(number),
            "name_zh": f"{row.SITE_NAME}, {row.ADDRESS}",
            "name_en": f"{row.SITE_NAME}, {row.ADDRESS}",
            "kind": "station",
            "is_available": True,
            "is_synthetic": False,
        }
        features.append(feature(properties, row.geometry, digits=7))
    write_geojson(out / "responders.geojson", iter(features))


def write_reports(out: Path, rng: np.random.Generator) -> None:
    """A dozen made-up reports 3–12 m from real assets."""
    forth = Transformer.from_crs(4326, 26986, always_xy=True)
    with (out / "reports.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("key", "channel", "matter", "class", "lon", "lat", "accuracy_m", "text", "reported_at")
        )
        for number, line in enumerate(REPORTS, start=1):
            channel, matter, near, text = line.split(" ", 3)
            points = read(out / SURVEYS[near]).geometry
            point = points.iloc[int(rng.integers(len(points)))]
            angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(3, 12)
            x, y = forth.transform(point.x, point.y)
            lon, lat = forth.transform(
                x + far * np.cos(angle), y + far * np.sin(angle), direction="INVERSE"
            )
            writer.writerow(
                [f"C{number:02d}", channel, matter, "", f"{lon:.7f}", f"{lat:.7f}",
                 ACCURACY_M[channel], text,
                 f"2026-07-0{1 + number // 3}T{8 + number:02d}:15:00-04:00"]
            )  # fmt: skip


def write_detections(out: Path, rng: np.random.Generator, hoods: GeoDataFrame) -> None:
    """Three made-up drone detections."""
    with (out / "detections.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ("key", "image", "matter", "lon", "lat", "accuracy_m", "confidence", "taken_at", "note")
        )
        for number, (matter, at) in enumerate((("08004", 5), ("08004", 5), ("06001", 11)), start=1):
            point = hoods.geometry.iloc[at].representative_point()
            lon, lat = (np.array([point.x, point.y]) + rng.normal(0, 4e-5, 2)).tolist()
            writer.writerow(
                [f"D{number}", f"example_{number:04d}.jpg", matter, f"{lon:.7f}", f"{lat:.7f}", 8.0,
                 0.8, f"2026-07-02T10:0{number}:00-04:00", "made up"]
            )  # fmt: skip
