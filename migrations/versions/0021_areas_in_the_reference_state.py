"""the areas of divisions belong to the state of what seldom changes"""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the schema."""
    op.execute(
        "CREATE TRIGGER reference_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
        "ON division_areas FOR EACH STATEMENT EXECUTE FUNCTION note_reference_change()"
    )


def downgrade() -> None:
    """Take the change back."""
    op.execute("DROP TRIGGER reference_change ON division_areas")
