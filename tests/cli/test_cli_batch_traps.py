"""Files that are wrong as a whole, through the command line: stopped, and loaded by the remedy.

The registry of a module is not changed by its tests: what is stopped or staged changes nothing.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from delivered import LIGHT, load
from making import copy_of
from project import SAMPLES
from running_cli import Outcome, Run
from sqlalchemy import text

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.settings import Settings

AS_OF = ("--as-of", "2026-06-01")
EDITION = 'edition = "cjt214-2007"'
FIELD = ("--class-field", "class_code")
EXCHANGED = 'axis_order = "northing-easting"'


@dataclass(frozen=True)
class Trap:
    """A file that is wrong as a whole, what is found, and how it is loaded after that.

    Attributes:
        file: the file.
        options: how it is loaded at first.
        check: the first error that is found.
        named: what the remedy says.
        remedied: the options that follow the remedy.
        mapping: the mapping that follows the remedy.
        verdicts: what its rows are when it is right.
        right: what is delivered instead, if the file itself cannot be put right.
    """

    file: Path
    options: tuple[str, ...]
    check: str
    named: str
    remedied: tuple[str, ...] = ()
    mapping: str = ""
    verdicts: frozenset[str] = frozenset({"unchanged"})
    right: Path | None = None


def _qingdao() -> gpd.GeoDataFrame:
    """Return the sample's lights in Shibei, with heights of their poles in metres."""
    return _lights_of_shibei().copy()


@cache
def _lights_of_shibei() -> gpd.GeoDataFrame:
    whole = gpd.read_file(f"/vsigzip/{SAMPLES}/qingdao/components_point.geojson.gz")
    of_district = whole["maintainer_code"].str.contains("370203")
    lights = whole[(whole["class_code"] == LIGHT) & of_district]
    lights = lights[["class_code", "class_name", "lamp_no", "geometry"]].reset_index(drop=True)
    lights["pole_height"] = np.random.default_rng(5).choice([6.0, 8.0, 10.0, 12.0], len(lights))
    return lights.to_crs(4490)


def _cambridge(year: str) -> gpd.GeoDataFrame:
    """Return the real lights of the south-east of Cambridge."""
    (path,) = Path(SAMPLES).glob(f"cambridge/StreetLights_{year}*.geojson.gz")
    lights = gpd.read_file(f"/vsigzip/{path}")[["PoleID", "geometry"]]
    return lights.cx[-71.1:, :42.367]


def _table(path: Path, rows: gpd.GeoDataFrame, **places: object) -> Path:
    """Write rows as a CSV with columns of coordinates."""
    rows.drop(columns="geometry").assign(**places).to_csv(path, index=False)
    return path


def _shifted(rows: gpd.GeoDataFrame, datum: Datum) -> gpd.GeoDataFrame:
    lon, lat = from_cgcs2000(rows.geometry.x.to_numpy(), rows.geometry.y.to_numpy(), datum)
    return rows.set_geometry(gpd.points_from_xy(lon, lat), crs=4326)


@pytest.fixture(scope="module")
def qingdao(
    server: EmbeddedServer, qingdao_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Return settings of a database in which the lights of Shibei are registered."""
    path = tmp_path_factory.mktemp("qingdao") / "lights.gpkg"
    _qingdao().to_file(path)
    with copy_of(server, qingdao_template, "traps_qingdao") as settings:
        _register(settings, path, class_field="class_code")
        yield settings


@pytest.fixture(scope="module")
def cambridge(
    server: EmbeddedServer, cambridge_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Return settings of a database in which the lights of Cambridge of 2015 are registered."""
    path = tmp_path_factory.mktemp("cambridge") / "lights.gpkg"
    _cambridge("2015").to_file(path)
    with copy_of(server, cambridge_template, "traps_cambridge") as settings:
        _register(settings, path, class_code=LIGHT, accuracy_m=2.0)
        yield settings


def _register(settings: Settings, path: Path, **described: object) -> None:
    with Database(settings) as database, database.session() as session:
        load(session, path, as_of=date(2026, 1, 1), **described)


def _registry(settings: Settings) -> tuple[object, ...]:
    """Return what would show that the registry was touched."""
    with Database(settings) as database, database.session() as session:
        found = session.execute(
            text(
                "SELECT count(*), max(change_id), (SELECT count(*) FROM changes),"
                " (SELECT count(*) FROM component_history),"
                " md5(string_agg(code || version || ST_AsText(geom), ',' ORDER BY code))"
                " FROM components"
            )
        )
        return tuple(found.one())


def _load(run: Run, settings: Settings, file: Path, *options: str) -> Outcome:
    return run(settings, "survey", "load", file, *options, *AS_OF, "--json")


def _is_stopped_and_can_be_remedied(run: Run, settings: Settings, trap: Trap) -> None:
    before = _registry(settings)
    rows = len(gpd.read_file(trap.file, ignore_geometry=True))
    stopped = _load(run, settings, trap.file, *trap.options)
    assert stopped.exit_code == 1, stopped.out
    survey, answer = stopped.json["survey"], stopped.json
    assert (answer["state"], answer["accepted"], answer["refused"]) == ("stopped", 0, rows)
    finding = next(one for one in answer["findings"] if one["severity"] == "error")
    assert finding["check"] == trap.check, finding
    assert trap.named in finding["remedy"], finding

    table = run(settings, "survey", "rows", survey, "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(table.out)))
    assert [line["row"] for line in lines] == [str(one) for one in range(1, rows + 1)]
    assert {line["verdict"] for line in lines} == {"refused"}
    assert all(line["reason"] and line["refusal"] for line in lines)
    shown = run(settings, "survey", "show", survey)
    assert finding["sentence"] in shown.out
    assert finding["remedy"] in shown.out
    applied = run(settings, "survey", "apply", survey)
    assert applied.exit_code == 1
    assert f"survey show {survey}" in applied.sentence

    forced = _load(run, settings, trap.file, *trap.options, "--force", "路灯全部换新")
    assert forced.json["forced_reason"] == "路灯全部换新"
    if forced.json["accepted"]:  # of a file that lies nowhere no row is good either
        assert (forced.exit_code, forced.json["state"]) == (0, "staged")
    assert "路灯全部换新" in run(settings, "survey", "show", forced.json["survey"]).out

    options = list(trap.remedied)
    if trap.mapping:
        path = trap.file.with_suffix(".toml")
        path.write_text(trap.mapping, encoding="utf-8")
        options += ["--mapping", str(path)]
    right = _load(run, settings, trap.right or trap.file, *options)
    assert (right.exit_code, right.json["state"]) == (0, "staged"), right.out
    assert set(right.json["verdicts"]) <= trap.verdicts, right.json
    assert right.json["refused"] <= 0.01 * rows
    assert _registry(settings) == before


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_real_lights_in_another_datum_than_declared(
    run: Run, cambridge: Settings, tmp_path: Path, datum: Datum
) -> None:
    path = tmp_path / "lights.geojson"
    _shifted(_cambridge("2017"), datum).to_file(path)
    fixed = ("--class", LIGHT, "--accuracy-m", "2")
    trap = Trap(
        path,
        (*fixed, "--crs", "wgs84"),
        "wrong-datum",
        f"--crs {datum}",
        (*fixed, "--crs", datum.value),
        verdicts=frozenset({"unchanged", "moved", "new", "missing", "refused"}),
    )
    _is_stopped_and_can_be_remedied(run, cambridge, trap)


def test_longitude_and_latitude_exchanged_in_a_table(
    run: Run, qingdao: Settings, tmp_path: Path
) -> None:
    lights = _qingdao()
    path = _table(tmp_path / "l.csv", lights, lon=lights.geometry.y, lat=lights.geometry.x)
    fixed = (*FIELD, "--crs", "wgs84")
    trap = Trap(path, fixed, "swapped-axes", EXCHANGED, fixed, EXCHANGED)
    _is_stopped_and_can_be_remedied(run, qingdao, trap)


def test_northing_in_the_column_of_the_easting(run: Run, qingdao: Settings, tmp_path: Path) -> None:
    """X is the northing in Chinese surveying."""
    lights = _qingdao().to_crs(4549)
    path = _table(tmp_path / "l.csv", lights, X坐标=lights.geometry.y, Y坐标=lights.geometry.x)
    fixed = (*FIELD, "--crs", "EPSG:4549")
    trap = Trap(path, fixed, "swapped-axes", EXCHANGED, fixed, EXCHANGED)
    _is_stopped_and_can_be_remedied(run, qingdao, trap)


@pytest.mark.parametrize(("written", "declared"), [(4528, 4549), (2437, 4549), (4549, 2437)])
def test_another_system_than_declared(
    run: Run, qingdao: Settings, tmp_path: Path, written: int, declared: int
) -> None:
    """4528 has the number of the zone before its eastings; 2437 is Beijing 1954."""
    lights = _qingdao().to_crs(written)
    path = _table(tmp_path / "l.csv", lights, x=lights.geometry.x, y=lights.geometry.y)
    fixed = (*FIELD, "--crs")
    trap = Trap(
        path,
        (*fixed, f"EPSG:{declared}"),
        "wrong-crs",
        f"--crs EPSG:{written}",
        (*fixed, f"EPSG:{written}"),
    )
    _is_stopped_and_can_be_remedied(run, qingdao, trap)


@pytest.mark.parametrize("is_named", [True, False])
def test_codes_of_an_older_edition(
    run: Run, qingdao: Settings, tmp_path: Path, is_named: bool
) -> None:
    """0118 is a street light in 2007 and a septic tank's manhole in 2013."""
    lights = _qingdao().assign(class_code="0118")
    path = tmp_path / "l.geojson"
    (lights if is_named else lights.drop(columns="class_name")).to_file(path)
    trap = Trap(path, FIELD, "wrong-edition", EDITION, FIELD, EDITION)
    _is_stopped_and_can_be_remedied(run, qingdao, trap)


@pytest.mark.parametrize("has_codes", [True, False])
def test_a_class_that_disagrees_with_the_names_in_the_file(
    run: Run, qingdao: Settings, tmp_path: Path, has_codes: bool
) -> None:
    """The class is said for all rows, in the numbers of 2007; what the file says counts less."""
    lights = _qingdao()
    path = tmp_path / "l.gpkg"
    (lights if has_codes else lights.drop(columns="class_code")).to_file(path)
    fixed = ("--class", "0118")
    trap = Trap(
        path,
        fixed,
        "wrong-edition",
        EDITION,
        fixed,
        EDITION,
        verdicts=frozenset({"unchanged", "changed"}),
    )
    _is_stopped_and_can_be_remedied(run, qingdao, trap)


def test_millimetres_written_for_metres(run: Run, qingdao: Settings, tmp_path: Path) -> None:
    lights = _qingdao()
    lights["pole_height"] *= 1000
    path = tmp_path / "l.gpkg"
    lights.to_file(path)
    remedy = 'pole_height = { from = "mm", to = "m" }'
    trap = Trap(path, FIELD, "wrong-unit", remedy, FIELD, f"[attributes.units]\n{remedy}")
    _is_stopped_and_can_be_remedied(run, qingdao, trap)


def test_half_of_a_class_is_not_delivered(run: Run, qingdao: Settings, tmp_path: Path) -> None:
    lights = _qingdao()
    whole, half = tmp_path / "whole.gpkg", tmp_path / "half.gpkg"
    lights.to_file(whole)
    lights.iloc[::2].to_file(half)
    remedy = "deliver the class completely"
    trap = Trap(half, FIELD, "many-missing", remedy, FIELD, right=whole)
    _is_stopped_and_can_be_remedied(run, qingdao, trap)
    forced = _load(run, qingdao, half, *FIELD, "--force", "街道改造").json
    missing = forced["verdicts"]["missing"]
    assert 0.45 * len(lights) < missing <= len(lights) // 2
    lacking = ("rows", forced["survey"], "--verdict", "missing", "--format", "csv")
    lines = list(csv.DictReader(io.StringIO(run(qingdao, "survey", *lacking).out)))
    assert [line["row"] for line in lines] == [""] * missing
    assert all(line["code"] and line["reason"] for line in lines)
