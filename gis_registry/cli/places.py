"""``gis-registry places``: divisions and grid cells."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, DryRun, city_profile, transaction
from gis_registry.cli.output import print_facts, print_json, print_sentence, print_table, tell
from gis_registry.places import service as places
from gis_registry.places.schemas import DivisionEntry
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
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Load divisions or grid cells; boundaries that change keep their past."""
    from gis_registry.places import loading

    with transaction() as session:
        profile = city_profile(session) if not files else None
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
        return
    read = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items())
    print_sentence(f"{'Would load' if dry_run else 'Loaded'}: {read}.")


@app.command("list")
def list_(
    level: Annotated[
        Level | None,
        typer.Option(help="Only this level; left out: districts, or all right below --parent."),
    ] = None,
    parent: Annotated[
        str | None, typer.Option(help="Only those right below this division (code).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List divisions."""
    if level is None and parent is None:
        level = Level.DISTRICT
    with transaction() as session:
        found = places.list_divisions(session, level=level, parent_code=parent)
    if as_json:
        print_json(found)
        return
    print_table(
        ["code", "level", "name_zh", "name_en", "parent"],
        ((one.code, one.level, one.name_zh, one.name_en, one.parent_code) for one in found),
    )
    tell(f"{len(found)} in all.")


@app.command("end")
def end(
    division: Annotated[str, typer.Argument(help="Code of the division that is no more.")],
    on: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First day on which it is no more.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """End a division, merged or renumbered; what happened before is still decided by it."""
    with transaction() as session:
        ended = places.end_division(session, division, on_date=on.date())
        if dry_run:
            session.rollback()
    if as_json:
        print_json(ended)
    else:
        print_facts([("ends" if not dry_run else "would end", f"{ended.code} on {on.date()}")])


@app.command("locate", context_settings={"ignore_unknown_options": True})
def locate(
    lon: Annotated[float, typer.Argument(help="Longitude in degrees.")],
    lat: Annotated[float, typer.Argument(help="Latitude in degrees.")],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Boundaries of this day; left out: today."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in which district, subdistrict and grid cell a point is."""
    with transaction() as session:
        place = (
            places.locate_on(session, lon=lon, lat=lat, on_date=on.date())
            if on
            else places.locate_today(session, lon=lon, lat=lat)
        )
    if as_json:
        print_json(place)
        return

    def named(one: DivisionEntry | None) -> str:
        return f"{one.code} {one.name_zh} {one.name_en}" if one else "not known"

    far = f" ({place.outside_m:.0f} m outside it: the nearest)" if place.outside_m else ""
    print_facts(
        [
            ("district", named(place.division)),
            ("subdistrict", named(place.subdistrict) + far),
            ("grid cell", place.cell_code or "none here"),
        ]
    )
