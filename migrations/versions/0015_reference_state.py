"""the state of what seldom changes has a token"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = (
    "editions",
    "component_classes",
    "class_counterparts",
    "matter_types",
    "matter_type_classes",
    "city",
    "edition_changes",
    "divisions",
    "units",
    "calendar_versions",
    "calendar_days",
    "time_limit_versions",
    "time_limits",
)

_FUNCTION = """
CREATE FUNCTION note_reference_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE reference_state SET token = gen_random_uuid();
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "reference_state",
        sa.Column("is_only", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_reference_state_is_only")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_reference_state")),
    )
    op.execute("INSERT INTO reference_state (is_only) VALUES (true)")
    op.execute(_FUNCTION)
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER reference_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION note_reference_change()"
        )


def downgrade() -> None:
    """Take the change back."""
    for table in _TABLES:
        op.execute(f"DROP TRIGGER reference_change ON {table}")
    op.execute("DROP FUNCTION note_reference_change()")
    op.drop_table("reference_state")
