"""``gis-registry report similar``, ``merge`` and ``separate``: reports of one incident.

They are registered in :mod:`gis_registry.cli.report`.
"""

from typing import Annotated

import typer

from gis_registry.cli.context import LARGEST_NUMBER, AsJson, actor, checked_options, transaction
from gis_registry.cli.output import print_json, print_table, results, tell
from gis_registry.cli.report_options import (
    Accuracy,
    DatumOfPosition,
    Lat,
    Lon,
    Matter,
    ReportNumber,
    Text,
)
from gis_registry.places.datums import Datum
from gis_registry.reports import merging
from gis_registry.reports.schemas import DEFAULT_ACCURACY_M, AnsweredReport, NewReport

Reason = Annotated[str, typer.Option(help="How it is known.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what comes of it, change nothing.")]


def similar(
    lon: Lon,
    lat: Lat,
    matter: Matter,
    text: Text = "",
    accuracy_m: Accuracy = DEFAULT_ACCURACY_M,
    datum: DatumOfPosition = Datum.CGCS2000,
    as_json: AsJson = False,
) -> None:
    """List the open cases that a report may repeat, before it is sent; keeps nothing."""
    with checked_options():
        new = NewReport(
            lon=lon, lat=lat, datum=datum, accuracy_m=accuracy_m, matter=matter, text=text
        )
    with transaction() as session:
        found = merging.similar_to(session, new)
        session.rollback()
    if as_json:
        print_json(found)
        return
    if found.similar:
        print_table(
            ["case", "probability", "metres", "hours ago", "text", "component"],
            (
                (
                    one.case_id,
                    f"{one.probability:.0%}",
                    f"{one.distance_m:.0f}",
                    f"{one.age_s / 3600:.1f}",
                    one.text,
                    one.component_code,
                )
                for one in found.similar
            ),
        )
    if found.joins_case_id is None:
        results.print("It would open a case of its own.")
    else:
        results.print(f"It would join case {found.joins_case_id}.")


def merge(
    report: ReportNumber,
    case: Annotated[int, typer.Argument(help="An open case.", min=1, max=LARGEST_NUMBER)],
    reason: Reason,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put a report into another open case; its own is closed if nothing is left in it."""
    with transaction() as session:
        found = merging.merge(session, report, case, reason=reason, actor=actor())
        if dry_run:
            session.rollback()
    _print(found, dry_run=dry_run, as_json=as_json)


def separate(
    report: ReportNumber, reason: Reason, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Take a report out of the case that it joined, into one of its own."""
    with transaction() as session:
        found = merging.separate(session, report, reason=reason, actor=actor())
        if dry_run:
            session.rollback()
    _print(found, dry_run=dry_run, as_json=as_json)


def _print(report: AnsweredReport, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        would = "would be" if dry_run else "is now"
        results.print(f"Report {report.id} {would} in case {report.case_id}.")
    if dry_run:
        tell("This was a dry run: nothing was changed.")
    elif not as_json:
        tell(f"What happened to the case: gis-registry case show {report.case_id}")
