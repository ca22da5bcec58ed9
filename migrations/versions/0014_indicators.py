"""indicators are kept as totals, which change with the cases"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# What is counted on the day of each moment of a case, as conditions on it.
_MEASURES: Mapping[str, Mapping[str, str]] = {
    "reported_at": {
        "reported": "true",
        "reported_valid": "state <> 'not_accepted'",
        "reported_not_accepted": "state = 'not_accepted'",
        "reported_filed": "state <> 'not_accepted' AND filed_at IS NOT NULL",
        "reported_open": "is_open",
        "reported_appealed": "appealed > 0",
        "reported_upheld": "appealed > 0 AND upheld > 0",
        "reported_by_drone": "channel = 'drone'",
    },
    "checked_at": {
        "checked_timed": "is_checked_on_time IS NOT NULL",
        "checked_on_time": "is_checked_on_time",
    },
    "filed_at": {
        "filed": "true",
        "filed_right": "NOT is_misfiled",
        "filed_timed": "is_filed_on_time IS NOT NULL",
        "filed_on_time": "is_filed_on_time",
        "filed_urged": "urged > 0",
    },
    "first_dispatched_at": {
        "dispatched": "true",
        "dispatched_right": "redirected = 0",
        "dispatched_returned": "returned > 0",
        "dispatched_timed": "is_dispatched_on_time IS NOT NULL",
        "dispatched_on_time": "is_dispatched_on_time",
    },
    "handling_due_at": {
        "due": "true",
        "due_handled": "handled_at IS NOT NULL",
        "due_handled_on_time": "handled_at IS NOT NULL AND is_handled_on_time",
        "due_overdue": "handled_at IS NULL AND overdue_at IS NOT NULL",
        "due_closed": "state = 'closed'",
        "due_closed_on_time": "state = 'closed' AND is_handled_on_time",
        "due_closed_late": "state = 'closed' AND is_handled_on_time IS NOT TRUE",
        "due_sent_back": "sent_back > 0",
        "due_extended": "extended > 0",
    },
    "handled_at": {"handled": "true"},
    "verified_at": {
        "verified_timed": "is_verified_on_time IS NOT NULL",
        "verified_on_time": "is_verified_on_time",
    },
    "ended_at": {"closed": "state = 'closed'"},
}
# How long it took: from, to, on the day of, and of which cases.
_DURATIONS = {
    "report_to_file": ("reported_at", "filed_at", "filed_at", "true"),
    "file_to_dispatch": ("filed_at", "first_dispatched_at", "first_dispatched_at", "true"),
    "dispatch_to_handle": ("dispatched_at", "handled_at", "handled_at", "true"),
    "report_to_close": ("reported_at", "ended_at", "ended_at", "state = 'closed'"),
    "report_to_dispatch_by_drone": (
        "reported_at", "first_dispatched_at", "reported_at", "channel = 'drone'",
    ),
}  # fmt: skip
_COUNTED = (
    *(key for measures in _MEASURES.values() for key in measures),
    *(key for one in _DURATIONS for key in (one, f"{one}_s")),
)
_SCOPES = {
    "all": "''",
    "unit": "coalesce(unit_code, '')",
    "class": "coalesce(class_id::text, '')",
    "matter": "coalesce(matter_type_id::text, '')",
    "subdistrict": "coalesce(subdistrict_code, '')",
}


def _day(moment: str) -> str:
    return f"({moment} AT TIME ZONE (SELECT time_zone FROM city))::date"


def _fill_totals(scope: str) -> Iterator[str]:
    for moment in _MEASURES:
        counts = {
            key: f"count(*) FILTER (WHERE {condition})"
            for key, condition in _MEASURES[moment].items()
        }
        for key, (begins, ends, at, condition) in _DURATIONS.items():
            if at == moment:
                there = f"{begins} IS NOT NULL AND {ends} IS NOT NULL AND {condition}"
                seconds = f"greatest(0, ceil(extract(epoch FROM {ends} - {begins})))"
                counts[key] = f"count(*) FILTER (WHERE {there})"
                counts[f"{key}_s"] = f"coalesce(sum({seconds}) FILTER (WHERE {there}), 0)"
        yield (
            "INSERT INTO indicator_totals (division_code, scope, period, begins_on, item, "
            f"{', '.join(counts)}) "
            f"SELECT division_code, '{scope}', 'day', {_day(moment)}, {_SCOPES[scope]}, "
            f"{', '.join(counts.values())} FROM case_progress WHERE {moment} IS NOT NULL "
            "GROUP BY 1, 2, 3, 4, 5 "
            "ON CONFLICT (division_code, scope, period, begins_on, item) DO UPDATE SET "
            + ", ".join(f"{key} = excluded.{key}" for key in counts)
        )
    names = ", ".join(_COUNTED)
    sums = ", ".join(f"sum({key})" for key in _COUNTED)
    into = f"INSERT INTO indicator_totals (division_code, scope, period, begins_on, item, {names})"
    yield (
        f"{into} SELECT division_code, scope, 'month', date_trunc('month', begins_on)::date, item, "
        f"{sums} FROM indicator_totals WHERE scope = '{scope}' AND period = 'day' "
        "GROUP BY 1, 2, 3, 4, 5"
    )


def _bounds() -> str:
    """Return where the buckets of times end, in seconds."""
    minutes = list(range(1, 61))
    while minutes[-1] < 400 * 24 * 60:
        minutes.append(max(minutes[-1] + 1, minutes[-1] * 102 // 100))
    return f"'{{{','.join(str(60 * one) for one in minutes)}}}'::bigint[]"


def _fill_times(scope: str) -> Iterator[str]:
    into = (
        "INSERT INTO indicator_times "
        "(division_code, scope, period, begins_on, item, duration, bucket, cases)"
    )
    periods = ["day", "month", "year"] if scope == "all" else ["month", "year"]
    for key, (begins, ends, at, condition) in _DURATIONS.items():
        seconds = f"greatest(0, ceil(extract(epoch FROM {ends} - {begins})))::bigint"
        yield (
            f"{into} SELECT division_code, '{scope}', '{periods[0]}', "
            f"date_trunc('{periods[0]}', {_day(at)})::date, {_SCOPES[scope]}, '{key}', "
            f"width_bucket({seconds} - 1, {_bounds()}), count(*) FROM case_progress "
            f"WHERE {begins} IS NOT NULL AND {ends} IS NOT NULL AND {condition} "
            "GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )
    for shorter, longer in pairwise(periods):
        yield (
            f"{into} SELECT division_code, scope, '{longer}', "
            f"date_trunc('{longer}', begins_on)::date, item, duration, bucket, sum(cases) "
            f"FROM indicator_times WHERE scope = '{scope}' AND period = '{shorter}' "
            "GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )


# What is known of cases from before; a channel is that of the report that opened the case.
_KNOWN = """
UPDATE case_progress p
SET
  channel = r.channel,
  first_dispatched_at = p.dispatched_at,
  handling_due_at = CASE WHEN p.stage = 'handling' THEN p.due_at END,
  is_misfiled = p.state IN ('closed', 'merged')
    AND p.filed_at IS NOT NULL AND p.handled_at IS NULL
FROM case_events e
LEFT JOIN reports r ON r.id = e.report_id
WHERE e.division_code = p.division_code AND e.case_id = p.case_id AND e.sequence = 1
"""


def _keys() -> list[sa.Column[object]]:
    return [
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("begins_on", sa.Date(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
    ]


def upgrade() -> None:
    """Change the schema."""
    _add_columns()
    op.create_table(
        "indicator_changes",
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("unit_code", sa.Text()),
        sa.Column("class_id", sa.Integer()),
        sa.Column("matter_type_id", sa.Integer()),
        sa.Column("subdistrict_code", sa.Text()),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("bucket", sa.SmallInteger()),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("division_code", "id", name=op.f("pk_indicator_changes")),
    )
    op.create_table(
        "indicator_totals",
        *_keys(),
        *(sa.Column(key, sa.BigInteger(), server_default="0", nullable=False) for key in _COUNTED),
        sa.PrimaryKeyConstraint(
            "division_code", "scope", "period", "begins_on", "item",
            name=op.f("pk_indicator_totals"),
        ),
    )  # fmt: skip
    op.create_table(
        "indicator_times",
        *_keys(),
        sa.Column("duration", sa.Text(), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("cases", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "division_code", "scope", "period", "begins_on", "item", "duration", "bucket",
            name=op.f("pk_indicator_times"),
        ),
    )  # fmt: skip
    op.execute("SET LOCAL work_mem = '256MB'")
    for scope in _SCOPES:
        for statement in (*_fill_totals(scope), *_fill_times(scope)):
            op.execute(statement)
    op.create_index(
        "ix_indicator_totals_scope", "indicator_totals", ["scope", "period", "begins_on"]
    )
    op.create_index(
        "ix_indicator_times_scope", "indicator_times", ["scope", "period", "duration", "begins_on"]
    )


def _add_columns() -> None:
    op.add_column("case_progress", sa.Column("channel", sa.Text()))
    for name in ("first_dispatched_at", "handling_due_at"):
        op.add_column("case_progress", sa.Column(name, sa.DateTime(timezone=True)))
    op.add_column(
        "case_progress",
        sa.Column("is_misfiled", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    for name in ("redirected", "upheld"):
        op.add_column(
            "case_progress", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )
    op.execute(_KNOWN)
    op.execute("ANALYZE case_progress")  # else the totals are sorted instead of hashed


def downgrade() -> None:
    """Take the change back."""
    for table in ("indicator_times", "indicator_totals", "indicator_changes"):
        op.drop_table(table)
    for name in (
        "upheld", "redirected", "is_misfiled", "handling_due_at", "first_dispatched_at", "channel",
    ):  # fmt: skip
        op.drop_column("case_progress", name)
