"""Rewards for citizens' reports: one for each accepted incident, to who was first.

A dispatcher accepts the first report of a case: its reward is due, and then paid. A reward that is
refused, or reclaimed after it was paid, leaves the case's reward to who comes next. Decisions of
one case wait for each other, and so do those of one account, so that a case never gets two rewards
and an account never more than the limit of its day.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import RowMapping
from sqlalchemy.orm import Session

from gis_registry.dispatch.schemas import Sentence
from gis_registry.errors import Conflict, InvalidInput, NotFound
from gis_registry.places.service import the_city
from gis_registry.reports import reward_queries as queries
from gis_registry.reports.reward_schemas import (
    NewRewardDecision,
    ReportReward,
    RewardDecision,
    RewardEventEntry,
    RewardPage,
    RewardSummary,
    RewardTotal,
)
from gis_registry.reports.reward_tables import RewardState
from gis_registry.reports.schemas import Sender
from gis_registry.reports.tables import CHANNEL_ZH, Channel

#: From which state a decision leads to which; any other is refused.
_TRANSITIONS: dict[tuple[RewardState | None, RewardDecision], RewardState] = {
    (None, RewardDecision.ACCEPT): RewardState.DUE,
    (None, RewardDecision.REFUSE): RewardState.REFUSED,
    (RewardState.REFUSED, RewardDecision.ACCEPT): RewardState.DUE,
    (RewardState.RECLAIMED, RewardDecision.ACCEPT): RewardState.DUE,
    (RewardState.DUE, RewardDecision.PAID): RewardState.PAID,
    (RewardState.DUE, RewardDecision.REFUSE): RewardState.REFUSED,
    (RewardState.PAID, RewardDecision.REFUSE): RewardState.RECLAIMED,
}

#: What a reward becomes that is taken back.
_TAKEN_BACK = {
    RewardState.DUE: RewardState.REFUSED,
    RewardState.PAID: RewardState.RECLAIMED,
}

#: What is kept of a report and its case when its reward is accepted, or refused at once.
_GRANTED = (
    "division_code",
    "report_id",
    "case_division_code",
    "case_id",
    "reported_by",
    "account",
    "reported_on",
    "rule_id",
    "amount_yuan",
)


def show(session: Session, report_id: int) -> ReportReward:
    """Return the reward of a report: what was decided, what it would get, and why.

    Raises:
        NotFound: there is no such report.
    """
    return _shown(session, _claim(session, report_id))


def decide(session: Session, report_id: int, new: NewRewardDecision, *, actor: str) -> ReportReward:
    """Accept or refuse the reward of a report, or note that it was paid.

    Raises:
        NotFound: there is no such report.
        InvalidInput: refusing lacks its reason, or paying its reference.
        Conflict: it cannot be accepted (the message says why), or its state forbids this.
    """
    reason, reference = _checked(new)
    if queries.lock_case_of(session, report_id) is None:
        raise _no_report(report_id)
    found = _claim(session, report_id)
    if found["account"] is not None:
        queries.lock_account(session, found["reported_by"], found["account"])
        found = _claim(session, report_id)
    state = _TRANSITIONS.get((found["state"], new.decision))
    if state is None:
        raise Conflict(_why_not(found, new.decision))
    if new.decision is RewardDecision.ACCEPT:
        against = [one for is_for, one in _grounds(found) if not is_for]
        if against:
            raise Conflict(
                f"The reward of report {report_id} cannot be accepted: "
                + " ".join(f"{one.en} {one.zh}" for one in against)
            )
    _keep(session, found, state, actor=actor, reason=reason, reference=reference)
    return show(session, report_id)


def take_back_lost(session: Session, case_division_code: str, case_id: int, *, actor: str) -> None:
    """Take the reward of a case back whose report was taken out of it.

    What is due becomes refused, what is paid becomes reclaimed.
    """
    reason = f"上报已移出案件{case_id}。 The report was taken out of case {case_id}."
    for row in queries.lost(session, case_division_code, case_id):
        report = (row["division_code"], row["report_id"])
        queries.set_state(session, *report, _TAKEN_BACK[RewardState(row["state"])])
        queries.append_event(session, *report, actor=actor, reason=reason, reference=None)


def page(
    session: Session,
    *,
    state: RewardState | None = None,
    account: str | None = None,
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    limit: int = 100,
) -> RewardPage:
    """Return rewards, those of the newest reports first, with the totals of all that are asked.

    Args:
        session: open transaction.
        state: only those in this state.
        account: only those of this account.
        since: only those decided last on this day of the city or later.
        until: only those decided last on this day of the city or earlier.
        before: only those of reports before this number.
        limit: at most so many.

    Raises:
        InvalidInput: the limit is not 1 to 1000.
    """
    if not 1 <= limit <= 1000:
        raise InvalidInput("The limit must be 1 to 1000.")
    rows, totals = queries.page(
        session,
        state=state,
        account=account,
        since=since,
        until=until,
        zone=the_city(session).time_zone,
        before=before,
        limit=limit + 1,
    )
    rewards = [RewardSummary.model_validate(dict(row)) for row in rows[:limit]]
    return RewardPage(
        rewards=rewards,
        totals=[RewardTotal.model_validate(dict(row)) for row in totals],
        next_before=rewards[-1].report_id if len(rows) > limit else None,
    )


def sender_of(session: Session, report_id: int) -> Sender:
    """Return who a report comes from, as far as its channel says it.

    Raises:
        NotFound: there is no such report.
    """
    said = queries.sender(session, report_id)
    if said is None:
        raise _no_report(report_id)
    return Sender.model_validate(said)


def _claim(session: Session, report_id: int) -> RowMapping:
    city = the_city(session)
    found = queries.claim(
        session, report_id, zone=city.time_zone, matter_edition_key=city.matter_edition_key
    )
    if found is None:
        raise _no_report(report_id)
    return found


def _no_report(report_id: int) -> NotFound:
    return NotFound(f"There is no report {report_id}.")


def _checked(new: NewRewardDecision) -> tuple[str | None, str | None]:
    """Return the reason and the reference of a decision, without white space around them."""
    reason = (new.reason or "").strip() or None
    reference = (new.reference or "").strip() or None
    if new.decision is RewardDecision.REFUSE and reason is None:
        raise InvalidInput("Refusing a reward needs a reason.")
    if new.decision is RewardDecision.PAID and reference is None:
        raise InvalidInput("A paid reward needs the reference of its payment.")
    if new.decision is not RewardDecision.PAID and reference is not None:
        raise InvalidInput("A reference goes with paid alone.")
    return reason, reference


def _why_not(found: RowMapping, decision: RewardDecision) -> str:
    state = found["state"]
    if state is None:
        return (
            f"Nothing has been decided about the reward of report {found['report_id']}: accept it "
            "first."
        )
    wanted = {
        RewardDecision.ACCEPT: "accepted",
        RewardDecision.REFUSE: "refused",
        RewardDecision.PAID: "paid",
    }[decision]
    return f"The reward of report {found['report_id']} is {state}; it cannot be {wanted}."


def _keep(
    session: Session,
    found: RowMapping,
    state: RewardState,
    *,
    actor: str,
    reason: str | None,
    reference: str | None,
) -> None:
    report = (found["division_code"], found["report_id"])
    if found["state"] is not None and state is not RewardState.DUE:
        queries.set_state(session, *report, state)
    else:
        queries.put(session, {name: found[name] for name in _GRANTED} | {"state": state})
    queries.append_event(session, *report, actor=actor, reason=reason, reference=reference)


def _shown(session: Session, found: RowMapping) -> ReportReward:
    state = found["state"]
    is_decided = state is not None
    grounds = list(_grounds(found))
    amount = found["decided_amount_yuan"] if is_decided else found["amount_yuan"]
    return ReportReward(
        report_id=found["report_id"],
        case_id=found["case_id"],
        account=found["account"],
        reported_by=found["reported_by"],
        state=state,
        amount_yuan=amount,
        rule_id=found["decided_rule_id"] if is_decided else found["rule_id"],
        can_be_accepted=(state, RewardDecision.ACCEPT) in _TRANSITIONS
        and all(is_for for is_for, _ in grounds),
        first_report_id=found["first_report_id"],
        grounds=[one for _, one in grounds],
        events=[
            RewardEventEntry.model_validate(one, from_attributes=True)
            for one in queries.events(session, found["division_code"], found["report_id"])
        ],
    )


def _grounds(found: RowMapping) -> Iterator[tuple[bool, Sentence]]:
    """Yield what speaks for a report's reward (true) and what against it (false)."""
    yield _why_sender(found)
    yield _why_rule(found)
    if found["rule_id"] is not None and found["needs_photo"]:
        yield (
            (True, Sentence(step="photo", zh="附有照片。", en="It has a photo."))
            if found["has_photo"]
            else (
                False,
                Sentence(
                    step="photo", zh="须附照片，但没有。", en="It needs a photo and has none."
                ),
            )
        )
    if found["channel"] == Channel.CITIZEN and found["account"] is not None:
        yield _why_first(found)
        if found["rule_id"] is not None and found["daily_limit"] is not None:
            yield _why_limit(found)


def _why_sender(found: RowMapping) -> tuple[bool, Sentence]:
    if found["channel"] != Channel.CITIZEN:
        return False, Sentence(
            step="sender",
            zh=f"只奖励市民上报，它来自{CHANNEL_ZH[Channel(found['channel'])]}渠道。",
            en=f"Citizens' reports alone are rewarded; this is one of channel {found['channel']}.",
        )
    if found["account"] is None:
        return False, Sentence(
            step="sender",
            zh="上报人没有账号，无法支付。",
            en="Its sender has no account and cannot be paid.",
        )
    return True, Sentence(
        step="sender",
        zh=f"市民账号{found['account']}（{found['reported_by']}）上报。",
        en=f"A citizen reported it: account {found['account']} of {found['reported_by']}.",
    )


def _why_rule(found: RowMapping) -> tuple[bool, Sentence]:
    zh, en = found["matter_name_zh"], found["matter_name_en"]
    if found["rule_id"] is None:
        return False, Sentence(
            step="rule",
            zh=f"{found['reported_on']}没有适用于“{zh}”的奖励规则。",
            en=f"On {found['reported_on']} no rule rewards “{en}”.",
        )
    return True, Sentence(
        step="rule",
        zh=f"规则{found['rule_id']}：“{zh}”奖励{found['amount_yuan'].normalize():f}元。",
        en=f"Rule {found['rule_id']}: “{en}” is worth {found['amount_yuan'].normalize():f} yuan.",
    )


def _why_first(found: RowMapping) -> tuple[bool, Sentence]:
    case_id, holder, first = found["case_id"], found["holder_report_id"], found["first_report_id"]
    if holder is not None:
        return False, Sentence(
            step="first",
            zh=f"案件{case_id}的奖励已给上报{holder}。",
            en=f"The reward of case {case_id} went to report {holder}.",
        )
    if first != found["report_id"]:
        return False, Sentence(
            step="first", zh=f"上报{first}在先。", en=f"Report {first} was first."
        )
    return True, Sentence(
        step="first",
        zh=f"它是案件{case_id}最早的市民上报。",
        en=f"It is the first citizen's report of case {case_id}.",
    )


def _why_limit(found: RowMapping) -> tuple[bool, Sentence]:
    count, limit, day = found["that_day_count"], found["daily_limit"], found["reported_on"]
    if count >= limit:
        return False, Sentence(
            step="limit",
            zh=f"该账号{day}的上报已有{count}项奖励，每日上限{limit}项。",
            en=f"The account has {count} rewards for its reports of {day}, which is the limit.",
        )
    return True, Sentence(
        step="limit",
        zh=f"该账号{day}的上报另有{count}项奖励，每日上限{limit}项。",
        en=f"The account has {count} other rewards for its reports of {day}; {limit} are allowed.",
    )
