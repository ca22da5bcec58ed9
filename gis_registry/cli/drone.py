"""``gis-registry drone``: take in detections."""

from datetime import datetime
from typing import Annotated

import typer

from gis_registry.cli.context import (
    LARGEST_NUMBER,
    AsJson,
    actor,
    checked_options,
    read_moment,
    transaction,
)
from gis_registry.cli.output import print_json, tell
from gis_registry.cli.report_output import print_report
from gis_registry.drones import service
from gis_registry.drones.schemas import AnsweredDetection, NewDetection
from gis_registry.places.datums import Datum

app = typer.Typer(help="Take in what drone images show.", no_args_is_help=True)


@app.command("detect")
def detect(
    lon: Annotated[float, typer.Option(help="Longitude on the ground in degrees.")],
    lat: Annotated[float, typer.Option(help="Latitude on the ground in degrees.")],
    matter: Annotated[str, typer.Option(help="Matter type code, such as 06001.")],
    image: Annotated[str, typer.Option(help="Name of the image.")],
    taken_at: Annotated[
        datetime, typer.Option(parser=read_moment, help="When, ISO 8601 with zone.")
    ],
    accuracy_m: Annotated[
        float, typer.Option(help="Radius in metres that holds the true position 68 times in 100.")
    ] = 15.0,
    confidence: Annotated[float, typer.Option(help="How sure the detector is, 0 to 1.")] = 1.0,
    datum: Annotated[Datum, typer.Option(help="What the position is in.")] = Datum.CGCS2000,
    note: Annotated[str, typer.Option(help="What is seen, in words.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take in a detection: where it is, whose job it is, who is nearest, and why."""
    with checked_options():
        new = NewDetection(
            lon=lon,
            lat=lat,
            datum=datum,
            accuracy_m=accuracy_m,
            matter=matter,
            confidence=confidence,
            image=image,
            taken_at=taken_at,
            note=note,
        )
    with transaction() as session:
        _print(service.submit(session, new, reported_by=actor()), as_json=as_json)


@app.command("show")
def show(
    detection: Annotated[
        int, typer.Argument(help="Number of the detection.", min=1, max=LARGEST_NUMBER)
    ],
    as_json: AsJson = False,
) -> None:
    """Show a detection and its answer."""
    with transaction() as session:
        _print(service.show(session, detection), as_json=as_json)


def _print(detection: AnsweredDetection, *, as_json: bool) -> None:
    if as_json:
        print_json(detection)
        return
    tell(f"Detection {detection.id} in {detection.image}, {detection.confidence:.0%} sure.")
    print_report(detection.report, as_json=False)
