"""Options that say which cases are meant."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from gis_registry.cases.schemas import CaseFilter
from gis_registry.cases.tables import CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.cli.context import checked_options, read_moment

State = Annotated[CaseState | None, typer.Option(help="Those in this state.")]
Stage = Annotated[LimitStage | None, typer.Option(help="Those whose limit of this stage runs.")]
WithUnit = Annotated[
    str | None, typer.Option("--with-unit", help="Those that this unit has, by its code.")
]
Division = Annotated[str | None, typer.Option(help="Those of this district or subdistrict.")]
Matter = Annotated[str | None, typer.Option(help="Those of this matter type.")]
Class = Annotated[
    str | None, typer.Option("--class", help="Those of this component class, by its code.")
]
Condition = Annotated[str | None, typer.Option(help="Those that turned out to be this.")]
Overdue = Annotated[bool, typer.Option("--overdue", help="Those whose limit has passed.")]
DueFrom = Annotated[
    datetime | None,
    typer.Option(parser=read_moment, help="Those due then or later, ISO 8601 with zone."),
]
DueBefore = Annotated[
    datetime | None,
    typer.Option(parser=read_moment, help="Those due before, ISO 8601 with zone."),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=read_moment, help="Those reported until, ISO 8601 with zone."),
]

#: Those by which many cases are changed at once.
FOR_CHANGES: Mapping[str, Any] = {
    "state": State,
    "with_unit": WithUnit,
    "division": Division,
    "matter": Matter,
    "component_class": Class,
    "until": Until,
}


def read_filter(with_unit: str | None = None, **said: Any) -> CaseFilter:
    """Return which cases the options mean."""
    with checked_options():
        return CaseFilter(unit=with_unit, **said)
