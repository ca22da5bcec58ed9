"""``gis-registry survey``: load field data, look at what became of each row, undo it."""

import csv
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import LARGEST_NUMBER, AsJson, actor, transaction
from gis_registry.cli.output import (
    print_csv,
    print_facts,
    print_json,
    print_sentence,
    print_table,
    progress_bar,
    tell,
)
from gis_registry.cli.survey_inspect import inspect
from gis_registry.errors import InvalidInput
from gis_registry.surveys.schemas import SurveyRowEntry, SurveySummary
from gis_registry.surveys.tables import SurveyState, Verdict

app = typer.Typer(help="Load field data, review it row by row, undo it.", no_args_is_help=True)
app.command("inspect")(inspect)

SurveyNumber = Annotated[
    int, typer.Argument(help="Number of the survey.", min=1, max=LARGEST_NUMBER)
]


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="GeoJSON, GeoPackage, Shapefile or CSV.")],
    class_code: Annotated[
        str | None, typer.Option("--class", help="Class code of all rows, such as 0137.")
    ] = None,
    class_field: Annotated[
        str | None, typer.Option(help="Field that holds each row's class code instead.")
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(help="EPSG:… or gcj02, bd09, wgs84, cgcs2000, if the file does not say it."),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Layer, if there are several.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day of the survey; else today.")
    ] = None,
    accuracy_m: Annotated[
        float | None, typer.Option(help="Position accuracy in metres; else that of each class.")
    ] = None,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="The data are made up.")] = False,
    refused: Annotated[
        Path | None, typer.Option(help="Write the refused rows with reasons to this CSV file.")
    ] = None,
    stage: Annotated[
        bool, typer.Option("--stage", help="Check and match, but wait for `survey apply`.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a file: check every row, refuse bad ones with a reason, register the rest.

    Rows whose component is registered already change nothing. Exit 1 if every row is refused.
    """
    from gis_registry.surveys import service

    if (class_code is None) == (class_field is None):
        raise typer.BadParameter("Give either --class or --class-field.")
    described = service.SurveyFile(
        path=file,
        class_code=class_code,
        class_field=class_field,
        crs=crs,
        layer=layer,
        as_of=as_of.date() if as_of else None,
        accuracy_m=accuracy_m,
        is_synthetic=synthetic,
    )
    with transaction() as session:
        with progress_bar() as progress:
            summary = service.stage(session, described, actor=actor(), progress=progress)
            if not stage:
                summary = service.apply(session, summary.survey, actor=actor(), progress=progress)
        if refused is not None:
            rows = list(service.rows(session, summary.survey, verdict=Verdict.REFUSED))
            _write_rows(refused, rows)
        if dry_run:
            session.rollback()
    _print_summary(summary, as_json=as_json, is_kept=not dry_run)
    if dry_run:
        tell("This was a dry run: nothing was kept.")
    else:
        if summary.refused:
            tell(f"The refused rows: gis-registry survey rows {summary.survey} --verdict refused")
        if summary.state == SurveyState.STAGED:
            tell(f"To register the rest: gis-registry survey apply {summary.survey}")
    if summary.rows and not summary.accepted:
        tell("No row could be accepted.")
        raise typer.Exit(1)


@app.command("apply")
def apply(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Register what a staged survey found new."""
    from gis_registry.surveys import service

    with transaction() as session, progress_bar() as progress:
        before = service.show(session, survey).state
        summary = service.apply(session, survey, actor=actor(), progress=progress)
    _print_summary(summary, as_json=as_json)
    if before == SurveyState.APPLIED:
        tell(f"Survey {survey} was applied already; there was nothing to do.")


@app.command("revert")
def revert(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Withdraw what a survey registered; components changed since are left and named."""
    from gis_registry.surveys import service

    with transaction() as session:
        done = service.revert(session, survey, actor=actor())
    if as_json:
        print_json(done)
        return
    print_sentence(f"Survey {survey} is reverted: {done.withdrawn} components are withdrawn.")
    if done.kept:
        print_sentence(f"Changed since and left as they are: {', '.join(done.kept)}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List surveys, the newest first."""
    from gis_registry.surveys import service

    with transaction() as session:
        found = service.surveys(session)
    if as_json:
        print_json(found)
    else:
        print_table(
            ["survey", "file", "as of", "state", "rows", "accepted", "refused"],
            (
                (
                    one.survey,
                    one.file_name,
                    one.as_of,
                    one.state,
                    one.rows,
                    one.accepted,
                    one.refused,
                )
                for one in found
            ),
        )


@app.command("show")
def show(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Show a survey and what became of its rows."""
    from gis_registry.surveys import service

    with transaction() as session:
        summary = service.show(session, survey)
    _print_summary(summary, as_json=as_json)


@app.command("rows")
def rows(
    survey: SurveyNumber,
    verdict: Annotated[Verdict | None, typer.Option(help="Only rows of this verdict.")] = None,
    form: Annotated[RowFormat, typer.Option("--format", help="How to write them.")] = (
        RowFormat.TABLE
    ),
    as_json: AsJson = False,
) -> None:
    """List what became of each row of a survey's file."""
    from gis_registry.surveys import service

    columns = list(SurveyRowEntry.model_fields)
    with transaction() as session:
        entries = service.rows(session, survey, verdict=verdict)
        if as_json or form is RowFormat.JSON:
            print_json(list(entries))
            return
        values = ([getattr(one, column) for column in columns] for one in entries)
        if form is RowFormat.CSV:
            print_csv(columns, values)
        else:
            print_table(columns, values)


def _print_summary(summary: SurveySummary, *, as_json: bool, is_kept: bool = True) -> None:
    """Print what became of a survey's rows; the number of one that is not kept means nothing."""
    if as_json:
        unkept = {} if is_kept else {"survey": None, "state": "not kept"}
        print_json(summary.model_dump(mode="json") | unkept)
        return
    print_facts(
        [
            ("survey", f"{summary.survey} ({summary.state})" if is_kept else None),
            ("file", f"{summary.file_name}, in {summary.crs}, as of {summary.as_of}"),
            (
                "rows read",
                f"{summary.rows:,} = {summary.accepted:,} accepted + {summary.refused:,} refused",
            ),
            *((f"  {verdict}", f"{count:,}") for verdict, count in summary.verdicts.items()),
            *((f"    {refusal}", f"{count:,}") for refusal, count in summary.refusals.items()),
        ]
    )


def _write_rows(path: Path, entries: list[SurveyRowEntry]) -> None:
    columns = list(SurveyRowEntry.model_fields)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([getattr(one, column) for column in columns] for one in entries)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
    tell(f"{len(entries)} refused rows written to {path}.")
