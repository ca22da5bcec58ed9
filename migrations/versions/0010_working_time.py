"""the city's calendar of working time, in versions"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

#: The standard's working week, for a city that was loaded before there was a calendar: its own
#: hours and holidays come with `gis-registry places calendar load`.
_STANDARD_WEEK = """
INSERT INTO calendar_versions (time_zone, hours, source, actor)
SELECT time_zone,
  '[{"valid_from": "1900-01-01", "season_from": "01-01", "weekdays": [1, 2, 3, 4, 5],
     "hours": ["08:00-12:00", "14:00-18:00"]}]'::jsonb,
  'no calendar', 'migration 0010'
FROM city
"""


def upgrade() -> None:
    """Add the versions of the calendar and their days."""
    op.create_table(
        "calendar_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "loaded_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("hours", postgresql.JSONB(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_versions")),
    )
    op.create_table(
        "calendar_days",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind in ('holiday', 'working', 'regular')", name=op.f("ck_calendar_days_kind")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["calendar_versions.id"], name=op.f("fk_calendar_days_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "on_date", name=op.f("pk_calendar_days")),
    )
    op.execute(_STANDARD_WEEK)


def downgrade() -> None:
    """Take this migration back."""
    op.drop_table("calendar_days")
    op.drop_table("calendar_versions")
