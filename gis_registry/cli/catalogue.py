"""``gis-registry catalogue``: editions, classes and matter types."""

from pathlib import Path
from typing import Annotated

import typer

from gis_registry.catalogue import queries
from gis_registry.catalogue.tables import MatterKind
from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_json, print_table, tell
from gis_registry.errors import NotFound
from gis_registry.places.service import the_city

app = typer.Typer(help="Editions, component classes and matter types.", no_args_is_help=True)


@app.command("load")
def load(
    profile: Annotated[
        Path | None,
        typer.Argument(help="CSV of the city's own classes; left out: the shipped 115."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load the shipped catalogue and a profile of classes; what is there is brought up to date."""
    from gis_registry.catalogue.loading import load_catalogue

    with transaction() as session:
        summary = load_catalogue(session, profile_file=profile)
        if dry_run:
            session.rollback()
    if as_json:
        print_json(vars(summary))
    tell(
        f"{'Would hold' if dry_run else 'Holds'} {summary.editions} editions, {summary.classes} "
        f"classes ({summary.profile_classes} in the city's profile) and {summary.matter_types} "
        "matter types."
    )


@app.command("list")
def list_(
    edition: Annotated[str | None, typer.Option(help="Edition; left out: the city's.")] = None,
    whole: Annotated[
        bool, typer.Option("--all", help="All classes of the edition, not only the profile's.")
    ] = False,
    matters: Annotated[
        bool, typer.Option("--matters", help="Matter types of places instead of classes.")
    ] = False,
    editions: Annotated[bool, typer.Option("--editions", help="The editions instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the classes of the city's profile."""
    with transaction() as session:
        known = queries.editions(session)
        if edition is not None and edition not in {one.key for one in known}:
            keys = ", ".join(one.key for one in known)
            raise NotFound(f"There is no edition {edition!r}; there are: {keys}.")
        city = the_city(session)
        if editions:
            columns = ["key", "name_zh", "name_en", "class_digits"]
            found: list[object] = list(known)
        elif matters:
            columns = ["code", "name_zh", "name_en", "major_name_zh", "certainty"]
            found = list(
                queries.matter_types(
                    session, edition_key=edition or city.matter_edition_key, kind=MatterKind.PLACE
                )
            )
        else:
            columns = ["code", "name_zh", "name_en", "geometry_type", "accuracy_m", "edition_key"]
            found = list(
                queries.classes(
                    session,
                    edition_key=edition or city.edition_key,
                    in_profile=not whole and edition is None,
                )
            )
        rows = [{column: getattr(one, column) for column in columns} for one in found]
    if as_json:
        print_json(rows)
    else:
        print_table(columns, (row.values() for row in rows))
        tell(f"{len(rows)} in all.")
