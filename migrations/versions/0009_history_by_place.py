"""former states of components are found by place"""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Let what stood around a report then be found without reading the whole history."""
    op.create_geospatial_index(
        "ix_component_history_geom",
        "component_history",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_ops={},
    )


def downgrade() -> None:
    """Undo this migration."""
    op.drop_geospatial_index(
        "ix_component_history_geom",
        table_name="component_history",
        postgresql_using="gist",
        column_name="geom",
    )
