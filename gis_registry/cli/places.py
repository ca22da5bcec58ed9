"""``gis-registry places``: divisions and grid cells."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, read_settings, transaction
from gis_registry.cli.output import print_facts, print_json, print_table, tell
from gis_registry.places import queries
from gis_registry.places import service as places
from gis_registry.places.tables import Level

app = typer.Typer(help="Divisions, grid cells, and where a point is.", no_args_is_help=True)


@app.command("load")
def load(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Polygon files or CSV lists; left out: those of the city profile."),
    ] = None,
    cells: Annotated[
        bool, typer.Option("--cells", help="The files hold grid cells, not divisions.")
    ] = False,
    valid_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day from which new boundaries hold."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load divisions or grid cells; boundaries that change keep their past."""
    from gis_registry.places import loading
    from gis_registry.profile import find_profile

    with transaction() as session:
        profile = (
            find_profile(read_settings().city or places.the_city(session).key)
            if not files
            else None
        )
        if cells:
            paths = files or (profile.paths(profile.files.grid_cells) if profile else [])
            counts = {"grid_cell": loading.load_grid_cells(session, paths)}
        else:
            paths = files or (profile.paths(profile.files.divisions) if profile else [])
            day = valid_from.date() if valid_from else loading.EARLIEST
            counts = loading.load_divisions(session, paths, valid_from=day)
        if dry_run:
            session.rollback()
    if as_json:
        print_json(counts)
    read = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    tell(f"{'Would load' if dry_run else 'Loaded'}: {read}.")


@app.command("list")
def list_(
    level: Annotated[Level, typer.Option(help="Level of the divisions.")] = Level.DISTRICT,
    parent: Annotated[str | None, typer.Option(help="Only those of this division.")] = None,
    as_json: AsJson = False,
) -> None:
    """List divisions."""
    with transaction() as session:
        rows = [
            {
                "code": one.code,
                "name_zh": one.name_zh,
                "name_en": one.name_en,
                "parent_code": one.parent_code,
            }
            for one in queries.divisions(session, level=level, parent_code=parent)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(["code", "name_zh", "name_en", "parent"], (row.values() for row in rows))
        tell(f"{len(rows)} in all.")


@app.command("locate", context_settings={"ignore_unknown_options": True})
def locate(
    lon: Annotated[float, typer.Argument(help="Longitude in degrees.")],
    lat: Annotated[float, typer.Argument(help="Latitude in degrees.")],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Boundaries of this day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in which district, subdistrict and grid cell a point is."""
    day: date = (on or datetime.now(UTC)).date()
    with transaction() as session:
        place = places.locate(session, lon=lon, lat=lat, on_date=day)
        codes = {code for code in (place.division_code, place.subdistrict_code) if code}
        names = queries.division_names(session, codes)
    if as_json:
        print_json(vars(place))
        return

    def named(code: str | None) -> str:
        return f"{code} {' '.join(names[code])}" if code else "not known"

    far = f" ({place.outside_m:.0f} m outside it: the nearest)" if place.outside_m else ""
    print_facts(
        [
            ("district", named(place.division_code)),
            ("subdistrict", named(place.subdistrict_code) + far),
            ("grid cell", place.cell_code or "none here"),
        ]
    )
