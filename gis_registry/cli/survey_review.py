"""Commands of ``gis-registry survey`` that show what a survey would change: rows and review.

They are registered in :mod:`gis_registry.cli.survey`.
"""

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import RowMapping

from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import (
    print_csv,
    print_json,
    print_json_items,
    print_sentence,
    print_table,
)
from gis_registry.cli.survey_options import Areas, Classes, SurveyNumber, Verdicts
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput
from gis_registry.surveys.schemas import SurveyRowEntry
from gis_registry.surveys.tables import Verdict

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


class RowFormat(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    GEOJSON = "geojson"


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
    form: Annotated[
        RowFormat | None, typer.Option("--format", help="How to write them; else as a table.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what became of each row of a survey's file, and the components that it lacks."""
    from gis_registry.surveys.explaining import reason_of, row_entry
    from gis_registry.surveys.selecting import Selection, selected_rows

    if as_json and form not in (None, RowFormat.JSON):
        raise typer.BadParameter(f"--json is --format json; leave it out for --format {form}.")
    selection = Selection(
        verdicts=tuple(verdict or ()),
        decisions=tuple(decision or ()),
        class_codes=tuple(class_code or ()),
        areas=tuple(area or ()),
        everything=not (verdict or decision or class_code or area),
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
                print_csv(columns, values, words={"reason"})
            else:
                print_table(columns, values)


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
