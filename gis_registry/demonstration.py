"""The demo: the profile's surveys registered, its reports and detections answered."""

import io
from dataclasses import dataclass

from PIL import Image, ImageDraw
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.cases import queries as cases
from gis_registry.cases.changing import AskedChange, change_all
from gis_registry.cases.life_cycle import Action
from gis_registry.cases.schemas import CaseChange
from gis_registry.components import queries as components
from gis_registry.db.engine import Database
from gis_registry.drones import service as drones
from gis_registry.drones.schemas import NewDetection
from gis_registry.drones.tables import Detection
from gis_registry.layers import service as layers
from gis_registry.layers import showing as published
from gis_registry.layers.queries import layer_named
from gis_registry.layers.schemas import LayerText, NewLayer, Origin, OriginKind
from gis_registry.photos import service as photos
from gis_registry.photos.pictures import PhotoLimits
from gis_registry.photos.store import open_store
from gis_registry.places import service as places
from gis_registry.profile import CityProfile, find_profile
from gis_registry.reports import service as reports
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Channel, Report
from gis_registry.roles import Role
from gis_registry.settings import Settings
from gis_registry.surveys import service as surveys
from gis_registry.surveys.loading import SurveyFile, stage
from gis_registry.surveys.mapping import Mapping
from gis_registry.surveys.progress import Progress
from gis_registry.tabular import read_csv
from gis_registry.units import queries as units
from gis_registry.users import service as users
from gis_registry.users.service import Actor

USER = "demo"
_MOST_TAKEN_ON = 10_000


@dataclass(frozen=True)
class Demonstration:
    """What stands in the registry after the demo, and a key to it."""

    city_name_zh: str
    city_name_en: str
    components: int
    classes: int
    refused: int
    layers: int
    units: int
    reports: int
    outcomes: str
    detections: int
    open_cases: int
    key: str


def run(database: Database, settings: Settings, *, actor: str, progress: Progress) -> Demonstration:
    """Load what the city profile offers for a demo; what is there already is left.

    Raises:
        InvalidInput: a file of the profile is wrong; the message says where.
    """
    with database.session() as session:
        profile = find_profile(settings.city or places.the_city(session).key)
    for survey in profile.surveys:
        with database.session() as session:
            path = profile.paths([survey.file])[0]
            if surveys.is_applied(session, path):
                continue
            staged = stage(
                session,
                SurveyFile(
                    path=path,
                    mapping=Mapping().overridden(
                        class_code=survey.class_code,
                        class_field=survey.class_field,
                        as_of=survey.as_of,
                        accuracy_m=survey.accuracy_m,
                    ),
                    is_synthetic=survey.is_synthetic,
                ),
                actor=actor,
                progress=progress,
            )
            surveys.apply(session, staged.survey, actor=actor, progress=progress)
    with database.session() as session:
        _publish_layers(session, profile, actor=actor, progress=progress)
    with database.session() as session:
        _submit_reports(session, profile, progress)
        _submit_detections(session, profile, progress)
    with database.session() as session:
        _take_on(session, settings, progress)
    with database.session() as session:
        return _summary(session)


def _publish_layers(
    session: Session, profile: CityProfile, *, actor: str, progress: Progress
) -> None:
    for one in profile.layers:
        if layer_named(session, one.name) is not None:
            continue
        origin = Origin(
            kind=OriginKind.FILE,
            place=str(profile.paths([one.file])[0]),
            mapping={"crs": one.crs} if one.crs else {},
            id_field=one.id_field,
        )
        said = one.model_dump(exclude={"name", "file", "crs", "id_field"})
        new = NewLayer(name=one.name, origin=origin, text=LayerText.model_validate(said))
        layers.add(session, new, actor=actor, progress=progress)


def _submit_reports(session: Session, profile: CityProfile, progress: Progress) -> None:
    if profile.demo.reports is None:
        return
    path = profile.paths([profile.demo.reports])[0]
    rows = list(read_csv(path, {"key", "lon", "lat", "matter", "reported_at"}))
    for number, row in enumerate(rows, start=1):
        reports.submit(
            session,
            NewReport(
                lon=row.number("lon"),
                lat=row.number("lat"),
                accuracy_m=row.number("accuracy_m", 10),
                matter=row.text("matter") or row.required("class"),
                text=row.text("text"),
                channel=Channel(row.text("channel", "inspector")),
                client_key=f"demo:{row.required('key')}",
                reported_at=row.moment("reported_at"),
            ),
            reported_by=USER,
        )
        progress("Answering reports", number, len(rows))


def _submit_detections(session: Session, profile: CityProfile, progress: Progress) -> None:
    if profile.demo.detections is None:
        return
    path = profile.paths([profile.demo.detections])[0]
    rows = list(read_csv(path, {"key", "lon", "lat", "matter", "image", "taken_at"}))
    for number, row in enumerate(rows, start=1):
        drones.submit(
            session,
            NewDetection(
                lon=row.number("lon"),
                lat=row.number("lat"),
                accuracy_m=row.number("accuracy_m", 15),
                matter=row.required("matter"),
                confidence=row.number("confidence", 1),
                image=row.required("image"),
                taken_at=row.moment("taken_at"),
                note=row.text("note"),
            ),
            reported_by=USER,
        )
        progress("Answering detections", number, len(rows))


def _take_on(session: Session, settings: Settings, progress: Progress) -> None:
    """Take cases that nobody has touched on, some as far as their end; the same ones each time."""
    untouched = [
        row["id"]
        for row in cases.summaries(session, only_open=True, limit=_MOST_TAKEN_ON)
        if row["version"] == 1
    ]
    photo = photos.keep(
        session,
        _picture(),
        received_by=USER,
        store=open_store(settings),
        limits=PhotoLimits.of(settings),
    )
    changes = {
        Action.FILE: CaseChange(),
        Action.ACCEPT: CaseChange(),
        Action.HANDLE: CaseChange(photos=[photo.photo]),
        Action.VERIFY: CaseChange(reason="演示：照片核查 demo: verified by the photo"),
        Action.CLOSE: CaseChange(),
    }
    boss = Actor(USER, Role.ADMINISTRATOR)
    for step, (action, change) in enumerate(changes.items(), start=1):
        asked = [
            AskedChange(number, action, boss, change)
            for number in untouched
            if number % (len(changes) + 1) >= step
        ]
        change_all(session, asked)  # what has no unit to be handled by stays filed
        progress("Taking cases on", step, len(changes))


def _picture() -> bytes:
    """Return a drawing in the place of a photo of what was handled."""
    picture = Image.new("RGB", (640, 480), "#dfe7ee")
    ImageDraw.Draw(picture).ellipse(
        (220, 140, 420, 340), fill="#4a5a68", outline="#1f2a33", width=8
    )
    written = io.BytesIO()
    picture.save(written, "JPEG")
    return written.getvalue()


def _summary(session: Session) -> Demonstration:
    city = places.the_city(session)
    by_class = components.class_counts(session)
    outcomes = session.execute(
        select(Report.outcome, func.count()).group_by(Report.outcome).order_by(Report.outcome)
    ).all()
    known = {user.name for user, _ in users.users(session)}
    return Demonstration(
        city_name_zh=city.name_zh,
        city_name_en=city.name_en,
        components=sum(row["count"] for row in by_class),
        classes=len(by_class),
        refused=sum(one.refused for one in surveys.surveys(session)),
        layers=len(published.layers(session)),
        units=len(units.units(session)),
        reports=sum(count for _, count in outcomes),
        outcomes=", ".join(f"{count} {outcome}" for outcome, count in outcomes),
        detections=session.scalar(select(func.count()).select_from(Detection)) or 0,
        open_cases=len(cases.summaries(session, only_open=True, limit=100_000)),
        key=users.add_key(session, USER, revoke_others=True)
        if USER in known
        else users.add_user(session, USER, Role.ADMINISTRATOR),
    )
