"""Commands of ``gis-registry survey`` that put rows right and try them again: correct and retry.

They are registered in :mod:`gis_registry.cli.survey`.
"""

from typing import Annotated, Any

import typer

from gis_registry.cli.context import AsJson, actor, transaction
from gis_registry.cli.output import print_facts, print_json, print_sentence, tell
from gis_registry.cli.survey_options import LARGEST_ROW, Reason, SurveyNumber
from gis_registry.surveys.schemas import Corrected
from gis_registry.surveys.tables import Verdict

RowNumber = Annotated[
    int, typer.Argument(help="Number of the row, from 1.", min=1, max=LARGEST_ROW)
]


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
