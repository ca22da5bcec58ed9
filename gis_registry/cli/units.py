"""``gis-registry units``: organisations, responsibilities, responders."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cases import counting
from gis_registry.cli.context import AsJson, DryRun, city_profile, transaction
from gis_registry.cli.output import (
    print_csv,
    print_facts,
    print_json,
    print_sentence,
    print_table,
    results,
    tell,
)
from gis_registry.components.schemas import ClassName, Named
from gis_registry.dispatch import checking
from gis_registry.dispatch.schemas import ResponsibilityCheck, UndecidedMatter
from gis_registry.places.service import the_city
from gis_registry.units import service
from gis_registry.units.schemas import ResponsibilityEntry, UnitDetail
from gis_registry.units.tables import UnitKind

#: How many places of a gap are named in a table; CSV and JSON name all of them.
_NAMED_PLACES = 3

app = typer.Typer(help="Organisations, responsibilities, responders.", no_args_is_help=True)


@app.command("load")
def load(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Units (CSV with parent_code), responsibilities (CSV with role) and responders "
            "(points), in any order; left out: those of the city profile."
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Load units, responsibilities and responders; what is there is brought up to date."""
    from gis_registry.units import loading

    with transaction() as session:
        city = the_city(session)
        if files:
            kinds = [loading.kind_of_file(path) for path in files]
            paths = {
                kind: [path for path, one in zip(files, kinds, strict=True) if one == kind]
                for kind in loading.FileKind
            }
        else:
            profile = city_profile(session)
            paths = {
                loading.FileKind.UNITS: profile.paths(profile.files.units),
                loading.FileKind.RESPONSIBILITIES: profile.paths(profile.files.responsibilities),
                loading.FileKind.RESPONDERS: profile.paths(profile.files.responders),
            }
        counts = {
            "units": loading.load_units(session, paths[loading.FileKind.UNITS]),
            "responsibilities": loading.load_responsibilities(
                session, paths[loading.FileKind.RESPONSIBILITIES], city=city
            ),
            "responders": loading.load_responders(session, paths[loading.FileKind.RESPONDERS]),
        }
        if dry_run:
            session.rollback()
    if as_json:
        print_json(counts)
        return
    read = ", ".join(f"{count} {name}" for name, count in counts.items())
    print_sentence(f"{'Would load' if dry_run else 'Loaded'} {read}.")


@app.command("list")
def list_(
    kind: Annotated[UnitKind | None, typer.Option(help="Only units of this kind.")] = None,
    as_json: AsJson = False,
) -> None:
    """List units."""
    with transaction() as session:
        found = service.list_units(session, kind=kind)
    if as_json:
        print_json(found)
        return
    print_table(
        ["code", "kind", "name", "parent"],
        ((one.code, one.kind, f"{one.name_zh} {one.name_en}", one.parent_code) for one in found),
    )
    tell(f"{len(found)} in all, {sum(one.is_synthetic for one in found)} of them synthetic.")


@app.command("show")
def show(
    code: Annotated[str, typer.Argument(help="Code of the unit.")], as_json: AsJson = False
) -> None:
    """Show a unit, what it is and was responsible for, and whom it can send."""
    with transaction() as session:
        unit = service.show_unit(session, code)
    if as_json:
        print_json(unit)
    else:
        _print(unit)


def _print(unit: UnitDetail) -> None:
    parent = unit.parent
    print_facts(
        [
            ("unit", unit.code),
            ("name", f"{unit.name_zh} {unit.name_en}"),
            ("kind", unit.kind + (" · synthetic" if unit.is_synthetic else "")),
            ("area", unit.division_code),
            ("under", f"{parent.name_zh} {parent.name_en} ({parent.code})" if parent else None),
        ]
    )
    if unit.responsibilities:
        results.print("\nresponsibilities", style="bold")
        print_table(
            ["role", "for", "from", "until before", "", "note"],
            (
                (
                    one.role,
                    _about(one),
                    one.valid_from,
                    one.valid_to,
                    "past" if one.is_past else "",
                    one.note,
                )
                for one in unit.responsibilities
            ),
        )
    if unit.responders:
        results.print("\nresponders", style="bold")
        print_table(
            ["code", "kind", "name", "free", "lon", "lat"],
            (
                (
                    one.code,
                    one.kind,
                    f"{one.name_zh} {one.name_en}",
                    "yes" if one.is_available else "no",
                    f"{one.lon:.6f}",
                    f"{one.lat:.6f}",
                )
                for one in unit.responders
            ),
        )


def _about(one: ResponsibilityEntry) -> str:
    """Return what a responsibility is for: component, class, matter and area, as far as named."""
    named = [
        (one.class_code, one.class_name_zh, one.class_name_en),
        (one.matter_code, one.matter_name_zh, one.matter_name_en),
        (one.division_code, one.division_name_zh, one.division_name_en),
    ]
    parts = [one.component_code] if one.component_code else []
    parts += [f"{name_zh} {name_en} ({code})" for code, name_zh, name_en in named if code]
    return " · ".join(parts)


class CheckFormat(StrEnum):
    """How findings are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@app.command("check")
def check(
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day whose facts count; else today."),
    ] = None,
    form: Annotated[
        CheckFormat | None, typer.Option("--format", help="How to write findings; else as tables.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List gaps, which nobody is responsible for, and conflicts, where two claims weigh the same.

    The exit code is 1 where there is a finding.
    """
    if as_json and form not in (None, CheckFormat.JSON):
        raise typer.BadParameter(f"--json is --format json; leave it out for --format {form}.")
    with transaction() as session:
        found = checking.check_responsibilities(session, on_date=on.date() if on else None)
    if as_json or form is CheckFormat.JSON:
        print_json(found)
    elif form is CheckFormat.CSV:
        columns = ["finding", "matter", "class", "name_zh", "name_en", "place", "place_zh"]
        words = {"name_zh", "name_en", "place_zh", "place_en"}
        print_csv(
            [*columns, "place_en", "units", "responsibilities"], _check_rows(found), words=words
        )
    else:
        _print_check(found)
    if found.gaps or found.conflicts:
        raise typer.Exit(1)


def _check_rows(found: ResponsibilityCheck) -> Iterator[Sequence[object]]:
    """Return a row for every matter and place of every finding."""
    conflicts = [(one.matters, one.facts) for one in found.conflicts]
    for matters, facts in [(found.gaps, []), *conflicts]:
        units = " ".join(one.unit.code for one in facts)
        numbers = " ".join(str(one.responsibility_id) for one in facts)
        for one in matters:
            about = one.component_class
            for place in one.places:
                yield (
                    "conflict" if facts else "gap",
                    one.matter.code,
                    about.code if about else None,
                    (about or one.matter).name_zh,
                    (about or one.matter).name_en,
                    place.code,
                    place.name_zh,
                    place.name_en,
                    units,
                    numbers,
                )


def _print_check(found: ResponsibilityCheck) -> None:
    if found.gaps:
        results.print("gaps: nobody is responsible", style="bold")
        _print_undecided(found.gaps, found.place_count)
    for conflict in found.conflicts:
        results.print("\nconflict: these claims weigh the same", style="bold")
        print_table(
            ["fact", "unit", "name", "role", "class", "matter", "area", "from"],
            (
                (
                    one.responsibility_id,
                    one.unit.code,
                    f"{one.unit.name_zh} {one.unit.name_en}",
                    one.role,
                    one.class_code,
                    one.matter_code,
                    one.division_code,
                    one.valid_from,
                )
                for one in conflict.facts
            ),
        )
        _print_undecided(conflict.matters, found.place_count)
    asked = f"{found.matter_count} matters in {found.place_count} places on {found.on}"
    if found.gaps or found.conflicts:
        tell(
            f"{asked}: matters with gaps: {len(found.gaps)}, conflicts: {len(found.conflicts)}. "
            "--format csv lists every place."
        )
    else:
        print_sentence(f"Each of {asked} has one unit that comes first.")


def _print_undecided(matters: Sequence[UndecidedMatter], place_count: int) -> None:
    print_table(
        ["matter", "class", "name", "places", "where"],
        (
            (
                one.matter.code,
                one.component_class.code if one.component_class else None,
                _both(one.component_class or one.matter),
                f"{len(one.places)} of {place_count}",
                _some(one.places) if len(one.places) < place_count else "everywhere",
            )
            for one in matters
        ),
    )


def _both(one: Named | ClassName) -> str:
    return f"{one.name_zh} {one.name_en}"


def _some(places: Sequence[Named]) -> str:
    """Return the names of the first few places."""
    names = ", ".join(f"{one.name_zh} {one.name_en}" for one in places[:_NAMED_PLACES])
    return f"{names}, …" if len(places) > _NAMED_PLACES else names


@app.command("returns")
def returns(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only from this day on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count what units returned as not theirs, and the responsibilities by which they had it."""
    with transaction() as session:
        found = counting.count_returns(session, since=since.date() if since else None)
    if as_json:
        print_json(found)
        return
    if not found.count:
        print_sentence("No unit returned a case.")
        return
    print_table(
        ["unit", "name", "matter", "class", "reason", "returned", "then stood"],
        (
            (
                unit.unit.code,
                unit.unit.name_zh,
                one.matter.name_zh if one.matter else None,
                one.component_class.name_zh if one.component_class else None,
                one.reason,
                one.count,
                one.stood,
            )
            for unit in found.units
            for one in unit.returns
        ),
    )
    if found.facts:
        results.print("\nresponsibilities by which they went there", style="bold")
        print_table(
            ["fact", "unit", "role", "class", "matter", "area", "from", "returned"],
            (
                (
                    one.fact.responsibility_id,
                    one.fact.unit.code,
                    one.fact.role,
                    one.fact.class_code,
                    one.fact.matter_code,
                    one.fact.division_code,
                    one.fact.valid_from,
                    one.count,
                )
                for one in found.facts
            ),
        )
    tell(f"Returned: {found.count}; where the next decision stands: {found.stood}.")
