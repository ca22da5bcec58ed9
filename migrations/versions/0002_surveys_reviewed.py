"""surveys are reviewed; components have aliases and lineage"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _row_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("identifier", sa.Text()),
        sa.Column("ordinal", sa.Integer()),
        sa.Column("version", sa.Integer()),
        sa.Column("score", sa.Double()),
        sa.Column("runner_up", sa.Text()),
        sa.Column("runner_up_m", sa.Double()),
        sa.Column("decision", sa.Text()),
        sa.Column("issues", postgresql.JSONB()),
    ]


def _survey_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("verdicts", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("refusals", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("mapping", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("findings", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("forced_reason", sa.Text()),
        sa.Column("matched_at", sa.DateTime(timezone=True)),
        sa.Column("retry_of", sa.BigInteger()),
    ]


_COUNT_VERDICTS = """
UPDATE surveys s
SET verdicts = coalesce((
    SELECT jsonb_object_agg(verdict, count)
    FROM (
      SELECT verdict, count(*) FROM survey_rows r WHERE r.survey_id = s.id GROUP BY verdict
    ) AS counted
  ), '{}'),
  refusals = coalesce((
    SELECT jsonb_object_agg(refusal, count)
    FROM (
      SELECT refusal, count(*)
      FROM survey_rows r
      WHERE r.survey_id = s.id AND refusal IS NOT NULL
      GROUP BY refusal
    ) AS counted
  ), '{}'),
  matched_at = s.loaded_at
"""
_PLACE_IN_RUN = """
UPDATE survey_rows r
SET code = NULL, ordinal = right(r.code, 6)::int - block.first_serial + 1
FROM surveys s
JOIN identifier_blocks block ON block.change_id = s.change_id
WHERE r.survey_id = s.id AND r.verdict = 'new' AND r.code IS NOT NULL
  AND left(r.code, 6) = block.division_code
  AND substr(r.code, 7, length(r.code) - 12) = block.class_code
"""
_ALIAS_KEY = r"""
CREATE FUNCTION alias_key(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(regexp_replace(
  normalize(value, NFKC),
  '[\s\u00ad\u200b-\u200f\u2010-\u2015\u2060\u2212\ufeff_.,、·・/~-]+', '', 'g'))
"""


_ATTRIBUTES_NEW = """
CREATE FUNCTION attributes_new(known jsonb, said jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
  SELECT coalesce(jsonb_object_agg(s.key, s.value), '{}')
  FROM jsonb_each(said) AS s
  WHERE known -> s.key IS DISTINCT FROM s.value
    AND known ->> s.key IS DISTINCT FROM s.value #>> '{}'
    AND CASE
      WHEN 'number' IN (jsonb_typeof(known -> s.key), jsonb_typeof(s.value))
        AND known ->> s.key ~ '^[+-]?[0-9]{1,15}([.][0-9]{1,15})?$'
        AND s.value #>> '{}' ~ '^[+-]?[0-9]{1,15}([.][0-9]{1,15})?$'
      THEN (known ->> s.key)::numeric <> (s.value #>> '{}')::numeric
      ELSE true
    END
)
"""


def upgrade() -> None:
    """Apply this migration."""
    op.execute(_ATTRIBUTES_NEW)
    op.execute(
        "COMMENT ON FUNCTION attributes_new IS "
        "'What is said differently of something: 8, 8.0 and the text 8 are the same'"
    )
    op.execute(_ALIAS_KEY)
    op.execute(
        "COMMENT ON FUNCTION alias_key IS "
        "'What a tag or key is looked up by: without separators, case and widths'"
    )
    for column in _survey_columns():
        op.add_column("surveys", column)
    op.create_foreign_key("fk_surveys_retry_of", "surveys", "surveys", ["retry_of"], ["id"])
    op.drop_constraint("ck_surveys_state", "surveys")
    op.create_check_constraint(
        op.f("ck_surveys_state"), "surveys", "state in ('stopped', 'staged', 'applied', 'reverted')"
    )
    for column in _row_columns():
        op.add_column("survey_rows", column)
    op.execute(_COUNT_VERDICTS)
    op.execute(_PLACE_IN_RUN)
    op.alter_column("survey_rows", "verdict", nullable=False)
    op.create_table(
        "survey_decisions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("survey_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("selection", postgresql.JSONB(), nullable=False),
        sa.Column("edits", postgresql.JSONB(), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["survey_id"], ["surveys.id"], name=op.f("fk_survey_decisions_survey_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey_decisions")),
    )
    op.create_index(op.f("ix_survey_decisions_survey_id"), "survey_decisions", ["survey_id"])
    op.create_table(
        "component_aliases",
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value_key", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind in ('identifier', 'tag', 'qr', 'contractor_key')",
            name=op.f("ck_component_aliases_kind"),
        ),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_component_aliases_validity")),
        sa.PrimaryKeyConstraint(
            "division_code",
            "code",
            "kind",
            "value_key",
            "valid_from",
            name=op.f("pk_component_aliases"),
        ),
    )
    op.create_index("ix_component_aliases_value_key", "component_aliases", ["value_key"])
    op.create_table(
        "component_lineage",
        sa.Column("predecessor_code", sa.Text(), nullable=False),
        sa.Column("successor_code", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("change_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "relation in ('replaced_by', 'split_into', 'merged_into')",
            name=op.f("ck_component_lineage_relation"),
        ),
        sa.CheckConstraint(
            "predecessor_code <> successor_code", name=op.f("ck_component_lineage_two_components")
        ),
        sa.PrimaryKeyConstraint(
            "predecessor_code", "successor_code", name=op.f("pk_component_lineage")
        ),
    )
    op.create_index("ix_component_lineage_successor_code", "component_lineage", ["successor_code"])
    op.add_column("component_classes", sa.Column("attribute_schema", postgresql.JSONB()))
    op.add_column(
        "city",
        sa.Column("max_missing_share", sa.Double(), server_default=sa.text("0.2"), nullable=False),
    )
    op.add_column("city", sa.Column("primary_edition_key", sa.Text()))
    op.create_foreign_key(
        "fk_city_primary_edition_key", "city", "editions", ["primary_edition_key"], ["key"]
    )
    # Room in every page for the next state of some of its rows, which then needs no new place in
    # the indexes unless the component moved.
    op.execute("ALTER TABLE components SET (fillfactor = 90)")
    # A regular expression was a quarter of the time that registering takes.
    op.drop_constraint(op.f("ck_components_code"), "components")
    op.create_check_constraint(
        op.f("ck_components_code"), "components", "octet_length(code) between 16 and 17"
    )
    op.create_table(
        "edition_changes",
        sa.Column("change_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_edition_key", sa.Text(), nullable=False),
        sa.Column("to_edition_key", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=False),
        sa.Column("reverted_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["from_edition_key"],
            ["editions.key"],
            name=op.f("fk_edition_changes_from_edition_key"),
        ),
        sa.ForeignKeyConstraint(
            ["to_edition_key"], ["editions.key"], name=op.f("fk_edition_changes_to_edition_key")
        ),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_edition_changes")),
    )
    op.drop_index("ix_components_class_id_geom", "components")
    op.create_index(
        "ix_components_class_geom",
        "components",
        [sa.text("point(class_id, 0)"), "geom"],
        postgresql_using="gist",
    )


def downgrade() -> None:
    """Undo this migration."""
    op.execute("DROP FUNCTION attributes_new")
    op.execute("ALTER TABLE components RESET (fillfactor)")
    op.drop_constraint(op.f("ck_components_code"), "components")
    op.create_check_constraint(op.f("ck_components_code"), "components", "code ~ '^[0-9]{16,17}$'")
    op.drop_index("ix_components_class_geom", "components")
    op.create_index(
        "ix_components_class_id_geom", "components", ["class_id", "geom"], postgresql_using="gist"
    )
    op.drop_table("edition_changes")
    op.drop_column("city", "primary_edition_key")
    op.drop_column("city", "max_missing_share")
    op.drop_column("component_classes", "attribute_schema")
    op.drop_table("component_lineage")
    op.drop_table("component_aliases")
    op.drop_table("survey_decisions")
    op.execute("DELETE FROM survey_rows WHERE verdict = 'missing'")
    for column in _row_columns():
        op.drop_column("survey_rows", column.name)
    op.alter_column("survey_rows", "verdict", nullable=True)
    op.drop_constraint("ck_surveys_state", "surveys")
    op.execute("UPDATE surveys SET state = 'reverted' WHERE state = 'stopped'")
    op.create_check_constraint(
        op.f("ck_surveys_state"), "surveys", "state in ('staged', 'applied', 'reverted')"
    )
    for column in _survey_columns():
        op.drop_column("surveys", column.name)
    op.execute("DROP FUNCTION alias_key")
