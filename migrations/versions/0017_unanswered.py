"""whether a case waits for an answer: to an appeal, to who asked for more time"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What is asked, and what answers it or makes it void: the last of these says whether it waits.
_FILL = """
UPDATE case_progress p
SET is_appealed = coalesce(e.appeal = 'appealed', false),
  is_extension_asked = coalesce(e.extension = 'extension_asked', false)
FROM (
  SELECT
    division_code, case_id,
    (array_agg(kind ORDER BY sequence DESC)
      FILTER (WHERE kind IN ('appealed', 'appeal_decided')))[1] AS appeal,
    (array_agg(kind ORDER BY sequence DESC) FILTER (WHERE kind IN (
      'extension_asked', 'extended', 'extension_denied', 'handled', 'returned', 'dispatched',
      'closed', 'merged'
    )))[1] AS extension
  FROM case_events
  WHERE (division_code, case_id) IN (
    SELECT division_code, case_id FROM case_events WHERE kind IN ('appealed', 'extension_asked')
  )
  GROUP BY division_code, case_id
) AS e
WHERE e.division_code = p.division_code AND e.case_id = p.case_id
"""
_COLUMNS = ("is_appealed", "is_extension_asked")


def upgrade() -> None:
    """Change the schema."""
    for name in _COLUMNS:
        column = sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)
        op.add_column("case_progress", column)
    op.execute(_FILL)


def downgrade() -> None:
    """Take the change back."""
    for name in _COLUMNS:
        op.drop_column("case_progress", name)
