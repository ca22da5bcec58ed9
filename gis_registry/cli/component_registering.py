"""``gis-registry component register``, and the options that it shares with ``component edit``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import shapely
import typer
from pydantic import JsonValue

from gis_registry.cli.component_facts import print_component
from gis_registry.cli.context import AsJson, actor, city_zone, transaction
from gis_registry.cli.output import tell
from gis_registry.components import service
from gis_registry.components.service import Facts
from gis_registry.errors import InvalidPosition
from gis_registry.places import service as places
from gis_registry.places.datums import Datum, to_cgcs2000
from gis_registry.units.tables import UnitRole

Attribute = Annotated[
    list[str] | None, typer.Option("--set", help="NAME=VALUE; an empty value removes it.")
]
UnitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--unit",
        help="ROLE=CODE of its supervisor, owner or maintainer; an empty code: it has none.",
    ),
]
SurveyedOn = Annotated[
    datetime | None,
    typer.Option("--surveyed-on", formats=["%Y-%m-%d"], help="Day of the survey that says so."),
]
AccuracyM = Annotated[
    float | None, typer.Option("--accuracy-m", help="How exact its position is, in metres.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the result, change nothing.")]


def register(
    lon: Annotated[float, typer.Argument(help="Longitude in degrees.")],
    lat: Annotated[float, typer.Argument(help="Latitude in degrees.")],
    class_code: Annotated[str, typer.Option("--class", help="Its class.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.")],
    datum: Annotated[Datum, typer.Option(help="What the position is in.")] = Datum.CGCS2000,
    attribute: Attribute = None,
    unit: UnitOption = None,
    surveyed_on: SurveyedOn = None,
    accuracy_m: AccuracyM = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a component that is a point; it gets an identifier for ever."""
    fault = places.position_fault(lon, lat)
    if fault is not None:
        raise InvalidPosition(f"This position cannot be used: {fault}.")
    x, y = to_cgcs2000(lon, lat, datum)
    said = Facts(
        geometry=shapely.Point(float(x), float(y)),
        class_code=class_code,
        units=units_of(unit),
        attributes=attributes_of(attribute),
        surveyed_on=surveyed_on.date() if surveyed_on else None,
        accuracy_m=accuracy_m,
    )
    with transaction() as session:
        code = service.register(
            session, said, actor=actor(), reason=reason, on_date=places.today(session)
        )
        detail = service.show(session, code)
        zone = city_zone(session)
        if dry_run:
            session.rollback()
    print_component(detail, zone, as_json=as_json)
    if dry_run:
        tell("This was a dry run: nothing was registered.")


def attributes_of(said: Sequence[str] | None) -> dict[str, JsonValue]:
    """Return what ``--set`` says."""
    attributes: dict[str, JsonValue] = {}
    for one in said or []:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE.", param_hint="--set")
        attributes[name] = value or None
    return attributes


def units_of(said: Sequence[str] | None) -> dict[UnitRole, str | None]:
    """Return what ``--unit`` says."""
    units: dict[UnitRole, str | None] = {}
    for one in said or []:
        name, equals, code = one.partition("=")
        if not equals or name not in list(UnitRole):
            roles = ", ".join(UnitRole)
            raise typer.BadParameter(f"{one!r} is not ROLE=CODE ({roles}).", param_hint="--unit")
        units[UnitRole(name)] = code.strip() or None
    return units
