"""Arguments and options that several commands of ``gis-registry report`` take."""

from typing import Annotated

import typer

from gis_registry.cli.context import LARGEST_NUMBER
from gis_registry.places.datums import Datum

ReportNumber = Annotated[
    int, typer.Argument(help="Number of the report.", min=1, max=LARGEST_NUMBER)
]
Lon = Annotated[float, typer.Option(help="Longitude in degrees.")]
Lat = Annotated[float, typer.Option(help="Latitude in degrees.")]
Matter = Annotated[
    str,
    typer.Option(help="Matter type code (06001), or a class code (0137) for a fault of one."),
]
Text = Annotated[str, typer.Option(help="What is wrong, in words.")]
Accuracy = Annotated[
    float, typer.Option(help="Radius in metres that holds the true position 68 times in 100.")
]
DatumOfPosition = Annotated[Datum, typer.Option(help="What the position is in.")]
