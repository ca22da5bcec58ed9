"""``gis-registry case``: list and show cases, and change them step by step."""

from collections.abc import Callable
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from gis_registry.cases import identifying, listing, returning, service, wording
from gis_registry.cases.schemas import CaseOrder, CaseSummary
from gis_registry.catalogue.time_limits import amount_words
from gis_registry.cli import case_changes, case_filters, case_printing
from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    Before,
    actor,
    administrator,
    city_zone,
    transaction,
)
from gis_registry.cli.output import print_json, print_table, tell

app = typer.Typer(
    help="List and show cases, and change them step by step: `case life-cycle` shows the steps.",
    no_args_is_help=True,
)

CaseNumber = Annotated[int, typer.Argument(help="Number of the case.", min=1, max=LARGEST_NUMBER)]


@app.command("list")
def list_(
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    state: case_filters.State = None,
    stage: case_filters.Stage = None,
    with_unit: case_filters.WithUnit = None,
    division: case_filters.Division = None,
    matter: case_filters.Matter = None,
    component_class: case_filters.Class = None,
    condition: case_filters.Condition = None,
    overdue: case_filters.Overdue = False,
    due_from: case_filters.DueFrom = None,
    due_before: case_filters.DueBefore = None,
    until: case_filters.Until = None,
    order: Annotated[CaseOrder, typer.Option(help="Which come first.")] = CaseOrder.NEWEST,
    before: Before = None,
    after: Annotated[
        str | None, typer.Option(help="Those after this place, with --order due.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List cases, the newest first or those that are due first."""
    where = case_filters.read_filter(
        only_open=only_open,
        state=state,
        stage=stage,
        with_unit=with_unit,
        division=division,
        matter=matter,
        component_class=component_class,
        condition=condition,
        overdue=overdue,
        due_from=due_from,
        due_before=due_before,
        until=until,
    )
    with transaction() as session:
        page = listing.page(
            session, where=where, order=order, before=before, after=after, limit=limit
        )
        zone = city_zone(session)
    if as_json:
        print_json(page)
        return
    case_printing.print_cases(page.cases, zone)
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")
    if page.next_after:
        tell(f"There are more: --after {page.next_after}")


@app.command("show")
def show(case: CaseNumber, as_json: AsJson = False) -> None:
    """Show a case: what happened to it, whose job it is, what can be done next."""
    with transaction() as session:
        found = service.show(session, case, actor=administrator())
        zone = city_zone(session)
    _print(found, zone, as_json=as_json)


@app.command("conditions")
def conditions(case: CaseNumber, as_json: AsJson = False) -> None:
    """Show what a case can turn out to be, and how long handling may take then."""
    with transaction() as session:
        found = service.conditions(session, case)
    if as_json:
        print_json(found)
        return
    print_table(
        ["code", "what", "handling"],
        (
            (
                one.code or "",
                f"{one.name_zh}\n{one.name_en}",
                "\n".join(amount_words(one.handling.amount, one.handling.unit))
                if one.handling
                else "",
            )
            for one in found
        ),
    )


@app.command("life-cycle")
def life_cycle(as_json: AsJson = False) -> None:
    """Show what can be done with a case: when, by whom, and what it needs. Keeps nothing."""
    if as_json:
        print_json(wording.life_cycle())
    else:
        case_printing.print_life_cycle()


case_changes.add_to(app)

DryRun = case_changes.DryRun


@app.command("return")
def return_(
    case: CaseNumber,
    unit: Annotated[str, typer.Option(help="Code of the unit that has it and returns it.")],
    reason: Annotated[str, typer.Option(help="Why it is not theirs.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Return a case as not the unit's own; it is decided again without that unit."""
    change = partial(returning.return_case, unit_code=unit, reason=reason)
    _change(case, change, dry_run=dry_run, as_json=as_json)


@app.command("assign")
def assign(
    case: CaseNumber,
    unit: Annotated[str, typer.Option(help="Code of the unit that gets it.")],
    reason: Annotated[str, typer.Option(help="Why that unit.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give a case to a unit by hand."""
    change = partial(returning.assign_case, unit_code=unit, reason=reason)
    _change(case, change, dry_run=dry_run, as_json=as_json)


@app.command("identify")
def identify(
    case: CaseNumber,
    component: Annotated[str, typer.Option(help="Its identifier, tag or QR code.")],
    reason: Annotated[str, typer.Option(help="How it is known.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say which component a case is about; whose job it is, is decided again."""
    change = partial(identifying.identify_case, component=component, reason=reason)
    _change(case, change, dry_run=dry_run, as_json=as_json)


def _change(case: int, change: Callable[..., CaseSummary], *, dry_run: bool, as_json: bool) -> None:
    """Change a case and print what came of it; in a dry run the change is not kept."""
    with transaction() as session:
        found = change(session, case, actor=actor())
        zone = city_zone(session)
        if dry_run:
            session.rollback()
    _print(found, zone, as_json=as_json)
    if dry_run:
        tell("This was a dry run: nothing was kept.")


def _print(case: CaseSummary, zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(case)
    else:
        case_printing.print_case(case, zone)
