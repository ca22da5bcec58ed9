"""``gis-registry report``: submit a report, match the reports of a file, and get the answers."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli import (
    report_devices,
    report_import,
    report_match,
    report_merging,
    report_photos,
    report_rewards,
)
from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    Before,
    actor,
    checked_options,
    city_zone,
    keep_photo,
    read_moment,
    transaction,
)
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
from gis_registry.cli.report_output import print_report
from gis_registry.places.datums import Datum
from gis_registry.reports import explaining, service
from gis_registry.reports.explaining import Language
from gis_registry.reports.schemas import DEFAULT_ACCURACY_M, NewReport
from gis_registry.reports.tables import Channel, Outcome

app = typer.Typer(help="Submit reports and read their answers.", no_args_is_help=True)
app.command("import")(report_import.import_)
app.command("match")(report_match.match)
app.command("similar")(report_merging.similar)
app.command("merge")(report_merging.merge)
app.command("separate")(report_merging.separate)
app.command("reward")(report_rewards.reward)
app.add_typer(report_rewards.app, name="rewards")
app.add_typer(report_devices.cameras, name="cameras")
app.add_typer(report_devices.sensors, name="sensors")
app.add_typer(report_devices.kinds, name="kinds")
app.add_typer(report_photos.app, name="photos")


@app.command("submit")
def submit(
    lon: Lon,
    lat: Lat,
    matter: Matter,
    text: Text = "",
    accuracy_m: Accuracy = DEFAULT_ACCURACY_M,
    datum: DatumOfPosition = Datum.CGCS2000,
    channel: Annotated[Channel, typer.Option(help="Where it comes from.")] = Channel.INSPECTOR,
    key: Annotated[
        str | None, typer.Option(help="Your own key: the same one twice is one report.")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option(parser=read_moment, help="When, ISO 8601 with zone; else now."),
    ] = None,
    scanned: Annotated[
        str | None, typer.Option(help="Read off the component: identifier, tag or QR code.")
    ] = None,
    photo: Annotated[
        list[Path] | None, typer.Option(help="Photo of it; give this again for more.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Answer, but keep nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Submit a report: which component, whose job, who is nearest, and why."""
    with checked_options():
        new = NewReport(
            lon=lon,
            lat=lat,
            datum=datum,
            accuracy_m=accuracy_m,
            matter=matter,
            text=text,
            channel=channel,
            client_key=key,
            reported_at=at,
            scanned=scanned,
        )
    with transaction() as session:
        new.photos = [keep_photo(session, one) for one in photo or []]
        report = service.submit(session, new, reported_by=actor())
        if dry_run:
            session.rollback()
    print_report(report, as_json=as_json)
    if dry_run:
        tell("This was a dry run: nothing was kept.")
    elif report.answer.outcome == Outcome.AMBIGUOUS and not as_json:
        tell(
            "\nWhoever knows which it is says so: "
            f"gis-registry case identify {report.case_id} --component CODE --reason WHY"
        )


@app.command("show")
def show(
    report: ReportNumber,
    as_json: AsJson = False,
) -> None:
    """Show a report, its answer and the reasons."""
    with transaction() as session:
        found = service.show(session, report)
    print_report(found, as_json=as_json)


@app.command("explain")
def explain(
    report: ReportNumber,
    language: Annotated[
        Language | None, typer.Option("--lang", help="Only in this language; else in both.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell step by step how a report came to its answer, and whether it would again."""
    with transaction() as session:
        explanation = explaining.explain(session, report, language=language)
    if as_json:
        print_json(explanation)
        return
    replay = explanation.replay
    for one in [*explanation.steps, replay, *replay.differences]:
        results.print("· " + "\n  ".join(text for text in (one.zh, one.en) if text))


@app.command("list")
def list_(
    before: Before = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    case: Annotated[
        int | None, typer.Option(help="Those of this case.", min=1, max=LARGEST_NUMBER)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List reports, the newest first."""
    with transaction() as session:
        page = service.page(session, before=before, limit=limit, case_id=case)
        zone = city_zone(session)
    if as_json:
        print_json(page)
        return
    print_table(
        ["report", "case", "when", "matter", "outcome", "component"],
        (
            (
                one.id,
                one.case_id,
                f"{one.reported_at.astimezone(zone):%Y-%m-%d %H:%M}",
                f"{one.matter_name_zh} {one.matter_name_en}",
                one.outcome,
                one.component_code,
            )
            for one in page.reports
        ),
    )
    if page.next_before:
        tell(f"There are more: --before {page.next_before}")
