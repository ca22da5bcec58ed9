"""Reviewing and deciding a survey on the command line: what scripts read."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pytest
from delivered import frame, load, place_near, places, stage
from making import copy_of
from running_cli import Run
from sqlalchemy import make_url

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.settings import Settings

KNOWN = places(4)


@pytest.fixture(scope="module")
def staged(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> int:
    """Stage lights of which one is moved, one new, one missing and one refused."""
    folder = tmp_path_factory.mktemp("staged")
    frame(KNOWN, name=["灯"] * 4).to_file(folder / "first.gpkg")
    again = [KNOWN[0], place_near(KNOWN[1], 2), KNOWN[3], place_near(KNOWN[3], 20), KNOWN[0]]
    frame(again, name=["灯"] * 5).to_file(folder / "again.gpkg")
    with Database(module_settings) as database:
        with database.session() as session:
            load(session, folder / "first.gpkg", accuracy_m=0.5)
        with database.session() as session:
            return stage(session, folder / "again.gpkg", accuracy_m=0.5).survey


@pytest.fixture
def own_settings(
    server: EmbeddedServer, module_settings: Settings, staged: int
) -> Iterator[Settings]:
    """Return settings of a copy, of the test's own, of the database that has the survey."""
    assert module_settings.database_url is not None
    template = make_url(module_settings.database_url.get_secret_value()).database
    assert template is not None
    with copy_of(server, template, "own_review") as settings:
        yield settings


def test_rows_are_written_in_every_format(
    run: Run, own_settings: Settings, staged: int, tmp_path: Path
) -> None:
    table = run(own_settings, "survey", "rows", staged, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert list(rows[0])[:5] == ["row", "verdict", "code", "distance_m", "reason"]
    assert [(one["row"], one["verdict"]) for one in rows] == [
        ("1", "unchanged"),
        ("2", "moved"),
        ("3", "unchanged"),
        ("4", "new"),
        ("5", "refused"),
        ("", "missing"),
    ]
    assert float(rows[1]["distance_m"]) == pytest.approx(2, abs=0.01)
    some = run(
        own_settings, "survey", "rows", staged, "--verdict", "moved", "--verdict", "new", "--json"
    )
    assert [one["row"] for one in some.json] == [2, 4]
    nothing = run(own_settings, "survey", "rows", staged, "--decision", "rejected", "--json")
    assert nothing.json == []
    drawn = run(own_settings, "survey", "rows", staged, "--format", "geojson")
    (tmp_path / "rows.geojson").write_text(drawn.out)
    features = gpd.read_file(tmp_path / "rows.geojson")
    assert features.crs.to_epsg() == 4490
    assert len(features) == 6
    moved = features[features["verdict"] == "moved"].iloc[0]
    assert (moved.registered_lon, moved.registered_lat) == pytest.approx(KNOWN[1])
    assert (moved.geometry.x, moved.geometry.y) == pytest.approx(place_near(KNOWN[1], 2))
    assert {"score", "runner_up", "runner_up_m", "reason", "class_code", "decision"} <= set(
        features.columns
    )


def test_rows_are_decided_and_applied(run: Run, own_settings: Settings, staged: int) -> None:
    decide = ("survey", "decide", staged)
    why = ("--reason", "seen", "--json")
    dry = run(own_settings, *decide, "reject", "--verdict", "moved", "--dry-run", *why)
    assert (dry.exit_code, dry.json["rows"]) == (0, 1)
    assert run(own_settings, "survey", "rows", staged, "--decision", "none", "--json").json
    kept = run(own_settings, "survey", "rows", staged, "--decision", "rejected", "--json")
    assert kept.json == []
    done = run(own_settings, *decide, "reject", "--verdict", "moved", *why)
    assert done.json["verdicts"] == {"moved": 1}
    everything = run(own_settings, *decide, "accept", "--all", "--reason", "the rest")
    assert "left out: unchanged" in everything.out
    undone = run(own_settings, *decide, "undo", "--row", 4, *why)
    assert (undone.json["decision"], undone.json["rows"]) == ("undone", 1)
    run(own_settings, *decide, "reject", "--verdict", "moved", *why)
    applied = run(own_settings, "survey", "apply", staged, "--json")
    assert applied.json["state"] == "applied"
    moved = run(own_settings, "survey", "rows", staged, "--verdict", "moved", "--json").json[0]
    shown = run(own_settings, "component", "show", moved["code"], "--json").json
    assert (shown["lon"], shown["lat"]) == pytest.approx(KNOWN[1])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("accept",), "Say which rows"),
        (("accept", "--all", "--row", 1), "Say which rows"),
        (("accept", "--verdict", "new", "--new"), "--new goes with accept and --row"),
        (("accept", "--row", 1, "--row", 2, "--component", "1"), "one --component for one --row"),
    ],
)
def test_wrong_usage_is_told(
    run: Run, own_settings: Settings, staged: int, arguments: tuple[object, ...], words: str
) -> None:
    told = run(own_settings, "survey", "decide", staged, *arguments, "--reason", "x")
    assert told.exit_code == 2
    assert words in " ".join(told.err.replace("│", " ").split())


def test_refused_rows_are_corrected_dropped_and_tried_again(
    run: Run, own_settings: Settings, staged: int
) -> None:
    correct = ("survey", "correct", staged, 5, "--reason", "asked")
    still = run(own_settings, *correct, "--set", "name=灯五")
    assert still.exit_code == 1
    assert "Row 1 has the same class and the same geometry" in still.out
    assert run(own_settings, "survey", "apply", staged).exit_code == 0
    lon, lat = place_near(KNOWN[2], 30)
    mended = run(own_settings, *correct, "--position", lon, lat, "--json")
    assert (mended.exit_code, mended.json["is_matched"]) == (0, False)
    retried = run(own_settings, "survey", "retry", staged, "--json")
    assert retried.json["verdicts"] == {"new": 1}
    again = run(own_settings, "survey", "retry", staged)
    assert (again.exit_code, "waits to be tried again" in again.sentence) == (1, True)
    dropped = run(own_settings, "survey", "drop", staged, "--row", 5, "--reason", "x")
    assert "Only refused rows are dropped" in dropped.sentence
    wrong = run(own_settings, *correct, "--set", "nonsense")
    assert wrong.exit_code == 2


def test_a_good_row_is_edited_before_it_is_applied(
    run: Run, own_settings: Settings, staged: int
) -> None:
    correct = ("survey", "correct", staged, 4, "--reason", "asked")
    lon, lat = place_near(KNOWN[2], 0.1)
    done = run(own_settings, *correct, "--position", lon, lat, "--set", "name=灯三", "--json")
    assert (done.exit_code, done.json["verdict"]) == (0, "changed")
    before = run(own_settings, "survey", "rows", staged, "--json").json
    assert [one["verdict"] for one in before if one["row"] is None] == []
    wrong = run(own_settings, *correct, "--position", 11, 50)
    assert (wrong.exit_code, "Row 4 stays as it is" in wrong.sentence) == (1, True)
    assert run(own_settings, "survey", "rows", staged, "--json").json == before


def test_the_review_is_written_beside_what_it_needs(
    run: Run, own_settings: Settings, staged: int, tmp_path: Path
) -> None:
    answer = run(own_settings, "survey", "review", staged)
    assert f"survey-{staged}.html" in answer.out
    assert (tmp_path / f"survey-{staged}.html").is_file()
    assert (tmp_path / f"survey-{staged}_files" / "leaflet" / "dist" / "leaflet.js").is_file()
    lost = run(own_settings, "survey", "review", staged, "--html", "nowhere/map.html")
    assert (lost.exit_code, lost.sentence) == (1, "There is no folder nowhere.")
