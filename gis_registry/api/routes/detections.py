"""Drone detections: taken in and answered like reports."""

from fastapi import APIRouter, Response, status

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.drones import service
from gis_registry.drones.schemas import AnsweredDetection, NewDetection
from gis_registry.errors import (
    InvalidPosition,
    NotFound,
    RequestTooLarge,
    UnknownMatterType,
)
from gis_registry.roles import Permission

router = APIRouter(prefix="/api/detections", tags=["detections"], route_class=CheckedRoute)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    dependencies=[requires(Permission.REPORT)],
    responses={
        200: {"model": AnsweredDetection, "description": "It was known: the first answer"},
        **guarded(UnknownMatterType, InvalidPosition, RequestTooLarge),
    },
)
def submit_detection(
    session: DatabaseSession, actor: CurrentActor, detection: NewDetection, response: Response
) -> AnsweredDetection:
    """Keep a detection and answer it like a report; the same one twice is one."""
    answered = service.submit(session, detection, reported_by=actor.name)
    response.headers["Location"] = f"{router.prefix}/{answered.id}"
    if answered.is_repeat:
        response.status_code = status.HTTP_200_OK
    return answered


@router.get("/{number}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound))
def show_detection(session: DatabaseSession, number: Number) -> AnsweredDetection:
    """Show a detection with the report that answers it."""
    return service.show(session, number)
