"""Rewards: what a report gets and why, once for each case, never more than a day's limit."""

import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from living import close_case
from making import CORNER
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gis_registry.db.engine import Database
from gis_registry.errors import Conflict, InvalidInput, NotFound, RegistryError
from gis_registry.places.service import the_city
from gis_registry.profile import find_profile
from gis_registry.reports import reward_rules, rewards, service
from gis_registry.reports.reward_schemas import NewRewardDecision, ReportReward
from gis_registry.reports.reward_tables import Reward, RewardEvent, RewardRule, RewardState
from gis_registry.reports.schemas import NewReport
from gis_registry.reports.tables import Report

LIGHT_MATTER, PLACE_MATTER = "01037", "06002"
MORNING = "2026-07-06T08:00:00+08:00"
HEADER = (
    "matter_code,class_code,major_code,amount_yuan,daily_limit,needs_photo,valid_from,valid_to,note"
)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    numbers = itertools.count()

    def to_file(*lines: str) -> Path:
        path = tmp_path / f"rules{next(numbers)}.csv"
        path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        return path

    return to_file


def load(session: Session, path: Path) -> int:
    return reward_rules.load_rules(session, [path], city=the_city(session))


def only_rules(session: Session, path: Path) -> None:
    session.execute(delete(RewardRule))
    load(session, path)


def report(session: Session, account: str | None = "wx-1", **values: object) -> int:
    """Submit a report of an incident of its own: its case is closed, so that none joins it."""
    new = {
        "lon": CORNER[0],
        "lat": CORNER[1],
        "matter": LIGHT_MATTER,
        "channel": "citizen",
        "reported_at": MORNING,
        "sender": {"account": account} if account is not None else None,
    }
    answered = service.submit(session, NewReport.model_validate(new | values), reported_by="app")
    close_case(session, answered.case_id)
    return answered.id


def put_in_case_of(session: Session, other: int, *reports: int) -> None:
    """Let reports be of the case of another one, as duplicates are."""
    case = session.execute(
        select(Report.case_division_code, Report.case_id).where(Report.id == other)
    ).one()
    session.execute(
        update(Report)
        .where(Report.id.in_(reports))
        .values(case_division_code=case.case_division_code, case_id=case.case_id)
    )
    session.expire_all()


def decide(session: Session, number: int, decision: str, text: str | None = None) -> ReportReward:
    values = {"decision": decision, "reference" if decision == "paid" else "reason": text}
    return rewards.decide(session, number, NewRewardDecision.model_validate(values), actor="陈调度")


def step(found: ReportReward, name: str) -> tuple[str, str]:
    (one,) = [one for one in found.grounds if one.step == name]
    return one.zh, one.en


def test_the_first_report_of_a_case_is_accepted_and_paid(session: Session) -> None:
    number = report(session)
    found = rewards.show(session, number)
    assert (found.state, found.can_be_accepted, found.amount_yuan) == (None, True, 5)
    assert step(found, "rule")[1].endswith("“street light - anomaly” is worth 5 yuan.")
    assert step(found, "rule")[0].endswith("”奖励5元。")
    assert step(found, "first") == (
        f"它是案件{found.case_id}最早的市民上报。",
        f"It is the first citizen's report of case {found.case_id}.",
    )
    due = decide(session, number, "accept")
    assert (due.state, due.can_be_accepted, due.amount_yuan) == (RewardState.DUE, False, 5)
    paid = decide(session, number, "paid", " WX20260706-1 ")
    assert [(one.state, one.actor, one.reference) for one in paid.events] == [
        ("due", "陈调度", None),
        ("paid", "陈调度", "WX20260706-1"),
    ]
    page = rewards.page(session)
    assert [(one.report_id, one.state, one.account) for one in page.rewards] == [
        (number, "paid", "wx-1")
    ]
    assert [(one.state, one.count, one.amount_yuan) for one in page.totals] == [("paid", 1, 5)]


def test_a_class_code_is_rewarded_as_its_matter_is(session: Session) -> None:
    assert rewards.show(session, report(session, matter="0137")).amount_yuan == 5
    assert rewards.show(session, report(session, matter="0101")).amount_yuan == 20
    assert rewards.show(session, report(session, matter="01001")).amount_yuan == 20


def test_the_most_specific_rule_holds(session: Session, write: Callable[..., Path]) -> None:
    only_rules(session, write(",,,2,,,2026-01-01,,any"))
    number = report(session)
    amounts = []
    for line in (
        None,
        ",,01,3,,,2026-01-01,,major",
        ",0137,,4,,,2026-01-01,,class",
        "01037,,,5.50,,,2026-01-01,,matter",
        "01037,,,6,,,2026-07-01,,matter anew",
        "01037,,,7,,,2026-07-07,,not yet",
        "01037,,,8,,,2026-07-02,2026-07-06,over on that day",
    ):
        if line is not None:
            load(session, write(line))
        amounts.append(rewards.show(session, number).amount_yuan)
    assert amounts == [2, 3, 4, 5.5, 6, 6, 6]
    assert [one.note for one in reward_rules.list_rules(session)][-2:] == ["major", "any"]


def test_without_a_rule_there_is_no_reward(session: Session) -> None:
    session.execute(delete(RewardRule))
    found = rewards.show(session, report(session))
    assert (found.can_be_accepted, found.amount_yuan) == (False, None)
    assert step(found, "rule")[1] == "On 2026-07-06 no rule rewards “street light - anomaly”."
    with pytest.raises(Conflict, match=r"没有适用于“.*”的奖励规则。$"):
        decide(session, found.report_id, "accept")


def test_only_a_citizen_with_an_account_is_paid(session: Session) -> None:
    for number, sentence in (
        (report(session, channel="inspector"), "this is one of channel inspector."),
        (report(session, account=None), "Its sender has no account and cannot be paid."),
        (report(session, account="  "), "Its sender has no account and cannot be paid."),
    ):
        assert step(rewards.show(session, number), "sender")[1].endswith(sentence)
        with pytest.raises(Conflict, match="cannot be accepted"):
            decide(session, number, "accept")
        assert "inspector" not in step(rewards.show(session, number), "sender")[0]
        refused = decide(session, number, "refuse", "无账号")
        assert (refused.state, refused.events[0].reason) == ("refused", "无账号")


def test_a_rule_that_needs_a_photo_needs_one(session: Session) -> None:
    without = report(session, matter=PLACE_MATTER)
    assert step(rewards.show(session, without), "photo")[1] == "It needs a photo and has none."
    with pytest.raises(Conflict, match="It needs a photo and has none"):
        decide(session, without, "accept")
    linked = report(session, matter=PLACE_MATTER, media_url="https://example.org/1.jpg")
    assert decide(session, linked, "accept").amount_yuan == 4
    kept = report(session, matter=PLACE_MATTER)
    session.execute(update(Report).where(Report.id == kept).values(photos=["a" * 64]))
    assert step(rewards.show(session, kept), "photo") == ("附有照片。", "It has a photo.")
    assert decide(session, kept, "accept").amount_yuan == 4


def test_who_was_first_gets_it_and_the_others_are_told(session: Session) -> None:
    later = report(session, "wx-2", reported_at="2026-07-06T09:00:00+08:00")
    first = report(session, "wx-1", reported_at="2026-07-06T08:00:00+08:00")
    before_all = [
        report(session, channel="inspector", reported_at="2026-07-06T06:00:00+08:00"),
        report(session, account=None, reported_at="2026-07-06T07:00:00+08:00"),
    ]
    put_in_case_of(session, later, first, *before_all)
    assert step(rewards.show(session, later), "first") == (
        f"上报{first}在先。",
        f"Report {first} was first.",
    )
    with pytest.raises(Conflict, match=f"Report {first} was first"):
        decide(session, later, "accept")
    assert decide(session, first, "accept").first_report_id == first
    with pytest.raises(Conflict, match=f"went to report {first}"):
        decide(session, later, "accept")


def test_a_refused_report_leaves_the_reward_to_the_next(session: Session) -> None:
    first, second = report(session, "wx-1"), report(session, "wx-2")
    put_in_case_of(session, first, second)
    decide(session, first, "accept")
    decide(session, first, "paid", "A1")
    reclaimed = decide(session, first, "refuse", "照片是假的")
    assert [one.state for one in reclaimed.events] == ["due", "paid", "reclaimed"]
    assert decide(session, second, "accept").state == "due"
    with pytest.raises(Conflict, match=f"went to report {second}"):
        decide(session, first, "accept")
    decide(session, second, "refuse", "搞错了")
    assert decide(session, first, "accept").state == "due"


def test_a_report_taken_out_of_the_case_loses_its_reward(session: Session) -> None:
    first, second, elsewhere = (report(session, f"wx-{n}") for n in range(3))
    put_in_case_of(session, first, second)
    case_id = decide(session, first, "accept").case_id
    put_in_case_of(session, elsewhere, first)
    division_code = service.show(session, second).division_code
    rewards.take_back_lost(session, division_code, case_id, actor="李派遣")
    assert decide(session, second, "accept").state == "due"
    lost = rewards.show(session, first)
    assert [(one.state, one.case_id) for one in lost.events] == [
        ("due", case_id),
        ("refused", case_id),
    ]
    assert lost.events[-1].reason == (
        f"上报已移出案件{case_id}。 The report was taken out of case {case_id}."
    )


def test_an_account_gets_no_more_than_the_limit_of_a_day(session: Session) -> None:
    numbers = [report(session) for _ in range(7)]
    for number in numbers[:5]:
        decide(session, number, "accept")
    with pytest.raises(Conflict, match="has 5 rewards for its reports of 2026-07-06"):
        decide(session, numbers[5], "accept")
    late = report(session, reported_at="2026-07-06T16:30:00Z")  # the next day in the city
    assert decide(session, late, "accept").state == "due"
    assert decide(session, report(session, "wx-2"), "accept").state == "due"
    decide(session, numbers[0], "refuse", "不属实")
    assert decide(session, numbers[5], "accept").state == "due"


@pytest.mark.parametrize(
    ("decisions", "error", "message"),
    [
        ([("refuse", None)], InvalidInput, "Refusing a reward needs a reason."),
        ([("refuse", "  ")], InvalidInput, "Refusing a reward needs a reason."),
        ([("paid", None)], InvalidInput, "needs the reference of its payment"),
        ([("paid", "A1")], Conflict, "Nothing has been decided"),
        ([("accept", None), ("accept", None)], Conflict, "is due; it cannot be accepted"),
        ([("refuse", "no"), ("refuse", "no")], Conflict, "is refused; it cannot be refused"),
        ([("refuse", "no"), ("paid", "A1")], Conflict, "is refused; it cannot be paid"),
        (
            [("accept", None), ("paid", "A1"), ("paid", "A1")],
            Conflict,
            "is paid; it cannot be paid",
        ),
    ],
)
def test_a_decision_that_cannot_be_is_refused(
    session: Session,
    decisions: list[tuple[str, str | None]],
    error: type[RegistryError],
    message: str,
) -> None:
    number = report(session)
    for decision in decisions[:-1]:
        decide(session, number, *decision)
    with pytest.raises(error, match=message):
        decide(session, number, *decisions[-1])
    assert len(rewards.show(session, number).events) == len(decisions) - 1


def test_a_report_that_is_none_has_no_reward(session: Session) -> None:
    with pytest.raises(NotFound, match="There is no report 404404"):
        rewards.show(session, 404404)
    with pytest.raises(NotFound):
        decide(session, 404404, "accept")
    with pytest.raises(NotFound):
        rewards.sender_of(session, 404404)


def test_who_a_report_comes_from_is_told(session: Session) -> None:
    number = report(session, sender={"account": "wx-9", "phone": "139"})
    assert rewards.sender_of(session, number).model_dump(exclude_none=True) == {
        "account": "wx-9",
        "phone": "139",
    }
    assert rewards.sender_of(session, report(session, None)).account is None


def test_rewards_are_listed_by_state_account_and_period_in_pages(session: Session) -> None:
    numbers = [report(session, f"wx-{n % 2}") for n in range(5)]
    for number in numbers:
        decide(session, number, "accept")
    decide(session, numbers[0], "refuse", "不属实")
    first = rewards.page(session, limit=2)
    assert [one.report_id for one in first.rewards] == numbers[:2:-1]
    assert {one.state: (one.count, one.amount_yuan) for one in first.totals} == {
        "due": (4, 20),
        "refused": (1, 5),
    }
    rest = rewards.page(session, before=first.next_before, limit=3)
    assert [one.report_id for one in rest.rewards] == numbers[2::-1]
    assert rest.next_before is None
    mine = rewards.page(session, account="wx-0", state=RewardState.DUE)
    assert [one.report_id for one in mine.rewards] == [numbers[4], numbers[2]]
    assert rewards.page(session, until=date(2026, 1, 1)).totals == []
    assert len(rewards.page(session, since=date(2026, 1, 1), until=date.max).rewards) == 5
    with pytest.raises(InvalidInput, match="The limit must be 1 to 1000"):
        rewards.page(session, limit=0)


def test_two_accepts_at_once_make_one_reward(own_database: Database) -> None:
    with own_database.session() as session:
        numbers = [report(session, "wx-1") for _ in range(4)]
        put_in_case_of(session, numbers[0], *numbers[1:])
    start = Barrier(8, timeout=30)

    def accept(n: int) -> str:
        start.wait()
        try:
            with own_database.session() as session:
                return str(decide(session, numbers[n % 4], "accept").state)
        except Conflict:
            return "refused"

    with ThreadPoolExecutor(8) as threads:
        results = Counter(threads.map(accept, range(8)))
    assert results == {"due": 1, "refused": 7}
    with own_database.session() as session:
        assert session.scalar(select(func.count()).select_from(Reward)) == 1
        assert session.scalar(select(func.count()).select_from(RewardEvent)) == 1


def test_accepts_of_one_account_at_once_keep_its_limit(own_database: Database) -> None:
    with own_database.session() as session:
        numbers = [report(session, "wx-1") for _ in range(8)]
    start = Barrier(8, timeout=30)

    def accept(number: int) -> bool:
        start.wait()
        try:
            with own_database.session() as session:
                decide(session, number, "accept")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(accept, numbers)) == 5


def test_the_database_itself_keeps_a_case_to_one_reward(session: Session) -> None:
    first, second = report(session, "wx-1"), report(session, "wx-2")
    put_in_case_of(session, first, second)
    decide(session, first, "accept")
    decide(session, second, "refuse", "不是第一个")
    with pytest.raises(IntegrityError, match="ix_rewards_case_id"), session.begin_nested():
        session.execute(
            update(Reward)
            .where(Reward.report_id == second)
            .values(state="due", account="x", amount_yuan=Decimal(5), rule_id=1)
        )


DECISIONS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "accept", "refuse", "paid", "move"]),
        st.integers(0, 7),
        st.integers(0, 2),
    ),
    max_size=20,
)


def test_whatever_is_decided_a_case_has_one_reward_and_a_day_its_limit(session: Session) -> None:
    session.execute(update(RewardRule).values(daily_limit=2))
    reports = [report(session, f"wx-{n % 2}") for n in range(8)]
    anchors = [report(session, channel="inspector") for _ in range(3)]
    for n, number in enumerate(reports):
        put_in_case_of(session, anchors[n % 3], number)

    @settings(max_examples=12, deadline=None, derandomize=True, database=None)
    @given(decisions=DECISIONS)
    def holds(decisions: list[tuple[str, int, int]]) -> None:
        with session.begin_nested() as savepoint:
            for decision, n, m in decisions:
                with suppress(Conflict):
                    if decision == "move":
                        put_in_case_of(session, anchors[m], reports[n])
                    else:
                        text = None if decision == "accept" else "because"
                        decide(session, reports[n], decision, text)
            _check(session)
            savepoint.rollback()
        session.expire_all()

    holds()


def _check(session: Session) -> None:
    kept = session.scalars(select(Reward).execution_options(populate_existing=True)).all()
    granted = [one for one in kept if one.state in ("due", "paid")]
    assert all(count == 1 for count in Counter(one.case_id for one in granted).values())
    per_day = Counter((one.account, one.reported_on) for one in granted)
    assert all(count <= 2 for count in per_day.values())
    for one in kept:
        events = rewards.show(session, one.report_id).events
        assert events[-1].state == one.state


def test_the_same_rules_again_change_nothing_but_ends_and_notes(
    session: Session, write: Callable[..., Path]
) -> None:
    profile = find_profile("qingdao")
    before = reward_rules.list_rules(session)
    (path,) = profile.paths(profile.files.reward_rules)
    assert load(session, path) == len(before) == 7
    assert reward_rules.list_rules(session) == before
    load(session, write(",,,2,5,false,2026-01-01,2027-01-01,ended"))
    (general,) = [
        one
        for one in reward_rules.list_rules(session)
        if (one.matter_code, one.class_code, one.major_code) == (None, None, None)
    ]
    assert (general.valid_to, general.note) == (date(2027, 1, 1), "ended")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (",,,1.99,,,2026-01-01,,", "amount_yuan is '1.99'; it must be 2 to 100 yuan."),
        (",,,100.01,,,2026-01-01,,", "it must be 2 to 100 yuan."),
        (",,,nan,,,2026-01-01,,", "it must be 2 to 100 yuan."),
        (",,,2.001,,,2026-01-01,,", "yuan have two decimals."),
        (",,,two,,,2026-01-01,,", "amount_yuan is 'two', not a number."),
        (",,,,,,2026-01-01,,", "the column 'amount_yuan' is empty."),
        (",,,2,0,,2026-01-01,,", "daily_limit is '0'; it must be a number from 1, or empty."),
        (",,,2,1.5,,2026-01-01,,", "daily_limit is '1.5'"),
        (",,,2,,maybe,2026-01-01,,", "needs_photo is 'maybe'; write true or false."),
        (",,,2,,,,,", "the column 'valid_from' is empty."),
        (",,,2,,,1 May,,", "valid_from is '1 May', not a date"),
        (",,,2,,,2026-01-02,2026-01-02,", "it ends on or before the day that it begins."),
        ("99999,,,2,,,2026-01-01,,", "There is no matter type '99999'"),
        (",9999,,2,,,2026-01-01,,", "There is no class '9999'"),
        (",,77,2,,,2026-01-01,,", "'77' is no major group of matters"),
        ("01037,0137,,2,,,2026-01-01,,", "it names more than one of"),
        (",,,3,5,false,2026-01-01,,", "from 2026-01-01 there is another rule for the same"),
    ],
)
def test_a_bad_rule_is_refused_by_its_line(
    session: Session, write: Callable[..., Path], line: str, message: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        load(session, write(line))
    assert ".csv, line 2: " in str(refused.value)
    assert message in str(refused.value)
