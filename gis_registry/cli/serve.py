"""``gis-registry serve``: the HTTP API and the pages."""

from typing import Annotated

import typer

from gis_registry.cli.context import read_settings
from gis_registry.cli.output import tell


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that share the work: one for each core.")
    ] = 1,
) -> None:
    """Serve the API and the map."""
    from gis_registry.api.serve import serve as serve_api

    tell(f"Serving on http://{host}:{port}/ · press Ctrl-C to stop.")
    serve_api(read_settings(), host=host, port=port, processes=processes)
