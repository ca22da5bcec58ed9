"""``gis-registry demo``: the main job on the sample city, then the map."""

from typing import Annotated

import typer

from gis_registry.cli.context import AsJson, actor, read_settings, registry
from gis_registry.cli.output import print_facts, print_json, progress_bar, tell
from gis_registry.roles import Role


def demo(
    serve: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve the map at the end.")
    ] = True,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    as_json: AsJson = False,
) -> None:
    """Register the sample city's components, answer its reports, and show them on a map."""
    from gis_registry import demonstration

    settings = read_settings()
    with registry(settings) as database:
        with progress_bar() as progress:
            done = demonstration.run(database, settings, actor=actor(), progress=progress)
        if as_json:
            print_json(vars(done))
        else:
            print_facts(
                [
                    ("city", f"{done.city_name_zh} {done.city_name_en}"),
                    ("components", f"{done.components:,} of {done.classes} classes"),
                    ("rows refused", f"{done.refused:,}"),
                    ("thematic layers", done.layers),
                    ("units", f"{done.units:,}"),
                    ("reports", f"{done.reports:,}: {done.outcomes}"),
                    ("detections", f"{done.detections:,}"),
                    ("open cases", f"{done.open_cases:,}"),
                    ("key", done.key),
                ]
            )
            tell(
                "The key is for the API (Authorization: Bearer …) as administrator “demo”; that of "
                "an earlier demo no longer counts."
            )
        if not serve:
            return
        from gis_registry.api.serve import serve as serve_api

        if settings.anonymous_role is None:
            settings = settings.model_copy(update={"anonymous_role": Role.READER})
            tell("For the demo, everybody who reaches this address may read.")
        tell(f"The map: http://{host}:{port}/maps/overview · the API: http://{host}:{port}/docs")
        tell("Press Ctrl-C to stop.")
        serve_api(settings, host=host, port=port)
