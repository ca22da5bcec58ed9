"""``gis-registry map``: render the overview map to a file."""

from pathlib import Path
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, transaction
from gis_registry.cli.output import print_json, print_sentence
from gis_registry.errors import InvalidInput


def map_(
    out: Annotated[Path, typer.Argument(help="File to write, such as out.html.")],
    as_json: AsJson = False,
) -> None:
    """Render the overview map to an HTML file that works offline."""
    from gis_registry.maps.service import write_overview

    if not out.parent.is_dir():
        raise InvalidInput(f"There is no folder {out.parent}.")
    with transaction() as session:
        written = write_overview(session, out)
    if as_json:
        print_json({"file": str(written)})
        return
    print_sentence(f"The map is in {written}; what it needs lies beside it in {out.stem}_files.")
