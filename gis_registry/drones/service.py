"""Taking in drone detections: each becomes a report of the channel "drone"."""

import hashlib

from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.drones import queries
from gis_registry.drones.schemas import AnsweredDetection, NewDetection
from gis_registry.drones.tables import Detection
from gis_registry.errors import InvalidPosition, NotFound
from gis_registry.places import service as places
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Channel


def submit(session: Session, new: NewDetection, *, reported_by: str) -> AnsweredDetection:
    """Keep a detection and answer it like a report.

    The same image, time, matter and position twice from one sender is one detection.

    Raises:
        UnknownMatterType: there is no such matter type.
        InvalidPosition: the position is none or outside the city.
        InvalidInput: it is from the future, or from before 2000.
    """
    fault = places.position_fault(new.lon, new.lat)
    if fault is not None:
        raise InvalidPosition(f"This position cannot be used: {fault}.")
    report = reports.submit(
        session,
        NewReport(
            lon=new.lon,
            lat=new.lat,
            datum=new.datum,
            accuracy_m=new.accuracy_m,
            matter=new.matter,
            text=new.note,
            channel=Channel.DRONE,
            client_key=_key(new),
            reported_at=new.taken_at,
        ),
        reported_by=reported_by,
    )
    known = queries.of_report(session, report.id)
    if known is not None:
        return show(session, known.id).model_copy(update={"is_repeat": True})
    detection = Detection(
        division_code=report.division_code,
        image=new.image,
        geom=f"SRID={SRID};POINT({report.lon} {report.lat})",
        accuracy_m=new.accuracy_m,
        confidence=new.confidence,
        taken_at=new.taken_at,
        report_id=report.id,
    )
    session.add(detection)
    session.flush()
    return show(session, detection.id)


def show(session: Session, detection_id: int) -> AnsweredDetection:
    """Return a detection with its answer.

    Raises:
        NotFound: there is no such detection.
    """
    detection = queries.detection(session, detection_id)
    if detection is None:
        raise NotFound(f"There is no detection {detection_id}.")
    return AnsweredDetection(
        id=detection.id,
        image=detection.image,
        confidence=detection.confidence,
        taken_at=detection.taken_at,
        report=reports.show(session, detection.report_id),
    )


def _key(new: NewDetection) -> str:
    # Drones number their images anew for every flight, so the time tells flights apart. A name can
    # be longer than a client key, and only its end differ from another's.
    image = hashlib.sha256(f"{new.image} {new.taken_at.timestamp()}".encode()).hexdigest()
    return f"detection:{image}:{new.matter}:{new.lon:.7f}:{new.lat:.7f}"
