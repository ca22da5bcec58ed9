"""The command line ``gis-registry``."""

import sys
from typing import Annotated

import typer

from gis_registry import __version__
from gis_registry.cli import (
    case,
    case_deadline,
    case_stats,
    catalogue,
    component,
    db,
    demo,
    dispatch,
    drone,
    export,
    layer,
    map_,
    places,
    report,
    report_card,
    serve,
    settings,
    survey,
    units,
    user,
    webhook,
    worker,
)
from gis_registry.cli.output import tell
from gis_registry.errors import RegistryError

app = typer.Typer(
    name="gis-registry",
    help="A city's component one-map: registry, surveys, reports, dispatch.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo.demo, serve.serve, worker.worker, map_.map_, export.export):
    app.command(command.__name__.rstrip("_"))(command)
app.command("report-card")(report_card.report_card)
app.command("settings")(settings.show)
app.add_typer(db.app, name="db")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(places.app, name="places")
app.add_typer(units.app, name="units")
app.add_typer(survey.app, name="survey")
app.add_typer(component.app, name="component")
app.add_typer(layer.app, name="layer")
app.add_typer(report.app, name="report")
case_deadline.add_to(case.app)
case_stats.add_to(case.app)
app.add_typer(case.app, name="case")
app.add_typer(dispatch.app, name="dispatch")
app.add_typer(drone.app, name="drone")
app.add_typer(webhook.app, name="webhook")
app.add_typer(user.app, name="user")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take the options that stand before the command."""


def main() -> None:
    """Run a command: exit 0 done, 1 refused with a reason, 2 wrong usage, 130 interrupted."""
    try:
        app()
    except RegistryError as error:
        tell(str(error) or f"{error.title}.")
        sys.exit(1)
    except Exception as error:
        fault = _database_fault(error)
        if fault is None:
            raise
        tell(
            f"The database could not do this ({fault}). Nothing of the unfinished step was kept: "
            "repeat the command, or ask the administrator."
        )
        sys.exit(1)


def _database_fault(error: Exception) -> str | None:
    """Return the first line that the database says of an error, or None if it is not its own."""
    import psycopg
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    if not isinstance(error, (SQLAlchemyError, psycopg.Error)):
        return None
    cause = error.orig if isinstance(error, DBAPIError) else error
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__


if __name__ == "__main__":
    main()
