"""What video analysis finds: frames become sightings, and each sighting one report."""

import hashlib
from dataclasses import fields
from datetime import datetime

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.db.base import SRID
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.moments import time_fault
from gis_registry.reports import device_queries as queries
from gis_registry.reports import service as reports
from gis_registry.reports import submitting
from gis_registry.reports.device_schemas import (
    AnsweredFrame,
    BoxUnit,
    CameraEntry,
    NewFrame,
    Sighting,
    SightingPage,
    why_not_reported,
)
from gis_registry.reports.device_tables import (
    NotReported,
    VideoFrame,
    VideoKind,
    VideoSighting,
)
from gis_registry.reports.projection import Box, OnGround, View, area, overlap, project
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.reports.tables import Channel

#: Two boxes that share this part of their area are of the same thing.
SAME_OVERLAP = 0.3
#: How long something of a kind that is not known may be out of sight and still be the same.
UNKNOWN_KIND_UNSEEN_S = 600
_LONGEST_TEXT = 4000


def submit(session: Session, new: NewFrame, *, reported_by: str) -> AnsweredFrame:
    """Keep a frame; one that shows something new is answered like a report.

    It shows the same as an earlier frame if camera and kind are the same, the boxes overlap, and no
    more time lies between them than the kind allows. The same frame twice is one. What is below the
    confidence of its kind, of no known kind or cannot be reported is kept, with the reason, until a
    later frame of it can be reported.

    Raises:
        NotFound: there is no such camera.
        InvalidInput: the box reaches beyond the image or has no area; or the frame is from the
            future, or from before 2000.
    """
    rows = queries.camera_rows(session, code=new.camera)
    if not rows:
        raise NotFound(f"There is no camera {new.camera!r}.")
    camera = rows[0]
    fault = time_fault(new.frame_at, now=clock.now())
    if fault is not None:
        raise InvalidInput(f"The frame cannot be used: it is {fault}.")
    box = _in_fractions(new, camera)
    known = queries.frame(session, camera["id"], new.kind, new.frame_at, list(box))
    if known is not None:
        return _answer(session, known.sighting_id, is_repeat=True)
    kind = queries.video_kind(session, new.kind)
    ground = project(View(**{one.name: camera[one.name] for one in fields(View)}), box)
    sighting = _same(session, camera["id"], new, box, kind)
    is_new = sighting is None
    if sighting is None:
        sighting = _first_seen(session, camera["id"], new, ground)
    sighting.first_seen_at = min(sighting.first_seen_at, new.frame_at)
    sighting.last_seen_at = max(sighting.last_seen_at, new.frame_at)
    sighting.frame_count += 1
    sighting.best_confidence = max(sighting.best_confidence, new.confidence)
    if sighting.report_id is None:
        sighting.geom = _point(ground)  # type: ignore[assignment]
        sighting.accuracy_m = ground.accuracy_m
        _report(session, sighting, new, kind, ground, reported_by=reported_by)
    session.flush()
    _keep(session, sighting, new, box, reported_by=reported_by)
    return _answer(session, sighting.id, is_new=is_new)


def show(session: Session, sighting_id: int) -> Sighting:
    """Return a sighting.

    Raises:
        NotFound: there is no such sighting.
    """
    rows = queries.sighting_rows(session, sighting_id=sighting_id)
    if not rows:
        raise NotFound(f"There is no sighting {sighting_id}.")
    return _entry(rows[0])


def page(
    session: Session,
    *,
    is_reported: bool | None = None,
    before: int | None = None,
    limit: int = 100,
) -> SightingPage:
    """Return sightings, the newest first; with or without a report, or both."""
    rows = queries.sighting_rows(session, is_reported=is_reported, before=before, limit=limit + 1)
    sightings = [_entry(row) for row in rows[:limit]]
    more = len(rows) > limit
    return SightingPage(sightings=sightings, next_before=sightings[-1].id if more else None)


def list_cameras(session: Session) -> list[CameraEntry]:
    """Return the cameras by code."""
    return [CameraEntry.model_validate(dict(row)) for row in queries.camera_rows(session)]


def _in_fractions(new: NewFrame, camera: RowMapping) -> Box:
    width, height = 1.0, 1.0
    if new.box_unit is BoxUnit.PIXELS:
        width, height = camera["image_width"], camera["image_height"]
    left, top, right, bottom = new.box
    if right > width or bottom > height:
        raise InvalidInput(
            f"The box reaches beyond the image, which is {width:g} by {height:g} "
            f"{new.box_unit} for the camera {new.camera}."
        )
    box = left / width, top / height, right / width, bottom / height
    if not area(box):
        raise InvalidInput("The box is too small to show anything: it has no area.")
    return box


def _same(
    session: Session, camera_id: int, new: NewFrame, box: Box, kind: VideoKind | None
) -> VideoSighting | None:
    """Return the sighting that a frame shows again."""
    unseen_s = kind.unseen_s if kind is not None else UNKNOWN_KIND_UNSEEN_S
    frames = queries.nearest_frames(
        session, camera_id, new.kind, at=new.frame_at, unseen_s=unseen_s
    )
    for frame in frames:
        left, top, right, bottom = frame["box"]
        if overlap(box, (left, top, right, bottom)) >= SAME_OVERLAP:
            return queries.sighting(session, frame["sighting_id"])
    return None


def _first_seen(session: Session, camera_id: int, new: NewFrame, ground: OnGround) -> VideoSighting:
    sighting = VideoSighting(
        camera_id=camera_id,
        kind=new.kind,
        first_seen_at=new.frame_at,
        last_seen_at=new.frame_at,
        frame_count=0,
        best_confidence=new.confidence,
        geom=_point(ground),
        accuracy_m=ground.accuracy_m,
        not_reported=NotReported.UNKNOWN_KIND,
    )
    session.add(sighting)
    return sighting


def _keep(
    session: Session, sighting: VideoSighting, new: NewFrame, box: Box, *, reported_by: str
) -> None:
    session.add(
        VideoFrame(
            sighting_id=sighting.id,
            camera_id=sighting.camera_id,
            kind=new.kind,
            frame_at=new.frame_at,
            frame_id=new.frame_id,
            box=list(box),
            confidence=new.confidence,
            image_url=new.image_url,
            note=new.note,
            reported_by=reported_by,
        )
    )
    session.flush()


def _report(
    session: Session,
    sighting: VideoSighting,
    new: NewFrame,
    kind: VideoKind | None,
    ground: OnGround,
    *,
    reported_by: str,
) -> None:
    """Report a sighting by a frame, or note why not."""
    if kind is None:
        sighting.not_reported = NotReported.UNKNOWN_KIND
        return
    if new.confidence < kind.min_confidence:
        if sighting.not_reported != NotReported.REFUSED:
            sighting.not_reported = NotReported.LOW_CONFIDENCE
        return
    found = f"{kind.name_zh} {kind.name_en} ({new.camera})"
    lines = [found, new.note, new.image_url or ""]
    report, sighting.refusal = submitting.submit(
        session,
        NewReport(
            lon=ground.lon,
            lat=ground.lat,
            accuracy_m=ground.accuracy_m,
            matter=kind.matter,
            text="\n".join(line for line in lines if line)[:_LONGEST_TEXT],
            channel=Channel.VIDEO,
            client_key=_key(new),
            reported_at=new.frame_at,
        ),
        reported_by=reported_by,
    )
    if report is None:
        sighting.not_reported = NotReported.REFUSED
        return
    sighting.division_code, sighting.report_id = report.division_code, report.id
    sighting.not_reported = None


def _answer(
    session: Session, sighting_id: int, *, is_new: bool = False, is_repeat: bool = False
) -> AnsweredFrame:
    sighting = show(session, sighting_id)
    report: AnsweredReport | None = None
    if sighting.report_id is not None:
        report = reports.show(session, sighting.report_id)
    return AnsweredFrame(sighting=sighting, is_new=is_new, is_repeat=is_repeat, report=report)


def _entry(row: RowMapping) -> Sighting:
    code, why = row["not_reported"], None
    if code is not None:
        why = why_not_reported(NotReported(code), kind=row["kind"], refusal=row["refusal"])
    return Sighting.model_validate({**row, "not_reported": why})


def _point(ground: OnGround) -> str:
    return f"SRID={SRID};POINT({ground.lon} {ground.lat})"


def _key(new: NewFrame) -> str:
    frame = f"{new.camera}\n{new.kind}\n{_stamp(new.frame_at)}\n{new.box}"
    return f"video:{hashlib.sha256(frame.encode()).hexdigest()}"


def _stamp(moment: datetime) -> str:
    return f"{moment.timestamp():.6f}"
