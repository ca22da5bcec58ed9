"""A made-up city is the same for the same seed, keeps its distances, and knows its own truth."""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import city as generator
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from city_describe import City
from city_place import Placed, joined
from city_resurvey import Changes
from city_streets import gdal_path
from geopandas import GeoDataFrame, GeoSeries
from numpy.typing import NDArray
from project import PROJECT, SAMPLES

COMPONENTS = 3000
SEED = 7
SHARES = {"moved": 0.02, "removed": 0.01, "added": 0.01, "reclassified": 0.005}  # the defaults
NOISE_M, MOVE_M = 0.3, 3.0
LEAST_OF_A_CLASS = 8
LEAST_APART_M = 2.0  # two of one class
ROUNDING_M = 0.016  # of a distance: each end is rounded to 1e-7 degrees, which is 8 mm at most
FILES = {
    *(f"components_{geometry}.geojson.gz" for geometry in generator.GEOMETRIES),
    "resurvey_point.geojson.gz",
    "truth.csv",
}


def _arguments(out: Path, seed: int) -> list[str]:
    options = ("--components", COMPONENTS, "--seed", seed, "--format", "geojson", "--resurvey")
    return [str(out), *map(str, options)]


def _written(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def _read(path: Path) -> GeoDataFrame:
    return pyogrio.read_dataframe(gdal_path(path))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that a city and its second survey were written to."""
    out = tmp_path_factory.mktemp("city")
    assert generator.main(_arguments(out, SEED)) == 0
    return out


@pytest.fixture(scope="module")
def components(folder: Path) -> dict[str, GeoDataFrame]:
    """Return the first survey by geometry."""
    return {
        geometry: _read(folder / f"components_{geometry}.geojson.gz")
        for geometry in generator.GEOMETRIES
    }


@pytest.fixture(scope="module")
def built() -> tuple[City, Placed, Placed]:
    """Return the same city, its components, and the places left free, in memory."""
    return generator.build_city(SAMPLES / "qingdao", COMPONENTS, SEED)


def test_the_same_seed_writes_the_same_bytes_in_another_process(
    folder: Path, tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, str(PROJECT / "bench" / "city.py"), *_arguments(tmp_path, SEED)],
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONHASHSEED": "1"},
        timeout=60,
    )
    assert set(_written(folder)) == FILES
    assert _written(tmp_path) == _written(folder)


def test_another_seed_writes_another_city(folder: Path, tmp_path: Path) -> None:
    generator.main(_arguments(tmp_path, SEED + 1))
    one, other = _written(folder), _written(tmp_path)
    assert set(one) == set(other) == FILES
    assert [name for name in FILES if one[name] == other[name]] == []


@pytest.mark.parametrize("file_format", ["gpkg", "fgb"])
def test_each_format_has_the_same_rows(
    built: tuple[City, Placed, Placed],
    components: dict[str, GeoDataFrame],
    tmp_path: Path,
    file_format: str,
) -> None:
    city, placed, _ = built
    written = generator.write_components(tmp_path, city, placed, file_format)
    for path, expected in zip(written, components.values(), strict=True):
        frame = pyogrio.read_dataframe(path)
        assert _texts(frame, columns=frame.columns).equals(_texts(expected, columns=frame.columns))
        assert set(expected.columns) <= set(frame.columns)
        assert shapely.equals_exact(frame.geometry, expected.geometry, tolerance=1e-9).all()


def _texts(frame: GeoDataFrame, *, columns: pd.Index) -> pd.DataFrame:
    """Return the attributes as text: of GeoJSON, GDAL guesses dates and misses empty columns."""
    attributes = pd.DataFrame(frame).reindex(columns=columns.drop("geometry"))
    return attributes.astype("string").fillna("")


def test_all_components_are_there_with_keys_that_count_on(
    components: dict[str, GeoDataFrame],
) -> None:
    keys = [key for frame in components.values() for key in frame["source_key"]]
    assert keys == [f"370200-{number:07d}" for number in range(1, COMPONENTS + 1)]


def test_all_that_is_made_up_says_so(folder: Path) -> None:
    surveys = [_read(folder / name) for name in FILES if name.endswith(".geojson.gz")]
    assert all(frame["is_synthetic"].all() for frame in surveys)


def test_every_class_is_there_in_its_geometry(
    built: tuple[City, Placed, Placed], components: dict[str, GeoDataFrame]
) -> None:
    rules = built[0].rules
    assert len(rules) == 115
    for geometry, frame in components.items():
        expected = {rule.class_code for rule in rules if rule.geometry == geometry}
        count = Counter(frame["class_code"])
        assert set(count) == expected
        assert min(count.values()) >= LEAST_OF_A_CLASS
        assert set(frame.geom_type) == {
            {"point": "Point", "line": "LineString", "polygon": "Polygon"}[geometry]
        }


def test_no_two_of_a_class_stand_nearer_than_the_minimum(
    built: tuple[City, Placed, Placed], components: dict[str, GeoDataFrame]
) -> None:
    city, placed, surplus = built
    everything = joined([placed, surplus])
    assert _least_distance(everything.rule, everything.xy) >= LEAST_APART_M
    points = components["point"]
    xy = _metres(points.geometry, city.profile.projected_epsg)
    classes = points["class_code"].astype(int).to_numpy()
    assert _least_distance(classes, xy) >= LEAST_APART_M - ROUNDING_M


def test_the_distance_measured_is_of_the_nearest_pair_of_one_class() -> None:
    xy = np.array([[0, 0], [0, 0], [1.9, 0], [5, 0]], dtype=float)
    assert _least_distance(np.array([1, 2, 1, 2]), xy) == pytest.approx(1.9)


def _least_distance(classes: NDArray[np.integer], xy: NDArray[np.float64]) -> float:
    """Return the distance of the nearest pair of one class, if it is below 10 m."""
    points = shapely.points(xy)
    one, other = shapely.STRtree(points).query(points, predicate="dwithin", distance=10)
    pair = (one < other) & (classes[one] == classes[other])
    least: float = shapely.distance(points[one[pair]], points[other[pair]]).min()
    return least


def _metres(geometry: GeoSeries, epsg: int) -> NDArray[np.float64]:
    metres: NDArray[np.float64] = shapely.get_coordinates(geometry.to_crs(epsg))
    return metres


@dataclass(frozen=True)
class Resurveyed:
    """A second survey beside the first, by what the truth says of each pair."""

    truth: pd.DataFrame
    first: GeoDataFrame  # of points, in metres, by source_key
    second: GeoDataFrame  # in metres, by the number of its row

    @classmethod
    def read(cls, truth_folder: Path, first: GeoDataFrame, epsg: int) -> "Resurveyed":
        truth = pd.read_csv(truth_folder / "truth.csv", dtype={"resurvey_row": "Int64"})
        second = _read(truth_folder / "resurvey_point.geojson.gz").to_crs(epsg)
        second.index = pd.RangeIndex(1, len(second) + 1)
        return cls(truth, first.to_crs(epsg).set_index("source_key"), second)

    def of(self, change: str) -> tuple[GeoDataFrame, GeoDataFrame]:
        """Return the rows of both surveys with a change, pair by pair."""
        rows = self.truth[self.truth["change"] == change]
        return self.first.loc[rows["source_key"]], self.second.loc[rows["resurvey_row"]]

    def distances_m(self, change: str) -> NDArray[np.float64]:
        """Return how far the pairs with a change are apart."""
        before, after = self.of(change)
        distances: NDArray[np.float64] = shapely.distance(
            before.geometry.to_numpy(), after.geometry.to_numpy()
        )
        return distances


@pytest.fixture(scope="module")
def resurveyed(
    folder: Path, components: dict[str, GeoDataFrame], built: tuple[City, Placed, Placed]
) -> Resurveyed:
    """Return the second survey with its default noise."""
    return Resurveyed.read(folder, components["point"], built[0].profile.projected_epsg)


@pytest.fixture(scope="module")
def resurveyed_exactly(
    components: dict[str, GeoDataFrame],
    built: tuple[City, Placed, Placed],
    tmp_path_factory: pytest.TempPathFactory,
) -> Resurveyed:
    """Return a second survey without noise."""
    out = tmp_path_factory.mktemp("exact")
    generator.write_resurvey(
        out, *built, Changes(noise_m=0, move_m=MOVE_M, restated=0, **SHARES), file_format="geojson"
    )
    return Resurveyed.read(out, components["point"], built[0].profile.projected_epsg)


def test_the_truth_names_every_row_and_every_component_once(resurveyed: Resurveyed) -> None:
    truth, first, second = resurveyed.truth, resurveyed.first, resurveyed.second
    rows = truth["resurvey_row"].dropna()
    assert sorted(rows) == list(range(1, len(second) + 1))
    keys = truth["source_key"].dropna()
    assert sorted(keys) == sorted(first.index)
    assert (truth["resurvey_row"].isna() == (truth["change"] == "removed")).all()
    assert (truth["source_key"].isna() == (truth["change"] == "added")).all()


def test_the_shares_of_changes_are_those_asked_for(resurveyed: Resurveyed) -> None:
    count = len(resurveyed.first)
    changed = {change: round(share * count) for change, share in SHARES.items()}
    gone = changed["moved"] + changed["removed"] + changed["reclassified"]
    assert Counter(resurveyed.truth["change"]) == changed | {"unchanged": count - gone}


def test_only_what_was_reclassified_has_another_class_of_its_major_class(
    resurveyed: Resurveyed,
) -> None:
    for change in ("unchanged", "moved"):
        before, after = resurveyed.of(change)
        assert list(before["class_code"]) == list(after["class_code"])
    before, after = resurveyed.of("reclassified")
    pairs = list(zip(before["class_code"], after["class_code"], strict=True))
    assert [pair for pair in pairs if pair[0] == pair[1]] == []
    assert [pair for pair in pairs if pair[0][:2] != pair[1][:2]] == []


def test_what_stayed_says_the_same_of_its_state(resurveyed: Resurveyed) -> None:
    for change in ("unchanged", "moved", "reclassified"):
        before, after = resurveyed.of(change)
        assert list(before["state"]) == list(after["state"])
    assert resurveyed.first["state"].nunique() > 1


def test_distances_are_what_the_truth_says(resurveyed_exactly: Resurveyed) -> None:
    for change in ("unchanged", "reclassified"):
        assert resurveyed_exactly.distances_m(change).max() <= ROUNDING_M
    moved = resurveyed_exactly.distances_m("moved")
    assert moved.min() >= MOVE_M - ROUNDING_M
    assert moved.max() <= 2 * MOVE_M + ROUNDING_M


def test_noise_is_as_large_as_asked_for_and_no_reason_to_call_anything_moved(
    resurveyed: Resurveyed,
) -> None:
    unchanged = resurveyed.distances_m("unchanged")
    assert np.sqrt(np.mean(unchanged**2)) == pytest.approx(NOISE_M * np.sqrt(2), rel=0.05)
    assert unchanged.max() < 5 * NOISE_M
    assert resurveyed.distances_m("moved").min() > MOVE_M - 5 * NOISE_M


def test_additions_stand_where_nothing_of_their_class_stood(
    resurveyed_exactly: Resurveyed,
) -> None:
    truth, first = resurveyed_exactly.truth, resurveyed_exactly.first
    added = resurveyed_exactly.second.loc[truth.loc[truth["change"] == "added", "resurvey_row"]]
    classes = np.concatenate([first["class_code"], added["class_code"]]).astype(int)
    places = np.concatenate([first.geometry, added.geometry])
    assert _least_distance(classes, shapely.get_coordinates(places)) >= LEAST_APART_M - ROUNDING_M
