"""Why deadlines are when they are: each stage with its limit, and what became of every minute."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from living import INSPECTOR, at, do, lived, moment, open_case, stands
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_registry.cases.deadline_schemas import CaseDeadlines
from gis_registry.cases.explaining_deadlines import explain_deadlines
from gis_registry.cases.life_cycle import Action
from gis_registry.errors import InvalidInput, NotFound
from gis_registry.places import calendars


def explained(session: Session, number: int, when: str, **asked: object) -> CaseDeadlines:
    with at(moment(when)):
        return explain_deadlines(session, number, **asked)  # type: ignore[arg-type]


@pytest.fixture
def number(session: Session) -> int:
    return lived(session, condition="unlit")


def test_each_stage_is_told_with_its_limit_and_when_it_was_done(
    session: Session, number: int
) -> None:
    found = explained(session, number, "06-11 11:00")
    assert [(one.number, one.stage, one.name_zh) for one in found.stages] == [
        (1, "filing", "立案"),
        (2, "dispatch", "派遣"),
        (3, "handling", "处置"),
    ]
    filing, dispatch, handling = found.stages
    assert (filing.began_at, filing.began_by) == (moment("06-10 13:51"), "reported")
    assert filing.limit is not None
    assert filing.limit.sentence_zh.startswith("立案限0.5工作时")
    assert (filing.due_at, filing.ended_at) == (moment("06-10 14:30"), moment("06-10 14:08"))
    assert (filing.is_on_time, filing.ended_by, filing.left_s) == (True, "filed", 22 * 60)
    assert [(one.is_counted, one.reason_zh) for one in filing.ledger] == [
        (False, "休息"),
        (True, "工作时间"),
    ]
    assert (dispatch.began_at, dispatch.is_on_time, dispatch.ledger) == (
        dispatch.ended_at,
        True,
        [],
    )
    assert (handling.ended_at, handling.is_on_time) == (None, None)
    assert [one.reason for one in handling.pauses] == ["现场需要"]
    assert [one.amount for one in handling.extensions] == [4]
    # 8 hours and 4 more, of which 1:52 were used before the pause and 2:00 since.
    assert handling.left_s == (12 * 60 - 112 - 120) * 60
    assert handling.due_at == handling.recomputed_due_at == moment("06-12 11:08")
    assert [one.reason_en for one in handling.ledger] == [
        "working time",
        "paused by 李派遣: 现场需要",
        "working time",
        "extended by 4 working hours by 李派遣: 现场需要",
        "working time",
    ]


def test_the_ledger_has_every_minute_from_the_beginning_to_the_end(
    session: Session, number: int
) -> None:
    (handling,) = explained(session, number, "06-11 11:00", stage=3, by_minute=True).stages
    lines = handling.ledger
    assert lines[0].began_at == handling.began_at
    assert lines[-1].ended_at == moment("06-11 11:00")
    assert all(one.ended_at == other.began_at for one, other in pairwise(lines))
    lasting = [one for one in lines if one.ended_at > one.began_at]
    assert len(lasting) == len(lines) - 1 == (20 * 60 + 52)
    assert {one.ended_at - one.began_at for one in lasting} == {timedelta(minutes=1)}
    assert sum(one.is_counted for one in lasting) == 112 + 120
    assert handling.left_s == lines[-1].left_s


@pytest.mark.parametrize("by_minute", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_of_the_ledger_go_on_where_the_last_ended(
    session: Session, number: int, limit: int, by_minute: bool
) -> None:
    limit = limit * 100 if by_minute and limit < 1000 else limit
    asked = {"stage": 3, "by_minute": by_minute}
    (whole,) = explained(session, number, "06-11 11:00", **asked, limit=1440).stages
    lines, since = [], None
    for _ in range(100):
        page = explained(session, number, "06-11 11:00", **asked, limit=limit, since=since)
        (one,) = page.stages
        lines += one.ledger
        since = one.next_since
        if since is None:
            break
    assert lines == whole.ledger


def test_a_stage_that_was_late_says_by_how_much(session: Session, number: int) -> None:
    with at(moment("06-12 15:08")):  # 12:00 to 14:00 do not count
        do(session, number, Action.HANDLE)
    handling, verification = explained(session, number, "06-13 12:00").stages[2:]
    assert (handling.is_on_time, handling.left_s) == (False, -2 * 3600)
    assert (handling.ended_by, handling.ledger[-1].left_s) == ("handled", -2 * 3600)
    with at(moment("06-12 16:08")):
        do(session, number, Action.VERIFY, INSPECTOR)
    verification = explained(session, number, "06-13 12:00").stages[3]
    assert (verification.stage, verification.is_on_time) == ("verification", True)


def test_a_suspended_stage_has_no_deadline_until_it_is_resumed(session: Session) -> None:
    with at(moment("06-10 09:00")):
        number = open_case(session)
    with at(moment("06-10 09:10")):
        do(session, number, Action.SUSPEND)
    (filing,) = explained(session, number, "06-20 09:00").stages
    assert (filing.due_at, filing.recomputed_due_at, filing.ended_at) == (None, None, None)
    assert (filing.is_recomputed_equal, filing.left_s) == (True, 20 * 60)
    with at(moment("06-10 09:20")):
        do(session, number, Action.CLOSE)
    (filing,) = explained(session, number, "06-20 09:00").stages
    assert (filing.ended_by, filing.is_on_time, filing.left_s) == ("closed", None, 20 * 60)


def test_a_deadline_stays_when_the_calendar_changes_and_a_difference_is_shown(
    session: Session, number: int, tmp_path: Path
) -> None:
    before = explained(session, number, "06-11 11:00").stages[2]
    file = tmp_path / "typhoon.csv"
    file.write_text("date,kind,name_zh,name_en\n2026-06-12,holiday,台风,Typhoon\n", "utf-8")
    calendars.load_days(session, file, actor="test")
    after = explained(session, number, "06-11 11:00").stages[2]
    assert (after.due_at, after.recomputed_due_at) == (before.due_at, before.due_at)
    session.execute(
        text(
            "UPDATE case_events SET note = jsonb_set(note, '{due_at}', '\"2026-06-12T09:00:00Z\"') "
            "WHERE case_id = :number AND kind = 'extended'"
        ),
        {"number": number},
    )
    session.expire_all()
    wrong = explained(session, number, "06-11 11:00").stages[2]
    assert (wrong.is_recomputed_equal, wrong.recomputed_due_at) == (False, before.due_at)


def test_what_there_is_not_is_refused(session: Session, number: int) -> None:
    with pytest.raises(NotFound, match="There is no case 4711"):
        explain_deadlines(session, 4711)
    with pytest.raises(NotFound, match=f"Case {number} went through 3 stages: there is no 4"):
        explain_deadlines(session, number, stage=4)
    with pytest.raises(InvalidInput, match="1 to 1440"):
        explain_deadlines(session, number, limit=0)
    with pytest.raises(InvalidInput, match="time zone"):
        explain_deadlines(session, number, since=moment("06-10 13:51").replace(tzinfo=None))


def test_a_case_from_before_there_were_clocks_has_no_deadlines(
    session: Session, number: int
) -> None:
    session.execute(
        text("UPDATE case_events SET note = '{}' WHERE case_id = :number"), {"number": number}
    )
    session.expire_all()
    assert explained(session, number, "06-11 11:00").stages == []
    assert stands(session, number).is_open
