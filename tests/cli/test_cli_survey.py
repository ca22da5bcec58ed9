"""``gis-registry survey``: what scripts read, and what a bad file meets."""

import csv
import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from delivered import LIGHT, frame, places, point, row_counts, write_geojson
from running_cli import Run, run_program
from sqlalchemy import text

from gis_registry.db.engine import Database
from gis_registry.maps import count_upkeep
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.settings import Settings

SUMMARY_KEYS = {"survey", "rows", "accepted", "refused", "verdicts", "refusals", "state"}


def _png(path: Path) -> None:
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0\0")),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def _geojson(folder: Path, count: int = 2000) -> bytes:
    rows = [(point(*place), {"name": f"灯{n}"}) for n, place in enumerate(places(count))]
    return write_geojson(folder / "whole.geojson", rows).read_bytes()


def _cut(name: str, keep: float) -> Callable[[Path], Path]:
    """Write a good file and cut it short."""

    def write(folder: Path) -> Path:
        path = folder / name
        if name.endswith(".geojson"):
            whole = _geojson(folder)
        elif name.endswith(".geojson.gz"):
            whole = gzip.compress(_geojson(folder))
        else:
            frame(places(400)).to_file(path)
            whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * keep)])
        return path

    return write


def _bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def _picture(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        _png(folder / name)
        return folder / name

    return write


def _lights(name: str, crs: int | str = 4490) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        frame(places(3)).set_crs(crs, allow_override=True).to_file(folder / name)
        return folder / name

    return write


def _without(name: str, *suffixes: str) -> Callable[[Path], Path]:
    """Write a shapefile and lose some of its files."""

    def write(folder: Path) -> Path:
        path = _lights(name)(folder)
        for suffix in suffixes:
            path.with_suffix(suffix).unlink()
        return path

    return write


def _two_layers(folder: Path) -> Path:
    path = folder / "two.gpkg"
    for layer in ("lights", "bins"):
        frame(places(2)).to_file(path, layer=layer)
    return path


def _two_shapefiles(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        for name in ("lights.shp", "bins.shp"):
            archive.write(_lights(name)(folder), name)
    return folder / "two.zip"


def _folder(folder: Path) -> Path:
    (folder / "delivery").mkdir()
    return folder / "delivery"


NO_VECTOR_FILE = "is no vector file: give a Shapefile (also zipped), GeoPackage, GeoJSON"
TABLE = b"lon,lat\n120.35,36.08\n"
#: how the file is made, options, what the one sentence holds
BAD_FILES: dict[str, tuple[Callable[[Path], Path], list[str], str]] = {
    "missing": (lambda folder: folder / "missing.gpkg", [], "There is no file"),
    "folder": (_folder, [], f"delivery {NO_VECTOR_FILE}"),
    "empty GeoJSON": (_bytes("e.geojson", b""), [], "e.geojson is empty."),
    "empty GeoPackage": (_bytes("e.gpkg", b""), [], "e.gpkg is empty."),
    "empty CSV": (_bytes("e.csv", b""), [], "e.csv is empty."),
    "empty zip": (_bytes("e.zip", b""), [], "e.zip is empty."),
    "text as GeoPackage": (_bytes("t.gpkg", b"hello"), [], f"t.gpkg {NO_VECTOR_FILE}"),
    "text as GeoJSON": (_bytes("t.geojson", b"hello"), [], NO_VECTOR_FILE),
    "text as gzip": (_bytes("t.geojson.gz", b"{}"), [], "is named .gz, but is not compressed."),
    "picture": (_picture("x.png"), [], NO_VECTOR_FILE),
    "picture as Shapefile": (_picture("x.shp"), [], "x.shp comes without its .shx"),
    "picture as GeoJSON": (_picture("x.geojson"), [], NO_VECTOR_FILE),
    "picture as CSV": (_picture("x.csv"), [], "x.csv is neither UTF-8 nor GB18030"),
    "picture as zip": (_picture("x.zip"), [], "is no zip archive"),
    "cut GeoJSON": (_cut("c.geojson", 0.5), [], "may be damaged or cut short"),
    "cut gzip": (_cut("c.geojson.gz", 0.5), [], "c.geojson.gz is damaged or cut short"),
    "cut GeoPackage": (_cut("c.gpkg", 0.5), [], "may be damaged or cut short"),
    "cut FlatGeobuf": (_cut("c.fgb", 0.7), [], "damaged or cut short"),
    "Shapefile without its index": (_without("s.shp", ".shx"), [], "s.shp comes without its .shx"),
    "GBK as GeoJSON": (
        _bytes(
            "gbk.geojson",
            json.dumps(
                {
                    "type": "FeatureCollection",
                    "features": [
                        {
                            "type": "Feature",
                            "properties": {"name": "路灯"},
                            "geometry": point(120.35, 36.08),
                        }
                    ],
                },
                ensure_ascii=False,
            ).encode("gbk"),
        ),
        [],
        "gbk.geojson holds text that is not UTF-8: save it again in that encoding.",
    ),
    "no rows": (_bytes("h.csv", b"lon,lat\n"), ["--crs", "wgs84"], "h.csv has no rows"),
    "no coordinates": (
        _bytes("n.csv", b"a,b\n1,2\n"),
        ["--crs", "wgs84"],
        "n.csv has no coordinates that can be told by their names: name the columns lon and lat",
    ),
    "a column twice": (
        _bytes("d.csv", b"lon,lat,name,name\n120.35,36.08,a,b\n"),
        ["--crs", "wgs84"],
        "d.csv has several fields named name; rename all but one.",
    ),
    "no system, table": (_bytes("l.csv", TABLE), [], "Declare it: --crs EPSG:4549"),
    "no system, Shapefile": (_without("s.shp", ".prj"), [], "Declare it: --crs EPSG:4549"),
    "unknown code": (
        _bytes("l.csv", TABLE),
        ["--crs", "EPSG:99999"],
        "--crs 'EPSG:99999' is no coordinate reference system such as EPSG:4549",
    ),
    "unknown datum": (_bytes("l.csv", TABLE), ["--crs", "pulkovo"], "'pulkovo' is no"),
    "heights only": (_bytes("l.csv", TABLE), ["--crs", "EPSG:5701"], "'EPSG:5701' is no"),
    "no system, drawing": (
        _lights("local.gpkg", crs='LOCAL_CS["site",UNIT["metre",1]]'),
        [],
        "local.gpkg does not say its coordinate reference system.",
    ),
    "empty system": (_bytes("l.csv", TABLE), ["--crs", ""], "'' is no coordinate"),
    "another system": (
        _lights("l.gpkg"),
        ["--crs", "EPSG:4549"],
        "says it is in China Geodetic Coordinate System 2000, but CGCS2000 / 3-degree",
    ),
    "a datum for metres": (
        lambda folder: _reprojected(folder, 4549),
        ["--crs", "gcj02"],
        "says it is in CGCS2000 / 3-degree Gauss-Kruger CM 120E, but gcj02 is declared",
    ),
    "a datum for an old one": (
        lambda folder: _reprojected(folder, 4214),
        ["--crs", "cgcs2000"],
        "says it is in Beijing 1954, but cgcs2000 is declared",
    ),
    "several layers": (_two_layers, [], "several layers (lights, bins); choose one with --layer."),
    "unknown layer": (_two_layers, ["--layer", "x"], "has no layer 'x'; it has: lights, bins."),
    "several shapefiles": (_two_shapefiles, [], "(bins.shp, lights.shp); unpack it"),
    "unknown class": (_lights("l.gpkg"), ["--class", "9999"], "There is no class '9999'"),
    "future": (_lights("l.gpkg"), ["--as-of", "2999-01-01"], "2999-01-01 is in the future"),
    "list of refused rows in no folder": (
        _lights("l.gpkg"),
        ["--refused", "/nowhere/x.csv"],
        "/nowhere/x.csv cannot be written: No such file or directory.",
    ),
}


def _reprojected(folder: Path, epsg: int) -> Path:
    frame(places(2)).to_crs(epsg).to_file(folder / "other.gpkg")
    return folder / "other.gpkg"


def _counts(settings: Settings) -> dict[str, int]:
    with Database(settings) as database, database.session() as session:
        return row_counts(session)


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_bad_file_is_refused_in_one_sentence_and_leaves_nothing(
    run: Run, module_settings: Settings, tmp_path: Path, fault: str
) -> None:
    make, options, words = BAD_FILES[fault]
    before = _counts(module_settings)
    choice = [] if "--class" in options else ["--class", LIGHT]
    outcome = run(module_settings, "survey", "load", make(tmp_path), *choice, *options)
    assert outcome.exit_code == 1
    assert outcome.out == ""
    assert words in outcome.sentence
    assert outcome.sentence.endswith(".")
    assert len(outcome.sentence) < 400
    assert not {"driver", "/vsi", "Error", "Traceback", "cpp"} & set(outcome.sentence.split())
    assert _counts(module_settings) == before


def test_loading_answers_what_scripts_read(
    run: Run, own_settings: Settings, tmp_path: Path
) -> None:
    rows = [(point(*place), {}) for place in places(3)] + [(point(0, 0), {}), (None, {})]
    path = write_geojson(tmp_path / "lights.geojson", rows)
    listed = tmp_path / "refused.csv"
    load = ("survey", "load", path, "--class", LIGHT, "--as-of", "2026-06-30", "--json")
    outcome = run(own_settings, *load, "--refused", listed)
    assert outcome.exit_code == 0
    answer = outcome.json
    assert set(answer) >= SUMMARY_KEYS
    assert answer["verdicts"] == {"new": 3, "refused": 2}
    assert (answer["rows"], answer["accepted"], answer["refused"]) == (5, 3, 2)
    assert (answer["as_of"], answer["state"]) == ("2026-06-30", "staged")
    assert outcome.err.splitlines() == [
        "Reading and checking …",
        "Looking at the whole …",
        "Matching …",
        "Storing …",
        f"2 refused rows written to {listed}.",
        f"The refused rows: gis-registry survey rows {answer['survey']} --verdict refused",
        f"To look at it on a map: gis-registry survey review {answer['survey']}",
        f"To change the registry so: gis-registry survey apply {answer['survey']}",
    ]
    with listed.open(encoding="utf-8", newline="") as file:
        assert [(row["row"], row["refusal"]) for row in csv.DictReader(file)] == [
            ("4", "invalid-position"),
            ("5", "empty-geometry"),
        ]
    applied = run(own_settings, "survey", "apply", answer["survey"], "--json")
    assert applied.err.splitlines() == ["Registering …"]
    assert applied.json == answer | {"state": "applied"}
    again = run(own_settings, *load).json
    assert again["verdicts"] == {"refused": 2, "unchanged": 3}

    table = run(own_settings, "survey", "rows", answer["survey"], "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(table.out)))
    assert {"row", "verdict", "code", "distance_m", "reason"} <= set(lines[0])
    assert [line["row"] for line in lines] == ["1", "2", "3", "4", "5"]
    as_json = run(own_settings, "survey", "rows", answer["survey"], "--json").json
    assert [line["code"] or None for line in lines] == [row["code"] for row in as_json]
    only = run(own_settings, "survey", "rows", answer["survey"], "--verdict", "new", "--json").json
    assert [row["row"] for row in only] == [1, 2, 3]
    shown = run(own_settings, "survey", "show", answer["survey"], "--json").json
    assert shown == applied.json
    surveys = run(own_settings, "survey", "list", "--json").json
    assert [one["survey"] for one in surveys] == [again["survey"], answer["survey"]]
    for command in ("show", "rows"):
        assert run(own_settings, "survey", command, answer["survey"]).exit_code == 0
    assert "lights.geojson" in run(own_settings, "survey", "list").out


def test_a_dry_run_keeps_nothing_and_names_no_survey(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    path = _lights("lights.gpkg")(tmp_path)
    before = _counts(module_settings)
    load = ("survey", "load", path, "--class", LIGHT, "--dry-run")
    outcome = run(module_settings, *load, "--json")
    assert outcome.exit_code == 0
    assert outcome.json["survey"] is None
    assert outcome.json["verdicts"] == {"new": 3}
    assert outcome.sentence == "This was a dry run: nothing was kept."
    for_people = run(module_settings, *load)
    assert "3 = 3 accepted + 0 refused" in for_people.out
    assert "staged" not in for_people.out
    assert _counts(module_settings) == before


def test_a_file_of_which_no_row_is_good_is_kept_to_be_looked_at_and_exits_1(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    path = write_geojson(tmp_path / "paris.geojson", [(point(2.35, 48.85), {})])
    outcome = run(module_settings, "survey", "load", path, "--class", LIGHT, "--json")
    assert outcome.exit_code == 1
    assert outcome.sentence == "No row could be accepted."
    rows = run(module_settings, "survey", "rows", outcome.json["survey"], "--json").json
    assert [row["refusal"] for row in rows] == ["outside-city"]


def test_applying_and_reverting(run: Run, own_settings: Settings, tmp_path: Path) -> None:
    path = _lights("lights.gpkg")(tmp_path)
    staged = run(own_settings, "survey", "load", path, "--class", LIGHT)
    assert staged.sentence == "To change the registry so: gis-registry survey apply 1"
    assert run(own_settings, "survey", "revert", 1).exit_code == 1
    assert run(own_settings, "survey", "match", 1, "--json").json["verdicts"] == {"new": 3}
    assert run(own_settings, "survey", "apply", 1, "--json").json["state"] == "applied"
    again = run(own_settings, "survey", "apply", 1, "--json")
    assert again.exit_code == 0
    assert again.sentence == "Survey 1 was applied already; there was nothing to do."
    matched = run(own_settings, "survey", "match", 1)
    assert (matched.exit_code, matched.sentence) == (
        1,
        "Survey 1 is applied; only a staged one is matched again.",
    )
    codes = [row["code"] for row in run(own_settings, "survey", "rows", 1, "--json").json]
    edit = ("component", "edit", codes[0], "--reason", "新灯", "--set", "lamp=LED", "--json")
    assert run(own_settings, *edit).json["attributes"]["lamp"] == "LED"
    done = run(own_settings, "survey", "revert", 1, "--json").json
    assert done == {"survey": 1, "withdrawn": 2, "restored": 0, "kept": [codes[0]]}
    shown = run(own_settings, "component", "show", codes[1], "--json").json
    assert (shown["code"], shown["state"]) == (codes[1], "withdrawn")
    refused = run(own_settings, "survey", "apply", 1)
    assert (refused.exit_code, refused.sentence) == (
        1,
        "Survey 1 was reverted; load its file again instead.",
    )


def test_what_many_changes_count_is_added_up_though_no_worker_runs(
    run: Run, own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waiting() -> int:
        with Database(own_settings) as database, database.session() as session:
            query = text("SELECT count(*) FROM component_count_changes")
            return session.execute(query).scalar_one()

    path = _lights("lights.gpkg")(tmp_path)
    run(own_settings, "survey", "load", path, "--class", LIGHT)
    run(own_settings, "survey", "apply", 1)
    assert waiting() > 3  # few are left to the worker
    monkeypatch.setitem(count_upkeep.fold_if_long.__kwdefaults__, "most", 3)
    run(own_settings, "survey", "revert", 1)
    assert waiting() == 0


def test_what_a_file_lacks_comes_after_its_rows_without_a_number(
    run: Run, own_settings: Settings, tmp_path: Path
) -> None:
    six = places(6)
    for name, lights in (("all", six), ("less", [six[0], *six[3:]])):
        frame(lights, name=["灯"] * len(lights)).to_file(tmp_path / f"{name}.gpkg")
    load = ("survey", "load", tmp_path / "all.gpkg", "--class", LIGHT, "--json")
    assert run(own_settings, *load).exit_code == 0
    assert run(own_settings, "survey", "apply", 1).exit_code == 0
    codes = [row["code"] for row in run(own_settings, "survey", "rows", 1, "--json").json]
    less = run(own_settings, "survey", "load", tmp_path / "less.gpkg", "--class", LIGHT, "--json")
    assert less.json["verdicts"] == {"missing": 2, "unchanged": 4}
    assert (less.json["rows"], less.json["accepted"], less.json["refused"]) == (4, 4, 0)
    table = run(own_settings, "survey", "rows", 2, "--format", "csv").out
    lines = list(csv.DictReader(io.StringIO(table)))
    assert [line["row"] for line in lines] == ["1", "2", "3", "4", "", ""]
    assert [line["verdict"] for line in lines] == ["unchanged"] * 4 + ["missing"] * 2
    assert [line["code"] for line in lines] == [codes[0], *codes[3:], *codes[1:3]]
    assert lines[4]["reason"] == (
        "The delivery covers its area and class, and no row is this component."
    )


def test_a_shifted_file_is_stopped_row_by_row_unless_a_reason_is_given(
    run: Run, own_settings: Settings, tmp_path: Path
) -> None:
    """The second file is in GCJ-02, some 450 m east of what it is declared to be in."""
    chance = np.random.default_rng(3)
    at = list(zip(*(low + 0.02 * chance.random(200) for low in (120.35, 36.08)), strict=True))
    frame(at).to_file(tmp_path / "first.gpkg")
    east = [tuple(map(float, from_cgcs2000(*place, datum=Datum.GCJ02))) for place in at]
    frame(east).to_file(tmp_path / "second.gpkg")
    first = ("survey", "load", tmp_path / "first.gpkg", "--class", LIGHT)
    assert run(own_settings, *first).exit_code == 0
    assert run(own_settings, "survey", "apply", 1).exit_code == 0
    second = ("survey", "load", tmp_path / "second.gpkg", "--class", LIGHT, "--json")
    stopped = run(own_settings, *second)
    assert stopped.exit_code == 1
    assert stopped.json["state"] == "stopped"
    assert (stopped.json["accepted"], stopped.json["refused"]) == (0, 200)
    (finding,) = [one for one in stopped.json["findings"] if one["severity"] == "error"]
    assert (finding["check"], finding["remedy"]) == ("wrong-datum", "--crs gcj02")
    rows = run(own_settings, "survey", "rows", 2, "--json").json
    assert [row["row"] for row in rows] == list(range(1, 201))
    assert {(row["verdict"], row["refusal"]) for row in rows} == {("refused", "batch-stopped")}
    assert {row["reason"] for row in rows} == {
        f"The whole file was stopped (wrong-datum): {finding['sentence']}"
    }
    refused = run(own_settings, "survey", "apply", 2)
    assert (refused.exit_code, refused.sentence) == (
        1,
        "Survey 2 was stopped: its file is wrong as a whole. What would put it right stands in "
        "`gis-registry survey show 2`; then load the file again.",
    )
    forced = run(own_settings, *second, "--force", "the street was moved")
    assert forced.exit_code == 0
    assert forced.json["state"] == "staged"
    assert forced.json["forced_reason"] == "the street was moved"
    assert "wrong-datum" in {one["check"] for one in forced.json["findings"]}
    right = run(own_settings, *second, "--crs", "gcj02")
    assert right.json["verdicts"] == {"unchanged": 200}
    assert right.json["forced_reason"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", LIGHT, "--force", ""], "--force needs the reason"),
        (["--class", LIGHT, "--force", "--dry-run"], "--force needs the reason"),
        (["--class", ""], "need a value"),
        (["--class-field", ""], "need a value"),
    ],
)
def test_options_without_what_they_need_are_wrong_usage(
    run: Run, module_settings: Settings, tmp_path: Path, options: list[str], words: str
) -> None:
    before = _counts(module_settings)
    outcome = run(module_settings, "survey", "load", _lights("l.gpkg")(tmp_path), *options)
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert words in outcome.err
    assert _counts(module_settings) == before


def test_a_plan_that_cannot_be_written_moves_nothing(
    run: Run, module_settings: Settings, tmp_path: Path
) -> None:
    migrate = ("catalogue", "migrate", "--to", "gbt47678-2026")
    outcome = run(module_settings, *migrate, "--out", tmp_path / "nowhere" / "plan.csv")
    assert outcome.exit_code == 1
    assert "plan.csv cannot be written: No such file or directory." in outcome.sentence
    assert run(module_settings, "catalogue", "migrate", "--revert").exit_code == 1


def test_the_program_itself_keeps_progress_out_of_its_answer(
    own_settings: Settings, tmp_path: Path
) -> None:
    path = _lights("lights.gpkg")(tmp_path)
    outcome = run_program(own_settings, "survey", "load", path, "--class", LIGHT, "--json")
    assert outcome.exit_code == 0
    assert outcome.json["verdicts"] == {"new": 3}
    assert "Reading and checking …" in outcome.err
