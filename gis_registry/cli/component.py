"""``gis-registry component``: look components up, list, edit, and tell their history."""

from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from gis_registry.cli import component_ledger, component_registering
from gis_registry.cli.component_facts import print_component
from gis_registry.cli.component_registering import (
    AccuracyM,
    Attribute,
    DryRun,
    SurveyedOn,
    UnitOption,
    attributes_of,
    units_of,
)
from gis_registry.cli.context import AsJson, actor, checked_options, city_zone, transaction
from gis_registry.cli.output import print_json, print_table, tell
from gis_registry.components import lookup, service
from gis_registry.components.as_of import moment_of
from gis_registry.components.schemas import Candidate, ComponentEdit, NewPosition
from gis_registry.components.tables import ComponentState
from gis_registry.errors import Ambiguous

app = typer.Typer(help="Look components up, list and edit them.", no_args_is_help=True)
app.add_typer(component_ledger.alias_app, name="alias")
for command in (component_ledger.replace, component_ledger.split, component_ledger.merge):
    app.command(command.__name__)(command)
app.command("register", context_settings={"ignore_unknown_options": True})(
    component_registering.register
)

Code = Annotated[
    str,
    typer.Argument(
        help="Identifier, tag, key or QR code; spaces, hyphens and full-width digits are fine."
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="As the registry had it at the end of this day, or at this time."),
]


@app.command("show")
def show(code: Code, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Show what anything that was ever issued or printed stands for, and what became of it."""
    with transaction() as session:
        zone = city_zone(session)
        try:
            detail = service.show(session, code, moment=_moment(session, as_of))
        except Ambiguous:
            _print_candidates(lookup.candidates(session, code), as_json=as_json)
            raise
    print_component(detail, zone, as_json=as_json)


def _moment(session: Session, as_of: str | None) -> datetime | None:
    return moment_of(as_of, city_zone(session)) if as_of is not None else None


def _print_candidates(found: list[Candidate], *, as_json: bool) -> None:
    if as_json:
        print_json({"candidates": found})
        return
    print_table(
        ["code", "class", "state", "kind", "value", "from", "until"],
        (
            (
                one.code,
                f"{one.component_class.name_zh} {one.component_class.name_en}",
                one.state,
                one.kind,
                one.value,
                one.valid_from,
                one.valid_to,
            )
            for one in found
        ),
    )


@app.command("nearest", context_settings={"ignore_unknown_options": True})
def nearest(
    lon: Annotated[float, typer.Argument(help="Longitude in degrees.")],
    lat: Annotated[float, typer.Argument(help="Latitude in degrees.")],
    class_code: Annotated[str | None, typer.Option("--class", help="Only this class.")] = None,
    radius_m: Annotated[float | None, typer.Option(help="Only within so many metres.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Find the components nearest to a point, by metres on the ground."""
    with transaction() as session:
        found = service.nearest(
            session, lon=lon, lat=lat, class_code=class_code, radius_m=radius_m, count=limit
        )
    if as_json:
        print_json(
            [
                {
                    **one.model_dump(by_alias=True),
                    "class": one.component_class.code,
                    "class_name_zh": one.component_class.name_zh,
                    "class_name_en": one.component_class.name_en,
                }
                for one in found
            ]
        )
        return
    print_table(
        ["code", "class", "", "metres"],
        (
            (
                one.code,
                one.component_class.code,
                f"{one.component_class.name_zh} {one.component_class.name_en}",
                f"{one.distance_m:.2f}",
            )
            for one in found
        ),
    )


@app.command("list")
def list_(
    class_code: Annotated[str | None, typer.Option("--class", help="Only this class.")] = None,
    division: Annotated[
        str | None, typer.Option(help="Only in this district or subdistrict (code).")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Those after this identifier.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """List active components of a class and an area, by identifier."""
    with transaction() as session:
        page = service.page(
            session,
            class_code=class_code,
            division_code=division,
            after=after,
            limit=limit,
            moment=_moment(session, as_of),
        )
    if as_json:
        print_json(page)
        return
    print_table(
        ["code", "class", "lon", "lat", "subdistrict"],
        (
            (
                one.primary_code,
                f"{one.class_name_zh} {one.class_name_en}",
                f"{one.lon:.6f}",
                f"{one.lat:.6f}",
                one.subdistrict_code,
            )
            for one in page.components
        ),
    )
    if page.next_after:
        tell(f"There are more: --after {page.next_after}")


@app.command("history")
def history(code: Code, as_json: AsJson = False) -> None:
    """Tell every change of a component, the first one first."""
    with transaction() as session:
        entries = service.history(session, code)
        zone = city_zone(session)
    if as_json:
        print_json(entries)
        return
    print_table(
        ["version", "when", "what", "class", "state", "position", "why"],
        (
            (
                one.version,
                f"{one.made_at.astimezone(zone):%Y-%m-%d %H:%M}",
                one.operation,
                one.class_code,
                one.state,
                f"{one.lon:.6f} {one.lat:.6f}",
                f"{one.reason} ({one.actor})",
            )
            for one in entries
        ),
    )


@app.command("edit", context_settings={"ignore_unknown_options": True})
def edit(
    code: Code,
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.")],
    position: Annotated[
        tuple[float, float] | None, typer.Option(help="New longitude and latitude in degrees.")
    ] = None,
    attribute: Attribute = None,
    unit: UnitOption = None,
    surveyed_on: SurveyedOn = None,
    accuracy_m: AccuracyM = None,
    state: Annotated[
        ComponentState | None, typer.Option(help="retired: it is gone; active: it stands again.")
    ] = None,
    class_code: Annotated[
        str | None, typer.Option("--class", help="The class that it really is of.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change a component; what it was stays in its history."""
    with checked_options():
        new = ComponentEdit(
            reason=reason,
            position=NewPosition(lon=position[0], lat=position[1]) if position else None,
            attributes=attributes_of(attribute),
            state=state,
            class_code=class_code,
            units=units_of(unit),
            surveyed_on=surveyed_on.date() if surveyed_on else None,
            accuracy_m=accuracy_m,
        )
    with transaction() as session:
        detail = service.apply_edit(session, code, new, actor=actor())
        zone = city_zone(session)
        if dry_run:
            session.rollback()
    print_component(detail, zone, as_json=as_json)
    if dry_run:
        tell("This was a dry run: nothing was changed.")
