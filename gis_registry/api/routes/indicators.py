"""Indicators: what they come to, and the very cases that they count."""

from dataclasses import replace
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from gis_registry.api.access import requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Before, Limit
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases import indicator_answers as answers
from gis_registry.cases.indicator_answers import Asked
from gis_registry.cases.indicator_formulas import Part
from gis_registry.cases.indicator_schemas import CountedCases, IndicatorAnswer
from gis_registry.cases.indicator_views import Grouping
from gis_registry.errors import NotFound, UnknownClass, UnknownMatterType
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/indicators", tags=["indicators"], route_class=CheckedRoute)


def _asked(
    first: Annotated[
        date | None, Query(alias="from", description="First day; of this month if not given")
    ] = None,
    last: Annotated[
        date | None, Query(alias="to", description="Last day; today if not given or later")
    ] = None,
    unit: Annotated[str | None, Query(max_length=100, description="Only of this unit")] = None,
    class_code: Annotated[
        str | None, Query(alias="class", max_length=100, description="Only about this class")
    ] = None,
    matter: Annotated[
        str | None, Query(max_length=100, description="Only of this matter or class code")
    ] = None,
    division: Annotated[
        str | None, Query(max_length=100, description="Only in this district or subdistrict")
    ] = None,
) -> Asked:
    return Asked(
        first=first,
        last=last,
        unit=unit,
        class_code=class_code,
        matter=matter,
        division=division,
    )


Days = Annotated[Asked, Depends(_asked)]
_PROBLEMS = guarded(NotFound, UnknownClass, UnknownMatterType)


@router.get("", dependencies=[requires(Permission.READ)], responses=_PROBLEMS)
def show_indicators(
    session: DatabaseSession,
    asked: Days,
    by: Annotated[Grouping | None, Query(description="Also for each of these")] = None,
    keys: Annotated[
        list[str] | None,
        Query(alias="key", max_length=100, description="Only these; may be repeated"),
    ] = None,
) -> IndicatorAnswer:
    """Show indicators with their numerators, denominators and formulas; exact to this moment."""
    return answers.answer(session, replace(asked, by=by), keys=keys or ())


@router.get("/{key}/cases", dependencies=[requires(Permission.READ)], responses=_PROBLEMS)
def list_counted_cases(
    session: DatabaseSession,
    asked: Days,
    key: Annotated[str, Path(max_length=100, description="The indicator")],
    part: Annotated[Part, Query(description="Which of its cases")] = Part.NUMERATOR,
    before: Before = None,
    limit: Limit = 100,
) -> CountedCases:
    """List the very cases that make an indicator's numerator or denominator, the newest first."""
    return answers.cases(session, asked, key, part, before=before, limit=limit)
