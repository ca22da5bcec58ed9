"""Cameras and sensors: what they send, and what there is of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response, status

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import NotFound, RequestTooLarge
from gis_registry.reports import citizen_kinds, readings, sensors, video
from gis_registry.reports.device_schemas import (
    AlarmPage,
    AnsweredFrame,
    AnsweredReadings,
    CameraEntry,
    CitizenKinds,
    NewFrame,
    NewReadings,
    SensorDetail,
    SensorPage,
    Sighting,
    SightingPage,
)
from gis_registry.roles import Permission

router = APIRouter(prefix="/api", tags=["devices"], route_class=CheckedRoute)


@router.post(
    "/reports/video",
    status_code=status.HTTP_201_CREATED,
    dependencies=[requires(Permission.REPORT)],
    responses={
        200: {"model": AnsweredFrame, "description": "A sighting that was known, once more"},
        **guarded(NotFound, RequestTooLarge),
    },
)
def submit_frame(
    session: DatabaseSession, actor: CurrentActor, frame: NewFrame, response: Response
) -> AnsweredFrame:
    """Keep what video analysis found in a frame; something new is answered like a report."""
    answered = video.submit(session, frame, reported_by=actor.name)
    response.headers["Location"] = f"/api/reports/video/{answered.sighting.id}"
    if not answered.is_new:
        response.status_code = status.HTTP_200_OK
    return answered


@router.get("/reports/video", dependencies=[requires(Permission.READ)], responses=guarded())
def list_sightings(
    session: DatabaseSession,
    reported: Annotated[
        bool | None, Query(description="Only those with a report, or only those without")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> SightingPage:
    """List what cameras saw, the newest first, also what was not reported and why."""
    return video.page(session, is_reported=reported, before=before, limit=limit)


@router.get(
    "/reports/video/{number}",
    dependencies=[requires(Permission.READ)],
    responses=guarded(NotFound),
)
def show_sighting(session: DatabaseSession, number: Number) -> Sighting:
    """Show one thing that a camera saw."""
    return video.show(session, number)


@router.post(
    "/reports/sensor",
    dependencies=[requires(Permission.REPORT)],
    responses=guarded(RequestTooLarge),
)
def submit_readings(
    session: DatabaseSession, actor: CurrentActor, body: NewReadings
) -> AnsweredReadings:
    """Keep a reading or up to 1000, and tell which alarms each raised, updated or cleared."""
    new = body if isinstance(body, list) else [body]
    return readings.submit(session, new, reported_by=actor.name)


@router.get("/reports/sensor", dependencies=[requires(Permission.READ)], responses=guarded())
def list_alarms(
    session: DatabaseSession,
    only_open: Annotated[
        bool, Query(alias="open", description="Only those that have not cleared")
    ] = False,
    reported: Annotated[
        bool | None, Query(description="Only those with a report, or only those without")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> AlarmPage:
    """List alarms of sensors, the newest first, also what was not reported and why."""
    return sensors.alarm_page(
        session, only_open=only_open, is_reported=reported, before=before, limit=limit
    )


@router.get("/reports/kinds", dependencies=[requires(Permission.READ)], responses=guarded())
def list_citizen_kinds(session: DatabaseSession) -> list[CitizenKinds]:
    """List what a citizen can choose to report, each with the matter to send."""
    return citizen_kinds.list_kinds(session)


@router.get("/cameras", dependencies=[requires(Permission.READ)], responses=guarded())
def list_cameras(session: DatabaseSession) -> list[CameraEntry]:
    """List cameras by code."""
    return video.list_cameras(session)


@router.get("/sensors", dependencies=[requires(Permission.READ)], responses=guarded())
def list_sensors(
    session: DatabaseSession,
    kind: Annotated[str | None, Query(description="Only of this kind", max_length=100)] = None,
    after: Annotated[
        str | None, Query(description="Only those after this: `next_after` of a page")
    ] = None,
    limit: Limit = 100,
) -> SensorPage:
    """List sensors by code, with how many alarms of each are open."""
    return sensors.page(session, kind=kind, after=after, limit=limit)


@router.get(
    "/sensors/{code}", dependencies=[requires(Permission.READ)], responses=guarded(NotFound)
)
def show_sensor(
    session: DatabaseSession,
    code: Annotated[str, Path(description="The device's code", max_length=100)],
) -> SensorDetail:
    """Show a sensor with its newest values and open alarms."""
    return sensors.show_sensor(session, code)
