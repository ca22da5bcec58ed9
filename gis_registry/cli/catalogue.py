"""``gis-registry catalogue``: editions, classes, matter types and time limits."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

from gis_registry.catalogue import service
from gis_registry.catalogue.tables import MatterKind
from gis_registry.cli import catalogue_limits
from gis_registry.cli.context import AsJson, DryRun, actor, add_up_counts, city_profile, transaction
from gis_registry.cli.output import (
    print_facts,
    print_json,
    print_sentence,
    print_table,
    results,
    tell,
    write_csv,
)
from gis_registry.errors import InvalidInput
from gis_registry.places.service import the_city

if TYPE_CHECKING:
    from gis_registry.components.edition_change import EditionPlan

app = typer.Typer(
    help="Editions, component classes, matter types and time limits.", no_args_is_help=True
)
app.add_typer(catalogue_limits.app, name="limits")


@app.command("load")
def load(
    profile: Annotated[
        Path | None,
        typer.Argument(
            help="CSV of the city's classes; left out: the city profile's own file, or the "
            "shipped 115 if it names none."
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Load the shipped catalogue and a profile of classes; what is there is brought up to date."""
    from gis_registry.catalogue.loading import load_catalogue
    from gis_registry.components.edition_change import carry_profile

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
        carry_profile(session)
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


@app.command("migrate")
def migrate(
    to: Annotated[str | None, typer.Option("--to", help="The edition to move to.")] = None,
    decide: Annotated[
        Path | None,
        typer.Option(help="CSV with class_code, decision (keep or map), target_class."),
    ] = None,
    primary: Annotated[
        bool, typer.Option("--primary", help="Tell the new edition's identifiers first.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Plan and list, change nothing.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Write the plan as CSV, to fill in and give as --decide.")
    ] = None,
    revert: Annotated[
        bool, typer.Option("--revert", help="Take the latest change of edition back.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Move the registry to another edition; the identifiers that were issued stay valid."""
    from gis_registry.components import edition_change

    if revert == (to is not None):
        raise typer.BadParameter("Say either --to EDITION or --revert.")
    if revert and (decide or primary or out):
        raise typer.BadParameter("--revert takes back the latest change as it was made.")
    decisions = edition_change.read_decisions(decide) if decide is not None else {}
    with transaction() as session:
        if to is None:
            undone = edition_change.revert(session, actor=actor())
        elif dry_run:
            plan = edition_change.plan(
                session, to_edition=to, decisions=decisions, make_primary=primary
            )
        else:
            plan = edition_change.apply(
                session, to_edition=to, actor=actor(), decisions=decisions, make_primary=primary
            )
        if to is not None and out is not None:  # before anything is kept: it may not be possible
            _write_plan(plan, out)
        if dry_run:
            session.rollback()
    if not dry_run:
        add_up_counts()
    if to is None:
        if as_json:
            print_json(undone)
        else:
            print_sentence(
                f"{undone.returned:,} components have their classes of {undone.to_edition} again; "
                f"{undone.left:,} that were registered or changed since stay in "
                f"{undone.from_edition}. The identifiers that were issued still resolve."
            )
    else:
        _tell_plan(plan, is_done=not dry_run, as_json=as_json)
    if dry_run:
        tell("This was a dry run: nothing was changed.")


_PLAN_COLUMNS = [
    "edition",
    "class_code",
    "name_zh",
    "name_en",
    "components",
    "decision",
    "target_class",
    "counterparts",
]


def _plan_rows(plan: "EditionPlan") -> list[tuple[object, ...]]:
    return [
        (
            one.edition,
            one.code,
            one.name_zh,
            one.name_en,
            one.components,
            one.action,
            one.target,
            " ".join(one.candidates),
        )
        for one in plan.classes
    ]


def _write_plan(plan: "EditionPlan", path: Path) -> None:
    try:
        # With a mark of its encoding, without which Excel shows Chinese names as rubbish.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            write_csv(file, _PLAN_COLUMNS, _plan_rows(plan), words={"name_zh", "name_en"})
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
    tell(f"The plan stands in {path}.")


def _tell_plan(plan: "EditionPlan", *, is_done: bool, as_json: bool) -> None:
    if as_json:
        print_json(plan)
        return
    print_table(_PLAN_COLUMNS, _plan_rows(plan))
    does = "have moved" if is_done else "would move"
    print_sentence(
        f"\nFrom {plan.from_edition} to {plan.to_edition}: {plan.moving:,} components {does}, "
        f"{plan.kept:,} stay in their classes, {plan.undecided:,} wait for a decision."
    )
