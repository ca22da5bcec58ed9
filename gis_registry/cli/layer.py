"""``gis-registry layer``: publish any spatial file or table beside the components."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gis_registry.cli import layer_showing
from gis_registry.cli.context import (
    AsJson,
    DryRun,
    actor,
    checked_options,
    city_zone,
    read_settings,
    transaction,
)
from gis_registry.cli.output import print_json, print_sentence, progress_bar, tell
from gis_registry.places.service import the_city
from gis_registry.roles import Role

if TYPE_CHECKING:
    from gis_registry.layers.schemas import LayerEntry

app = typer.Typer(
    help="Publish any spatial file or table beside the components.", no_args_is_help=True
)
app.command("list")(layer_showing.list_)
app.command("show")(layer_showing.show)
app.command("rows")(layer_showing.rows)
app.command("history")(layer_showing.history)
app.command("check")(layer_showing.check)
app.command("catalogue")(layer_showing.catalogue)

Name = Annotated[str, typer.Argument(help="Name of the layer.")]
TitleEn = Annotated[str | None, typer.Option(help="Its title in English.")]
Description = Annotated[str | None, typer.Option(help="What it is, in a sentence or two.")]
Keywords = Annotated[
    list[str] | None, typer.Option("--keyword", help="A word to find it by; may be repeated.")
]
Department = Annotated[str | None, typer.Option("--owner-department", help="Whose data these are.")]
Field = Annotated[str | None, typer.Option("--field", help="Of which field of work (领域).")]
Licence = Annotated[str | None, typer.Option(help="Its licence, by name or address.")]
Source = Annotated[str | None, typer.Option(help="Where the data come from.")]
Refresh = Annotated[
    str | None,
    typer.Option(
        help="Read it again: hourly, daily, weekly or a line of cron by the city's clock; "
        "`gis-registry worker` does it."
    ),
]
Roles = Annotated[
    list[Role] | None,
    typer.Option("--role", help="Who may read it, else all readers; may be repeated."),
]

#: How many refused rows a dry run lists.
_REFUSED_SHOWN = 20


@app.command("add")
def add(
    place: Annotated[
        str, typer.Argument(metavar="FILE|TABLE", help="File, or a table as schema.table.")
    ],
    name: Annotated[
        str,
        typer.Option(
            help="What it is called in addresses: a letter, then letters, digits, - and _."
        ),
    ],
    title: Annotated[str | None, typer.Option(help="Its title in Chinese; else its name.")] = None,
    title_en: TitleEn = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the file, if it has several.")] = None,
    crs: Annotated[
        str | None,
        typer.Option(
            help="System of its coordinates, if it does not say it: EPSG:… or gcj02, bd09, wgs84, "
            "cgcs2000."
        ),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of its text, such as gb18030, if it does not say it.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="TOML file that says how the file is to be read.")
    ] = None,
    id_field: Annotated[
        str | None,
        typer.Option("--id", help="Field that tells features apart, else the row's number."),
    ] = None,
    time_field: Annotated[
        str | None, typer.Option("--time", help="Field with the day or time of a feature.")
    ] = None,
    description: Description = None,
    keywords: Keywords = None,
    department: Department = None,
    field: Field = None,
    licence: Licence = None,
    source: Source = None,
    refresh: Refresh = None,
    roles: Roles = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish a file or a PostGIS table as the collection NAME.

    Rows that cannot be published are listed with a reason: `gis-registry layer rows NAME`; the
    first of them by `--dry-run` itself, which keeps nothing.
    """
    from gis_registry.layers import schemas, service, showing
    from gis_registry.layers.advising import warnings
    from gis_registry.layers.origins import find_origin
    from gis_registry.surveys.mapping import Mapping, read_mapping

    said = (read_mapping(mapping) if mapping else Mapping()).overridden(layer=layer, crs=crs)
    if encoding is not None:
        said = said.model_copy(update={"encoding": encoding})
    with checked_options():
        text = schemas.LayerText(
            title_zh=title or title_en or name,
            title_en=title_en or "",
            description=description or "",
            keywords=keywords or [],
            department=department,
            field=field,
            licence=licence,
            source=source,
            roles=roles or None,
        )
    with transaction() as session, progress_bar() as progress:
        kind, found = find_origin(session, place)
        origin = schemas.Origin(
            kind=kind,
            place=found,
            mapping=said.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            id_field=id_field,
            time_field=time_field,
        )
        hints = service.hints(
            session, department=department, field=field, name=None if dry_run else name
        )
        new = schemas.NewLayer(name=name, origin=origin, text=text, refresh=refresh)
        service.add(session, new, actor=actor(), progress=progress)
        entry, zone = showing.show(session, name), city_zone(session)
        hints += warnings(entry, the_city(session).name_en, is_kept=not dry_run)
        if dry_run:
            refused = showing.first_refused(session, name, limit=_REFUSED_SHOWN)
            session.rollback()
    if dry_run:
        layer_showing.print_tried(entry, refused, zone, as_json=as_json)
    else:
        layer_showing.print_layer(entry, zone, as_json=as_json)
    for one in hints:
        tell(one)
    if dry_run:
        tell("This was a dry run: nothing was kept, and nothing is published.")
    else:
        _tell_refused(entry)
        tell(f"It is published as /ogc/collections/{entry.name}.")


@app.command("set")
def set_(
    name: Name,
    title: Annotated[str | None, typer.Option(help="Its title in Chinese.")] = None,
    title_en: TitleEn = None,
    description: Description = None,
    keywords: Keywords = None,
    department: Department = None,
    field: Field = None,
    licence: Licence = None,
    source: Source = None,
    refresh: Refresh = None,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Do not read it again by itself.")
    ] = False,
    roles: Roles = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="All readers may read it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change what is said of a layer, who may read it, and how often it is read again.

    What is not named stays; an empty text takes away what was said.
    """
    from gis_registry.layers import service, showing

    if (refresh is not None and no_refresh) or (roles and everybody):
        raise typer.BadParameter(
            "Give --refresh or --no-refresh, and --role or --everybody, not both."
        )
    given: dict[str, object | None] = {
        "title_zh": title,
        "title_en": title_en,
        "description": description,
        "keywords": None if not keywords else [one for one in keywords if one.strip()],
        "department": department,
        "field": field,
        "licence": licence,
        "source": source,
        "refresh": refresh,
        "roles": roles or None,
    }
    changes = {key: one for key, one in given.items() if one is not None}
    if no_refresh:
        changes["refresh"] = None
    if everybody:
        changes["roles"] = None
    with transaction() as session, checked_options():
        hints = service.hints(session, department=department, field=field, name=name)
        service.describe(session, name, changes, actor=actor())
        entry, zone = showing.show(session, name), city_zone(session)
    layer_showing.print_layer(entry, zone, as_json=as_json)
    for one in hints:
        tell(one)


@app.command("refresh")
def refresh(
    name: Name,
    place: Annotated[
        str | None,
        typer.Option("--from", metavar="FILE|TABLE", help="Read it from here from now on."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Load it although nothing changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a layer again, if its file or table changed; what fails leaves it as it is (exit 1)."""
    from gis_registry.layers import service, showing
    from gis_registry.layers.advising import warnings
    from gis_registry.layers.origins import moved_origin
    from gis_registry.layers.tables import LayerEventKind

    kept = read_settings().layer_versions
    with transaction() as session, progress_bar() as progress:
        before = showing.show(session, name).origin
        event = service.refresh(
            session,
            name,
            actor=actor(),
            origin=None if place is None else moved_origin(session, before, place),
            is_forced=force,
            kept=kept,
            progress=progress,
        )
        outcome = "unchanged" if event is None else event.kind
        sentence = (
            "Nothing changed since it was last read; --force loads it all the same."
            if event is None
            else event.sentence
        )
        entry = showing.show(session, name)
        is_loaded = outcome == LayerEventKind.LOADED
        advice = warnings(entry, the_city(session).name_en) if is_loaded else []
    if as_json:
        print_json({"outcome": outcome, "sentence": sentence, "layer": entry.model_dump()})
    else:
        print_sentence(f"{entry.name}, version {entry.version}: {outcome}. {sentence}")
    for one in advice:
        tell(one)
    if outcome == LayerEventKind.LOADED:
        _tell_refused(entry)
    if outcome == LayerEventKind.FAILED:
        tell(f"It stays as it was: version {entry.version}.")
        raise typer.Exit(1)


@app.command("revert")
def revert(
    name: Name,
    to: Annotated[
        int | None, typer.Option(help="Number of the version, else the one before.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish the version before again, or a layer that was removed."""
    from gis_registry.layers import service, showing

    with transaction() as session:
        service.revert(session, name, actor=actor(), to=to)
        entry, zone = showing.show(session, name), city_zone(session)
    layer_showing.print_layer(entry, zone, as_json=as_json)


@app.command("remove")
def remove(
    name: Name,
    for_good: Annotated[
        bool,
        typer.Option("--for-good", help="With all its versions and history, past taking back."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Publish a layer no more; `layer revert` takes it back."""
    from gis_registry.layers import service

    with transaction() as session:
        removed = service.remove(session, name, actor=actor(), is_for_good=for_good).name
    if as_json:
        print_json({"name": removed, "removed": True, "for_good": for_good})
        return
    print_sentence(f"{removed} is published no more.")
    if not for_good:
        tell(f"To publish it again: gis-registry layer revert {removed}")


def _tell_refused(entry: "LayerEntry") -> None:
    if entry.quality.refused:
        tell(f"The rows that are not published: gis-registry layer rows {entry.name}")
