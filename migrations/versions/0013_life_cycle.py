"""cases have a life cycle with clocks; users can be of a unit"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_IS_OPEN = "state <> ALL (ARRAY['closed'::text, 'not_accepted'::text, 'merged'::text])"

# Where cases stand that were there before: without clocks, and with the unit last decided on.
_PROGRESS = """
INSERT INTO case_progress (
  division_code, case_id, version, state, matter_type_id, class_id, subdistrict_code, unit_code,
  reported_at, ended_at, returned
)
SELECT
  c.division_code, c.id, last_event.sequence,
  CASE WHEN last_event.kind = 'closed' THEN 'closed' ELSE 'reported' END,
  c.matter_type_id, c.class_id, r.subdistrict_code, u.code, c.opened_at,
  CASE WHEN last_event.kind = 'closed' THEN last_event.happened_at END,
  (SELECT count(*) FROM case_events e
    WHERE e.division_code = c.division_code AND e.case_id = c.id AND e.kind = 'returned')
FROM cases c
CROSS JOIN LATERAL (
  SELECT e.kind, e.sequence, e.happened_at FROM case_events e
  WHERE e.division_code = c.division_code AND e.case_id = c.id
  ORDER BY e.sequence DESC
  LIMIT 1
) AS last_event
JOIN case_events opened
  ON opened.division_code = c.division_code AND opened.case_id = c.id AND opened.sequence = 1
LEFT JOIN reports r ON r.id = opened.report_id
LEFT JOIN LATERAL (
  SELECT d.unit_id FROM decisions d
  WHERE d.division_code = c.division_code AND d.case_id = c.id
  ORDER BY d.id DESC
  LIMIT 1
) AS d ON true
LEFT JOIN units u ON u.id = d.unit_id
"""

_NEW_KINDS = """
DELETE FROM case_events WHERE kind NOT IN
  ('reported', 'joined', 'separated', 'returned', 'assigned', 'identified', 'closed')
"""

_MOMENTS = (
    "checked_at", "filed_at", "dispatched_at", "handled_at", "verified_at", "ended_at",
)  # fmt: skip
_ON_TIME = (
    "is_checked_on_time", "is_filed_on_time", "is_dispatched_on_time", "is_handled_on_time",
    "is_verified_on_time", "is_closed_on_time",
)  # fmt: skip
_COUNTS = ("returned", "sent_back", "extended", "urged", "appealed", "reopened")


def upgrade() -> None:
    """Change the schema."""
    op.add_column("users", sa.Column("unit_code", sa.Text()))
    op.create_table(
        "case_progress",
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "is_open",
            sa.Boolean(),
            sa.Computed(_IS_OPEN, persisted=True),
            nullable=False,
        ),
        sa.Column("resumes_to", sa.Text()),
        sa.Column("matter_type_id", sa.Integer()),
        sa.Column("class_id", sa.Integer()),
        sa.Column("subdistrict_code", sa.Text()),
        sa.Column("unit_code", sa.Text()),
        sa.Column("condition", sa.Text()),
        sa.Column("stage", sa.Text()),
        sa.Column("stage_began_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("clock", postgresql.JSONB()),
        sa.Column("warned_at", sa.DateTime(timezone=True)),
        sa.Column("overdue_at", sa.DateTime(timezone=True)),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True)) for name in _MOMENTS),
        *(sa.Column(name, sa.Boolean()) for name in _ON_TIME),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in _COUNTS),
        sa.ForeignKeyConstraint(
            ["division_code", "case_id"],
            ["cases.division_code", "cases.id"],
            name=op.f("fk_case_progress_division_code_case_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("division_code", "case_id", name=op.f("pk_case_progress")),
    )
    op.execute(_PROGRESS)
    op.create_index(
        "ix_case_progress_open", "case_progress", ["case_id"], postgresql_where=sa.text("is_open")
    )
    op.create_index(
        "ix_case_progress_unit_code",
        "case_progress",
        ["unit_code", "case_id"],
        postgresql_where=sa.text("is_open"),
    )
    op.create_index(
        "ix_case_progress_due_at",
        "case_progress",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_case_events_happened_at", "case_events", ["happened_at"], postgresql_using="brin"
    )


def downgrade() -> None:
    """Take the change back; what happened to cases that the earlier schema has no word for goes."""
    op.drop_index("ix_case_events_happened_at", table_name="case_events")
    op.drop_table("case_progress")
    op.execute(_NEW_KINDS)
    op.drop_column("users", "unit_code")
