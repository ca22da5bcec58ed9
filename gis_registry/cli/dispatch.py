"""``gis-registry dispatch``: who is nearest and free to go."""

from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_json, print_table, tell
from gis_registry.dispatch import service

app = typer.Typer(help="Who is nearest and free to go.", no_args_is_help=True)


@app.callback()
def dispatch() -> None:
    """Keep `nearest` a command of its own."""


@app.command("nearest", context_settings={"ignore_unknown_options": True})
def nearest(
    lon: Annotated[float, typer.Argument(help="Longitude in degrees.")],
    lat: Annotated[float, typer.Argument(help="Latitude in degrees.")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Find the responders nearest to a point who are free to go."""
    with transaction() as session:
        found = service.nearest_responders(session, lon=lon, lat=lat, count=limit)
    if as_json:
        print_json(found)
        return
    if not found:
        tell("Nobody is free to go.")
        return
    print_table(
        ["metres", "code", "name", "unit"],
        (
            (
                f"{one.distance_m:.0f}",
                one.code,
                f"{one.name_zh} {one.name_en}",
                f"{one.unit.name_zh} {one.unit.name_en}",
            )
            for one in found
        ),
    )
