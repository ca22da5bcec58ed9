"""``gis-registry export``: what it writes, what it says, and what it leaves when it cannot."""

import csv
import json
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import pyogrio
import pytest
from delivered import LIGHT, frame, load, places
from running_cli import PROGRAM, Outcome, Run, environment
from sqlalchemy import text
from waiting import ending

from gis_registry.db.engine import Database
from gis_registry.settings import Settings

LIGHTS = 400


@pytest.fixture(scope="module")
def registered(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Register some lights in the database of this module."""
    path = tmp_path_factory.mktemp("delivery") / "lights.gpkg"
    names = [f"灯杆{n}" for n in range(LIGHTS)]
    frame(places(LIGHTS), name=names, height=[8.5] * LIGHTS).to_file(path)
    with Database(module_settings) as database, database.session() as session:
        load(session, path)
    return module_settings


def test_export_says_which_files_it_wrote(run: Run, registered: Settings, tmp_path: Path) -> None:
    answer = run(
        registered, "export", "a.shp", "--class", LIGHT, "--mapping-out", "a.toml", "--json"
    )
    assert answer.exit_code == 0
    assert answer.json == {
        "components": LIGHTS,
        "files": [{"file": "a.shp", "layer": None, "geometry_type": "point", "components": LIGHTS}],
        "renamed": {},
        "mapping": "a.toml",
    }
    mapping = tomllib.loads((tmp_path / "a.toml").read_text(encoding="utf-8"))
    fields = set(pyogrio.read_info(tmp_path / "a.shp")["fields"])
    assert mapping["crs"] == "EPSG:4490"
    assert mapping["class"] == {"field": "class_code"}
    assert mapping["columns"]["maintainer_code"] == "maintainer"
    assert set(mapping["attributes"]["ignore"]) | set(mapping["columns"].values()) < fields


def test_export_of_a_csv_starts_with_a_mark_and_has_coordinates(
    run: Run, registered: Settings, tmp_path: Path
) -> None:
    answer = run(registered, "export", "a.csv", "--division", "370202", "--as-of", "2030-01-01")
    assert (answer.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "still to come" in answer.sentence
    answer = run(registered, "export", "a.csv")
    assert answer.out == f"a.csv: {LIGHTS} components (point).\n"
    raw = (tmp_path / "a.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert {(float(row["lon"]), float(row["lat"])) for row in rows} == set(places(LIGHTS))
    assert rows[0]["class_name"] == "路灯"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("a.gpkg", "--class", "9999"), 1, "There is no class '9999'"),
        (("a.gpkg", "--division", "110101"), 1, "no district or subdistrict"),
        (("a.gpkg", "--class", "0204"), 1, "There is no such component; nothing was written."),
        (("a.gpkg", "--state", "retired"), 1, "nothing was written"),
        (("a.docx",), 1, ".gpkg, .parquet"),
        (("nowhere/a.gpkg",), 1, "There is no folder nowhere."),
        (("a.gpkg", "--crs", "EPSG:1"), 1, "no coordinate reference system"),
        (("a.gpkg", "--format", "kml"), 2, "--format"),
        (("a.gpkg", "--as-of", "yesterday"), 2, "--as-of"),
        (("a.gpkg", "--geometry", "solid"), 2, "--geometry"),
    ],
)
def test_export_refuses_with_a_sentence(
    run: Run,
    registered: Settings,
    tmp_path: Path,
    arguments: tuple[str, ...],
    exit_code: int,
    said: str,
) -> None:
    answer = run(registered, "export", *arguments)
    assert answer.exit_code == exit_code
    assert said in answer.err
    assert list(tmp_path.iterdir()) == []


def test_export_refuses_a_file_that_is_there(
    run: Run, registered: Settings, tmp_path: Path
) -> None:
    (tmp_path / "a.gpkg").write_text("mine")
    answer = run(registered, "export", "a.gpkg")
    assert (answer.exit_code, (tmp_path / "a.gpkg").read_text()) == (1, "mine")
    assert "--overwrite" in answer.sentence
    assert run(registered, "export", "a.gpkg", "--overwrite").exit_code == 0
    assert pyogrio.read_info(tmp_path / "a.gpkg")["features"] == LIGHTS


def test_a_format_that_is_said_counts(run: Run, registered: Settings, tmp_path: Path) -> None:
    assert run(registered, "export", "lights.txt", "--format", "geojson").exit_code == 0
    assert len(json.loads((tmp_path / "lights.txt").read_text())["features"]) == LIGHTS


@pytest.mark.parametrize("name", ["a.gpkg", "a.csv", "a.shp", "a.geojson", "a.fgb", "a.parquet"])
def test_a_file_that_cannot_be_finished_is_not_there(
    registered: Settings, tmp_path: Path, name: str
) -> None:
    command = ["bash", "-c", 'ulimit -f 4; exec "$@"', "-", *PROGRAM, "export", name]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(registered),
        timeout=120,
    )
    answer = Outcome(done.returncode, done.stdout, done.stderr)
    assert answer.exit_code == 1
    assert "cannot be written" in answer.sentence
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_nothing(own_settings: Settings, tmp_path: Path) -> None:
    with Database(own_settings) as database:
        with database.engine.begin() as connection:
            connection.execute(text("INSERT INTO changes (actor, reason) VALUES ('t', 't')"))
            connection.execute(
                text(
                    """
                    INSERT INTO components (
                      division_code, code, version, operation, state, geom, accuracy_m,
                      surveyed_on, attributes, class_id, change_id)
                    SELECT '370202', '3702020137' || lpad(n::text, 6, '0'), 1, 'registered',
                      'active', ST_SetSRID(ST_MakePoint(120 + n * 1e-7, 36), 4490), 0.5,
                      '2026-07-01', jsonb_build_object('n', n), k.id, ch.id
                    FROM generate_series(1, 50000) n, component_classes k, changes ch
                    WHERE k.code = '0137' AND k.edition_key = 'gbt30428-2013' AND ch.reason = 't'
                    """
                )
            )
        started = subprocess.Popen(
            [*PROGRAM, "export", "a.gpkg"],
            cwd=tmp_path,
            env=environment(own_settings),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        with ending(started):
            deadline = time.monotonic() + 60
            while not list(tmp_path.glob(".a.gpkg-*/a.gpkg")) and time.monotonic() < deadline:
                time.sleep(0.002)  # a poll: the program decides when
            started.send_signal(signal.SIGINT)
            _, said = started.communicate(timeout=60)
    assert started.returncode != 0
    assert "Interrupted" in said
    assert list(tmp_path.iterdir()) == []
