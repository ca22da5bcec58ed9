"""time limits: how long each stage of a case may take, in versions"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the versions of the table of time limits, and the limits."""
    op.create_table(
        "time_limit_versions",
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column(
            "loaded_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.clock_timestamp(),
            nullable=False,
        ),
        sa.Column("loaded_by", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
        sa.Column("withdrawn_by", sa.Text()),
        sa.Column("withdrawn_reason", sa.Text()),
        sa.CheckConstraint(
            "num_nulls(withdrawn_at, withdrawn_by, withdrawn_reason) in (0, 3)",
            name=op.f("ck_time_limit_versions_withdrawn"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_time_limit_versions")),
    )
    op.create_table(
        "time_limits",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("class_id", sa.Integer()),
        sa.Column("matter_type_id", sa.Integer()),
        sa.Column("kind", sa.Text()),
        sa.Column("edition_key", sa.Text()),
        sa.Column("major_code", sa.Text()),
        sa.Column("condition_code", sa.Text()),
        sa.Column("condition_zh", sa.Text()),
        sa.Column("condition_en", sa.Text()),
        sa.Column("season_from", sa.Text()),
        sa.Column("season_to", sa.Text()),
        sa.Column("amount", sa.Float(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("closing_zh", sa.Text()),
        sa.Column("closing_en", sa.Text()),
        *_rules(),
        sa.ForeignKeyConstraint(
            ["version"], ["time_limit_versions.number"], name=op.f("fk_time_limits_version")
        ),
        sa.ForeignKeyConstraint(
            ["class_id"], ["component_classes.id"], name=op.f("fk_time_limits_class_id")
        ),
        sa.ForeignKeyConstraint(
            ["matter_type_id"], ["matter_types.id"], name=op.f("fk_time_limits_matter_type_id")
        ),
        sa.ForeignKeyConstraint(
            ["edition_key"], ["editions.key"], name=op.f("fk_time_limits_edition_key")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_limits")),
    )
    op.create_index("ix_time_limits_version", "time_limits", ["version"])


def downgrade() -> None:
    """Take this migration back."""
    op.drop_table("time_limits")
    op.drop_table("time_limit_versions")


def _rules() -> list[sa.CheckConstraint]:
    conditions = {
        "stage": "stage in "
        "('checking', 'filing', 'dispatch', 'handling', 'verification', 'closing')",
        "about_one_thing": "num_nonnulls(class_id, matter_type_id, kind) <= 1",
        "kind": "kind in ('component', 'place')",
        "major": "num_nulls(edition_key, major_code) in (0, 2) "
        "and (major_code is null or kind is not null)",
        "condition": "num_nulls(condition_code, condition_zh, condition_en) in (0, 3)",
        "season": "num_nulls(season_from, season_to) in (0, 2) "
        "and season_from ~ '^[01][0-9]-[0-3][0-9]$' and season_to ~ '^[01][0-9]-[0-3][0-9]$'",
        "amount": "amount > 0 and amount < 'infinity'",
        "unit": "unit in ('urgent_hour', 'working_hour', 'working_day', 'calendar_day')",
    }
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_time_limits_{name}"))
        for name, condition in conditions.items()
    ]
