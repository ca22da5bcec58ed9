"""Arguments and options that several commands of ``gis-registry survey`` take."""

from typing import Annotated

import typer

from gis_registry.cli.context import LARGEST_NUMBER
from gis_registry.surveys.tables import Verdict

LARGEST_ROW = 2**31 - 1

SurveyNumber = Annotated[
    int, typer.Argument(help="Number of the survey.", min=1, max=LARGEST_NUMBER)
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
    typer.Option("--row", help="Only the row of this number; repeatable.", min=1, max=LARGEST_ROW),
]
Components = Annotated[
    list[str] | None,
    typer.Option("--component", help="Only what is about the component of this identifier."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for the record.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count, keep nothing.")]
