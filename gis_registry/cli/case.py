"""``gis-registry case``: list, show, return, assign and close cases."""

from collections.abc import Callable
from functools import partial
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from gis_registry.cases import identifying, listing, returning, service
from gis_registry.cases.schemas import CaseFilter, CaseSummary
from gis_registry.cli.context import LARGEST_NUMBER, AsJson, actor, city_zone, transaction
from gis_registry.cli.output import print_facts, print_json, print_table, results, tell

app = typer.Typer(help="List, show, return, assign and close cases.", no_args_is_help=True)

CaseNumber = Annotated[int, typer.Argument(help="Number of the case.", min=1, max=LARGEST_NUMBER)]


@app.command("list")
def list_(
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    before: Annotated[
        int | None, typer.Option(help="Those before this number.", min=1, max=LARGEST_NUMBER)
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List cases, the newest first."""
    with transaction() as session:
        page = listing.page(
            session, where=CaseFilter(only_open=only_open), before=before, limit=limit
        )
        zone = city_zone(session)
    if as_json:
        print_json(page)
        return
    print_table(
        ["case", "state", "opened", "matter", "component", "responsible"],
        (
            (
                one.id,
                one.state,
                f"{one.opened_at.astimezone(zone):%Y-%m-%d %H:%M}",
                one.matter_name_zh,
                one.component_code,
                one.unit_name_zh,
            )
            for one in page.cases
        ),
    )
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")


@app.command("show")
def show(case: CaseNumber, as_json: AsJson = False) -> None:
    """Show a case and what happened to it."""
    with transaction() as session:
        found = service.show(session, case)
        zone = city_zone(session)
    _print(found, zone, as_json=as_json)


@app.command("close")
def close(
    case: CaseNumber,
    reason: Annotated[str, typer.Option(help="What was done.")],
    as_json: AsJson = False,
) -> None:
    """Close an open case."""
    with transaction() as session:
        found = service.close_case(session, case, actor=actor(), reason=reason)
        zone = city_zone(session)
    _print(found, zone, as_json=as_json)


DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would come of it, change nothing.")
]


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
        return
    print_facts(
        [
            ("case", f"{case.id} ({case.state})"),
            ("matter", f"{case.matter_name_zh} {case.matter_name_en}"),
            ("component", case.component_code),
            ("responsible", f"{case.unit_name_zh} {case.unit_name_en}" if case.unit_code else None),
            ("position", f"{case.lon:.6f}, {case.lat:.6f}"),
        ]
    )
    print_table(
        ["", "when", "what", "who", "note"],
        (
            (
                one.sequence,
                f"{one.happened_at.astimezone(zone):%Y-%m-%d %H:%M}",
                one.kind,
                one.actor,
                ": ".join(
                    one.note[key]
                    for key in ("unit_code", "component_code", "reason")
                    if key in one.note
                ),
            )
            for one in case.events
        ),
    )
    for sentence in case.responsible.grounds if case.responsible else []:
        results.print(f"{sentence.zh}\n{sentence.en}")
