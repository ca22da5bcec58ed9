"""Pages for those who work with cases all day: what is due next, and all of one case."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BeforeValidator

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.pages import page
from gis_registry.api.routes.parameters import LARGEST, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.cases import desk
from gis_registry.cases.desk import CaseView, Due
from gis_registry.cases.schemas import CaseFilter
from gis_registry.cases.tables import CaseState
from gis_registry.catalogue.tables import LimitStage
from gis_registry.components import service as components
from gis_registry.photos import service as photos
from gis_registry.places import service as places
from gis_registry.places.tables import Level
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import AnsweredReport
from gis_registry.roles import Permission
from gis_registry.units import service as units
from gis_registry.web import case_forms, case_wording

router = APIRouter(prefix="/cases", route_class=CheckedRoute, include_in_schema=False)

#: Components this near are drawn around a case; so many reports of it are shown.
_AROUND_M, _AROUND, _REPORTS = 120.0, 200, 20
#: What a form sends where nothing is chosen counts as left out.
_ANY = BeforeValidator(lambda value: value or None)


@router.get("", dependencies=[requires(Permission.READ)])
def list_cases(
    request: Request,
    session: DatabaseSession,
    actor: CurrentActor,
    state: Annotated[CaseState | None, Query(), _ANY] = None,
    stage: Annotated[LimitStage | None, Query(), _ANY] = None,
    unit: Annotated[str | None, Query(max_length=100), _ANY] = None,
    district: Annotated[str | None, Query(max_length=12), _ANY] = None,
    due: Annotated[Due | None, Query(), _ANY] = None,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Show open cases, those due first; who is of a unit sees its cases unless others are asked."""
    asked = {"state": state, "stage": stage, "district": district, "due": due, "unit": unit}
    mine = actor.unit_code or ""
    unit_code = mine if unit == "mine" or unit is None else unit
    wanted = CaseFilter(
        state=state,
        stage=stage,
        unit=None if unit == "all" else unit_code or None,
        division=district,
    )
    return page(
        request,
        "cases.html",
        city=places.show_city(session),
        found=desk.open_cases(session, wanted, due=due, after=after),
        wanted=wanted,
        asked={name: str(one) for name, one in asked.items() if one},
        is_first_page=after is None,
        units=units.list_units(session),
        districts=places.list_divisions(session, level=Level.DISTRICT),
        mine=mine,
        may_file=actor.may(Permission.DISPATCH),
        words=case_wording,
        desk=desk,
    )


@router.get("/find", dependencies=[requires(Permission.READ)])
async def find_case(number: Annotated[int, Query(ge=1, le=LARGEST)]) -> Response:
    """Go to a case by its number."""
    return RedirectResponse(f"/cases/{number}", status_code=303)


@router.get("/{number}", dependencies=[requires(Permission.READ)])
def show_case(
    request: Request, session: DatabaseSession, actor: CurrentActor, number: Number
) -> Response:
    """Show everything of a case, and what who is signed in can do with it."""
    view = desk.show(session, number, actor=actor)
    shown = [
        reports.show(session, one.id)
        for one in reports.page(session, case_id=number, limit=_REPORTS).reports
    ]
    return page(
        request,
        "case.html",
        city=places.show_city(session),
        view=view,
        reports=shown,
        photos=_known_photos(session, view, shown),
        forms=case_forms.forms_of(
            view.actions, view.progress, actor, has_conditions=len(view.conditions) > 1
        ),
        units={one.code: (one.name_zh, one.name_en) for one in units.list_units(session)},
        around=_around(session, view),
        words=case_wording,
        desk=desk,
    )


def _known_photos(
    session: DatabaseSession, view: CaseView, shown: list[AnsweredReport]
) -> set[str]:
    """Return which photos of a case's reports and events there are to be shown."""
    named = {one for report in shown for one in report.photos}
    named |= {one for event in view.summary.events for one in event.note.get("photos", ())}
    return set(photos.find_all(session, named))


def _around(session: DatabaseSession, view: CaseView) -> dict[str, Any]:
    """Return what the map of a case draws: the case, and what stands around it."""
    case = view.summary
    near = components.nearest(
        session, lon=case.lon, lat=case.lat, radius_m=_AROUND_M, count=_AROUND
    )
    return {
        "at": [case.lat, case.lon],
        "components": [
            {
                "at": [one.lat, one.lon],
                "code": one.code,
                "zh": one.component_class.name_zh,
                "en": one.component_class.name_en,
                "is_meant": one.code == case.component_code,
            }
            for one in near
        ],
        "responders": [
            {"at": [one["lat"], one["lon"]], "zh": one["name_zh"], "en": one["name_en"]}
            for one in case.responders[:1]
        ],
    }
