"""``gis-registry report photos``: the files of photos."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, read_settings, transaction
from gis_registry.cli.output import print_json, print_table, tell
from gis_registry.photos.checking import clean as clean_store
from gis_registry.photos.store import open_store

app = typer.Typer(help="The files of photos.", no_args_is_help=True)


@app.command("clean")
def clean(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed, and keep it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove files of uploads that did not end: of no photo, and older than a day."""
    store = open_store(read_settings())
    with transaction() as session:
        done = clean_store(session, store, now=datetime.now(UTC), is_dry_run=dry_run)
    if as_json:
        print_json(done)
        return
    print_table(
        ["file", "bytes", "written"],
        ((one.file, one.size_bytes, one.modified_at.isoformat()) for one in done.files),
    )
    did = "would be removed" if done.is_dry_run else "removed"
    tell(f"{len(done.files)} files {did}, {done.size_bytes} bytes.")
