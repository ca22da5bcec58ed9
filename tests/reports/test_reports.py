"""A report, answered: which component, whose job, who is near, and why; and all of it kept."""

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from making import CORNER, GEOD, border_between, claim, forget_facts, moved, register
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from gis_registry.cases import service as cases
from gis_registry.cases.tables import Case
from gis_registry.db.engine import Database
from gis_registry.errors import InvalidInput, InvalidPosition, NotFound, UnknownMatterType
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.places.tables import GridCell
from gis_registry.reports import service
from gis_registry.reports.keeping import Submission
from gis_registry.reports.schemas import AnsweredReport, NewReport
from gis_registry.reports.tables import Channel, Report
from gis_registry.units.tables import Responder

LIGHT_MATTER = "01037"
PLACE_MATTER = "06001"


def report(**values: object) -> NewReport:
    return NewReport.model_validate(
        {"lon": CORNER[0], "lat": CORNER[1], "matter": LIGHT_MATTER, "accuracy_m": 10} | values
    )


def submit(session: Session, **values: object) -> AnsweredReport:
    return service.submit(session, report(**values), reported_by="王巡查")


def sentences(answered: AnsweredReport) -> dict[str, tuple[str, str]]:
    """Return the first reason of each step, in Chinese and English."""
    found: dict[str, tuple[str, str]] = {}
    for one in answered.answer.grounds:
        found.setdefault(one.step, (one.zh, one.en))
    return found


def test_one_light_near_is_the_one_that_is_meant(session: Session) -> None:
    code = register(session, *moved(*CORNER, azimuth=90, metres=4), maintainer="QD-G-370202-T07")
    register(session, *moved(*CORNER, azimuth=90, metres=60))
    register(session, *CORNER, class_code="0305")
    answered = submit(session, text="路灯不亮")
    answer = answered.answer
    assert (answer.outcome, answer.component_code) == ("unique", code)
    (candidate,) = answer.candidates
    assert (candidate.code, candidate.distance_m) == (code, 4.0)
    assert candidate.probability > 0.9
    assert answer.responsible.claim is not None
    assert answer.responsible.claim.unit.code == "QD-G-370202-T07"
    assert answer.responsible.claim.basis == "recorded_maintainer"
    assert len(answer.responders) == 3
    distances = [one.distance_m for one in answer.responders]
    assert distances == sorted(distances)
    zh, en = sentences(answered)["component"]
    assert en.startswith(f"It is the street light {code}, 4.0 m from the reported position (")
    assert zh.startswith(f"所指部件是路灯 {code}，距上报位置4.0米（把握")


def test_two_lights_equally_near_are_for_a_person_to_tell_apart(session: Session) -> None:
    codes = [
        register(session, *moved(*CORNER, azimuth=azimuth, metres=5), maintainer="QD-G-370202-T07")
        for azimuth in (90, 270)
    ]
    answered = submit(session)
    answer = answered.answer
    assert (answer.outcome, answer.component_code) == ("ambiguous", None)
    assert sorted(one.code for one in answer.candidates) == codes
    assert sum(one.probability for one in answer.candidates) <= 1
    assert answer.responsible.claim is not None
    assert answer.responsible.claim.basis == "class_and_area"
    zh, en = sentences(answered)["component"]
    assert en.startswith("2 components within 38 m could be meant, most probably ")
    assert en.endswith("please confirm.")
    assert zh.startswith("38米内有2个同类部件都可能，最可能的是")


def test_one_light_at_the_edge_of_reach_is_not_sure_either(session: Session) -> None:
    code = register(session, *moved(*CORNER, azimuth=90, metres=30))
    answered = submit(session)
    assert answered.answer.outcome == "ambiguous"
    zh, en = sentences(answered)["component"]
    assert en.startswith(f"Only {code} within 38 m could be meant")
    assert zh.startswith(f"38米内只有{code}可能")


@pytest.mark.parametrize("state", ["none near", "another class", "out of reach"])
def test_no_light_near_is_an_answer(session: Session, state: str) -> None:
    if state == "another class":
        register(session, *CORNER, class_code="0305")
    if state == "out of reach":
        register(session, *moved(*CORNER, azimuth=90, metres=40))
    answered = submit(session)
    answer = answered.answer
    assert (answer.outcome, answer.component_code, answer.candidates) == ("none", None, [])
    assert answer.responsible.claim is not None
    zh, en = sentences(answered)["component"]
    assert en == (
        "No such component is registered within 38 m, which is how far off it could be with a "
        "position accurate to 10 m: it is not on the map and becomes a survey task."
    )
    assert zh == "定位精度10米，38米内没有登记的此类部件：图上没有，转为补测任务。"


def test_what_is_said_to_be_clear_is_clear(session: Session) -> None:
    """A coarse class (0207: 10 m), and one of it that was measured finely: 60 m are too far."""
    register(session, *moved(*CORNER, azimuth=90, metres=60), class_code="0207", accuracy_m=0.5)
    answered = submit(session, matter="0207")
    assert answered.answer.outcome == "none"
    assert "within 38 m" in sentences(answered)["component"][1]


def test_a_component_that_is_known_coarsely_is_found_from_further_away(session: Session) -> None:
    code = register(session, *moved(*CORNER, azimuth=90, metres=45), accuracy_m=30)
    candidates = submit(session, accuracy_m=3).answer.candidates
    assert [one.code for one in candidates] == [code]


@pytest.mark.parametrize(
    ("accuracy_m", "component_accuracy_m", "distance_m", "outcome"),
    [
        (10, 0.5, 15, "unique"),
        (10, 0.5, 39, "none"),
        (30, 0.5, 25, "unique"),
        (10, 10, 39, "ambiguous"),
        (2, 0.5, 25, "none"),
    ],
)
def test_the_radius_grows_with_both_accuracies(
    session: Session,
    accuracy_m: float,
    component_accuracy_m: float,
    distance_m: float,
    outcome: str,
) -> None:
    register(
        session,
        *moved(*CORNER, azimuth=200, metres=distance_m),
        accuracy_m=component_accuracy_m,
    )
    assert submit(session, accuracy_m=accuracy_m).answer.outcome == outcome


def test_a_matter_of_the_place_means_no_component(session: Session) -> None:
    register(session, *CORNER)
    answered = submit(session, matter=PLACE_MATTER)
    answer = answered.answer
    assert (answer.outcome, answer.component_code, answer.candidates) == ("place", None, [])
    assert answer.responsible.claim is not None
    assert answer.responsible.claim.basis == "matter_and_area"
    assert sentences(answered)["component"][1].endswith("no component is meant.")
    assert sentences(answered)["component"][0].endswith("是场所类事项，不涉及部件。")


def test_a_class_code_stands_for_something_wrong_with_one_of_these(session: Session) -> None:
    code = register(session, *CORNER)
    answered = submit(session, matter="0137")
    assert answered.matter.name_en == "street light - anomaly"
    assert answered.answer.component_code == code


def test_every_step_is_explained_in_both_languages(session: Session) -> None:
    register(session, *CORNER)
    for matter in (LIGHT_MATTER, PLACE_MATTER):
        grounds = submit(session, matter=matter).answer.grounds
        assert [one.step for one in grounds if one.step != "unit"] == [
            "place",
            "component",
            "responder",
        ]
        assert any(one.step == "unit" for one in grounds)
        for one in grounds:
            assert one.zh.endswith("。") or one.zh.endswith("：请确认。")
            assert any("\u4e00" <= character <= "\u9fff" for character in one.zh)
            assert one.en.endswith(".")
            assert "None" not in one.en + one.zh


def test_where_it_is_is_said_with_its_names(session: Session) -> None:
    answered = submit(session)
    place = answered.answer.place
    assert place.division is not None
    assert place.subdistrict is not None
    assert place.division.code == "370202"
    assert place.outside_m == 0
    zh, en = sentences(answered)["place"]
    assert zh.startswith(f"位置在市南区{place.subdistrict.name_zh}")
    assert en.startswith(f"The position is in {place.subdistrict.name_en}, Shinan District")


def test_a_place_outside_every_boundary_says_how_far(session: Session) -> None:
    """Off the quay of Shinan, where its district's polygon ends too."""
    answered = submit(session, lon=120.3180, lat=36.0500, matter=PLACE_MATTER)
    place = answered.answer.place
    assert place.outside_m is not None
    assert 0 < place.outside_m < 1000
    assert place.subdistrict is not None
    metres = math.ceil(place.outside_m)
    zh, en = sentences(answered)["place"]
    assert f"（在其边界外{metres}米，取最近的）" in zh
    assert f" (the nearest one: it lies {metres} m outside its boundary)" in en


def test_the_grid_cell_is_named(session: Session) -> None:
    cell = session.execute(
        select(
            GridCell.code,
            func.ST_X(func.ST_Centroid(GridCell.geom)),
            func.ST_Y(func.ST_Centroid(GridCell.geom)),
        )
        .order_by(GridCell.code)
        .limit(1)
    ).one()
    code, lon, lat = cell
    answered = submit(session, lon=lon, lat=lat, matter=PLACE_MATTER)
    assert answered.answer.place.cell_code == code
    zh, en = sentences(answered)["place"]
    assert zh.endswith(f"，单元网格{code}。")
    assert en.endswith(f", grid cell {code}.")


def test_a_gap_and_nobody_free_still_make_a_case(session: Session) -> None:
    forget_facts(session)
    session.execute(update(Responder).values(is_available=False))
    answered = submit(session)
    assert answered.answer.responsible.claim is None
    assert answered.answer.responders == []
    case = cases.show(session, answered.case_id)
    assert (case.unit_code, case.state, case.responders) == (None, "reported", [])


def test_everything_is_kept_and_comes_back_as_it_was_answered(session: Session) -> None:
    register(session, *moved(*CORNER, azimuth=90, metres=4), maintainer="QD-G-370202-T07")
    answered = submit(
        session,
        text='路灯不亮，"闪"；\n第二行',
        channel="citizen",
        client_key="phone-1",
        reported_at="2026-07-06T08:04:00+08:00",
    )
    session.expire_all()
    shown = service.show(session, answered.id)
    assert shown.answer == answered.answer
    assert shown.model_dump(exclude={"received_at"}) == answered.model_dump(exclude={"received_at"})
    assert shown.reported_at == datetime(2026, 7, 6, 0, 4, tzinfo=UTC)
    assert (shown.channel, shown.reported_by, shown.is_repeat) == ("citizen", "王巡查", False)
    case = cases.show(session, shown.case_id)
    assert (case.component_code, case.unit_code) == (
        shown.answer.component_code,
        "QD-G-370202-T07",
    )
    assert [one["code"] for one in case.responders] == [one.code for one in shown.answer.responders]
    (kept,) = session.scalars(select(Report).where(Report.id == shown.id))
    assert (kept.datum, kept.outcome) == ("cgcs2000", "unique")


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09, Datum.WGS84, Datum.CGCS2000])
def test_a_report_in_another_datum_is_about_the_right_component(
    session: Session, datum: Datum
) -> None:
    code = register(session, *CORNER)
    lon, lat = from_cgcs2000(*CORNER, datum)
    answered = submit(session, lon=float(lon), lat=float(lat), datum=datum, accuracy_m=3)
    assert answered.answer.component_code == code
    assert GEOD.inv(*CORNER, answered.lon, answered.lat)[2] < 0.001
    shown = service.show(session, answered.id)
    assert (shown.lon, shown.lat) == (answered.lon, answered.lat)


def test_the_wrong_datum_is_the_wrong_component(session: Session) -> None:
    register(session, *CORNER)
    lon, lat = from_cgcs2000(*CORNER, Datum.GCJ02)
    assert submit(session, lon=float(lon), lat=float(lat)).answer.outcome == "none"


def test_the_same_key_twice_is_one_report(session: Session) -> None:
    register(session, *CORNER)
    first = submit(session, client_key="phone-1", text="路灯不亮")
    again = submit(session, client_key="phone-1", text="路灯不亮")
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert (again.id, again.case_id, again.answer) == (first.id, first.case_id, first.answer)
    assert submit(session, client_key="phone-2").id != first.id
    other = service.submit(session, report(client_key="phone-1"), reported_by="李市民")
    assert (other.id != first.id, other.is_repeat) == (True, False)
    assert submit(session).id != submit(session).id
    assert session.scalar(select(func.count()).select_from(Report)) == 5


def test_a_key_is_that_of_the_first_report_that_is_kept_with_it(session: Session) -> None:
    wrong, right, other = (
        report(client_key="phone-1", matter=one) for one in ("9999", "01037", "06001")
    )
    alone = report(client_key="phone-2", matter="9999")
    batch = [wrong, wrong, right, other, alone, right, wrong]
    told = service.submit_all(session, [Submission(one, "王巡查") for one in batch])
    kept = told[2]
    assert isinstance(kept, AnsweredReport)
    assert [type(told[n]) for n in (0, 1, 4)] == [UnknownMatterType] * 3
    assert [str(told[n]) for n in (3, 6)] == [
        f"The client key 'phone-1' is that of report {kept.id}, which says something else. "
        "Send what is new with a key of its own."
    ] * 2
    assert told[5] == kept.model_copy(update={"is_repeat": True})
    assert session.scalars(select(Report.id)).all() == [kept.id]


def test_the_same_key_from_eight_threads_is_one_report(own_database: Database) -> None:
    start = Barrier(8, timeout=30)

    def send(_: int) -> tuple[int, bool]:
        start.wait()
        with own_database.session() as session:
            answered = submit(session, client_key="phone-1")
            return answered.id, answered.is_repeat

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(send, range(8)))
    assert len({number for number, _ in results}) == 1
    assert sorted(is_repeat for _, is_repeat in results) == [False] + [True] * 7
    with own_database.session() as session:
        assert session.scalar(select(func.count()).select_from(Report)) == 1
        assert session.scalar(select(func.count()).select_from(Case)) == 1


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (
            {"reported_at": datetime.now(UTC) + timedelta(hours=1)},
            InvalidInput,
            "The report is from the future: ",
        ),
        (
            {"reported_at": "1999-12-31T12:00:00Z"},
            InvalidInput,
            "The report is from before 2000: 1999-12-31T12:00:00+00:00.",
        ),
        ({"matter": "99999"}, UnknownMatterType, "There is no matter type '99999'"),
        ({"lon": 0, "lat": 0}, InvalidPosition, "This position cannot be used: "),
        ({"lon": 36.0671, "lat": 120.3826}, InvalidPosition, "This position cannot be used: "),
        ({"lon": 116.39, "lat": 39.9}, InvalidPosition, "116.39, 39.9 is not in Qingdao."),
    ],
)
def test_a_report_that_cannot_be_is_refused_and_leaves_no_trace(
    session: Session, values: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as refused, session.begin_nested():
        submit(session, **values)
    assert str(refused.value).startswith(message)
    assert session.scalar(select(func.count()).select_from(Case)) == 0


def test_a_clock_that_is_a_little_fast_is_forgiven(session: Session) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    assert submit(session, reported_at=soon).reported_at == soon


def test_reports_are_listed_the_newest_first_page_by_page(session: Session) -> None:
    ids = [submit(session, matter=PLACE_MATTER).id for _ in range(5)]
    found: list[int] = []
    before: int | None = None
    for size in (2, 2, 1):
        page = service.page(session, before=before, limit=2)
        assert len(page.reports) == size
        found += [one.id for one in page.reports]
        before = page.next_before
    assert before is None
    assert found == ids[::-1]
    assert {one.outcome for one in page.reports} == {"place"}
    for limit in (0, 1001):
        with pytest.raises(InvalidInput, match="1 to 1000"):
            service.page(session, limit=limit)


def test_a_report_that_is_not_there_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no report 4711"):
        service.show(session, 4711)


def test_every_channel_is_taken(session: Session) -> None:
    for channel in Channel:
        assert submit(session, channel=channel).channel == channel


def test_the_components_area_counts_for_a_report_from_across_a_border(session: Session) -> None:
    inside, outside = border_between(session, "370202", "370203")
    forget_facts(session)
    claim(session, "QD-G-370202-T07", class_code="0137", division="370202")
    claim(session, "QD-G-370203-T07", class_code="0137", division="370203")
    code = register(session, *inside)
    answered = submit(session, lon=outside[0], lat=outside[1])
    assert answered.answer.component_code == code
    assert answered.answer.place.division is not None
    assert answered.answer.place.division.code == "370203"
    assert answered.answer.responsible.claim is not None
    assert answered.answer.responsible.claim.unit.code == "QD-G-370202-T07"
    assert answered.division_code == "370202"
    assert any("whose units count" in one.en for one in answered.answer.grounds)


def test_what_is_answered_is_what_is_kept(session: Session) -> None:
    register(session, *CORNER)
    answered = submit(session, text="路灯不亮")
    assert service.show(session, answered.id) == answered
