"""how many cases took how long is kept as packed histograms; moments of cases have an index"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEYS = "scope, period, duration, begins_on, item, division_code"
# Six bytes for each bucket: its number, and how many cases.
_PACK = f"""
INSERT INTO indicator_histograms ({_KEYS}, packed)
SELECT {_KEYS}, string_agg(int2send(bucket) || int4send(cases::integer), '')
FROM indicator_times
WHERE cases <> 0
GROUP BY {_KEYS}
"""
# Classes and matters of the whole city, under no division.
_CITY_COUNTS = """
INSERT INTO indicator_totals (division_code, scope, period, begins_on, item, {keys})
SELECT '', 'city_' || scope, period, begins_on, item, {sums}
FROM indicator_totals
WHERE scope IN ('class', 'matter')
GROUP BY scope, period, begins_on, item
"""
_CITY_TIMES = f"""
INSERT INTO indicator_times ({_KEYS}, bucket, cases)
SELECT 'city_' || scope, period, duration, begins_on, item, '', bucket, sum(cases)
FROM indicator_times
WHERE scope IN ('class', 'matter')
GROUP BY scope, period, duration, begins_on, item, bucket
"""
_UNPACK = f"""
INSERT INTO indicator_times ({_KEYS}, bucket, cases)
SELECT
  {_KEYS}, (get_byte(packed, at) << 8) + get_byte(packed, at + 1) AS bucket,
  sum(
    (get_byte(packed, at + 2) << 24) + (get_byte(packed, at + 3) << 16)
    + (get_byte(packed, at + 4) << 8) + get_byte(packed, at + 5)
  )
FROM indicator_histograms, generate_series(0, octet_length(packed) - 1, 6) AS at
WHERE division_code <> ''
GROUP BY {_KEYS}, bucket
"""
_MOMENTS = (
    "reported_at",
    "checked_at",
    "filed_at",
    "first_dispatched_at",
    "handling_due_at",
    "handled_at",
    "verified_at",
    "ended_at",
)


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "indicator_histograms",
        *_keys(),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*_KEYS.split(", "), name=op.f("pk_indicator_histograms")),
    )
    op.execute("SET LOCAL work_mem = '256MB'")
    counted = [
        name
        for (name,) in op.get_bind().execute(
            sa.text(
                "SELECT column_name::text FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND table_name = 'indicator_totals'"
                " AND data_type = 'bigint' ORDER BY ordinal_position"
            )
        )
    ]
    sums = ", ".join(f"sum({name})" for name in counted)
    op.execute(_CITY_COUNTS.format(keys=", ".join(counted), sums=sums))
    op.execute(_CITY_TIMES)
    op.execute(_PACK)
    op.drop_table("indicator_times")
    op.create_index(
        "ix_case_progress_moments",
        "case_progress",
        _MOMENTS,
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
        postgresql_ops=dict.fromkeys(_MOMENTS, "timestamptz_minmax_multi_ops"),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_case_progress_moments", "case_progress")
    op.create_table(
        "indicator_times",
        *_keys(),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("cases", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "division_code", "scope", "period", "begins_on", "item", "duration", "bucket",
            name=op.f("pk_indicator_times"),
        ),
    )  # fmt: skip
    op.execute("SET LOCAL work_mem = '256MB'")
    op.execute("DELETE FROM indicator_totals WHERE division_code = ''")
    op.execute(_UNPACK)
    op.create_index(
        "ix_indicator_times_scope", "indicator_times", ["scope", "period", "duration", "begins_on"]
    )
    op.drop_table("indicator_histograms")


def _keys() -> list[sa.Column[object]]:
    return [
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("duration", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
    ]
