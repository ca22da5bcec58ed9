"""What video analysis finds: sightings over frames, each with one report or a reason."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from making import CORNER, GEOD, moved, register, wait_for_a_lock
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis_registry.db.base import SRID
from gis_registry.db.engine import Database
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.reports import video
from gis_registry.reports.device_schemas import AnsweredFrame, NewFrame
from gis_registry.reports.device_tables import Camera, VideoFrame, VideoKind, VideoSighting
from gis_registry.reports.tables import Report

FRAME_AT = datetime(2026, 7, 8, 1, 32, tzinfo=UTC)
BOX = (0.48, 0.6, 0.52, 0.8)


@pytest.fixture(autouse=True)
def camera(session: Session) -> None:
    stand(session)


def stand(session: Session) -> None:
    """Stand a camera at a street corner that looks north-east."""
    session.add(
        Camera(
            code="TEST",
            name_zh="测试",
            name_en="test",
            geom=f"SRID={SRID};POINT({CORNER[0]} {CORNER[1]})",
            height_m=8,
            heading_deg=60,
            field_of_view_deg=75,
            pitch_deg=12,
            image_width=1920,
            image_height=1080,
            range_m=150,
        )
    )
    session.flush()


def see(session: Session, **values: object) -> AnsweredFrame:
    new = NewFrame.model_validate(
        {
            "camera": "TEST",
            "frame_at": FRAME_AT,
            "kind": "street_stall",
            "box": BOX,
            "box_unit": "fractions",
            "confidence": 0.9,
        }
        | values
    )
    return video.submit(session, new, reported_by="analysis")


def after(**span: float) -> datetime:
    return FRAME_AT + timedelta(**span)


def count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_frame_is_answered_like_a_report_where_the_thing_stands(session: Session) -> None:
    answered = see(session, note="两个摊位", image_url="https://example.org/1.jpg")
    report = answered.report
    assert report is not None
    assert (answered.is_new, answered.is_repeat) == (True, False)
    assert (report.channel, report.matter.code, report.reported_at) == ("video", "09006", FRAME_AT)
    assert report.text.splitlines() == [
        "占道经营 stall on the road (TEST)",
        "两个摊位",
        "https://example.org/1.jpg",
    ]
    azimuth, _, distance_m = GEOD.inv(*CORNER, report.lon, report.lat)
    assert azimuth == pytest.approx(60, abs=0.1)
    assert 15 < distance_m < 25
    assert 1 < report.accuracy_m < 2
    assert answered.sighting.report_id == report.id
    assert answered.sighting.not_reported is None


def test_a_kind_of_a_component_class_finds_the_component(session: Session) -> None:
    seen = see(session).sighting
    code = register(session, *moved(seen.lon, seen.lat, azimuth=10, metres=0.5), class_code="0104")
    register(session, *moved(seen.lon, seen.lat, azimuth=10, metres=40), class_code="0104")
    report = see(session, kind="missing_grate").report
    assert report is not None
    assert (report.answer.outcome, report.answer.component_code) == ("unique", code)


def test_following_frames_are_the_same_sighting(session: Session) -> None:
    first = see(session, confidence=0.7)
    second = see(session, frame_at=after(minutes=20), box=(0.485, 0.6, 0.525, 0.8))
    drifted = see(session, frame_at=after(minutes=40), box=(0.5, 0.6, 0.54, 0.8))
    assert second.sighting.id == drifted.sighting.id == first.sighting.id
    assert (drifted.is_new, drifted.sighting.frame_count) == (False, 3)
    assert drifted.sighting.best_confidence == 0.9
    assert drifted.sighting.last_seen_at == after(minutes=40)
    assert drifted.report == first.report
    assert (count(session, Report), count(session, VideoFrame)) == (1, 3)


@pytest.mark.parametrize(
    "other",
    [
        {"box": (0.1, 0.6, 0.14, 0.8)},
        {"kind": "street_vendor"},
        {"frame_at": after(minutes=31)},
        {"frame_at": after(minutes=-31)},
    ],
    ids=["another box", "another kind", "long after", "long before"],
)
def test_another_thing_is_another_sighting(session: Session, other: dict[str, object]) -> None:
    first = see(session)
    second = see(session, **other)
    assert second.is_new
    assert second.sighting.id != first.sighting.id
    assert count(session, Report) == 2


def test_a_frame_that_comes_late_belongs_to_the_sighting_of_its_time(session: Session) -> None:
    first = see(session)
    late = see(session, frame_at=after(minutes=-5))
    assert late.sighting.id == first.sighting.id
    assert (late.sighting.first_seen_at, late.sighting.last_seen_at) == (
        after(minutes=-5),
        FRAME_AT,
    )


def test_the_same_frame_twice_is_one(session: Session) -> None:
    first = see(session)
    again = see(session)
    assert again.is_repeat
    assert (again.sighting, again.report) == (first.sighting, first.report)
    assert (count(session, VideoFrame), count(session, Report)) == (1, 1)


def test_two_frames_of_the_same_thing_at_once_are_one_report(own_database: Database) -> None:
    with own_database.session() as session:
        stand(session)
    with ThreadPoolExecutor() as pool, own_database.session() as session:
        first = see(session)

        def following() -> AnsweredFrame:
            with own_database.session() as other:
                return see(other, frame_at=after(seconds=1))

        waiting = pool.submit(following)
        wait_for_a_lock(own_database)
        session.commit()
        second = waiting.result(60)
    assert (second.is_new, second.sighting.id) == (False, first.sighting.id)
    assert second.report == first.report


def test_pixels_and_fractions_say_the_same(session: Session) -> None:
    first = see(session)
    again = see(session, box=(921.6, 648, 998.4, 864), box_unit="pixels")
    assert again.sighting.id == first.sighting.id
    assert (again.sighting.lon, again.sighting.lat) == (first.sighting.lon, first.sighting.lat)


def test_low_confidence_is_kept_until_a_surer_frame_is_reported(session: Session) -> None:
    unsure = see(session, confidence=0.59)
    assert unsure.report is None
    assert unsure.sighting.not_reported is not None
    assert unsure.sighting.not_reported.code == "low_confidence"
    assert [one.id for one in video.page(session, is_reported=False).sightings] == [
        unsure.sighting.id
    ]
    sure = see(session, frame_at=after(seconds=5), confidence=0.6)
    assert sure.sighting.id == unsure.sighting.id
    assert sure.report is not None
    assert sure.sighting.not_reported is None
    assert video.page(session, is_reported=False).sightings == []


def test_an_unknown_kind_is_kept_and_reported_once_it_is_known(session: Session) -> None:
    unknown = see(session, kind="flying_carpet")
    assert unknown.sighting.not_reported is not None
    assert unknown.sighting.not_reported.code == "unknown_kind"
    assert "flying_carpet" in unknown.sighting.not_reported.zh
    session.add(
        VideoKind(
            label="flying_carpet",
            name_zh="飞毯",
            name_en="flying carpet",
            matter="06036",
            min_confidence=0.5,
            unseen_s=60,
        )
    )
    session.flush()
    known = see(session, kind="flying_carpet", frame_at=after(seconds=30))
    assert known.sighting.id == unknown.sighting.id
    assert known.report is not None


def test_what_cannot_be_reported_is_kept_with_the_reason(session: Session) -> None:
    camera = session.scalars(select(Camera).where(Camera.code == "TEST")).one()
    camera.geom = f"SRID={SRID};POINT(121.5 36.0)"  # type: ignore[assignment]
    session.flush()
    answered = see(session)
    why = answered.sighting.not_reported
    assert answered.report is None
    assert why is not None
    assert why.code == "refused"
    assert "is not in Qingdao" in why.en
    assert (count(session, VideoSighting), count(session, Report)) == (1, 0)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"camera": "NOWHERE"}, NotFound, "no camera 'NOWHERE'"),
        ({"box": (1, 2, 30, 40)}, InvalidInput, "beyond the image, which is 1 by 1 fractions"),
        (
            {"box": (1, 2, 1921, 40), "box_unit": "pixels"},
            InvalidInput,
            "which is 1920 by 1080 pixels",
        ),
        ({"box": (0, 0, 1e-320, 1e-320)}, InvalidInput, "it has no area"),
        ({"box": (0, 0, 5e-324, 9), "box_unit": "pixels"}, InvalidInput, "it has no area"),
        ({"frame_at": datetime.now(UTC) + timedelta(days=1)}, InvalidInput, "from the future"),
        ({"frame_at": datetime(1999, 1, 1, tzinfo=UTC)}, InvalidInput, "from before 2000"),
    ],
    ids=["camera", "fractions", "pixels", "no area", "no width", "future", "long ago"],
)
def test_a_frame_that_cannot_be_is_refused(
    session: Session, values: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        see(session, **values)
    assert count(session, VideoFrame) == 0


def test_sightings_come_in_pages_the_newest_first(session: Session) -> None:
    ids = [see(session, box=(x, 0.6, x + 0.04, 0.8)).sighting.id for x in (0.1, 0.2, 0.3, 0.4, 0.5)]
    page = video.page(session, limit=3)
    assert [one.id for one in page.sightings] == ids[:1:-1]
    rest = video.page(session, before=page.next_before, limit=3)
    assert [one.id for one in rest.sightings] == ids[1::-1]
    assert rest.next_before is None


def test_a_sighting_that_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no sighting 4711"):
        video.show(session, 4711)
