"""``gis-registry export``: components into a file."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import text

from gis_registry.catalogue.tables import GeometryType
from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_json, print_sentence, progress_bar, tell
from gis_registry.components.export_formats import FileFormat
from gis_registry.components.tables import ComponentState


class AskedState(StrEnum):
    """Components in which state."""

    ACTIVE = "active"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"
    ALL = "all"


def export(
    out: Annotated[Path, typer.Argument(help="File to write, such as lights.gpkg.")],
    form: Annotated[
        FileFormat | None, typer.Option("--format", help="Else what the file's name says.")
    ] = None,
    class_codes: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class; may be repeated.")
    ] = None,
    division: Annotated[
        str | None, typer.Option(help="Only in this district or subdistrict (code).")
    ] = None,
    state: Annotated[AskedState, typer.Option(help="Only in this state.")] = AskedState.ACTIVE,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="As they were at the end of this day."),
    ] = None,
    crs: Annotated[str, typer.Option(help="EPSG:… or gcj02, bd09, wgs84, cgcs2000.")] = "EPSG:4490",
    geometry: Annotated[GeometryType | None, typer.Option(help="Only these.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there already.")
    ] = False,
    mapping_out: Annotated[
        Path | None, typer.Option(help="Also write how `survey load --mapping` reads it again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write components into a file: by class, area, state and date.

    A file holds one type of geometry: of several, GeoPackage and XLSX have a layer for each, other
    formats a file for each (_point, _line, _polygon).
    """
    from gis_registry.components import exporting

    selection = exporting.Selection(
        class_codes=class_codes or (),
        division_code=division,
        state=None if state is AskedState.ALL else ComponentState(state.value),
        as_of=as_of.date() if as_of else None,
        geometry_type=geometry,
    )
    with transaction() as session:
        # All statements of an export see the registry as it is now.
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        with progress_bar() as progress:
            exported = exporting.write(
                session,
                out,
                selection,
                form=form,
                crs=crs,
                is_overwriting=overwrite,
                mapping_path=mapping_out,
                progress=progress,
            )
    if as_json:
        print_json(exported)
        return
    for one in exported.files:
        layer = f", layer {one.layer}" if one.layer else ""
        print_sentence(f"{one.file}{layer}: {one.components:,} components ({one.geometry_type}).")
    for attribute, name in exported.renamed.items():
        tell(f"The attribute {attribute} is the column {name}.")
