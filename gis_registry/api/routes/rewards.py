"""Who a report comes from, and its reward: shown, decided, listed with totals."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from gis_registry.api.access import CurrentActor, requires
from gis_registry.api.problems import guarded
from gis_registry.api.routes.parameters import Before, Limit, Number
from gis_registry.api.sessions import DatabaseSession
from gis_registry.api.text import CheckedRoute
from gis_registry.errors import Conflict, InvalidInput, NotFound, RequestTooLarge
from gis_registry.reports import reward_rules, rewards
from gis_registry.reports.reward_schemas import (
    NewRewardDecision,
    ReportReward,
    RewardPage,
    RewardRuleEntry,
)
from gis_registry.reports.reward_tables import RewardState
from gis_registry.reports.schemas import Sender
from gis_registry.roles import Permission

router = APIRouter(prefix="/api", tags=["rewards"], route_class=CheckedRoute)


@router.get(
    "/reports/{number}/sender",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound),
)
def report_sender(session: DatabaseSession, number: Number) -> Sender:
    """Show who a report comes from, as far as its channel says it."""
    return rewards.sender_of(session, number)


@router.get(
    "/reports/{number}/reward",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound),
)
def report_reward(session: DatabaseSession, number: Number) -> ReportReward:
    """Show the reward of a report: what was decided, what it would get, and why."""
    return rewards.show(session, number)


@router.post(
    "/reports/{number}/reward",
    dependencies=[requires(Permission.DISPATCH)],
    responses=guarded(NotFound, Conflict, InvalidInput, RequestTooLarge),
)
def decide_reward(
    session: DatabaseSession, actor: CurrentActor, number: Number, new: NewRewardDecision
) -> ReportReward:
    """Accept or refuse the reward of a report, or note that it was paid."""
    return rewards.decide(session, number, new, actor=actor.name)


@router.get("/rewards", dependencies=[requires(Permission.DISPATCH)], responses=guarded())
def list_rewards(
    session: DatabaseSession,
    state: Annotated[RewardState | None, Query(description="Only those in this state")] = None,
    account: Annotated[
        str | None, Query(description="Only those of this account", max_length=200)
    ] = None,
    since: Annotated[
        date | None, Query(description="Decided on this day of the city or later")
    ] = None,
    until: Annotated[
        date | None, Query(description="Decided on this day of the city or earlier")
    ] = None,
    before: Before = None,
    limit: Limit = 100,
) -> RewardPage:
    """List rewards, those of the newest reports first, with the totals of all that are asked."""
    return rewards.page(
        session,
        state=state,
        account=account,
        since=since,
        until=until,
        before=before,
        limit=limit,
    )


@router.get("/rewards/rules", dependencies=[requires(Permission.READ)], responses=guarded())
def list_reward_rules(session: DatabaseSession) -> list[RewardRuleEntry]:
    """List the rules by which reports are rewarded, the most specific first."""
    return reward_rules.list_rules(session)
