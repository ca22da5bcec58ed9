"""Tables of rewards for citizens' reports: the rules, each report's reward, what was decided."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from gis_registry.catalogue.tables import ComponentClass, MatterType
from gis_registry.db.base import Base

#: What a reward may be, in yuan.
LEAST_YUAN = Decimal(2)
MOST_YUAN = Decimal(100)

_YUAN = Numeric(5, 2)


class RewardState(StrEnum):
    """How far the reward of a report has come."""

    DUE = "due"
    PAID = "paid"
    REFUSED = "refused"
    RECLAIMED = "reclaimed"


class RewardRule(Base):
    """What a citizen gets for a report: of a matter, a class, a major group of matters, or any."""

    __tablename__ = "reward_rules"
    __table_args__ = (
        CheckConstraint("amount_yuan between 2 and 100", name="amount_yuan"),
        CheckConstraint("daily_limit > 0", name="daily_limit"),
        CheckConstraint("valid_to > valid_from", name="validity"),
        CheckConstraint(
            "num_nonnulls(matter_type_id, class_id, major_code) <= 1", name="about_one_thing"
        ),
        Index(
            "ix_reward_rules_matter_type_id_class_id_major_code_valid_from",
            "matter_type_id",
            "class_id",
            "major_code",
            "valid_from",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    matter_type_id: Mapped[int | None] = mapped_column(ForeignKey(MatterType.id))
    class_id: Mapped[int | None] = mapped_column(ForeignKey(ComponentClass.id))
    major_code: Mapped[str | None]
    amount_yuan: Mapped[Decimal] = mapped_column(_YUAN)
    daily_limit: Mapped[int | None]
    needs_photo: Mapped[bool]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    note: Mapped[str]


class Reward(Base):
    """What became of the reward of a report; how it came to that is in its events.

    A case has one reward at most that is due or paid. An account is one of the channel that sent
    the report (``reported_by``).
    """

    __tablename__ = "rewards"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "report_id"], ["reports.division_code", "reports.id"]
        ),
        ForeignKeyConstraint(
            ["case_division_code", "case_id"], ["cases.division_code", "cases.id"]
        ),
        CheckConstraint("state in ('due', 'paid', 'refused', 'reclaimed')", name="state"),
        CheckConstraint(
            "state = 'refused' or num_nulls(account, rule_id, amount_yuan) = 0", name="granted"
        ),
        Index(
            "ix_rewards_case_id",
            "case_division_code",
            "case_id",
            unique=True,
            postgresql_where=text("state in ('due', 'paid')"),
        ),
        Index("ix_rewards_account", "account", "reported_by", "reported_on"),
        Index("ix_rewards_report_id", "report_id"),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    case_division_code: Mapped[str]
    case_id: Mapped[int] = mapped_column(BigInteger)
    reported_by: Mapped[str]
    account: Mapped[str | None]
    reported_on: Mapped[date]
    rule_id: Mapped[int | None] = mapped_column(ForeignKey(RewardRule.id))
    amount_yuan: Mapped[Decimal | None] = mapped_column(_YUAN)
    state: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RewardEvent(Base):
    """A decision about the reward of a report; appended, never edited."""

    __tablename__ = "reward_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["division_code", "report_id"], ["rewards.division_code", "rewards.report_id"]
        ),
    )

    division_code: Mapped[str] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[str]
    case_id: Mapped[int] = mapped_column(BigInteger)
    amount_yuan: Mapped[Decimal | None] = mapped_column(_YUAN)
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str | None]
    reference: Mapped[str | None]
