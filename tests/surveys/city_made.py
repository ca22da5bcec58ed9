"""Components made for tests of whole deliveries: lamps along streets, and surveys of them."""

from pathlib import Path

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from project import SAMPLES
from pyproj import CRS

from gis_registry.places.datums import Datum
from gis_registry.surveys.delivery import Delivery, Registered
from gis_registry.surveys.findings import BatchContext
from gis_registry.surveys.placement import Rows

Floats = NDArray[np.float64]

LIGHT_ID, COVER_ID = 1, 2
QINGDAO = shapely.box(119.5, 35.5, 121.0, 37.2)
CAMBRIDGE = shapely.box(-71.165, 42.35, -71.06, 42.41)


def streets(seed: int, count: int = 60, *, class_id: int = LIGHT_ID) -> Rows:
    """Return lamps about every 30 m along streets that run in all directions, within 3 km."""
    random = np.random.default_rng(seed)
    lon, lat = [], []
    for _ in range(count):
        at, direction = random.uniform(-1500, 1500, 2), random.uniform(0, 2 * np.pi)
        along = np.cumsum(random.uniform(25, 35, random.integers(5, 30)))
        lon.append(at[0] + along * np.cos(direction))
        lat.append(at[1] + along * np.sin(direction))
    east, north = np.concatenate(lon), np.concatenate(lat)
    here = Rows(
        np.full(len(east), 120.3),
        np.full(len(east), 36.1),
        np.full(len(east), class_id, dtype=np.int32),
        np.full(len(east), 0.5),
    )
    return here.at(
        here.lon + east / (111_195 * np.cos(np.radians(36.1))), here.lat + north / 111_195
    )


def surveyed_again(rows: Rows, seed: int, *, noise_m: float = 0.3, moved: float = 0.0) -> Rows:
    """Return rows as another crew finds them, a share of them really moved by some metres."""
    random = np.random.default_rng(seed)
    east, north = random.normal(0, noise_m, (2, len(rows)))
    far = random.random(len(rows)) < moved
    east[far] += random.uniform(3, 15, far.sum())
    return rows.shifted(east, north)  # type: ignore[arg-type]  # a shift for each is as good


def joined(*parts: Rows) -> Rows:
    """Return rows one after another."""
    return Rows(
        np.concatenate([one.lon for one in parts]),
        np.concatenate([one.lat for one in parts]),
        np.concatenate([one.class_ids for one in parts]),
        np.concatenate([one.accuracies_m for one in parts]),
    )


def registered(rows: Rows) -> Registered:
    """Return rows as registered components."""
    count = len(rows)
    return Registered(
        codes=np.array([f"370202{one:010d}" for one in range(count)], dtype="S16"),
        class_ids=rows.class_ids,
        lon=rows.lon,
        lat=rows.lat,
        accuracies_m=rows.accuracies_m,
        versions=np.ones(count, dtype=np.int32),
        areas=np.zeros(count, dtype=np.int32),
        fingerprints=np.zeros(count, dtype=np.int64),
        unit_ids=np.zeros((count, 3), dtype=np.int32),
    )


def delivered(rows: Rows, raw: tuple[Floats, Floats] | None = None) -> Delivery:
    """Return rows as a delivery; ``raw`` is what the file has, if other than degrees."""
    raw_x, raw_y = raw if raw is not None else (rows.lon, rows.lat)
    return Delivery(
        lon=rows.lon,
        lat=rows.lat,
        raw_x=np.asarray(raw_x),
        raw_y=np.asarray(raw_y),
        class_ids=rows.class_ids,
        accuracies_m=rows.accuracies_m,
        is_good=np.ones(len(rows), dtype=bool),
        divisions=np.zeros(len(rows), dtype=np.int32),
        areas=np.zeros(len(rows), dtype=np.int32),
        unit_ids=np.zeros((len(rows), 3), dtype=np.int32),
    )


def context(
    system: CRS | Datum = Datum.WGS84,
    *,
    outline: shapely.Geometry | None = QINGDAO,
    projected_epsg: int = 4549,
    **known: object,
) -> BatchContext:
    """Return what a delivery is held against."""
    name = system.value if isinstance(system, Datum) else f"EPSG:{system.to_epsg()}"
    return BatchContext(
        system=system,
        system_name=name,
        outline=outline,
        tolerance_m=500,
        projected_epsg=projected_epsg,
        edition_key="gbt30428-2013",
        **known,  # type: ignore[arg-type]
    )


def cambridge_lights(year: str) -> Rows:
    """Return the real lights of Cambridge of a version."""
    (path,) = (Path(SAMPLES) / "cambridge").glob(f"StreetLights_{year}*.geojson.gz")
    meta, table = pyogrio.read_arrow(f"/vsigzip/{path}", columns=[])
    shapes = shapely.from_wkb(table[meta["geometry_name"] or "wkb_geometry"].to_numpy())
    count = len(shapes)
    return Rows(
        shapely.get_x(shapes),
        shapely.get_y(shapes),
        np.full(count, LIGHT_ID, dtype=np.int32),
        np.full(count, 2.0),
    )
