"""components of a class in the order of their identifiers, and a key that signs where pages end"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Change the schema."""
    op.create_index("ix_components_class_code", "components", ["class_id", "division_code", "code"])
    op.create_table(
        "signing_key",
        sa.Column("is_only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("secret", sa.UUID(), server_default=sa.func.gen_random_uuid(), nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_signing_key_is_only")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_signing_key")),
    )
    op.execute("INSERT INTO signing_key DEFAULT VALUES")


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("signing_key")
    op.drop_index("ix_components_class_code", table_name="components")
