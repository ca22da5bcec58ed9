"""``gis-registry worker``: runs the jobs of the queue."""

import asyncio
from typing import Annotated

import typer

from gis_registry.cli.context import read_settings, registry
from gis_registry.cli.output import tell


def worker(
    concurrency: Annotated[int, typer.Option(min=1, max=200, help="How many jobs at once.")] = 20,
    once: Annotated[bool, typer.Option("--once", help="Run what is due, and end.")] = False,
) -> None:
    """Send what webhooks are told, and do what is due by the clock."""
    from gis_registry.api.logs import configure_logging
    from gis_registry.cases import indicator_upkeep
    from gis_registry.cases.watching import watching
    from gis_registry.cli.case_deadline import rules_of
    from gis_registry.layers.refreshing import refreshing
    from gis_registry.maps import count_upkeep
    from gis_registry.notifications import tasks
    from gis_registry.notifications.working import work

    settings = read_settings()
    with registry(settings) as database:
        configure_logging(settings)
        with database.session() as session:
            rules = rules_of(session)
        by_the_clock = (
            *tasks.TASKS,
            *indicator_upkeep.TASKS,
            *count_upkeep.TASKS,
            watching(rules),
            refreshing(settings.layer_versions),
        )
        if not once:
            tell("Working · press Ctrl-C to stop.")
        asyncio.run(work(database, settings, by_the_clock, concurrency=concurrency, is_once=once))
