"""``gis-registry places``: divisions, grid cells, and the calendar of working time."""

from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    DryRun,
    actor,
    city_profile,
    transaction,
)
from gis_registry.cli.output import print_facts, print_json, print_sentence, print_table, tell
from gis_registry.places import service as places
from gis_registry.places.schemas import CalendarEntry, DivisionEntry
from gis_registry.places.tables import Level
from gis_registry.places.working_time import DayKind

app = typer.Typer(
    help="Divisions, grid cells, where a point is, and when the city works.", no_args_is_help=True
)
calendar_app = typer.Typer(help="When the city works.")
app.add_typer(calendar_app, name="calendar")


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


@calendar_app.callback(invoke_without_command=True)
def calendar(
    context: typer.Context,
    year: Annotated[
        int | None, typer.Option(min=1900, max=9000, help="Left out: this year.")
    ] = None,
    month: Annotated[
        int | None, typer.Option(min=1, max=12, help="Only this month, with all its days.")
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(
            min=1, max=LARGEST_NUMBER, help="The calendar as this version had it; else the newest."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the holidays and make-up working days of a year, or every day of a month."""
    if context.invoked_subcommand is not None:
        return
    from gis_registry.places import calendars

    with transaction() as session:
        found = calendars.show_calendar(session, year=year, month=month, version=version)
    if as_json:
        print_json(found)
    else:
        _print_calendar(found, with_all_days=month is not None)


def _print_calendar(found: CalendarEntry, *, with_all_days: bool) -> None:
    shown = [
        one for one in found.days if with_all_days or one.kind in {DayKind.HOLIDAY, DayKind.MAKE_UP}
    ]
    print_table(
        ["date", "", "", "name_zh", "name_en", "hours"],
        (
            (
                one.date,
                f"{one.date:%a}",
                one.kind.replace("_", "-"),
                one.name_zh,
                one.name_en,
                " ".join(one.hours),
            )
            for one in shown
        ),
    )
    worked = sum(bool(one.hours) for one in found.days)
    loaded_at = found.loaded_at.astimezone(ZoneInfo(found.time_zone))
    tell(
        f"{worked} of {len(found.days)} days are worked. Version {found.version}, from "
        f"{found.source}, of {loaded_at:%Y-%m-%d %H:%M}; the hours are {found.time_zone}'s."
    )
    for note in dict.fromkeys(one.note_en for one in found.days if one.note_en):
        tell(f"The {note}: the week holds.")


@calendar_app.command("load")
def load_calendar(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV file of holidays and make-up working days; left out: hours and calendar of "
            "the city profile."
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Load holidays as a new version; deadlines that were given keep the version of then."""
    from gis_registry.places import calendars

    with transaction() as session:
        if file is None:
            profile = city_profile(session)
            change = calendars.load_profile_calendar(session, profile, actor=actor())
        else:
            change = calendars.load_days(session, file, actor=actor())
        if dry_run:
            session.rollback()
    if as_json:
        print_json(change)
        return
    if not change.is_new:
        print_sentence(f"Nothing is new: version {change.version} of the calendar stays.")
        return
    print_table(["", "date"], ((kind, day) for kind, days in change.days.items() for day in days))
    said = [f"{len(days)} {kind}" for kind, days in change.days.items() if days]
    said += ["other working hours"] if change.hours_changed else []
    print_sentence(
        f"{'Would load' if dry_run else 'Loaded'} version {change.version} of the calendar: "
        f"{', '.join(said)}."
    )
