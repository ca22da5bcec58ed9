"""``gis-registry component``: aliases, and what took the place of a component."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, actor, transaction
from gis_registry.cli.output import print_json, print_sentence, print_table, tell
from gis_registry.components import ledger, lineage
from gis_registry.components.schemas import Alias
from gis_registry.components.tables import AliasKind, Relation

alias_app = typer.Typer(
    help="What else a component is known by: tags, QR tokens, keys, other identifiers.",
    no_args_is_help=True,
)

Code = Annotated[str, typer.Argument(help="Identifier, or a tag or key that stands for it.")]
Kind = Annotated[AliasKind, typer.Argument(help="What it is.")]
Value = Annotated[str, typer.Argument(help="What is written there.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the history.")]
On = Annotated[
    datetime | None,
    typer.Option("--on", formats=["%Y-%m-%d"], help="The day; left out: today."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the result, change nothing.")]
Into = Annotated[str, typer.Option("--into", help="The component that stands there now.")]


@alias_app.command("add")
def add(
    code: Code,
    kind: Kind,
    value: Value,
    reason: Reason,
    on: On = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a component known by something else, from a day on."""
    with transaction() as session:
        known = ledger.add_alias(
            session,
            code,
            kind=kind,
            value=value,
            actor=actor(),
            reason=reason,
            on_date=_day(on),
        )
        if dry_run:
            session.rollback()
    _print(known, dry_run=dry_run, as_json=as_json)


@alias_app.command("end")
def end(
    code: Code,
    kind: Kind,
    value: Value,
    reason: Reason,
    on: On = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """End what a component is known by; it still resolves, with the day of its end."""
    with transaction() as session:
        known = ledger.end_alias(
            session,
            code,
            kind=kind,
            value=value,
            actor=actor(),
            reason=reason,
            on_date=_day(on),
        )
        if dry_run:
            session.rollback()
    _print(known, dry_run=dry_run, as_json=as_json)


@alias_app.command("list")
def list_(code: Code, as_json: AsJson = False) -> None:
    """List everything that a component is or was known by."""
    with transaction() as session:
        known = ledger.aliases(session, code)
    _print(known, dry_run=False, as_json=as_json)


def replace(
    code: Code,
    by: Annotated[str, typer.Option("--by", help="The component that stands there now.")],
    reason: Reason,
    on: On = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Retire a component that another one took the place of."""
    _succeed(Relation.REPLACED_BY, [code], [by], reason, on, dry_run=dry_run, as_json=as_json)


def split(
    code: Code,
    into: Annotated[
        list[str], typer.Option("--into", help="A component of those that stand there now; repeat.")
    ],
    reason: Reason,
    on: On = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Retire a component that was split into several."""
    _succeed(Relation.SPLIT_INTO, [code], into, reason, on, dry_run=dry_run, as_json=as_json)


def merge(
    codes: Annotated[list[str], typer.Argument(help="Identifiers of those that are gone.")],
    into: Into,
    reason: Reason,
    on: On = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Retire components that were merged into one."""
    _succeed(Relation.MERGED_INTO, codes, [into], reason, on, dry_run=dry_run, as_json=as_json)


def _succeed(
    relation: Relation,
    predecessors: Sequence[str],
    successors: Sequence[str],
    reason: str,
    on: datetime | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    with transaction() as session:
        gone = lineage.succeed(
            session,
            relation,
            predecessors=predecessors,
            successors=successors,
            actor=actor(),
            reason=reason,
            on_date=_day(on),
        )
        if dry_run:
            session.rollback()
    if as_json:
        print_json(gone)
    else:
        for one in gone:
            became = ", ".join(step.code for step in one.became)
            print_sentence(f"{one.code} is {one.state} since {one.ended_on}; now: {became}.")
    _tell_dry(dry_run)


def _print(known: Sequence[Alias], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(known)
    else:
        print_table(
            ["kind", "value", "from", "until"],
            ((one.kind, one.value, one.valid_from, one.valid_to) for one in known),
        )
    _tell_dry(dry_run)


def _tell_dry(dry_run: bool) -> None:
    if dry_run:
        tell("This was a dry run: nothing was changed.")


def _day(on: datetime | None) -> date | None:
    return on.date() if on is not None else None
