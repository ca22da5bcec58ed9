"""citizens' reports carry rewards, and what reports do not find becomes survey tasks"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_YUAN = sa.Numeric(5, 2)
_READ_OF_REPORTS = [
    "id",
    "division_code",
    "subdistrict_code",
    "cell_code",
    "geom",
    "received_at",
    "matter_type_id",
    "outcome",
    "case_id",
]


def upgrade() -> None:
    """Add reward rules, rewards with their events, and closed survey tasks."""
    _add_rules()
    _add_rewards()
    _add_survey_tasks()


def downgrade() -> None:
    """Take this migration back."""
    op.drop_index("ix_reports_scanned", "reports")
    op.drop_index("ix_reports_unfound", "reports")
    for table in ("survey_task_closings", "reward_events", "rewards", "reward_rules"):
        op.drop_table(table)


def _add_rules() -> None:
    op.create_table(
        "reward_rules",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("matter_type_id", sa.Integer()),
        sa.Column("class_id", sa.Integer()),
        sa.Column("major_code", sa.Text()),
        sa.Column("amount_yuan", _YUAN, nullable=False),
        sa.Column("daily_limit", sa.Integer()),
        sa.Column("needs_photo", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "amount_yuan between 2 and 100", name=op.f("ck_reward_rules_amount_yuan")
        ),
        sa.CheckConstraint("daily_limit > 0", name=op.f("ck_reward_rules_daily_limit")),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_reward_rules_validity")),
        sa.CheckConstraint(
            "num_nonnulls(matter_type_id, class_id, major_code) <= 1",
            name=op.f("ck_reward_rules_about_one_thing"),
        ),
        sa.ForeignKeyConstraint(
            ["matter_type_id"], ["matter_types.id"], name=op.f("fk_reward_rules_matter_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["class_id"], ["component_classes.id"], name=op.f("fk_reward_rules_class_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_rules")),
    )
    op.create_index(
        "ix_reward_rules_matter_type_id_class_id_major_code_valid_from",
        "reward_rules",
        ["matter_type_id", "class_id", "major_code", "valid_from"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def _add_rewards() -> None:
    op.create_table(
        "rewards",
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("case_division_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("rule_id", sa.Integer()),
        sa.Column("amount_yuan", _YUAN),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "decided_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint(
            "state in ('due', 'paid', 'refused', 'reclaimed')", name=op.f("ck_rewards_state")
        ),
        sa.CheckConstraint(
            "state = 'refused' or num_nulls(account, rule_id, amount_yuan) = 0",
            name=op.f("ck_rewards_granted"),
        ),
        sa.ForeignKeyConstraint(
            ["division_code", "report_id"],
            ["reports.division_code", "reports.id"],
            name=op.f("fk_rewards_division_code_report_id"),
        ),
        sa.ForeignKeyConstraint(
            ["case_division_code", "case_id"],
            ["cases.division_code", "cases.id"],
            name=op.f("fk_rewards_case_division_code_case_id"),
        ),
        sa.ForeignKeyConstraint(["rule_id"], ["reward_rules.id"], name=op.f("fk_rewards_rule_id")),
        sa.PrimaryKeyConstraint("division_code", "report_id", name=op.f("pk_rewards")),
    )
    op.create_index(
        "ix_rewards_case_id",
        "rewards",
        ["case_division_code", "case_id"],
        unique=True,
        postgresql_where=sa.text("state in ('due', 'paid')"),
    )
    op.create_index("ix_rewards_account", "rewards", ["account", "reported_by", "reported_on"])
    op.create_index("ix_rewards_report_id", "rewards", ["report_id"])
    op.create_table(
        "reward_events",
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_yuan", _YUAN),
        sa.Column(
            "decided_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("reference", sa.Text()),
        sa.ForeignKeyConstraint(
            ["division_code", "report_id"],
            ["rewards.division_code", "rewards.report_id"],
            name=op.f("fk_reward_events_division_code_report_id"),
        ),
        sa.PrimaryKeyConstraint(
            "division_code", "report_id", "sequence", name=op.f("pk_reward_events")
        ),
    )


def _add_survey_tasks() -> None:
    op.create_table(
        "survey_task_closings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "closed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("task", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "state in ('done', 'dismissed')", name=op.f("ck_survey_task_closings_state")
        ),
        sa.ForeignKeyConstraint(
            ["class_id"], ["component_classes.id"], name=op.f("fk_survey_task_closings_class_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_task_closings")),
    )
    op.create_index(
        "ix_survey_task_closings_place_class_id",
        "survey_task_closings",
        ["place", "class_id", "closed_at"],
    )
    op.create_index(
        "ix_reports_unfound",
        "reports",
        ["reported_at"],
        postgresql_include=_READ_OF_REPORTS,
        postgresql_where=sa.text("outcome in ('none', 'ambiguous')"),
    )
    op.create_index(
        "ix_reports_scanned",
        "reports",
        ["reported_at"],
        postgresql_where=sa.text("outcome = 'unique' and scanned is not null"),
    )
