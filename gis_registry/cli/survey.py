"""``gis-registry survey``: load field data, look at what became of each row, undo it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli import survey_correcting, survey_deciding, survey_review, survey_tasks
from gis_registry.cli.context import AsJson, actor, add_up_counts, transaction
from gis_registry.cli.output import (
    print_facts,
    print_json,
    print_sentence,
    print_table,
    progress_bar,
    tell,
    write_csv,
)
from gis_registry.cli.survey_inspect import inspect
from gis_registry.cli.survey_options import SurveyNumber
from gis_registry.errors import InvalidInput
from gis_registry.surveys.schemas import SurveyRowEntry, SurveySummary
from gis_registry.surveys.tables import SurveyState, Verdict

app = typer.Typer(help="Load field data, review it row by row, undo it.", no_args_is_help=True)
app.command("inspect")(inspect)
app.command("rows")(survey_review.rows)
app.command("review")(survey_review.review)
app.command("decide")(survey_deciding.decide)
app.command("correct")(survey_correcting.correct)
app.command("drop")(survey_deciding.drop)
app.command("retry")(survey_correcting.retry)
app.command("tasks")(survey_tasks.tasks)
app.add_typer(survey_tasks.app, name="task")


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="GeoPackage, Shapefile, CSV or another file.")],
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
    mapping: Annotated[
        Path | None, typer.Option(help="TOML file that says which column is what.")
    ] = None,
    force: Annotated[
        str | None,
        typer.Option(help="Go on although the file looks wrong as a whole; the reason is kept."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and count, keep nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a file: check it, find which component each row is, and stage what would change.

    Nothing of the registry changes before `survey apply`. Exit 1 if the file is wrong as a whole or
    every row is refused.
    """
    from gis_registry.surveys import loading, service
    from gis_registry.surveys.mapping import Mapping, read_mapping

    if class_code is not None and class_field is not None:
        raise typer.BadParameter("Give --class or --class-field, not both.")
    if "" in (class_code, class_field):
        raise typer.BadParameter("--class and --class-field need a value.")
    if force is not None and (not force.strip() or force.startswith("--")):
        # An option that follows --force is taken for its value.
        raise typer.BadParameter("--force needs the reason, such as --force 'poles were replaced'.")
    described = loading.SurveyFile(
        path=file,
        mapping=(read_mapping(mapping) if mapping else Mapping()).overridden(
            class_code=class_code,
            class_field=class_field,
            crs=crs,
            layer=layer,
            as_of=as_of.date() if as_of else None,
            accuracy_m=accuracy_m,
        ),
        is_synthetic=synthetic,
    )
    with transaction() as session:
        with progress_bar() as progress:
            summary = loading.stage(
                session, described, actor=actor(), forced_reason=force, progress=progress
            )
        if refused is not None:
            rows = list(service.rows(session, summary.survey, verdict=Verdict.REFUSED))
            _write_rows(refused, rows)
        if dry_run:
            session.rollback()
    _print_summary(summary, as_json=as_json, is_kept=not dry_run)
    if dry_run:
        tell("This was a dry run: nothing was kept.")
    elif summary.state == SurveyState.STOPPED:
        tell(
            "The file is wrong as a whole, so that nothing can be applied. Load it again with what "
            "the error proposes after the arrow, or with --force REASON if it is right as it is."
        )
    else:
        _tell_what_next(summary)
    if summary.state == SurveyState.STOPPED or (summary.rows and not summary.accepted):
        raise typer.Exit(1)


def _tell_what_next(summary: SurveySummary) -> None:
    if summary.refused:
        tell(f"The refused rows: gis-registry survey rows {summary.survey} --verdict refused")
    if summary.rows and not summary.accepted:
        tell("No row could be accepted.")
        return
    if summary.verdicts.get(Verdict.AMBIGUOUS):
        tell(
            "Ambiguous rows wait for a person: "
            f"gis-registry survey rows {summary.survey} --verdict ambiguous"
        )
    tell(f"To look at it on a map: gis-registry survey review {summary.survey}")
    tell(f"To change the registry so: gis-registry survey apply {summary.survey}")


@app.command("apply")
def apply(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Change the registry as a staged survey found; ambiguous and rejected rows stay out."""
    from gis_registry.surveys import service

    with transaction() as session, progress_bar() as progress:
        before = service.show(session, survey).state
        summary = service.apply(session, survey, actor=actor(), progress=progress)
    add_up_counts()
    _print_summary(summary, as_json=as_json)
    if before == SurveyState.APPLIED:
        tell(f"Survey {survey} was applied already; there was nothing to do.")


@app.command("match")
def match(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Match a staged survey again, after others changed the registry."""
    from gis_registry.surveys import loading

    with transaction() as session, progress_bar() as progress:
        summary = loading.match(session, survey, progress=progress)
    _print_summary(summary, as_json=as_json)


@app.command("revert")
def revert(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Undo an applied survey; components changed since are left as they are and named."""
    from gis_registry.surveys import service

    with transaction() as session:
        done = service.revert(session, survey, actor=actor())
    add_up_counts()
    if as_json:
        print_json(done)
        return
    print_sentence(
        f"Survey {survey} is reverted: {done.withdrawn:,} components are withdrawn, "
        f"{done.restored:,} are as they were before."
    )
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
            *(
                (f"{one['severity']}: {one['check']}", f"{one['sentence']} → {one['remedy']}")
                for one in summary.findings
            ),
            ("forced, since", summary.forced_reason),
        ]
    )


def _write_rows(path: Path, entries: list[SurveyRowEntry]) -> None:
    columns = list(SurveyRowEntry.model_fields)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = ([getattr(one, column) for column in columns] for one in entries)
            write_csv(file, columns, rows, words={"reason"})
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.") from error
    tell(f"{len(entries)} refused rows written to {path}.")
