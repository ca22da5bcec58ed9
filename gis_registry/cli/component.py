"""``gis-registry component``: look components up, list, edit, and tell their history."""

import json
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from pydantic import JsonValue

from gis_registry.cli.context import AsJson, actor, checked_options, city_zone, transaction
from gis_registry.cli.output import print_facts, print_json, print_table, tell
from gis_registry.components import service
from gis_registry.components.schemas import ComponentDetail, ComponentEdit, Named, NewPosition
from gis_registry.components.tables import ComponentState

app = typer.Typer(help="Look components up, list and edit them.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(help="Identifier; spaces and full-width digits are fine.")]


@app.command("show")
def show(code: Code, as_json: AsJson = False) -> None:
    """Show a component."""
    with transaction() as session:
        detail = service.show(session, code)
        zone = city_zone(session)
    _print(detail, zone, as_json=as_json)


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
    if not found:
        tell("There is none.")


@app.command("list")
def list_(
    class_code: Annotated[str | None, typer.Option("--class", help="Only this class.")] = None,
    division: Annotated[
        str | None, typer.Option(help="Only in this district or subdistrict (code).")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Those after this identifier.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, up to 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List active components of a class and an area, by identifier."""
    with transaction() as session:
        page = service.page(
            session, class_code=class_code, division_code=division, after=after, limit=limit
        )
    if as_json:
        print_json(page)
        return
    print_table(
        ["code", "class", "lon", "lat", "subdistrict"],
        (
            (
                one.code,
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
        ["version", "when", "what", "state", "who", "why", "lon", "lat"],
        (
            (
                one.version,
                f"{one.made_at.astimezone(zone):%Y-%m-%d %H:%M}",
                one.operation,
                one.state,
                one.actor,
                one.reason,
                f"{one.lon:.6f}",
                f"{one.lat:.6f}",
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
    attribute: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE; an empty value removes it.")
    ] = None,
    state: Annotated[
        ComponentState | None, typer.Option(help="retired: it is gone; active: it stands again.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the result, change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change a component; what it was stays in its history."""
    attributes: dict[str, JsonValue] = {}
    for one in attribute or []:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{one!r} is not NAME=VALUE.", param_hint="--set")
        attributes[name] = value or None
    with checked_options():
        new = ComponentEdit(
            reason=reason,
            position=NewPosition(lon=position[0], lat=position[1]) if position else None,
            attributes=attributes,
            state=state,
        )
    with transaction() as session:
        detail = service.apply_edit(session, code, new, actor=actor())
        zone = city_zone(session)
        if dry_run:
            session.rollback()
    _print(detail, zone, as_json=as_json)
    if dry_run:
        tell("This was a dry run: nothing was changed.")


def _print(detail: ComponentDetail, zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        print_json(detail)
        return

    changed_at = detail.changed_at.astimezone(zone)

    def named(one: Named | None) -> str | None:
        return f"{one.name_zh} {one.name_en} ({one.code})" if one else None

    print_facts(
        [
            ("identifier", detail.code),
            ("class", named(detail.component_class)),
            ("state", detail.state + (" · synthetic" if detail.is_synthetic else "")),
            ("position", f"{detail.lon:.7f}, {detail.lat:.7f} (± {detail.accuracy_m:g} m)"),
            ("district", named(detail.division)),
            ("subdistrict", named(detail.subdistrict)),
            ("grid cell", detail.cell_code),
            ("supervisor", named(detail.supervisor)),
            ("owner", named(detail.owner)),
            ("maintainer", named(detail.maintainer)),
            ("surveyed on", detail.surveyed_on),
            ("version", f"{detail.version}, of {changed_at:%Y-%m-%d %H:%M}"),
            *(
                (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
                for name, value in detail.attributes.items()
            ),
        ]
    )
