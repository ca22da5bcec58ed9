"""What is said of rewards: the rules, a report's reward with its reasons, and lists of them."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from gis_registry.dispatch.schemas import Sentence
from gis_registry.reports.reward_tables import RewardState


class RewardDecision(StrEnum):
    """What can be decided about the reward of a report."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    PAID = "paid"


class NewRewardDecision(BaseModel):
    """A decision about the reward of a report."""

    model_config = ConfigDict(extra="forbid")

    decision: RewardDecision
    reason: str | None = Field(default=None, max_length=1000, description="Refusing needs one")
    reference: str | None = Field(
        default=None, max_length=200, description="Of the payment; `paid` needs one"
    )


class RewardRuleEntry(BaseModel):
    """A rule: what a citizen gets for a report of this, as long as it is valid."""

    id: int
    matter_code: str | None
    class_code: str | None
    major_code: str | None = Field(description="Major group of matters; all three empty: any")
    amount_yuan: float
    daily_limit: int | None = Field(description="Rewards of an account for the reports of a day")
    needs_photo: bool
    valid_from: date
    valid_to: date | None = Field(description="First day on which it no longer holds")
    note: str


class RewardEventEntry(BaseModel):
    """A decision about the reward of a report."""

    state: RewardState
    case_id: int
    amount_yuan: float | None
    decided_at: datetime
    actor: str
    reason: str | None
    reference: str | None


class ReportReward(BaseModel):
    """The reward of a report: what was decided, what it would get, and why or why not."""

    report_id: int
    case_id: int
    account: str | None
    reported_by: str = Field(description="Channel that the account belongs to")
    state: RewardState | None = Field(description="None: nothing has been decided")
    amount_yuan: float | None = Field(description="Decided, or else by the rule that holds")
    rule_id: int | None
    can_be_accepted: bool
    first_report_id: int | None = Field(description="The report of its case that comes first")
    grounds: list[Sentence] = Field(description="What speaks for and against it")
    events: list[RewardEventEntry] = Field(description="What was decided, the oldest first")


class RewardSummary(BaseModel):
    """The reward of a report in a list."""

    report_id: int
    case_id: int
    state: RewardState
    amount_yuan: float | None
    account: str | None
    reported_by: str
    reported_on: date
    decided_at: datetime
    actor: str
    reason: str | None
    reference: str | None


class RewardTotal(BaseModel):
    """How many rewards are in a state, and what they come to."""

    state: RewardState
    count: int
    amount_yuan: float


class RewardPage(BaseModel):
    """Some rewards, those of the newest reports first, and the totals of all that were asked."""

    rewards: list[RewardSummary]
    totals: list[RewardTotal]
    next_before: int | None = Field(description="Give this as `before` for the next page")
