"""thematic layers are loaded, described and read again"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FUNCTION = """
CREATE FUNCTION note_layers_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE layers_state SET token = gen_random_uuid();
  RETURN NULL;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER layers_change AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON layers
FOR EACH STATEMENT EXECUTE FUNCTION note_layers_change()
"""


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), nullable=nullable)


def _moment(name: str, *, nullable: bool = False, is_now: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        server_default=sa.text("now()") if is_now else None,
        nullable=nullable,
    )


def upgrade() -> None:
    """Change the schema."""
    op.execute("CREATE SCHEMA layers")
    op.create_table(
        "layers",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        *map(_text, ("name", "title_zh", "title_en", "description")),
        sa.Column("keywords", postgresql.ARRAY(sa.TEXT()), nullable=False),
        *(_text(one, nullable=True) for one in ("department", "field", "licence", "source")),
        sa.Column("roles", postgresql.ARRAY(sa.TEXT()), nullable=True),
        _json("origin"),
        _text("refresh", nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _moment("added_at", is_now=True),
        _moment("removed_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layers")),
    )
    op.create_index("uq_layers_name", "layers", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "layer_versions",
        sa.Column("layer_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("table_name"),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        _text("id_type"),
        *map(_json, ("columns", "quality", "facts")),
        _moment("loaded_at", is_now=True),
        _text("actor"),
        _of_layer("layer_versions"),
        sa.PrimaryKeyConstraint("layer_id", "number", name=op.f("pk_layer_versions")),
    )
    op.create_table(
        "layer_row_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("layer_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("is_refused", sa.Boolean(), nullable=False),
        *map(_text, ("reason", "sentence")),
        _json("attributes", nullable=True),
        sa.ForeignKeyConstraint(
            ["layer_id", "number"],
            ["layer_versions.layer_id", "layer_versions.number"],
            name=op.f("fk_layer_row_notes_layer_id_number"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layer_row_notes")),
    )
    op.create_index(
        "ix_layer_row_notes_row", "layer_row_notes", ["layer_id", "number", "row_number", "id"]
    )
    op.create_table(
        "layer_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("layer_id", sa.Integer(), nullable=False),
        _moment("at", is_now=True),
        *map(_text, ("actor", "kind")),
        sa.Column("number", sa.Integer(), nullable=True),
        _text("sentence"),
        sa.CheckConstraint(
            "kind in ('added', 'loaded', 'failed', 'described', 'reverted', 'dropped', 'removed')",
            name=op.f("ck_layer_events_kind"),
        ),
        _of_layer("layer_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layer_events")),
    )
    op.create_index(op.f("ix_layer_events_layer_id"), "layer_events", ["layer_id"])
    op.create_table(
        "layer_refreshes",
        sa.Column("layer_id", sa.Integer(), nullable=False),
        _moment("next_at"),
        _moment("checked_at", nullable=True),
        _text("problem", nullable=True),
        _of_layer("layer_refreshes"),
        sa.PrimaryKeyConstraint("layer_id", name=op.f("pk_layer_refreshes")),
    )
    op.create_index(op.f("ix_layer_refreshes_next_at"), "layer_refreshes", ["next_at"])
    op.create_table(
        "layers_state",
        sa.Column("is_only", sa.Boolean(), nullable=False),
        sa.Column("token", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.CheckConstraint("is_only", name=op.f("ck_layers_state_is_only")),
        sa.PrimaryKeyConstraint("is_only", name=op.f("pk_layers_state")),
    )
    op.execute("INSERT INTO layers_state (is_only) VALUES (true)")
    op.execute(_FUNCTION)
    op.execute(_TRIGGER)


def _of_layer(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["layer_id"], ["layers.id"], name=op.f(f"fk_{table}_layer_id"), ondelete="CASCADE"
    )


def downgrade() -> None:
    """Take the change back, with all published layers."""
    op.drop_table("layers_state")
    for table in ("layer_refreshes", "layer_events", "layer_row_notes", "layer_versions", "layers"):
        op.drop_table(table)
    op.execute("DROP FUNCTION note_layers_change()")
    op.execute("DROP SCHEMA layers CASCADE")
