"""``gis-registry catalogue``: editions, classes and matter types."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel

from gis_registry.catalogue import service
from gis_registry.catalogue.tables import MatterKind
from gis_registry.cli.context import AsJson, city_profile, transaction
from gis_registry.cli.output import (
    print_facts,
    print_json,
    print_sentence,
    print_table,
    results,
    tell,
)
from gis_registry.places.service import the_city

app = typer.Typer(help="Editions, component classes and matter types.", no_args_is_help=True)


@app.command("load")
def load(
    profile: Annotated[
        Path | None,
        typer.Argument(
            help="CSV of the city's classes; left out: the city profile's own file, or the "
            "shipped 115 if it names none."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load the shipped catalogue and a profile of classes; what is there is brought up to date."""
    from gis_registry.catalogue.loading import load_catalogue

    with transaction() as session:
        of_city = city_profile(session)
        if profile is None and of_city.files.classes:
            (profile,) = of_city.paths([of_city.files.classes])
        schemas = of_city.files.attribute_schemas
        summary = load_catalogue(
            session,
            profile_file=profile,
            schemas_file=of_city.paths([schemas])[0] if schemas else None,
        )
        if dry_run:
            session.rollback()
    if as_json:
        print_json(vars(summary))
        return
    print_sentence(
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
        city = the_city(session)
        found: Sequence[BaseModel]
        if editions:
            columns = ["key", "name_zh", "name_en", "class_digits", "valid_from"]
            found = service.list_editions(session)
        elif matters:
            columns = ["code", "name_zh", "name_en", "major_name_zh", "edition"]
            found = service.list_matter_types(
                session, edition_key=edition or city.matter_edition_key, kind=MatterKind.PLACE
            )
        else:
            columns = ["code", "name_zh", "name_en", "geometry_type", "accuracy_m", "edition"]
            edition = edition or city.edition_key
            found = service.list_classes(session, edition_key=edition, in_profile=not whole)
    if as_json:
        print_json(found)
    else:
        print_table(columns, ([getattr(one, column) for column in columns] for one in found))
        tell(f"{len(found)} in all.")
    if matters:
        tell("These are matters of places; for components, the code of a class stands for a fault.")
    elif not (editions or found or whole):
        tell(f"The city's profile has no class of the edition {edition}; --all shows all of it.")


@app.command("show")
def show(
    code: Annotated[str, typer.Argument(help="Code of the class.")],
    edition: Annotated[str | None, typer.Option(help="Edition; left out: the city's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a class: counterparts in other editions, matter type, what its attributes hold."""
    with transaction() as session:
        found = service.show_class(
            session, code, edition_key=edition or the_city(session).edition_key
        )
    if as_json:
        print_json(found)
        return
    matter = found.matter_type
    print_facts(
        [
            ("class", f"{found.code} ({found.edition})"),
            ("name", f"{found.name_zh} {found.name_en}"),
            ("major class", f"{found.major_code} {found.major_name_zh} {found.major_name_en}"),
            ("geometry", found.geometry_type),
            ("accuracy", f"{found.accuracy_m:g} m"),
            ("in the city's profile", "yes" if found.is_in_profile else "no"),
            ("matter type", f"{matter.code} {matter.name_zh} {matter.name_en}" if matter else None),
        ]
    )
    if found.counterparts:
        results.print("\ncounterparts", style="bold")
        print_table(
            ["edition", "code", "name_zh", "name_en"],
            ((one.edition, one.code, one.name_zh, one.name_en) for one in found.counterparts),
        )
    if found.attribute_schema is not None:
        results.print("\nwhat its attributes hold", style="bold")
        print_table(
            ["attribute", "must be", "otherwise"],
            service.described_attributes(found.attribute_schema),
        )
