"""Cases that live in a simulated day: opened, changed and looked at in a line each."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from making import CORNER, moved
from sqlalchemy import select
from sqlalchemy.orm import Session

from gis_registry import clock
from gis_registry.cases import queries
from gis_registry.cases.changing import AskedChange, change_all
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.progress import Progress
from gis_registry.cases.schemas import CaseChange, CaseStatus, ScenePosition
from gis_registry.cases.tables import CaseEvent
from gis_registry.clock import SimulatedClock
from gis_registry.errors import RegistryError
from gis_registry.photos.tables import Photo
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Channel
from gis_registry.roles import Role
from gis_registry.users.service import Actor

ZONE = ZoneInfo("Asia/Shanghai")
DISPATCHER = Actor(name="李派遣", role=Role.DISPATCHER)
INSPECTOR = Actor(name="王巡查", role=Role.INSPECTOR)
LIGHT, PLACE = "01037", "06001"


def moment(text: str) -> datetime:
    """Return a time of the city: ``06-10 13:51`` of 2026."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=ZONE)


@contextmanager
def at(when: datetime) -> Iterator[None]:
    """Let time stand still at a moment."""
    with clock.simulated(SimulatedClock(when, datetime.now(ZONE), 0.0)):
        yield


def open_case(
    session: Session, number: int = 0, *, matter: str = LIGHT, channel: Channel = Channel.INSPECTOR
) -> int:
    """Report something at a place of its own for each number, and return its case."""
    lon, lat = moved(*CORNER, azimuth=90, metres=330 * number)
    new = NewReport(lon=lon, lat=lat, matter=matter, channel=channel)
    return reports.submit(session, new, reported_by=INSPECTOR.name).case_id


def do(
    session: Session, number: int, action: Action, actor: Actor = DISPATCHER, **said: object
) -> CaseStatus:
    """Do something with a case; what it needs is given unless it is said."""
    return change(session, asked(session, number, action, actor, **said))


def change(session: Session, wanted: AskedChange) -> CaseStatus:
    """Do something with one case."""
    (found,) = change_all(session, [wanted])
    if isinstance(found, RegistryError):
        raise found
    return found


def close_case(
    session: Session, number: int, *, actor: str = "李派遣", reason: str = "done"
) -> CaseStatus:
    """Close a case, whatever became of it."""
    who = Actor(name=actor, role=Role.DISPATCHER)
    return change(session, AskedChange(number, Action.CLOSE, who, CaseChange(reason=reason)))


def asked(
    session: Session, number: int, action: Action, actor: Actor = DISPATCHER, **said: object
) -> AskedChange:
    """Return what is asked, with what the action needs."""
    needs: dict[Action, dict[str, object]] = {
        Action.HANDLE: {"photos": [photo(session)]},
        Action.VERIFY: {"position": scene(session, number)},
        Action.DECIDE_APPEAL: {"is_upheld": True},
        Action.EXTEND: {"amount": 4, "unit": "working_hour"},
        Action.ASK_EXTENSION: {"amount": 4, "unit": "working_hour"},
    }
    values = {"reason": "现场需要", **needs.get(action, {}), **said}
    return AskedChange(number, action, actor, CaseChange.model_validate(values))


def scene(session: Session, number: int) -> ScenePosition:
    """Return the place of a case."""
    ((_, lon, lat),) = queries.locked_progress(session, [number])
    return ScenePosition(lon=lon, lat=lat)


def photo(session: Session) -> str:
    """Return the hash of a photo that was sent."""
    sha256 = "ab" * 32
    if session.scalar(select(Photo.sha256).where(Photo.sha256 == sha256)) is None:
        session.add(
            Photo(
                sha256=sha256,
                media_type="image/jpeg",
                size_bytes=1,
                width=1,
                height=1,
                received_at=clock.now(),
                received_by=INSPECTOR.name,
            )
        )
        session.flush()
    return sha256


def lived(session: Session, *, condition: str | None = None) -> int:
    """Return a case that was filed, suspended over a night, and extended."""
    with at(moment("06-10 13:51")):
        number = open_case(session)
    for when, action, said in (
        ("06-10 14:08", Action.FILE, {"condition": condition}),
        ("06-10 16:00", Action.SUSPEND, {}),
        ("06-11 09:00", Action.RESUME, {}),
        ("06-11 10:00", Action.EXTEND, {}),
    ):
        with at(moment(when)):
            do(session, number, action, **said)
    return number


def stands(session: Session, number: int) -> Progress:
    """Return where a case stands."""
    ((progress, _, _),) = queries.locked_progress(session, [number])
    return progress


def events(session: Session, number: int) -> list[CaseEvent]:
    """Return what happened to a case."""
    query = select(CaseEvent).where(CaseEvent.case_id == number).order_by(CaseEvent.sequence)
    return list(session.scalars(query))


def minutes(count: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=count)
