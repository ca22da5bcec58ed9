"""Commands of ``gis-registry survey`` that decide about rows: decide and drop.

They are registered in :mod:`gis_registry.cli.survey`.
"""

from enum import StrEnum
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, actor, transaction
from gis_registry.cli.output import print_facts, print_json, tell
from gis_registry.cli.survey_options import (
    Areas,
    Classes,
    Components,
    DryRun,
    Reason,
    Rows,
    SurveyNumber,
    Verdicts,
)
from gis_registry.surveys.schemas import Decided
from gis_registry.surveys.tables import Decision


class Said(StrEnum):
    """What can be said of rows."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNDO = "undo"


def decide(
    survey: SurveyNumber,
    said: Annotated[Said, typer.Argument(help="What to do with the rows.")],
    reason: Reason,
    verdict: Verdicts = None,
    class_code: Classes = None,
    area: Areas = None,
    row: Rows = None,
    component: Components = None,
    new: Annotated[
        bool, typer.Option("--new", help="The ambiguous rows are new components.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="All rows of the survey.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Accept or reject rows of a staged survey, or take that back.

    An ambiguous row is accepted with --row and the --component that it is, or with --new. A missing
    component that is rejected stays registered.
    """
    from gis_registry.surveys import deciding
    from gis_registry.surveys.selecting import Selection

    if any((verdict, class_code, area, row, component)) == everything:
        raise typer.BadParameter(
            "Say which rows with --verdict, --class, --area, --row or --component, or else --all."
        )
    selection = Selection(
        verdicts=tuple(verdict or ()),
        class_codes=tuple(class_code or ()),
        areas=tuple(area or ()),
        rows=tuple(row or ()),
        components=tuple(component or ()),
        everything=everything,
    )
    if new and (said is not Said.ACCEPT or not row or component):
        raise typer.BadParameter("--new goes with accept and --row, and without --component.")
    with transaction() as session:
        if said is Said.UNDO:
            done = deciding.undo(session, survey, selection, actor=actor(), reason=reason)
        elif said is Said.ACCEPT and row and (new or component):
            if component and (len(row) > 1 or len(component) > 1):
                raise typer.BadParameter("Choose one --component for one --row at a time.")
            chosen = dict.fromkeys(row, component[0] if component else None)
            done = deciding.choose(session, survey, chosen, actor=actor(), reason=reason)
        else:
            decision = Decision.ACCEPTED if said is Said.ACCEPT else Decision.REJECTED
            done = deciding.decide(
                session, survey, decision, selection, actor=actor(), reason=reason
            )
        if dry_run:
            session.rollback()
    _print_decided(done, as_json=as_json, is_kept=not dry_run)


def drop(
    survey: SurveyNumber,
    reason: Reason,
    row: Rows = None,
    class_code: Classes = None,
    area: Areas = None,
    everything: Annotated[bool, typer.Option("--all", help="All refused rows.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Drop refused rows: nothing is expected of them any more."""
    from gis_registry.surveys import deciding
    from gis_registry.surveys.selecting import Selection

    if any((row, class_code, area)) == everything:
        raise typer.BadParameter("Say which rows with --row, --class or --area, or else --all.")
    selection = Selection(
        rows=tuple(row or ()),
        class_codes=tuple(class_code or ()),
        areas=tuple(area or ()),
        everything=everything,
    )
    with transaction() as session:
        done = deciding.drop(session, survey, selection, actor=actor(), reason=reason)
        if dry_run:
            session.rollback()
    _print_decided(done, as_json=as_json, is_kept=not dry_run)


def _print_decided(done: Decided, *, as_json: bool, is_kept: bool) -> None:
    if as_json:
        print_json(done)
    else:
        print_facts(
            [
                (done.decision, f"{done.rows:,}"),
                *((f"  {verdict}", f"{count:,}") for verdict, count in done.verdicts.items()),
                *(
                    (f"left out: {verdict}", f"{count:,}")
                    for verdict, count in done.left_out.items()
                ),
            ]
        )
    if not is_kept:
        tell("This was a dry run: nothing was kept.")
