"""``gis-registry report match``: which components the reports of a file mean."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import (
    print_csv,
    print_json_items,
    print_table,
    progress_bar,
    tell,
)
from gis_registry.reports.file_matching import REFUSED, MatchedRow, match_file

_COLUMNS = ("id", "outcome", "code", "probability", "candidates", "reason")
#: What a table shows of these; the first candidate is the code.
_SHOWN = ("id", "outcome", "probability", "candidates", "reason")


class MatchFormat(StrEnum):
    """How matches are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def match(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV with the columns lon, lat and matter (or class); also id, accuracy_m, text, "
            "datum, scanned, reported_at."
        ),
    ],
    form: Annotated[
        MatchFormat | None, typer.Option("--format", help="How to write them; else as a table.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Match the reports of a CSV file to components, without keeping anything.

    A line for each row: unique or ambiguous with the most probable component, none (not on the
    map), place (no component is meant), or refused with the reason.
    """
    if as_json and form not in (None, MatchFormat.JSON):
        raise typer.BadParameter(f"--json is --format json; leave it out for --format {form}.")
    refused = 0

    def counted(found: Iterator[MatchedRow]) -> Iterator[MatchedRow]:
        nonlocal refused
        for one in found:
            refused += one.outcome == REFUSED
            yield one

    with transaction() as session, progress_bar() as progress:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        found = counted(match_file(session, file, progress=progress))
        if as_json or form is MatchFormat.JSON:
            print_json_items(_item(one) for one in found)
        elif form is MatchFormat.CSV:
            print_csv(_COLUMNS, (_values(one) for one in found), words={"reason"})
        else:
            print_table(_SHOWN, (_shown(one) for one in found))
    if refused:
        tell(f"Refused rows: {refused:,}; the column “reason” says why.")


def _shown(row: MatchedRow) -> tuple[object, ...]:
    candidates = "\n".join(f"{code} {probability:.1%}" for code, probability in row.candidates)
    probability = None if row.probability is None else f"{row.probability:.1%}"
    return row.id, row.outcome, probability, candidates, row.reason


def _values(row: MatchedRow) -> tuple[object, ...]:
    candidates = ";".join(f"{code}:{probability:g}" for code, probability in row.candidates)
    return row.id, row.outcome, row.code, row.probability, candidates, row.reason


def _item(row: MatchedRow) -> dict[str, object]:
    return {
        "id": row.id,
        "outcome": row.outcome,
        "code": row.code or None,
        "probability": row.probability,
        "candidates": [
            {"code": code, "probability": probability} for code, probability in row.candidates
        ],
        "reason": row.reason or None,
    }
