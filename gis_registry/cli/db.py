"""``gis-registry db``: the embedded server, and the schema."""

import os
import subprocess
from datetime import UTC, datetime
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, read_settings, registry
from gis_registry.cli.output import print_facts, print_json, print_sentence, print_table, tell
from gis_registry.db.checks import check_server
from gis_registry.db.embedded import EmbeddedServer, StopOutcome
from gis_registry.db.engine import Database, answering
from gis_registry.errors import Conflict

app = typer.Typer(help="The embedded PostGIS server, and the schema.", no_args_is_help=True)


def _embedded() -> EmbeddedServer:
    settings = read_settings()
    if settings.database_url is not None:
        raise Conflict(
            "GIS_REGISTRY_DATABASE_URL is set, so the embedded server is not used: start and stop "
            "that server with its own tools."
        )
    return EmbeddedServer(settings.home)


@app.command()
def start() -> None:
    """Start the embedded server and keep it running until `db stop`."""
    server = _embedded()
    server.start()
    print_sentence(f"The server is running; its files are in {server.status().data_dir}.")


@app.command()
def stop() -> None:
    """Stop the embedded server, also when programs still use it."""
    said = {
        StopOutcome.WAS_NOT_RUNNING: "The server was not running.",
        StopOutcome.STOPPED: "The server is stopped.",
        StopOutcome.STOPPED_WHILE_IN_USE: "The server is stopped; programs were still using it.",
    }
    print_sentence(said[_embedded().stop()])


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say whether the embedded server runs, and where its files are."""
    found = _embedded().status()
    facts = {
        "is_running": found.is_running,
        "is_pinned": found.is_pinned,
        "pid": found.pid,
        "version": found.version,
        "data_dir": str(found.data_dir),
        "socket_dir": str(found.socket_dir),
        "url": found.url,
    }
    if as_json:
        print_json(facts)
    else:
        print_facts(facts.items())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the registry's database; arguments go to psql."""
    with registry() as database:
        password = database.url.query.get("password", database.url.password)
        url = database.url.set(drivername="postgresql")._replace(password=None)
        address = url.difference_update_query(["password"]).render_as_string()
        environment = {**os.environ, "PGOPTIONS": "-c timezone=UTC"}
        if password is not None:  # not on the command line, which every account can read
            environment["PGPASSWORD"] = str(password)
        try:
            done = subprocess.run(["psql", address, *context.args], check=False, env=environment)  # noqa: S607
        except FileNotFoundError:
            tell("psql is not installed: install postgresql-client.")
            raise typer.Exit(1) from None
    raise typer.Exit(done.returncode)


@app.command()
def migrate() -> None:
    """Bring the schema of the database to this program's version."""
    from gis_registry.startup import migrate as migrate_database

    with Database(read_settings()) as database:
        migrate_database(database)
    print_sentence("The schema is at this program's version.")


@app.command()
def check(
    as_json: AsJson = False,
    photos: Annotated[
        bool, typer.Option("--photos", help="Also read every photo: is it still what was sent?")
    ] = False,
    cases: Annotated[
        bool, typer.Option("--cases", help="Also recount every case from its events, not a sample.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the exit code.")] = False,
) -> None:
    """Check that the server is suitable and that the registry, its map and photos fit together."""
    from sqlalchemy.orm import Session

    from gis_registry.cases.recounting import check_cases
    from gis_registry.integrity import check_contents
    from gis_registry.maps.count_upkeep import check_counts
    from gis_registry.photos.checking import check_photos
    from gis_registry.photos.store import open_store
    from gis_registry.startup import SCHEMA_VERSION, schema_version

    settings = read_settings()
    store = open_store(settings)
    with (
        Database(settings) as database,
        answering(database.url),
        database.engine.connect() as connection,
    ):
        results = check_server(connection)
        if schema_version(connection) == SCHEMA_VERSION:
            with Session(connection) as session:
                results += check_contents(session)
                results.append(check_counts(session))
                results.append(check_cases(session, reads_all=cases))
                results += check_photos(session, store, now=datetime.now(UTC), reads_all=photos)
    if as_json:
        print_json(
            [
                {"check": one.name, "is_passed": one.is_passed, "message": one.message}
                for one in results
            ]
        )
    elif not quiet:
        marks = {True: "✓", False: "✗"}
        print_table(
            ["", "check", ""], ((marks[one.is_passed], one.name, one.message) for one in results)
        )
    if not all(one.is_passed for one in results):
        raise typer.Exit(1)


@app.command()
def recount(as_json: AsJson = False) -> None:
    """Make the map's counts of components anew, and every tile; who edits meanwhile waits."""
    from gis_registry.maps import count_queries, count_upkeep

    with registry() as database, database.session() as session:
        count_upkeep.recount(session)
        counted = count_queries.total(session)
    if as_json:
        print_json({"components": counted})
    else:
        print_sentence(f"The map's counts are made anew: {counted:,} components.")
