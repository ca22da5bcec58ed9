"""``gis-registry units``: organisations, responsibilities, responders."""

from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, read_settings, transaction
from gis_registry.cli.output import print_json, print_table, tell
from gis_registry.places.service import the_city
from gis_registry.units import queries
from gis_registry.units.tables import UnitKind

app = typer.Typer(help="Organisations, responsibilities, responders.", no_args_is_help=True)


@app.command("load")
def load(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Units (CSV with parent_code), responsibilities (CSV with role) and responders "
            "(points), in any order; left out: those of the city profile."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load units, responsibilities and responders; what is there is brought up to date."""
    from gis_registry.profile import find_profile
    from gis_registry.units import loading

    with transaction() as session:
        city = the_city(session)
        if files:
            kinds = [loading.kind_of_file(path) for path in files]
            paths = {
                kind: [path for path, one in zip(files, kinds, strict=True) if one == kind]
                for kind in loading.FileKind
            }
        else:
            profile = find_profile(read_settings().city or city.key)
            paths = {
                loading.FileKind.UNITS: profile.paths(profile.files.units),
                loading.FileKind.RESPONSIBILITIES: profile.paths(profile.files.responsibilities),
                loading.FileKind.RESPONDERS: profile.paths(profile.files.responders),
            }
        counts = {
            "units": loading.load_units(session, paths[loading.FileKind.UNITS]),
            "responsibilities": loading.load_responsibilities(
                session, paths[loading.FileKind.RESPONSIBILITIES], city=city
            ),
            "responders": loading.load_responders(session, paths[loading.FileKind.RESPONDERS]),
        }
        if dry_run:
            session.rollback()
    if as_json:
        print_json(counts)
    read = ", ".join(f"{count} {name}" for name, count in counts.items())
    tell(f"{'Would load' if dry_run else 'Loaded'} {read}.")


@app.command("list")
def list_(
    kind: Annotated[UnitKind | None, typer.Option(help="Only units of this kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """List units."""
    with transaction() as session:
        units = queries.units(session)
        codes = {one.id: one.code for one in units}
        rows = [
            {
                "code": one.code,
                "kind": one.kind,
                "name_zh": one.name_zh,
                "name_en": one.name_en,
                "parent_code": codes.get(one.parent_id) if one.parent_id else None,
                "is_synthetic": one.is_synthetic,
            }
            for one in units
            if kind is None or one.kind == kind
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(list(rows[0]) if rows else [], (row.values() for row in rows))
        tell(f"{len(rows)} in all.")
