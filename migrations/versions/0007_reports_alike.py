"""reports are found by place and time, and by component and time"""

from collections.abc import Sequence

from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Put the time beside the place in the index, so that old reports are passed over."""
    op.drop_index("ix_reports_geom", "reports")
    op.create_index(
        "ix_reports_geom_reported_at", "reports", ["geom", "reported_at"], postgresql_using="gist"
    )
    op.create_index(
        "ix_reports_component_code_reported_at", "reports", ["component_code", "reported_at"]
    )


def downgrade() -> None:
    """Take this migration back."""
    op.drop_index("ix_reports_component_code_reported_at", "reports")
    op.drop_index("ix_reports_geom_reported_at", "reports")
    op.create_index("ix_reports_geom", "reports", ["geom"], postgresql_using="gist")
