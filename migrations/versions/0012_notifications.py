"""webhooks are told what happens to cases, through a job queue"""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The schema of procrastinate 3.10.0 as it is shipped. It stays as it is: what a later version
# changes comes by a migration of its own, so that old and new databases are the same.
_JOB_QUEUE = Path(__file__).parent.parent / "job_queue.sql"
_DROP_JOB_QUEUE = """
DO $$
DECLARE
  dropped text;
BEGIN
  FOR dropped IN
    SELECT p.oid::regprocedure FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate\\_%'
  LOOP
    EXECUTE 'DROP FUNCTION ' || dropped || ' CASCADE'; -- with their triggers
  END LOOP;
  DROP TABLE procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
    procrastinate_workers;
  DROP TYPE procrastinate_job_to_defer_v1;
  DROP TYPE procrastinate_job_event_type;
  DROP TYPE procrastinate_job_status;
END
$$
"""


def upgrade() -> None:
    """Add the job queue, webhooks and their deliveries."""
    _run(_JOB_QUEUE.read_text(encoding="utf-8"))
    _add_webhooks()
    _add_deliveries()


def downgrade() -> None:
    """Take this migration back."""
    op.drop_table("webhook_deliveries")
    op.drop_table("webhooks")
    _run(_DROP_JOB_QUEUE)


def _run(statements: str) -> None:
    """Run several statements at once, in which a percent sign is one."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None  # noqa: S101  it is open
    connection.execute(statements)


def _add_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("kinds", postgresql.ARRAY(sa.TEXT())),
        sa.Column("division_code", sa.Text()),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text()),
        sa.Column("previous_until", sa.DateTime(timezone=True)),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )


def _add_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("webhook_id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "next_attempt_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("last_status_code", sa.Integer()),
        sa.Column("last_error", sa.Text()),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint(
            "status in ('pending', 'delivered', 'dead')", name=op.f("ck_webhook_deliveries_status")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.id"],
            name=op.f("fk_webhook_deliveries_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index(
        "ix_webhook_deliveries_notice_id",
        "webhook_deliveries",
        ["webhook_id", "notice_id"],
        unique=True,
    )
    op.create_index(
        "ix_webhook_deliveries_pending",
        "webhook_deliveries",
        ["next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_webhook_deliveries_dead",
        "webhook_deliveries",
        ["id"],
        postgresql_where=sa.text("status = 'dead'"),
    )
