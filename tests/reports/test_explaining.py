"""How a report came to its answer, told step by step, and whether it would again."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from making import CORNER, DAY, forget_facts, moved, register
from sqlalchemy import delete
from sqlalchemy.orm import Session

from gis_registry.catalogue import service as catalogue
from gis_registry.components.editing import edit
from gis_registry.components.tables import Component, ComponentState
from gis_registry.errors import NotFound
from gis_registry.places.datums import Datum, from_cgcs2000
from gis_registry.places.tables import DivisionPiece
from gis_registry.reports import service
from gis_registry.reports.explaining import Language, explain
from gis_registry.reports.matching import Match, match_all
from gis_registry.reports.questions import Question
from gis_registry.reports.schemas import AnsweredReport, Explanation, NewReport
from gis_registry.units import queries as units
from gis_registry.units.tables import Responsibility

LIGHT, PLACE_MATTER = "0137", "06001"


def submit(session: Session, **values: object) -> AnsweredReport:
    new = {"lon": CORNER[0], "lat": CORNER[1], "matter": LIGHT, "accuracy_m": 10} | values
    return service.submit(session, NewReport.model_validate(new), reported_by="王巡查")


def state_fact(session: Session, unit: str, *, since: date, role: str = "maintainer") -> None:
    """State that a unit has the lights of Shinan."""
    session.add(
        Responsibility(
            unit_id=units.unit_ids(session)[unit],
            role=role,
            class_id=catalogue.find_class(session, LIGHT, edition_key="gbt30428-2013").id,
            division_code="370202",
            valid_from=since,
        )
    )
    session.flush()


def steps(explanation: Explanation, step: str) -> list[Any]:
    return [one for one in explanation.steps if one.step == step]


def precedence(explanation: Explanation) -> dict[str, tuple[str, str]]:
    """Return the sentences by basis."""
    told = steps(explanation, "precedence")
    return {one.facts["basis"]: (one.zh, one.en) for one in told}


def differences(explanation: Explanation) -> dict[str, tuple[Any, Any]]:
    return {one.what: (one.then, one.replayed) for one in explanation.replay.differences}


def test_the_whole_chain_is_told_in_order_and_in_both_languages(session: Session) -> None:
    code = register(session, *moved(*CORNER, azimuth=90, metres=4), maintainer="QD-G-370202-T07")
    other = register(session, *moved(*CORNER, azimuth=90, metres=14))
    lon, lat = from_cgcs2000(*CORNER, Datum.GCJ02)
    report = submit(
        session,
        lon=float(lon),
        lat=float(lat),
        datum="gcj02",
        channel="citizen",
        reported_at="2026-07-06T08:04:00+08:00",
    )
    told = explain(session, report.id)
    names = list(dict.fromkeys(one.step for one in told.steps))
    assert names == [
        "report",
        "datum",
        "place",
        "candidate",
        "component",
        "precedence",
        "unit",
        "responder",
        "case",
    ]
    for one in told.steps:
        assert one.zh is not None
        assert one.en is not None
        assert one.zh.endswith("。")
        assert one.en.endswith(".")
        assert "None" not in one.zh + one.en
    (said,) = steps(told, "report")
    assert (
        said.zh == f"2026-07-06 08:04，王巡查（市民）上报“{report.matter.name_zh}”，定位精度10米。"
    )
    assert said.en.startswith("At 2026-07-06 08:04 王巡查 (citizen) reported “street light")
    (datum,) = steps(told, "datum")
    assert datum.facts["lon"] == pytest.approx(float(lon), abs=1e-6)
    assert 400 < datum.facts["shift_m"] < 600
    assert f"{datum.facts['shift_m']:.0f} m off." in datum.en
    assert [one.facts["candidate"]["code"] for one in steps(told, "candidate")] == [code, other]
    candidate = steps(told, "candidate")[0].en
    assert "4.0 m away, could be up to 38 m off, by distance " in candidate
    assert candidate.endswith(" times as likely as one not on the map, probability 85.7%.")
    kept = {(one.step, one.zh, one.en) for one in report.answer.grounds}
    assert kept <= {(one.step, one.zh, one.en) for one in told.steps}
    (case,) = steps(told, "case")
    assert case.facts["case_id"] == report.case_id
    assert told.replay.is_same
    assert told.replay.en is not None
    assert told.replay.en.endswith("the answer is the same.")


def test_each_step_of_the_precedence_says_what_fell_under_it(session: Session) -> None:
    forget_facts(session)
    code = register(session, *CORNER, owner="QD-E-03")
    state_fact(session, "QD-E-01", since=date(2020, 1, 1))
    state_fact(session, "QD-E-02", since=date(2020, 1, 1), role="owner")
    told = explain(session, submit(session).id)
    sentences = precedence(told)
    assert len(sentences) == 8
    assert sentences["component"][1] == "Step 1, a dated fact for this very component: nobody."
    assert sentences["recorded_owner"][1].endswith("(owner) decides.")
    assert sentences["class_and_area"][1].endswith("; an earlier step decides.")
    deciding = [one.facts for one in steps(told, "precedence") if one.facts["is_deciding"]]
    assert [one["basis"] for one in deciding] == ["recorded_owner"]
    assert steps(told, "component")[0].facts["component_code"] == code


@pytest.mark.parametrize(
    ("second", "zh", "en"),
    [
        (
            {"role": "owner", "since": date(2020, 1, 1)},
            "养护单位先于权属单位",
            "the maintainer comes before the owner",
        ),
        ({"since": date(2019, 1, 1)}, "其责任记录较新", "its fact is the newer one"),
        (
            {"since": date(2020, 1, 1)},
            "二者同等，按单位编码取先",
            "both weigh the same, so the first unit code is taken",
        ),
    ],
)
def test_why_one_claim_came_before_the_next(
    session: Session, second: dict[str, Any], zh: str, en: str
) -> None:
    forget_facts(session)
    state_fact(session, "QD-E-01", since=date(2020, 1, 1))
    state_fact(session, "QD-E-02", **second)
    sentences = precedence(explain(session, submit(session).id))
    assert sentences["class_and_area"][0].endswith(f"：{zh}。")
    assert sentences["class_and_area"][1].endswith(f": {en}.")
    assert sentences["component"][1].endswith("does not apply, which component is not known.")


def test_a_matter_of_the_place_and_the_smaller_area(session: Session) -> None:
    told = explain(session, submit(session, matter=PLACE_MATTER).id)
    sentences = precedence(told)
    assert list(sentences) == ["matter_and_area", "matter", "area"]
    assert sentences["matter_and_area"][1].endswith(": its area is the smaller one.")
    assert steps(told, "candidate") == []
    assert told.replay.is_same
    (datum,) = steps(told, "datum")
    assert datum.en.endswith("; nothing was converted.")


def test_a_gap_is_told_too(session: Session) -> None:
    forget_facts(session)
    told = explain(session, submit(session).id)
    assert all(one.facts["claims"] == [] for one in steps(told, "precedence"))
    assert "no unit answers for this" in steps(told, "unit")[0].en
    assert steps(told, "case")[0].en.endswith("which has no responsible unit yet.")
    assert told.replay.is_same


def test_what_changed_later_does_not_change_the_replay(session: Session) -> None:
    meant = register(session, *moved(*CORNER, azimuth=90, metres=4), maintainer="QD-G-370202-T07")
    other = register(session, *moved(*CORNER, azimuth=90, metres=24))
    report = submit(session)
    assert report.answer.component_code == meant
    lon, lat = moved(*CORNER, azimuth=270, metres=500)
    made: dict[str, Any] = {"actor": "test", "reason": "later", "on_date": DAY}
    edit(session, other, position=(lon, lat), **made)
    edit(session, meant, state=ComponentState.RETIRED, **made)
    nearer = register(session, *CORNER)
    assert submit(session).answer.component_code == nearer
    state_fact(session, "QD-E-01", since=report.received_at.date() + timedelta(days=2))
    told = explain(session, report.id)
    assert (told.replay.is_same, told.replay.differences) == (True, [])


def test_a_fact_stated_afterwards_for_before_is_what_differs(session: Session) -> None:
    report = submit(session)
    assert report.answer.responsible.claim is not None
    before = report.answer.responsible.claim.unit
    state_fact(session, "QD-E-01", since=report.received_at.date() - timedelta(days=1))
    told = explain(session, report.id)
    assert not told.replay.is_same
    assert set(differences(told)) == {"responsible", "others"}
    then, replayed = differences(told)["responsible"]
    assert (then["unit_code"], replayed["unit_code"]) == (before.code, "QD-E-01")
    difference = told.replay.differences[0]
    assert difference.en is not None
    assert difference.en.startswith(f"The responsible unit: then {before.name_en} (the class in")
    assert told.replay.zh is not None
    assert told.replay.zh.endswith("结论不同。")


def test_a_registry_that_does_not_hold_what_it_held_is_noticed(session: Session) -> None:
    """Components are never deleted by the program; who does it by hand is found out."""
    code = register(session, *CORNER)
    report = submit(session)
    session.execute(delete(Component).where(Component.code == code))
    told = explain(session, report.id)
    assert differences(told)["outcome"] == ("unique", "none")
    assert differences(told)["component"] == (code, None)
    assert {"outcome", "component", "candidates"} <= set(differences(told))


def test_boundaries_that_are_gone_are_what_differs(session: Session) -> None:
    report = submit(session, matter=PLACE_MATTER)
    session.execute(delete(DivisionPiece))
    told = explain(session, report.id)
    (difference,) = told.replay.differences
    assert (difference.what, difference.replayed) == ("place", None)


def test_one_language_leaves_the_other_out(session: Session) -> None:
    report = submit(session)
    state_fact(session, "QD-E-01", since=date(2021, 1, 1))
    state_fact(session, "QD-E-02", since=report.received_at.date())
    told = explain(session, report.id, language=Language.EN)
    everything = [*told.steps, told.replay, *told.replay.differences]
    assert told.replay.differences
    assert all(one.zh is None and one.en for one in everything)
    told = explain(session, report.id, language=Language.ZH)
    everything = [*told.steps, told.replay, *told.replay.differences]
    assert all(one.en is None and one.zh for one in everything)


def test_a_report_that_is_not_there_has_no_explanation(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no report 987654"):
        explain(session, 987654)


def test_what_is_matched_as_of_now_is_what_is_matched_now(session: Session) -> None:
    """The replay weighs the same: lights and bins about the corner, at every accuracy."""
    for n in range(8):
        register(
            session,
            *moved(*CORNER, azimuth=40 * n, metres=3 * n),
            class_code=LIGHT if n % 2 else "0305",
        )
    lon, lat = CORNER
    asked = [
        Question(
            matter=catalogue.find_matter(
                session,
                code,
                matter_edition_key="gbt47678-2026",
                class_edition_key="gbt30428-2013",
            ),
            lon=lon,
            lat=lat,
            accuracy_m=accuracy_m,
            text="",
            scanned=None,
            reported_at=datetime.now(UTC),
            on_date=DAY,
        )
        for code in (LIGHT, "0305")
        for accuracy_m in (1.0, 8.0, 50.0)
    ]
    now = match_all(session, asked)
    then = match_all(session, asked, moment=datetime.now(UTC))
    assert [_said(one) for one in then] == [_said(one) for one in now]
    assert all(one.candidates for one in now)
    before = match_all(session, asked, moment=datetime(2026, 1, 1, tzinfo=UTC))
    assert [(one.outcome, one.candidates) for one in before] == [("none", ())] * len(asked)


def _said(match: Match) -> tuple[Any, ...]:
    told = [(dict(one.component), one.probability, one.reach_m) for one in match.candidates]
    return match.outcome, match.count, told
