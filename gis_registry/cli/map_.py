"""``gis-registry map``: render the overview map, or tiles of a collection, to a file."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gis_registry.cli.context import AsJson, administrator, registry, transaction
from gis_registry.cli.output import print_json, print_sentence, progress_bar
from gis_registry.errors import InvalidInput

_LAST_ZOOM = 20


class _DrawsUnlessTold(TyperGroup):
    """``map out.html`` is ``map draw out.html``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not {*self.commands, "-h", "--help"} & set(args):
            args = ["draw", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_DrawsUnlessTold,
    help="Render the overview map to an HTML file (`map out.html`), or tiles to a file.",
)


@app.command()
def draw(
    out: Annotated[Path, typer.Argument(help="File to write, such as out.html.")],
    as_json: AsJson = False,
) -> None:
    """Render the overview map to an HTML file that works offline; `map OUT` does the same."""
    from gis_registry.maps.service import write_overview

    _require_folder(out)
    with transaction() as session:
        written = write_overview(session, out)
    if as_json:
        print_json({"file": str(written)})
        return
    print_sentence(f"The map is in {written}; what it needs lies beside it in {out.stem}_files.")


@app.command("export-tiles")
def export_tiles(
    out: Annotated[Path, typer.Argument(help="File to write, such as components.pmtiles.")],
    collection: Annotated[
        str, typer.Option(help="Of this collection; /ogc/collections lists them.")
    ] = "components",
    min_zoom: Annotated[int, typer.Option(min=0, max=_LAST_ZOOM, help="The first zoom.")] = 0,
    max_zoom: Annotated[int, typer.Option(min=0, max=_LAST_ZOOM, help="The last zoom.")] = 16,
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="Only this class; may be repeated.")
    ] = None,
    states: Annotated[
        list[str] | None,
        typer.Option("--state", help="Only in this state, else active; may be repeated."),
    ] = None,
    units: Annotated[
        list[str] | None,
        typer.Option("--unit", help="Only of this unit, or none; may be repeated."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write vector tiles of a collection into one PMTiles file, all of the same moment."""
    from gis_registry.maps import tiles_pyramid

    _require_folder(out)
    with registry() as database, progress_bar() as progress:
        written = asyncio.run(
            tiles_pyramid.write(
                database.url,
                out,
                collection=collection,
                actor=administrator(),
                min_zoom=min_zoom,
                max_zoom=max_zoom,
                classes=classes or (),
                states=states or (),
                units=units or (),
                is_overwriting=overwrite,
                progress=progress,
            )
        )
    if as_json:
        print_json(
            {
                "file": str(out),
                "collection": written.collection,
                "min_zoom": written.min_zoom,
                "max_zoom": written.max_zoom,
                "tiles": written.tiles,
                "size_bytes": written.size_bytes,
            }
        )
        return
    print_sentence(
        f"{out} holds {written.tiles:,} tiles of {written.collection}, zooms {written.min_zoom} to "
        f"{written.max_zoom}: {written.size_bytes / 2**20:,.1f} MiB."
    )


def _require_folder(out: Path) -> None:
    if not out.parent.is_dir():
        raise InvalidInput(f"There is no folder {out.parent}.")
