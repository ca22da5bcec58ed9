"""``gis-registry layer``: from a file to a collection and back."""

import csv
import io
import json
from pathlib import Path

import pytest
from delivered import point, write_geojson
from publishing import LAT, LON
from running_cli import Run

from gis_registry.settings import Settings


def parks(folder: Path, count: int = 3) -> Path:
    rows = [(point(LON, LAT + n / 1000), {"名称": f"园{n}", "no": n}) for n in range(count)]
    return write_geojson(folder / "parks.geojson", [*rows, (None, {"名称": "?", "no": 99})])


def test_a_layer_from_its_publication_to_its_end(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    path = parks(tmp_path)
    add = ("layer", "add", path, "--name", "parks", "--title", "公园", "--title-en", "Parks",
           "--keyword", "郊野", "--owner-department", "市园林和林业局", "--field", "园林绿化",
           "--licence", "CC BY 4.0", "--refresh", "daily", "--id", "no")  # fmt: skip
    dry = run(module_settings, *add, "--dry-run", "--json")
    assert dry.exit_code == 0, dry.err
    assert dry.json["quality"]["refused"] == {"empty-geometry": 1}
    assert run(module_settings, "layer", "list", "--json").json == []
    added = run(module_settings, *add)
    assert added.exit_code == 0, added.err
    assert "layer rows parks" in added.err
    assert run(module_settings, *add).exit_code == 1
    shown = run(module_settings, "layer", "show", "parks", "--json").json
    assert (shown["title_zh"], shown["department"]) == ("公园", "市园林和林业局")
    assert shown["quality"]["features"] == 3
    assert "公园 Parks" in run(module_settings, "layer", "show", "parks").out
    assert "园林绿化" in run(module_settings, "layer", "list").out
    rows = run(module_settings, "layer", "rows", "parks", "--format", "csv").out
    (row,) = csv.DictReader(io.StringIO(rows))
    assert (row["row"], row["outcome"], row["reason"]) == ("4", "refused", "empty-geometry")
    assert json.loads(row["attributes"]) == {"名称": "?", "no": "99"}
    assert run(module_settings, "layer", "rows", "parks", "--json").json[0]["row"] == 4

    unchanged = run(module_settings, "layer", "refresh", "parks", "--json")
    assert unchanged.json["outcome"] == "unchanged"
    parks(tmp_path, 5)
    assert run(module_settings, "layer", "refresh", "parks", "--json").json["outcome"] == "loaded"
    assert run(module_settings, "layer", "check").exit_code == 0
    other = parks(tmp_path, 6).rename(tmp_path / "parks_new.geojson")
    moved = run(module_settings, "layer", "refresh", "parks", "--from", other, "--json").json
    assert moved["layer"]["origin"]["place"] == str(other)
    assert moved["layer"]["quality"]["features"] == 6
    nowhere = run(module_settings, "layer", "refresh", "parks", "--from", "nowhere.gpkg")
    assert (nowhere.exit_code, "no file nowhere.gpkg" in nowhere.err) == (1, True)
    other.write_text("{")
    failed = run(module_settings, "layer", "refresh", "parks")
    assert failed.exit_code == 1
    late = run(module_settings, "layer", "check", "--json")
    assert (late.exit_code, late.json[0]["name"]) == (1, "parks")
    assert run(module_settings, "layer", "revert", "parks", "--json").json["version"] == 2
    changed = run(module_settings, "layer", "set", "parks", "--role", "analyst", "--no-refresh",
                  "--owner-department", "市园林和林业局局", "--json")  # fmt: skip
    assert (changed.json["roles"], changed.json["refresh"]) == (["analyst"], None)

    found = run(module_settings, "layer", "catalogue", "--q", "郊野", "--json").json
    assert [one["name"] for one in found] == ["parks"]
    assert run(module_settings, "layer", "catalogue", "--q", "郊野", "--role", "reader",
               "--json").json == []  # fmt: skip
    dcat = run(module_settings, "layer", "catalogue", "--format", "dcat").json
    assert dcat["@type"] == "dcat:Catalog"

    assert run(module_settings, "layer", "remove", "parks").exit_code == 0
    kinds = [
        one["kind"] for one in run(module_settings, "layer", "history", "parks", "--json").json
    ]
    assert kinds == ["removed", "described", "reverted", "failed", "loaded", "loaded", "added"]
    assert run(module_settings, "layer", "remove", "parks", "--for-good").exit_code == 0
    gone = run(module_settings, "layer", "show", "parks")
    assert (gone.exit_code, "no layer 'parks'" in gone.err) == (1, True)


def test_near_misses_of_departments_are_told(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    path = parks(tmp_path)
    one = ("layer", "add", path, "--owner-department")
    run(module_settings, *one, "市海洋发展局", "--name", "one", "--field", "海洋")
    two = run(module_settings, *one, "市海洋发展", "--name", "two", "--field", "海洋")
    assert two.exit_code == 0
    assert "There is no department '市海洋发展' yet, but '市海洋发展局'" in two.err
    assert "gis-registry layer set two --owner-department '市海洋发展局'" in two.err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("nowhere.gpkg", "--name", "x"), 1, "no file nowhere.gpkg"),
        (("parks.geojson", "--name", "divisions"), 1, "publishes divisions itself"),
        (("parks.geojson", "--name", "x", "--id", "key"), 1, "which --id names"),
        (("parks.geojson", "--name", "x", "--crs", "EPSG:1"), 1, "no coordinate reference system"),
        (("parks.geojson", "--name", "x", "--refresh", "often"), 1, "how often"),
        (("parks.geojson", "--name", "x", "--role", "king"), 2, "king"),
        (("parks.geojson", "--name", "x", "--title", "长" * 201), 2, "title_zh"),
        (("components", "--name", "x"), 1, "own tables"),
    ],
)
def test_what_is_refused(
    run: Run,
    module_settings: Settings,
    tmp_path: Path,
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    parks(tmp_path)
    outcome = run(module_settings, "layer", "add", *options)
    assert outcome.exit_code == code
    assert said in outcome.err
