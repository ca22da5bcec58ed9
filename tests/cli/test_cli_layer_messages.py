"""What ``gis-registry layer`` tells whoever loads a layer: what is wrong, and what can be done."""

import json
from pathlib import Path

import pytest
from delivered import frame, point, write_geojson
from publishing import LAT, LON
from running_cli import Run
from shapely import (
    GeometryCollection,
    LineString,
    MultiLineString,
    MultiPoint,
    Point,
    to_geojson,
)

from gis_registry.settings import Settings

BEIJING = (116.4, 39.9)


def test_a_layer_far_from_the_city_is_warned_of(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    rows = [(point(*BEIJING), {"n": n}) for n in range(3)]
    path = write_geojson(tmp_path / "far.geojson", [*rows, (point(LON, LAT), {"n": 9})])
    add = ("layer", "add", path, "--name", "far")
    said = "Warning: 3 of 4 features lie far from Qingdao (more than some 20 km beyond it)"
    dry = run(module_settings, *add, "--dry-run", "--json")
    assert dry.json["quality"]["far_from_city"] == 3
    assert said in dry.err
    assert "add it with --crs and the right system, such as --crs EPSG:4549." in dry.err
    added = run(module_settings, *add)
    assert "3 of 4" in added.out
    assert said in added.err
    assert "read as EPSG:4326" in added.err
    assert "gis-registry layer remove far --for-good`, then add it again with --crs" in added.err
    assert "If they really lie there, leave it." in added.err
    write_geojson(path, [(point(LON, LAT), {"n": n}) for n in range(3)])
    assert "far from" not in run(module_settings, "layer", "refresh", "far").err
    write_geojson(path, rows)
    again = run(module_settings, "layer", "refresh", "far", "--json")
    assert again.json["outcome"] == "loaded"
    assert "Warning: 3 of 3 features lie far from Qingdao" in again.err


def test_a_file_that_names_the_wrong_system_is_to_be_corrected(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    """What a file says itself is not overruled by --crs: that is not advised."""
    places = frame([(LON, LAT)]).to_crs(4549)
    places.set_crs(4547, allow_override=True).to_file(tmp_path / "my parks.gpkg")
    outcome = run(module_settings, "layer", "add", "my parks.gpkg", "--name", "wrong")
    assert outcome.exit_code == 0, outcome.err
    assert "Warning: 1 of 1 features lie far" in outcome.err
    assert "ogr2ogr -a_srs EPSG:… 'right_my parks.gpkg' 'my parks.gpkg'`" in outcome.err
    assert "gis-registry layer refresh wrong --from 'right_my parks.gpkg'`." in outcome.err


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_layer_of_which_half_is_near_is_not_warned_of(
    run: Run, module_settings: Settings, tmp_path: Path, count: int
) -> None:
    rows = [(point(*BEIJING), {}) for _ in range(count)]
    path = write_geojson(tmp_path / "near.geojson", [*rows, *[(point(LON, LAT), {})] * 2])
    outcome = run(module_settings, "layer", "add", path, "--name", f"near{count}")
    assert outcome.exit_code == 0, outcome.err
    assert "Warning" not in outcome.err


def test_kinds_of_geometries_are_counted_where_they_are_mixed(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    line = LineString([(LON, LAT), (LON + 0.001, LAT)])
    lines, points = MultiLineString([line]), MultiPoint([(LON, LAT)])
    mixed = GeometryCollection([points, points, line])
    shapes = [Point(LON, LAT), Point(LON, LAT), points, line, lines]
    rows = [(json.loads(to_geojson(one)), {}) for one in [*shapes, mixed]]
    add = ("layer", "add", write_geojson(tmp_path / "mixed.geojson", rows), "--name", "mixed")
    kinds = "2 Point, 1 MultiPoint, 1 LineString, 1 MultiLineString"
    for options in ((*add, "--dry-run"), add):
        outcome = run(module_settings, *options)
        assert f"5: {kinds}" in outcome.out
        assert f"The layer mixes kinds of geometries: {kinds}." in outcome.err
    refused = run(module_settings, "layer", "rows", "mixed", "--json").json[0]["sentence"]
    assert "a collection of 2 Point, 1 LineString, and a feature is of one kind" in refused
    path = write_geojson(tmp_path / "alike.geojson", [rows[0], rows[2]])
    assert "mixes" not in run(module_settings, "layer", "add", path, "--name", "alike").err


def test_few_values_that_make_a_column_text_are_told(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "shops.csv"
    staff = [*range(1000)[:-1], "n/a"]
    path.write_text("lon,lat,staff\n" + "".join(f"{LON},{LAT},{one}\n" for one in staff))
    add = ("layer", "add", path, "--name", "shops", "--crs", "wgs84")
    said = "staff: 999 of 1,000 values are numbers, 1 not; the first is 'n/a' in row 1,000"
    for options in ((*add, "--dry-run"), add, ("layer", "show", "shops")):
        assert said in run(module_settings, *options).out
    path.write_text(path.read_text().replace("n/a", "-"))
    again = run(module_settings, "layer", "refresh", "shops")
    assert "Text because of few values: staff: 999 of 1,000 values are numbers" in again.err
    assert (
        "the first is '-' in row 1,000. If these should be numbers or days, correct or empty"
        in (again.err)
    )
    assert "`gis-registry layer refresh shops`" in again.err


def test_what_is_told_says_what_to_do_next(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    rows = [(point(LON, LAT), {"n": 1}), (point(LON, LAT), {"n": 1}), (None, {"n": 2})]
    path = write_geojson(tmp_path / "next.geojson", rows)
    added = run(module_settings, "layer", "add", path, "--name", "next")
    assert "1 of 3: 1 empty-geometry" in added.out
    assert "1 that repeat another one in everything" in added.out
    assert "It is published as /ogc/collections/next." in added.err
    same = run(module_settings, "layer", "refresh", "next")
    assert "--force loads it all the same" in same.out
    write_geojson(path, [(point(*BEIJING), {"n": 1}), (None, {"n": 2})])
    far = run(module_settings, "layer", "refresh", "next")
    assert "gis-registry layer rows next" in far.err
    assert "`gis-registry layer revert next` publishes the version before again." in far.err
    write_geojson(path, [(point(540000, 3995000), {"n": 1})])
    plane = run(module_settings, "layer", "refresh", "next")
    assert plane.exit_code == 1
    assert "read as EPSG:4326; if that is the wrong system, give the right one (--crs" in plane.out


def test_a_dry_run_shows_what_would_be_and_claims_nothing_else(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    rows = [(point(LON, LAT), {"名称": "园", "n": n}) for n in range(3)]
    lacking: list[tuple[None, dict[str, object]]] = [(None, {"名称": "?", "n": 0})] * 23
    path = write_geojson(tmp_path / "parks.geojson", [*rows, *lacking])
    add = ("layer", "add", path, "--name", "tried", "--refresh", "daily", "--dry-run")
    dry = run(module_settings, *add)
    assert dry.exit_code == 0, dry.err
    assert "Making" not in dry.err
    assert "version" not in dry.out
    assert "next refresh" not in dry.out
    assert "23 empty-geometry" in dry.out
    assert ("名称" in dry.out, "integer" in dry.out) == (True, True)
    assert "Rows that would not be published:" in dry.out
    listed = [line.split() for line in dry.out.splitlines() if " empty-geometry " in line][-20:]
    assert [line[0] for line in listed] == [str(row) for row in range(4, 24)]
    assert "The row has no geometry" in dry.out
    assert "and 3 more" in dry.out
    assert "layer rows" not in dry.err
    assert dry.err.strip().endswith(
        "This was a dry run: nothing was kept, and nothing is published."
    )
    told = run(module_settings, *add, "--json").json
    assert (told["dry_run"], told["version"], told["versions"]) == (True, None, [])
    assert (told["loaded_at"], told["next_refresh_at"]) == (None, None)
    assert (told["quality"]["features"], told["more_refused"]) == (3, 3)
    assert [one["row"] for one in told["refused_rows"]] == list(range(4, 24))
    assert told["refused_rows"][0]["attributes"] == {"名称": "?", "n": "0"}
    assert run(module_settings, "layer", "show", "tried").exit_code == 1
