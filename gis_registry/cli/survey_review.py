"""Commands of ``gis-registry survey`` that review and decide: rows, decide, correct, drop, retry.

They are registered in :mod:`gis_registry.cli.survey`.
"""

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import RowMapping

from gis_registry.cli.context import LARGEST_NUMBER, AsJson, actor, transaction
from gis_registry.cli.output import (
    print_csv,
    print_facts,
    print_json,
    print_json_items,
    print_sentence,
    print_table,
    tell,
)
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput
from gis_registry.surveys.schemas import Corrected, Decided, SurveyRowEntry
from gis_registry.surveys.tables import Decision, Verdict

_LARGEST_ROW = 2**31 - 1
#: What a row of a survey has as properties in GeoJSON.
_PROPERTIES = (
    "row",
    "verdict",
    "code",
    "distance_m",
    "score",
    "runner_up",
    "runner_up_m",
    "reason",
    "class_code",
    "decision",
)

SurveyNumber = Annotated[
    int, typer.Argument(help="Number of the survey.", min=1, max=LARGEST_NUMBER)
]
RowNumber = Annotated[
    int, typer.Argument(help="Number of the row, from 1.", min=1, max=_LARGEST_ROW)
]
Verdicts = Annotated[
    list[Verdict] | None, typer.Option("--verdict", help="Only rows of this verdict; repeatable.")
]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="Only rows of this class; repeatable.")
]
Areas = Annotated[
    list[str] | None,
    typer.Option("--area", help="Only rows in this district or subdistrict; repeatable."),
]
Rows = Annotated[
    list[int] | None,
    typer.Option("--row", help="Only the row of this number; repeatable.", min=1, max=_LARGEST_ROW),
]
Components = Annotated[
    list[str] | None,
    typer.Option("--component", help="Only what is about the component of this identifier."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for the record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count, keep nothing.")]


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    GEOJSON = "geojson"


class Said(StrEnum):
    """What can be said of rows."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNDO = "undo"


class DecidedAs(StrEnum):
    """What may have been decided of rows."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DROPPED = "dropped"
    RETRIED = "retried"
    NONE = "none"


def rows(
    survey: SurveyNumber,
    verdict: Verdicts = None,
    class_code: Classes = None,
    area: Areas = None,
    decision: Annotated[
        list[DecidedAs] | None,
        typer.Option("--decision", help="Only rows of which this was decided; repeatable."),
    ] = None,
    form: Annotated[RowFormat, typer.Option("--format", help="How to write them.")] = (
        RowFormat.TABLE
    ),
    as_json: AsJson = False,
) -> None:
    """List what became of each row of a survey's file, and the components that it lacks."""
    from gis_registry.surveys.explaining import reason_of, row_entry
    from gis_registry.surveys.selecting import Selection, selected_rows

    selection = Selection(
        verdicts=tuple(verdict or ()),
        decisions=tuple(decision or ()),
        class_codes=tuple(class_code or ()),
        areas=tuple(area or ()),
    )
    columns = list(SurveyRowEntry.model_fields)
    with transaction() as session:
        found = selected_rows(session, survey, selection)
        if form is RowFormat.GEOJSON:
            _print_features(found)
        elif as_json or form is RowFormat.JSON:
            print_json_items(row_entry(row).model_dump(mode="json") for row in found)
        else:
            values = (
                [
                    reason_of(row) if name == "reason" else _plain(name, row[name])
                    for name in columns
                ]
                for row in found
            )
            if form is RowFormat.CSV:
                print_csv(columns, values)
            else:
                print_table(columns, values)


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

    selection = Selection(
        verdicts=tuple(verdict or ()),
        class_codes=tuple(class_code or ()),
        areas=tuple(area or ()),
        rows=tuple(row or ()),
        components=tuple(component or ()),
    )
    if bool(selection) == everything:
        raise typer.BadParameter(
            "Say which rows with --verdict, --class, --area, --row or --component, or else --all."
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

    selection = Selection(
        rows=tuple(row or ()), class_codes=tuple(class_code or ()), areas=tuple(area or ())
    )
    if bool(selection) == everything:
        raise typer.BadParameter("Say which rows with --row, --class or --area, or else --all.")
    with transaction() as session:
        done = deciding.drop(session, survey, selection, actor=actor(), reason=reason)
        if dry_run:
            session.rollback()
    _print_decided(done, as_json=as_json, is_kept=not dry_run)


def correct(
    survey: SurveyNumber,
    row: RowNumber,
    reason: Reason,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="NAME=VALUE of an attribute, or of supervisor_code, owner_code, maintainer_code, "
            "surveyed_on, accuracy_m, identifier; no VALUE takes it away. Repeatable.",
        ),
    ] = None,
    position: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Where the point is: longitude and latitude in CGCS2000."),
    ] = None,
    geometry: Annotated[
        str | None, typer.Option(help="Its line, polygon or point as WKT, in CGCS2000.")
    ] = None,
    class_code: Annotated[str | None, typer.Option("--class", help="Its class code.")] = None,
    no_match: Annotated[
        bool, typer.Option("--no-match", help="Do not match at once: correct many, then match.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change what a row of a survey says, check it again and match the survey again.

    Any row of a staged survey can be edited, and the refused ones of an applied survey. What was
    decided of the row before holds no more. Exit 1 if the row is refused still; one that was not
    refused stays as it was if it does not pass the checks.
    """
    from shapely import Point

    from gis_registry.surveys import correcting

    if position is not None and geometry is not None:
        raise typer.BadParameter("Give --position or --geometry, not both.")
    correction = correcting.Correction(
        values=dict(_pair(one) for one in values or ()),
        class_code=class_code,
        geometry=Point(position) if position is not None else _geometry(geometry),
    )
    with transaction() as session:
        done = correcting.correct(
            session,
            survey,
            row,
            correction,
            actor=actor(),
            reason=reason,
            is_matched=not no_match,
        )
    _print_corrected(done, as_json=as_json)
    if done.verdict == Verdict.REFUSED:
        raise typer.Exit(1)
    if not done.is_matched:
        tell(f"When all are corrected: gis-registry survey match {survey}, or survey retry.")


def retry(survey: SurveyNumber, as_json: AsJson = False) -> None:
    """Stage the corrected and the ambiguous rows of an applied survey anew, as another survey."""
    from gis_registry.surveys import correcting

    with transaction() as session:
        summary = correcting.retry(session, survey, actor=actor())
    if as_json:
        print_json(summary)
        return
    counted = ", ".join(f"{count:,} {verdict}" for verdict, count in summary.verdicts.items())
    print_sentence(
        f"{summary.rows:,} rows of survey {survey} are staged as survey {summary.survey}: "
        f"{counted}."
    )
    tell(f"To change the registry so: gis-registry survey apply {summary.survey}")


def review(
    survey: SurveyNumber,
    html: Annotated[
        Path | None, typer.Option(help="File to write; else survey-NUMBER.html in this folder.")
    ] = None,
    verdict: Verdicts = None,
    as_json: AsJson = False,
) -> None:
    """Draw what a survey would change on a map in an HTML file that works offline."""
    from gis_registry.maps.service import write_survey_review

    path = html or Path(f"survey-{survey}.html")
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.")
    with transaction() as session:
        written = write_survey_review(session, survey, path, verdicts=verdict)
    if as_json:
        print_json({"file": str(written)})
        return
    print_sentence(
        f"The map is in {written}; what it needs lies beside it in {written.stem}_files."
    )


def _plain(name: str, value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if name == "issues" and value else value


def _print_features(found: Iterable[RowMapping]) -> None:
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{SRID}"}}
    head = f'{{"type": "FeatureCollection", "crs": {json.dumps(crs)}, "features": ['
    print_json_items(_features(found), head=head, tail="]}")


def _features(found: Iterable[RowMapping]) -> Iterator[dict[str, Any]]:
    import shapely

    from gis_registry.surveys.explaining import reason_of

    for row in found:
        properties = {
            name: reason_of(row) if name == "reason" else row[name] for name in _PROPERTIES
        }
        if row["registered_wkb"] is not None and row["verdict"] != Verdict.AMBIGUOUS:
            at = shapely.point_on_surface(shapely.from_wkb(bytes(row["registered_wkb"])))
            properties |= {"registered_lon": at.x, "registered_lat": at.y}
        geometry = None if row["wkb"] is None else shapely.from_wkb(bytes(row["wkb"]))
        yield {
            "type": "Feature",
            "geometry": None if geometry is None else shapely.geometry.mapping(geometry),
            "properties": properties,
        }


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


def _print_corrected(done: Corrected, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    before, after = (_flat(done.edits[one]) for one in ("before", "after"))
    print_facts(
        [
            (
                "row",
                f"{done.row} of survey {done.survey}: {done.verdict} {done.code or ''}".strip(),
            ),
            ("reason", done.reason),
            *(
                (name, f"{before.get(name, '')} → {after.get(name, '')}")
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name)
            ),
        ]
    )


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a row said, its attributes beside the rest."""
    attributes: dict[str, Any] = said.get("attributes", {})
    return {name: one for name, one in said.items() if name != "attributes"} | attributes


def _pair(written: str) -> tuple[str, str]:
    name, separator, value = written.partition("=")
    if not separator or not name.strip():
        raise typer.BadParameter(f"{written!r} is not NAME=VALUE.")
    return name.strip(), value.strip()


def _geometry(written: str | None) -> Any:
    import shapely

    if written is None:
        return None
    try:
        return shapely.from_wkt(written)
    except shapely.GEOSException as error:
        raise typer.BadParameter(f"{written!r} is no WKT such as LINESTRING (…).") from error
