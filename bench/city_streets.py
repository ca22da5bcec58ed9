"""Streets of a city in metres: read from its road graph, cut at its divisions, densified."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import shapely
from pyproj import Transformer

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EDGE_MARGIN_M = 80.0  # nothing is set nearer than this to the outer edge of the city
CELL_M = 1000.0  # density of roads is measured in squares of this size
URBAN_KM_PER_KM2 = 12.0  # this much road in a square, or more, counts as fully built up


@dataclass(frozen=True)
class Profile:
    """What the generator needs from a city profile folder."""

    folder: Path
    division_code: str
    name_zh: str
    projected_epsg: int
    center: tuple[float, float]
    files: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Profile:
        """Read `city.toml` in `folder`."""
        settings = tomllib.loads((folder / "city.toml").read_text(encoding="utf-8"))
        lon, lat = settings["map"]["center"]
        return cls(
            folder=folder,
            division_code=settings["division_code"],
            name_zh=settings["name_zh"],
            projected_epsg=settings["projected_epsg"],
            center=(lon, lat),
            files=settings["files"],
        )

    def to_metres(self) -> Transformer:
        """From (lon, lat) to (easting, northing): axis order is always x, y."""
        return Transformer.from_crs(4490, self.projected_epsg, always_xy=True)


@dataclass(frozen=True)
class Areas:
    """The subdistricts with a polygon, in projected metres."""

    codes: list[str]
    districts: list[str]  # code of the district that each belongs to
    polygons: npt.NDArray[np.object_]
    inside: shapely.Geometry  # the whole city, less a margin along its outer edge


def read_areas(profile: Profile) -> Areas:
    """The subdistricts of the first division file that has geometry."""
    name = next(f for f in profile.files["divisions"] if not f.endswith(".csv"))
    frame = pyogrio.read_dataframe(gdal_path(profile.folder / name))
    frame = frame[(frame["level"] == "subdistrict") & ~frame.geometry.is_empty]
    frame = frame.sort_values("code").to_crs(profile.projected_epsg)
    polygons = shapely.make_valid(frame.geometry.to_numpy())
    inside = shapely.union_all(polygons).buffer(-EDGE_MARGIN_M, quad_segs=2)
    shapely.prepare(inside)
    return Areas(list(frame["code"]), list(frame["parent_code"]), polygons, inside)


def gdal_path(path: Path) -> str:
    """The name under which GDAL reads a file that may be gzipped."""
    return f"/vsigzip/{path.resolve()}" if path.suffix == ".gz" else str(path)


@dataclass(frozen=True)
class Streets:
    """Straight stretches of road, each within one subdistrict; arrays of one length."""

    start: Floats  # (n, 2) projected metres
    end: Floats
    area: Ints  # index into Areas
    urbanity: Floats  # 0 open country … 1 fully built up
    width: Floats  # 1 for a road of the graph, less for a minor street: scales offsets
    number: Ints  # of the road, for its (made-up) name
    is_minor: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.area)

    @property
    def length_m(self) -> Floats:
        length: Floats = np.hypot(*(self.end - self.start).T)
        return length

    @property
    def middle(self) -> Floats:
        return (self.start + self.end) / 2

    def pick(self, which: Ints | npt.NDArray[np.bool_]) -> Streets:
        """The streets at these positions."""
        return Streets(**{k: getattr(self, k)[which] for k in self.__dataclass_fields__})

    def joined(self, other: Streets) -> Streets:
        """These streets, then the others."""
        return Streets(
            **{
                k: np.concatenate([getattr(self, k), getattr(other, k)])
                for k in self.__dataclass_fields__
            }
        )


def read_streets(profile: Profile, areas: Areas, roads: Path) -> Streets:
    """Read a road graph (`start_lon, start_lat, end_lon, end_lat`, WGS 84) as streets."""
    table = pd.read_csv(roads)
    to_metres = profile.to_metres()
    start = np.column_stack(to_metres.transform(table["start_lon"], table["start_lat"]))
    end = np.column_stack(to_metres.transform(table["end_lon"], table["end_lat"]))
    lines = shapely.linestrings(np.stack([start, end], axis=1))
    outside = ~shapely.contains_properly(areas.inside, lines)
    lines[outside] = shapely.intersection(lines[outside], areas.inside)
    tree = shapely.STRtree(areas.polygons)
    line_at, area_at = tree.query(lines, predicate="intersects")
    pieces = shapely.intersection(lines[line_at], areas.polygons[area_at])
    parts, piece_at = shapely.get_parts(pieces, return_index=True)
    keep = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) >= 5.0)
    parts, piece_at = parts[keep], piece_at[keep]
    coordinates = shapely.get_coordinates(parts)
    first = np.cumsum(shapely.get_num_coordinates(parts)) - shapely.get_num_coordinates(parts)
    last = first + shapely.get_num_coordinates(parts) - 1
    number = line_at[piece_at] + 1
    area = area_at[piece_at]
    order = np.lexsort((coordinates[first, 0], area, number))
    streets = Streets(
        start=coordinates[first][order],
        end=coordinates[last][order],
        area=area[order].astype(np.int64),
        urbanity=np.ones(len(order)),
        width=np.ones(len(order)),
        number=number[order].astype(np.int64),
        is_minor=np.zeros(len(order), dtype=bool),
    )
    return replace(streets, urbanity=urbanity(streets))


def urbanity(streets: Streets) -> Floats:
    """How built-up the surroundings of each street are, from the road length per square."""
    cell = np.floor(streets.middle / CELL_M).astype(np.int64)
    origin = cell.min(axis=0) - 1
    shape = cell.max(axis=0) - origin + 2
    grid = np.zeros(shape)
    at = cell - origin
    np.add.at(grid, (at[:, 0], at[:, 1]), np.minimum(streets.length_m, CELL_M) / 1000)
    padded = np.pad(grid, 1)
    smooth = np.zeros(shape)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            near = padded[1 + dx : 1 + dx + shape[0], 1 + dy : 1 + dy + shape[1]]
            smooth += near * (0.5 if (dx, dy) == (0, 0) else 0.0625)
    density: Floats = smooth[at[:, 0], at[:, 1]] / URBAN_KM_PER_KM2
    return np.clip(density, 0.02, 1.0)


def minor_streets(streets: Streets, areas: Areas, every_m: float, seed: int) -> Streets:
    """Made-up side streets that split the blocks along the built-up roads.

    Args:
        streets: the roads they leave from.
        areas: keeps them inside the city.
        every_m: distance between two of them along a fully built-up road.
        seed: of the random numbers.
    """
    rng = np.random.default_rng([seed, 11])
    length = streets.length_m
    gap = every_m / np.sqrt(streets.urbanity)
    count = np.where(length > 60, np.floor(length / gap), 0).astype(np.int64)
    parent = np.repeat(np.arange(len(streets)), count)
    nth = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
    along = (nth + 0.5) / count[parent]
    direction = (streets.end - streets.start) / length[:, None]
    normal = np.column_stack([-direction[:, 1], direction[:, 0]])[parent]
    side = np.where((nth + streets.number[parent]) % 2 == 0, 1.0, -1.0)[:, None]
    foot = streets.start[parent] + along[:, None] * (streets.end - streets.start)[parent]
    start = foot + side * normal * 14.0
    end = start + side * normal * rng.uniform(60, 150, len(parent))[:, None]
    ends_inside = shapely.contains_xy(areas.inside, end)
    starts_inside = shapely.contains_xy(areas.inside, start)
    keep = ends_inside & starts_inside
    return Streets(
        start=start[keep],
        end=end[keep],
        area=streets.area[parent][keep],
        urbanity=streets.urbanity[parent][keep],
        width=np.full(int(keep.sum()), 0.6),
        number=np.arange(1, int(keep.sum()) + 1),
        is_minor=np.ones(int(keep.sum()), dtype=bool),
    )
