"""the rows of each survey are a table of their own"""

from collections.abc import Sequence

from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RENAME = (
    "ALTER TABLE survey_rows RENAME TO survey_rows_before",
    "ALTER INDEX pk_survey_rows RENAME TO pk_survey_rows_before",
)
_KEY = "ALTER TABLE survey_rows ADD CONSTRAINT pk_survey_rows PRIMARY KEY (survey_id, row_number)"
_MOVE = (
    "INSERT INTO survey_rows SELECT * FROM survey_rows_before",
    "DROP TABLE survey_rows_before",
)
_LIKE = (
    "CREATE TABLE survey_rows (LIKE survey_rows_before INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
)
_SPLIT = f"{_LIKE} PARTITION BY LIST (survey_id)"
_PARTITIONS = """
DO $$
DECLARE
  survey record;
BEGIN
  FOR survey IN SELECT id FROM surveys ORDER BY id LOOP
    EXECUTE format(
      'CREATE TABLE survey_rows_%s PARTITION OF survey_rows FOR VALUES IN (%s) '
      'WITH (fillfactor = 90)', survey.id, survey.id);
    EXECUTE format(
      'ALTER INDEX survey_rows_%s_pkey RENAME TO pk_survey_rows_%s', survey.id, survey.id);
  END LOOP;
END $$
"""


def upgrade() -> None:
    """Split the table by survey."""
    for statement in (
        *_RENAME,
        _SPLIT,
        _KEY,
        _PARTITIONS,
        *_MOVE,
    ):
        op.execute(statement)


def downgrade() -> None:
    """Put the rows of all surveys into one table again."""
    for statement in (*_RENAME, _LIKE, *_MOVE, _KEY):
        op.execute(statement)
