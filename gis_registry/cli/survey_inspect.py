"""``gis-registry survey inspect``: look at a delivery and propose a mapping for it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gis_registry.cli.context import AsJson
from gis_registry.cli.output import print_facts, print_json, print_table, tell
from gis_registry.errors import InvalidInput

if TYPE_CHECKING:
    from gis_registry.surveys import inspecting


def inspect(
    file: Annotated[Path, typer.Argument(help="The file, or the folder of a FileGDB.")],
    layer: Annotated[str | None, typer.Option(help="Layer, if there are several.")] = None,
    crs: Annotated[
        str | None, typer.Option(help="EPSG:… or a datum, if the file does not say it.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="What is known already, as a mapping file.")
    ] = None,
    mapping_out: Annotated[
        Path | None, typer.Option(help="Write the proposed mapping to this TOML file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at a file: layers, system, encoding, fields, and a mapping that would fit it.

    Nothing is loaded, and no database is needed.
    """
    from gis_registry.surveys import inspecting
    from gis_registry.surveys.mapping import Mapping, read_mapping

    known = (read_mapping(mapping) if mapping else Mapping()).overridden(layer=layer, crs=crs)
    found = inspecting.inspect(file, known)
    if mapping_out is not None:
        try:
            mapping_out.write_text(inspecting.mapping_text(found), encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{mapping_out} cannot be written: {error.strerror}.") from error
    if as_json:
        print_json(found)
    else:
        _print(found)
    for warning in found.warnings:
        tell(warning)
    if mapping_out is not None:
        tell(f"The proposed mapping is in {mapping_out}: read and correct it before you use it.")


def _print(found: "inspecting.Inspection") -> None:
    encoding = found.encoding and f"{found.encoding} ({found.encoding_reason})"
    print_facts(
        [
            ("file", f"{found.file} ({found.format})"),
            ("layer", found.layer),
            ("rows", f"{found.rows:,}" if found.rows is not None else None),
            ("geometries", ", ".join(f"{n:,} {one}" for one, n in found.geometry_types.items())),
            ("system", found.crs or ("not said" if found.layer else None)),
            ("text", encoding),
            ("extent", _rectangle(found.extent)),
            ("in degrees", _rectangle(found.extent_degrees)),
            *(("noticed", f"{count:,} × {note}") for note, count in found.notes.items()),
        ]
    )
    if found.layer is None:
        print_table(
            ["layer", "geometry", "rows"],
            ([one.name, one.geometry_type, one.rows] for one in found.layers),
        )
        return
    print_table(
        ["field", "type", "filled", "distinct", "samples"],
        (
            [one.name, one.type, f"{one.filled:.0%}", one.distinct, " | ".join(one.samples)]
            for one in found.fields
        ),
    )
    if found.guesses:
        print_table(
            ["proposed", "value", "how sure", "why"],
            ([one.key, one.value, one.certainty, one.reason] for one in found.guesses),
        )


def _rectangle(extent: "inspecting.Extent | None") -> str | None:
    if extent is None:
        return None
    return f"{extent.min_x:.10g}, {extent.min_y:.10g} to {extent.max_x:.10g}, {extent.max_y:.10g}"
