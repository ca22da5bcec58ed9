"""A database that is down, settings that are wrong, and the embedded server by command."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from making import CORNER, register
from project import SAMPLES
from pydantic import SecretStr
from running_cli import Run, run_program
from sqlalchemy import create_engine, make_url, text

from gis_registry.db.embedded import EmbeddedServer
from gis_registry.db.engine import Database
from gis_registry.settings import Settings

SECRET = "top-secret"
CLOSED = f"postgresql://someone:{SECRET}@127.0.0.1:9/registry"

NO_DATABASE = {
    CLOSED: "The database at postgresql+psycopg://someone:***@127.0.0.1:9/registry does not answer",
    f"mysql://someone:{SECRET}@host/x": "PostgreSQL with PostGIS is needed",
    f"banana {SECRET}": "is not a URL such as postgresql://user:password@host/name.",
    f"postgresql://someone:{SECRET}@127.0.0.1:port/x": "is not a URL such as postgresql://",
}


@pytest.mark.parametrize("url", NO_DATABASE)
@pytest.mark.parametrize(
    "command", ["survey list", "demo --no-serve", "db check", "db migrate", "db psql"]
)
def test_a_database_that_is_not_there_is_one_sentence_without_the_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, command: str
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_DATABASE_URL", url)
    outcome = run(None, *command.split())
    assert (outcome.exit_code, outcome.out) == (1, "")
    assert NO_DATABASE[url] in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert SECRET not in outcome.err


def test_the_program_itself_says_so_as_well() -> None:
    outcome = run_program(None, "survey", "list", GIS_REGISTRY_DATABASE_URL=CLOSED)
    assert (outcome.exit_code, outcome.out) == (1, "")
    assert "does not answer" in outcome.sentence
    assert SECRET not in outcome.err


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POOL_SIZE", "many"),
        ("POOL_SIZE", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("ANONYMOUS_ROLE", "emperor"),
        ("STATEMENT_TIMEOUT_S", "-1"),
    ],
)
@pytest.mark.parametrize("command", ["survey list", "settings", "db status", "demo", "serve"])
def test_a_setting_that_cannot_be_used_is_wrong_usage(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, command: str
) -> None:
    monkeypatch.setenv(f"GIS_REGISTRY_{variable}", value)
    outcome = run(None, *command.split())
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert outcome.sentence.startswith(f"The setting GIS_REGISTRY_{variable} cannot be used: ")


@pytest.mark.parametrize("content", ["pool_size = 'many'", "banana = 1", "pool_size = ["])
def test_a_settings_file_that_cannot_be_used_is_wrong_usage(
    run: Run, tmp_path: Path, content: str
) -> None:
    (tmp_path / "gis-registry.toml").write_text(content, encoding="utf-8")
    outcome = run(None, "survey", "list")
    assert (outcome.exit_code, outcome.out) == (2, "")
    assert len(outcome.err.strip().splitlines()) == 1


def test_settings_say_where_each_comes_from_and_no_secret(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_DATABASE_URL", CLOSED)
    (tmp_path / "gis-registry.toml").write_text("pool_size = 3", encoding="utf-8")
    outcome = run(None, "settings", "--json")
    found = {one["setting"].removeprefix("GIS_REGISTRY_"): one for one in outcome.json}
    assert set(found) == {name.upper() for name in Settings.model_fields}
    assert found["DATABASE_URL"]["from"] == "environment"
    assert (found["POOL_SIZE"]["from"], found["POOL_SIZE"]["value"]) == ("gis-registry.toml", "3")
    assert found["LOG_LEVEL"]["from"] == "default"
    assert all(one["meaning"] for one in found.values())
    assert SECRET not in outcome.out + run(None, "settings").out


def test_an_unknown_city_is_refused_before_anything_is_made(
    run: Run, empty_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_CITY", "atlantis")
    outcome = run(empty_settings, "survey", "list")
    assert (outcome.exit_code, outcome.out) == (1, "")
    assert outcome.sentence == (
        "GIS_REGISTRY_CITY is 'atlantis', which is neither a shipped city (cambridge, qingdao) nor "
        "a folder."
    )


def test_another_city_than_the_registrys_is_refused(
    run: Run, own_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_CITY", "cambridge")
    outcome = run(own_settings, "component", "list")
    assert (outcome.exit_code, outcome.out) == (1, "")
    assert outcome.sentence.startswith(
        "This registry is of Qingdao, but GIS_REGISTRY_CITY names Cambridge."
    )


def test_a_city_that_is_not_shipped_is_loaded_from_the_folder_that_the_setting_names(
    run: Run, empty_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "profile"
    shutil.copytree(SAMPLES / "cambridge", folder)
    described = (folder / "city.toml").read_text(encoding="utf-8")
    described = described.replace('key = "cambridge"', 'key = "springfield"')
    described = described.replace("[files]\n", '[files]\nclasses = "classes.csv"\n')
    (folder / "city.toml").write_text(described, encoding="utf-8")
    classes = [f"gbt30428-2013,{code}\n" for code in ("0101", "0113", "0137", "0305")]
    (folder / "classes.csv").write_text(f"edition,class_code\n{''.join(classes)}", "utf-8")
    monkeypatch.setenv("GIS_REGISTRY_CITY", str(folder))
    loaded = run(empty_settings, "catalogue", "load", "--json")
    assert (loaded.exit_code, loaded.json["profile_classes"]) == (0, 4)
    assert len(run(empty_settings, "catalogue", "list", "--json").json) == 4
    monkeypatch.delenv("GIS_REGISTRY_CITY")
    for group in ("catalogue", "places", "units"):
        refused = run(empty_settings, group, "load")
        assert (refused.exit_code, refused.out) == (1, "")
        assert refused.sentence == (
            "The profile of Cambridge (springfield) is not one of those shipped: name its folder "
            "by GIS_REGISTRY_CITY, or name the files to load."
        )


def test_files_of_no_photo_are_found_and_removed(
    run: Run, own_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_PHOTO_STORE", str(tmp_path / "photos"))
    name = f"ab/cd/abcd{'0' * 60}"
    path = tmp_path / "photos" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    assert run(own_settings, "db", "check", "--photos").exit_code == 0
    os.utime(path, (0, 0))
    found = run(own_settings, "db", "check", "--json")
    failed = [one["check"] for one in found.json if not one["is_passed"]]
    assert (found.exit_code, failed) == (1, ["photo-rows"])
    dry = run(own_settings, "report", "photos", "clean", "--dry-run", "--json").json
    assert (dry["is_dry_run"], dry["size_bytes"]) == (True, 4)
    assert [one["file"] for one in dry["files"]] == [name]
    assert path.exists()
    done = run(own_settings, "report", "photos", "clean")
    assert (done.exit_code, done.sentence) == (0, "1 files removed, 4 bytes.")
    assert name in done.out
    assert not path.exists()
    assert run(own_settings, "db", "check", "--quiet").exit_code == 0


def test_wrong_counts_of_the_map_are_found_and_made_anew(run: Run, own_settings: Settings) -> None:
    with Database(own_settings) as database, database.session() as session:
        register(session, *CORNER)
        session.execute(text("UPDATE component_count_changes SET count = 2 WHERE level > 9"))
    found = run(own_settings, "db", "check", "--json")
    (failed,) = [one for one in found.json if not one["is_passed"]]
    assert (found.exit_code, failed["check"]) == (1, "map-counts")
    assert "gis-registry db recount" in failed["message"]
    done = run(own_settings, "db", "recount")
    assert done.out.strip() == "The map's counts are made anew: 1 components."
    assert run(own_settings, "db", "check", "--quiet").exit_code == 0


@pytest.fixture
def reading_settings(own_settings: Settings) -> Iterator[Settings]:
    """Return settings of an account that may read the registry and change nothing."""
    assert own_settings.database_url is not None
    url = make_url(own_settings.database_url.get_secret_value())
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE ROLE only_reader LOGIN"))
        connection.execute(text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO only_reader"))
        reading = url.set(username="only_reader", password=SECRET)
        yield Settings(database_url=SecretStr(reading.render_as_string(hide_password=False)))
        connection.execute(text("DROP OWNED BY only_reader"))
        connection.execute(text("DROP ROLE only_reader"))
    engine.dispose()


def test_what_the_database_refuses_is_one_sentence(run: Run, reading_settings: Settings) -> None:
    assert run(reading_settings, "places", "list").exit_code == 0
    outcome = run(reading_settings, "user", "add", "app", "--role", "reader")
    assert (outcome.exit_code, outcome.out) == (1, "")
    assert outcome.err == (
        "The database could not do this (permission denied for table users). Nothing of the "
        "unfinished step was kept: repeat the command, or ask the administrator.\n"
    )


@pytest.mark.parametrize("place", ["before the host", "in the query"])
def test_psql_gets_the_password_where_other_accounts_do_not_see_it(
    run: Run,
    reading_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
) -> None:
    assert reading_settings.database_url is not None
    url = make_url(reading_settings.database_url.get_secret_value())
    if place == "in the query":
        url = url._replace(password=None).update_query_dict({"password": SECRET})
    settings = Settings(database_url=SecretStr(url.render_as_string(hide_password=False)))
    psql = tmp_path / "psql"
    psql.write_text(f'#!/bin/sh\necho "$PGPASSWORD" "$@" > {tmp_path}/seen\nexit 3\n')
    psql.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert run(settings, "db", "psql", "-c", "SELECT 1").exit_code == 3
    password, address, *arguments = (tmp_path / "seen").read_text().split()
    assert (password, arguments) == (SECRET, ["-c", "SELECT", "1"])
    assert address.startswith("postgresql://only_reader@")
    assert SECRET not in address


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a home for an embedded server of the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="gr-cli-"))
    try:
        yield folder
    finally:
        EmbeddedServer(folder).stop()
        shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_the_embedded_server_is_started_and_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setenv("GIS_REGISTRY_HOME", str(home))
    assert run(None, "db", "status", "--json").json["is_running"] is False
    assert run(None, "db", "stop").out == "The server was not running.\n"
    started = run(None, "db", "start")
    assert started.exit_code == 0
    assert started.out.startswith("The server is running; its files are in ")
    status = run(None, "db", "status", "--json").json
    assert status["is_running"] is True
    assert status["pid"] > 0
    assert run(None, "places", "list", "--json").exit_code == 0
    assert run(None, "db", "stop").out.startswith("The server is stopped")
    assert run(None, "db", "status", "--json").json["is_running"] is False
