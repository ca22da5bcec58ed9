"""Divisions, roads and grid cells of the Qingdao sample, from their public sources."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import shapely
from city_streets import Areas, Floats, Ints, Profile
from city_write import feature, write_geojson
from pyproj import Transformer

TOLERANCE_M = 5.0
CELL_SIDE_M = 100.0
CITY = ("370200", "青岛市", "Qingdao")
DISTRICTS = {  # official GB/T 2260 codes; OSM still has the abolished 370282 for Jimo
    "370202": ("市南区", "Shinan District"),
    "370203": ("市北区", "Shibei District"),
    "370211": ("黄岛区", "Huangdao District"),
    "370212": ("崂山区", "Laoshan District"),
    "370213": ("李沧区", "Licang District"),
    "370214": ("城阳区", "Chengyang District"),
    "370215": ("即墨区", "Jimo District"),
    "370281": ("胶州市", "Jiaozhou City"),
    "370283": ("平度市", "Pingdu City"),
    "370285": ("莱西市", "Laixi City"),
}
OSM_NAMES = {"青岛西海岸新区（黄岛区）": "黄岛区"}
ENGLISH = {  # where a transcription would not read well
    "370211401": "Lingshan Island Provincial Nature Reserve",
    "370214400": "Qingdao High-tech Industrial Development Zone",
    "370215400": "Tongji New Economic Zone",
    "370215402": "Tianheng Island Provincial Tourist Resort",
    "370281400": "Jiaozhou Economic and Technological Development Zone",
    "370281401": "Dagu River Provincial Eco-tourism Resort",
    "370283400": "Pingdu Economic Development Zone",
}
READINGS = {
    "藏马": "Cangma",
    "泊里": "Poli",
    "段泊岚": "Duanpolan",
    "琅琊": "Langya",
    "六汪": "Liuwang",
}
CSV_COLUMNS = ("code", "level", "parent_code", "name_zh", "name_en")


def english_name(code: str, name: str) -> str:
    """Pinyin with the kind of division translated: `Xianggang Zhonglu Subdistrict`."""
    if code in ENGLISH:
        return ENGLISH[code]
    kind, stem = ("Subdistrict", name[:-2]) if name.endswith("街道") else ("Town", name[:-1])
    tail = ""
    for ending, text in (("中路", " Zhonglu"), ("路", " Lu"), ("新区", " Xinqu")):
        if stem.endswith(ending):
            stem, tail = stem.removesuffix(ending), text
            break
    return f"{READINGS.get(stem) or pinyin(stem)}{tail} {kind}"


def pinyin(text: str) -> str:
    """One capitalised word, with an apostrophe before a later a, e or o."""
    from pypinyin import lazy_pinyin  # only this sample needs it: pip install pypinyin

    syllables = lazy_pinyin(text)
    word: str = syllables[0] + "".join(f"'{s}" if s[0] in "aeo" else s for s in syllables[1:])
    return word.capitalize()


def write_divisions(source: Path, out: Path) -> None:
    """`divisions.geojson.gz` and `communities.csv` from OSM and china-division files."""
    with (source / "china_division_2.7.0_qingdao_streets.csv").open(encoding="utf-8") as file:
        streets = list(csv.DictReader(file))
    with (source / "china_division_2.7.0_qingdao_villages.csv").open(encoding="utf-8") as file:
        villages = list(csv.DictReader(file))
    osm = pyogrio.read_dataframe(f"/vsigzip/{source.resolve()}/osm_admin_levels.geojson.gz")
    osm["name"] = osm["name"].replace(OSM_NAMES)
    projected = osm.to_crs(4549).geometry.to_numpy()
    shapes: dict[tuple[str, str], shapely.Geometry] = {}
    to_degrees = Transformer.from_crs(4549, 4490, always_xy=True)
    for level in ("5", "6", "8"):
        at = np.flatnonzero(osm["admin_level"].to_numpy() == level)
        simple = shapely.coverage_simplify(projected[at], TOLERANCE_M)
        simple = shapely.transform(simple, to_degrees.transform, interleaved=False)
        for index, shape in zip(at, simple, strict=True):
            shapes[level, osm["name"].iloc[index]] = multipolygon(shape)
    osm_source = "OpenStreetMap (ODbL); china-division 2.7.0"
    features = [division(CITY[0], "city", "", CITY[1], CITY[2], osm_source, shapes["5", CITY[1]])]
    for code, (name, english) in DISTRICTS.items():
        shape = shapes["6", name]
        features.append(division(code, "district", CITY[0], name, english, osm_source, shape))
    for street in streets:
        code, name = street["code"], street["name"]
        shape = shapes.get(("8", name))
        features.append(
            division(
                code,
                "subdistrict",
                street["areaCode"],
                name,
                english_name(code, name),
                osm_source if shape is not None else "china-division 2.7.0 (no polygon in OSM)",
                shape,
            )
        )
    write_geojson(out / "divisions.geojson.gz", iter(features))
    with (out / "communities.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for village in sorted(villages, key=lambda row: row["code"]):
            writer.writerow(
                [village["code"], "community", village["streetCode"], village["name"], ""]
            )


def division(
    code: str,
    level: str,
    parent: str,
    name: str,
    english: str,
    source: str,
    shape: shapely.Geometry | None,
) -> dict[str, object]:
    """One feature of `divisions.geojson.gz`."""
    values = (code, level, parent or None, name, english, source)
    return feature(dict(zip((*CSV_COLUMNS, "source"), values, strict=True)), shape, digits=6)


def multipolygon(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """Valid, on a grid of a millionth of a degree, as one MultiPolygon."""
    shape = shapely.make_valid(shapely.set_precision(shapely.make_valid(shape), 1e-6))
    parts = shapely.get_parts(shape)
    return shapely.MultiPolygon([p for p in shapely.get_parts(parts) if p.geom_type == "Polygon"])


def write_roads(source: Path, out: Path) -> None:
    """`roads.csv.gz`: every stretch of road once, in WGS 84."""
    table = pd.read_csv(source / "road_edgelist.csv.gz")
    to_degrees = Transformer.from_crs(32651, 4326, always_xy=True)
    nodes = table.drop_duplicates("START_NODE").set_index("START_NODE")[["XCoord", "YCoord"]]
    table = table[table["START_NODE"] != table["END_NODE"]]
    low = table[["START_NODE", "END_NODE"]].min(axis=1)
    high = table[["START_NODE", "END_NODE"]].max(axis=1)
    edges = pd.DataFrame({"start_node": low, "end_node": high, "length_m": table["LENGTH"]})
    edges = edges.sort_values(["start_node", "end_node", "length_m"])
    edges = edges.drop_duplicates(["start_node", "end_node"])
    result = {"start_node": edges["start_node"], "end_node": edges["end_node"]}
    for end in ("start", "end"):
        at = nodes.loc[edges[f"{end}_node"]]
        lon, lat = to_degrees.transform(at["XCoord"].to_numpy(), at["YCoord"].to_numpy())
        result[f"{end}_lon"], result[f"{end}_lat"] = np.round(lon, 6), np.round(lat, 6)
    result["length_m"] = edges["length_m"].round(1)
    text = pd.DataFrame(result).to_csv(index=False, lineterminator="\n")
    (out / "roads.csv.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def write_grid_cells(out: Path, profile: Profile, areas: Areas, xy: Floats) -> int:
    """`grid_cells.geojson.gz`: the squares of the metric grid that hold a component.

    A cell belongs to the subdistrict that its centre lies in (or is nearest to). Within a
    subdistrict the cells are put along a curve that keeps neighbours together, and cut into as
    many equal runs as it has communities.

    Args:
        out: folder of the profile, which already has `communities.csv`.
        profile: says what the projected system is.
        areas: the subdistricts.
        xy: a point of every component in projected metres.

    Returns:
        The number of cells.
    """
    cells = np.unique(np.floor(xy / CELL_SIDE_M).astype(np.int64), axis=0)
    centres = shapely.points((cells + 0.5) * CELL_SIDE_M)
    area = shapely.STRtree(areas.polygons).nearest(centres)
    communities: dict[str, list[str]] = {}
    with (out / "communities.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            communities.setdefault(row["parent_code"], []).append(row["code"])
    curve = morton(cells - cells.min(axis=0))

    def features() -> Iterator[dict[str, object]]:
        to_degrees = Transformer.from_crs(profile.projected_epsg, 4490, always_xy=True)
        corners = cells[:, None, :] + np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
        rings = np.stack(to_degrees.transform(*np.moveaxis(corners * CELL_SIDE_M, 2, 0)), axis=2)
        for index, code in enumerate(areas.codes):
            member = np.flatnonzero(area == index)
            member = member[np.argsort(curve[member])]
            runs = np.array_split(member, len(communities.get(code, "1")))
            for run, community in zip(runs, communities.get(code, [f"{code}001"]), strict=True):
                for serial, cell in enumerate(run, start=1):
                    if serial > 999:
                        raise ValueError(f"community {community} has more than 999 cells")
                    properties: dict[str, object] = {
                        "code": f"{community}{serial:03d}",
                        "subdistrict_code": code,
                        "is_synthetic": True,
                    }
                    yield feature(properties, shapely.Polygon(rings[cell]), digits=6)

    write_geojson(out / "grid_cells.geojson.gz", features())
    return len(cells)


def morton(cells: Ints) -> Ints:
    """Position along a Z-order curve, from the bits of both coordinates."""
    result = np.zeros(len(cells), dtype=np.int64)
    for bit in range(20):
        result |= ((cells[:, 0] >> bit) & 1) << (2 * bit)
        result |= ((cells[:, 1] >> bit) & 1) << (2 * bit + 1)
    return result
