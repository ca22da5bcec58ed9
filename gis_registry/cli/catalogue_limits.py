"""``gis-registry catalogue limits``: how long a stage may take, and the versions that say so.

They are registered in :mod:`gis_registry.cli.catalogue`.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gis_registry.catalogue import time_limit_asking
from gis_registry.catalogue.tables import LimitStage
from gis_registry.catalogue.time_limit_asking import LimitAnswer
from gis_registry.catalogue.time_limits import FoundLimit, amount_words, holding_version
from gis_registry.cli.context import AsJson, actor, city_profile, transaction
from gis_registry.cli.output import (
    print_json,
    print_sentence,
    print_table,
    results,
    tell,
)
from gis_registry.places.service import code_editions, today

if TYPE_CHECKING:
    from gis_registry.catalogue.time_limit_loading import CheckedLimits

_LARGEST_NUMBER = 2**31 - 1
_MOST_SHOWN = 40

app = typer.Typer(help="How long each stage of a case may take, in versions.")


@app.callback(invoke_without_command=True)
def limits(
    context: typer.Context,
    class_code: Annotated[str | None, typer.Option("--class", help="Code of a class.")] = None,
    matter: Annotated[
        str | None,
        typer.Option(help="Code of a matter, or of a class that something is wrong with."),
    ] = None,
    condition: Annotated[
        str | None, typer.Option(help="What was found, such as missing; left out: the default.")
    ] = None,
    stage: Annotated[LimitStage | None, typer.Option(help="Only this stage.")] = None,
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day on which it begins; left out: today."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how long each stage may take for a class or a matter, and why."""
    if context.invoked_subcommand is not None:
        return
    if class_code is not None and matter is not None:
        raise typer.BadParameter("Give --class or --matter, not both.")
    with transaction() as session:
        found = time_limit_asking.answer(
            session,
            editions=code_editions(session),
            on_date=on.date() if on else today(session),
            class_code=class_code,
            matter_code=matter,
            condition=condition,
            stage=stage,
        )
    if as_json:
        print_json(found)
    else:
        _print(found)
    if found.stages_without:
        tell(f"There is no limit on {found.on} for: {', '.join(found.stages_without)}.")


def _print(found: LimitAnswer) -> None:
    print_table(
        ["stage", "limit", "by", "condition", "season", "done when"],
        (
            (
                one.stage,
                _amount(one),
                one.basis,
                one.condition_code,
                one.season,
                f"{one.closing_zh} {one.closing_en}" if one.closing_zh else None,
            )
            for one in found.limits
        ),
    )
    if found.limits:
        results.print("\nwhy", style="bold")
    for one in found.limits:
        results.print(f"· {one.sentence_zh}\n  {one.sentence_en}")
    if len(found.conditions) > 1:
        results.print("\nconditions", style="bold")
        print_table(
            ["condition", "name_zh", "name_en", "handling"],
            (
                (
                    one.code or "(default)",
                    one.name_zh,
                    one.name_en,
                    one.handling and _amount(one.handling),
                )
                for one in found.conditions
            ),
        )


@app.command("load")
def load(
    file: Annotated[
        Path | None, typer.Argument(help="CSV of limits; left out: those of the city profile.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What the version is called.")] = None,
    source: Annotated[str | None, typer.Option(help="Who laid it down, and where.")] = None,
    valid_from: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day on which it holds."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and compare, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a version of the limits, which replaces the one before it as a whole.

    Where a line cannot be used, nothing is loaded and the exit code is 1.
    """
    if file is None:
        if title or source or valid_from:
            raise typer.BadParameter("The city profile says title, source and first day itself.")
        _load_profile(dry_run=dry_run, as_json=as_json)
        return
    if not (title and source and valid_from):
        raise typer.BadParameter("A file needs --title, --source and --from.")
    from gis_registry.catalogue import time_limit_loading as loading

    day = valid_from.date()
    entry = None
    with transaction() as session:
        editions = code_editions(session)
        checked = loading.check_limits(session, file, valid_from=day, editions=editions)
        if not (dry_run or checked.refused):
            new = loading.NewVersion(title, source, day)
            entry = loading.load_limits(session, file, new, editions=editions, actor=actor())
        is_past = day < today(session)
    if as_json:
        print_json({"version": entry and entry.number} | checked.model_dump(mode="json"))
    else:
        _print_checked(checked)
    if checked.refused:
        tell(f"{len(checked.refused)} lines cannot be used; nothing was loaded.")
        raise typer.Exit(1)
    if entry is None:
        tell("This was a dry run: nothing was changed.")
        return
    if not as_json:
        print_sentence(
            f"\nLoaded version {entry.number} with {entry.limits} limits, which holds from "
            f"{entry.valid_from} on."
        )
    if is_past:
        tell("That day is past: stages that have begun keep the limits that they were given.")


def _load_profile(*, dry_run: bool, as_json: bool) -> None:
    from gis_registry.city_loading import load_time_limits

    with transaction() as session:
        count = load_time_limits(session, city_profile(session))
        if dry_run:
            session.rollback()
    if as_json:
        print_json({"limits": count})
        return
    print_sentence(
        f"{'Would hold' if dry_run else 'Holds'} the {count} time limits of the city profile."
    )


def _print_checked(checked: "CheckedLimits") -> None:
    for one in checked.refused:
        print_sentence(f"line {one.line}: {one.reason}")
    for gap in checked.gaps:
        shown = ", ".join(gap.codes[: _MOST_SHOWN // 4])
        more = " …" if len(gap.codes) > _MOST_SHOWN // 4 else ""
        tell(f"No limit for {gap.stage}, at least on some days: {len(gap.codes)} ({shown}{more}).")
    before = f"version {checked.compared_with}" if checked.compared_with else "no version"
    print_sentence(
        f"{checked.limits} limits; {len(checked.differences)} differences from {before}, which "
        "holds on that day so far."
    )
    if checked.differences:
        print_table(
            ["", "stage", "for", "condition", "season", "before", "after"],
            (
                (one.change, one.stage, one.about, one.condition, one.season, one.before, one.after)
                for one in checked.differences[:_MOST_SHOWN]
            ),
        )
    if len(checked.differences) > _MOST_SHOWN:
        tell(f"{len(checked.differences) - _MOST_SHOWN} more differences: see --json.")


@app.command("versions")
def versions(as_json: AsJson = False) -> None:
    """List the versions of the limits, the latest first, and which of them holds today."""
    from gis_registry.catalogue import time_limit_loading as loading

    with transaction() as session:
        found = loading.list_versions(session, on_date=today(session))
    if as_json:
        print_json(found)
        return
    print_table(
        ["version", "state", "from", "limits", "title", "source", "loaded by", "withdrawn"],
        (
            (
                one.number,
                one.state,
                one.valid_from,
                one.limits,
                one.title,
                one.source,
                one.loaded_by,
                one.withdrawn_by and f"{one.withdrawn_by}: {one.withdrawn_reason}",
            )
            for one in found
        ),
    )


@app.command("withdraw")
def withdraw(
    number: Annotated[
        int, typer.Argument(help="Number of the version.", min=1, max=_LARGEST_NUMBER)
    ],
    reason: Annotated[str, typer.Option(help="Why.")],
    as_json: AsJson = False,
) -> None:
    """Withdraw a version, which brings the one before it back; nothing is deleted."""
    from gis_registry.catalogue import time_limit_loading as loading

    with transaction() as session:
        day = today(session)
        found = loading.withdraw(session, number, reason=reason, actor=actor(), on_date=day)
        holding = holding_version(session, day)
    if as_json:
        print_json(found)
        return
    now = f"version {holding['number']} holds" if holding else "no version holds"
    print_sentence(f"Version {found.number} is withdrawn; today {now}.")


def _amount(one: FoundLimit) -> str:
    return " ".join(amount_words(one.amount, one.unit))
