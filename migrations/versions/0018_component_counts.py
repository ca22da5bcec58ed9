"""components are counted by map cells, and blocks of cells have versions"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Where a component is counted: longitude and latitude as those of WGS 84, in Web Mercator cells of
# level 17. A cell holds its western and northern edge; beyond the map, the nearest cell counts.
# Blocks are cells of level 12; of a line or an area, those that its box touches. That function is
# strict so that it is not taken apart: the planner believes its two rows.
_FUNCTIONS = """
CREATE FUNCTION component_point(geom geometry) RETURNS geometry
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN GeometryType(geom) = 'POINT' THEN geom ELSE ST_PointOnSurface(geom) END
$$;
CREATE FUNCTION map_cell_x(lon double precision) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT least(131071, greatest(0, floor((lon + 180) / 360 * 131072)))::integer
$$;
CREATE FUNCTION map_cell_y(lat double precision) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT least(131071, greatest(0, floor(
    (0.5 - atanh(sin(radians(lat))) / (2 * pi())) * 131072)))::integer
$$;
CREATE FUNCTION map_blocks(geom geometry) RETURNS TABLE (x integer, y integer)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 2 AS $$
  SELECT block_x, block_y
  FROM generate_series(
    map_cell_x(ST_XMin(geom)) >> 5, map_cell_x(ST_XMax(geom)) >> 5) AS block_x
  CROSS JOIN generate_series(
    map_cell_y(ST_YMax(geom)) >> 5, map_cell_y(ST_YMin(geom)) >> 5) AS block_y
$$
"""

_VIEWS = """
CREATE VIEW counted_components AS
SELECT map_cell_x(ST_X(component_point(geom))) AS x, map_cell_y(ST_Y(component_point(geom))) AS y,
  class_id, state, coalesce(maintainer_id, owner_id, 0) AS unit_id
FROM components;
CREATE VIEW component_counts_now AS
SELECT level, x, y, class_id, state, unit_id, count FROM component_counts
UNION ALL
SELECT level, x, y, class_id, state, unit_id, count FROM component_count_changes;
CREATE VIEW component_blocks_now AS
SELECT x, y, version FROM component_blocks
UNION ALL
SELECT x, y, 1 FROM component_block_changes
"""

# What each statement leaves behind: rows that were, with -1, and rows that are.
_GONE = "SELECT geom, class_id, state, maintainer_id, owner_id, -1 AS count FROM gone"
_COME = "SELECT geom, class_id, state, maintainer_id, owner_id, 1 FROM come"
_EVENTS: Mapping[str, tuple[str, str]] = {
    "insert": (_COME, "NEW TABLE AS come"),
    "update": (f"{_GONE} UNION ALL {_COME}", "OLD TABLE AS gone NEW TABLE AS come"),
    "delete": (_GONE, "OLD TABLE AS gone"),
}
_COUNTING = """
CREATE FUNCTION count_components_on_{event}() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
BEGIN
  WITH touched (geom, class_id, state, maintainer_id, owner_id, count) AS ({touched}),
  counted AS MATERIALIZED (
    SELECT map_cell_x(ST_X(component_point(geom))) AS x,
      map_cell_y(ST_Y(component_point(geom))) AS y,
      class_id, state, coalesce(maintainer_id, owner_id, 0) AS unit_id, sum(count) AS count
    FROM touched
    GROUP BY 1, 2, 3, 4, 5
  ),
  blocks AS (
    INSERT INTO component_block_changes (x, y)
    SELECT x >> 5, y >> 5 FROM counted
    UNION
    SELECT block.x, block.y
    FROM touched
    CROSS JOIN map_blocks(geom) AS block
    WHERE GeometryType(geom) <> 'POINT'
  )
  INSERT INTO component_count_changes (level, x, y, class_id, state, unit_id, count)
  SELECT level, x >> (17 - level), y >> (17 - level), class_id, state, unit_id, sum(count)
  FROM counted
  CROSS JOIN generate_series(4, 17) AS level
  WHERE count <> 0
  GROUP BY 1, 2, 3, 4, 5, 6
  HAVING sum(count) <> 0;
  RETURN NULL;
END
$$
"""

# Nobody folds meanwhile (the lock of the folding), nor commits a change of a component.
_RECOUNT = """
CREATE FUNCTION recount_components() RETURNS void LANGUAGE plpgsql
SET work_mem = '256MB' SET jit = off AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7163483);
  LOCK TABLE component_count_changes IN EXCLUSIVE MODE;
  DELETE FROM component_count_changes;
  DELETE FROM component_counts;
  CREATE TEMPORARY TABLE recounted ON COMMIT DROP AS  -- which several processes fill together
  SELECT map_cell_x(ST_X(component_point(geom))) AS x, map_cell_y(ST_Y(component_point(geom))) AS y,
    class_id, state, coalesce(maintainer_id, owner_id, 0) AS unit_id, count(*) AS count,
    CASE WHEN GeometryType(geom) <> 'POINT' THEN ST_Envelope(geom) END AS box
  FROM components
  GROUP BY 1, 2, 3, 4, 5, 7;
  INSERT INTO component_counts (level, x, y, class_id, state, unit_id, count)
  SELECT 17, x, y, class_id, state, unit_id, sum(count)
  FROM recounted
  GROUP BY x, y, class_id, state, unit_id
  ORDER BY x, y, class_id, state, unit_id;
  FOR upper IN REVERSE 16..4 LOOP
    INSERT INTO component_counts (level, x, y, class_id, state, unit_id, count)
    SELECT upper, x >> 1, y >> 1, class_id, state, unit_id, sum(count)
    FROM component_counts
    WHERE level = upper + 1
    GROUP BY 2, 3, 4, 5, 6
    ORDER BY 2, 3, 4, 5, 6;
  END LOOP;
  INSERT INTO component_block_changes (x, y)
  SELECT x, y FROM component_blocks
  UNION
  SELECT x, y FROM component_counts WHERE level = 12
  UNION
  SELECT block.x, block.y FROM recounted CROSS JOIN map_blocks(box) AS block;
  DROP TABLE recounted;
  ANALYZE component_counts;
END
$$
"""


def _counted() -> list[sa.Column[object]]:
    return [
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
    ]


def _block() -> list[sa.Column[object]]:
    return [
        sa.Column("x", sa.Integer(), nullable=False),
        sa.Column("y", sa.Integer(), nullable=False),
    ]


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def upgrade() -> None:
    """Change the schema."""
    op.create_table(
        "component_counts",
        *_counted(),
        sa.PrimaryKeyConstraint(
            "level", "x", "y", "class_id", "state", "unit_id", name=op.f("pk_component_counts")
        ),
    )
    op.create_table(
        "component_count_changes",
        *_counted(),
        _id(),
        sa.PrimaryKeyConstraint("level", "x", "y", "id", name=op.f("pk_component_count_changes")),
    )
    op.create_table(
        "component_blocks",
        *_block(),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("x", "y", name=op.f("pk_component_blocks")),
    )
    op.create_table(
        "component_block_changes",
        *_block(),
        _id(),
        sa.PrimaryKeyConstraint("x", "y", "id", name=op.f("pk_component_block_changes")),
    )
    op.execute(_FUNCTIONS)
    op.execute(_VIEWS)
    op.execute(_RECOUNT)
    for event, (touched, tables) in _EVENTS.items():
        op.execute(_COUNTING.format(event=event, touched=touched))
        op.execute(
            f"CREATE TRIGGER counted_on_{event} AFTER {event} ON components REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION count_components_on_{event}()"
        )
    op.execute("SELECT recount_components()")


def downgrade() -> None:
    """Take the change back."""
    for event in _EVENTS:
        op.execute(f"DROP TRIGGER counted_on_{event} ON components")
        op.execute(f"DROP FUNCTION count_components_on_{event}()")
    op.execute("DROP FUNCTION recount_components()")
    for view in ("component_blocks_now", "component_counts_now", "counted_components"):
        op.execute(f"DROP VIEW {view}")
    op.execute("DROP FUNCTION map_blocks, map_cell_y, map_cell_x, component_point")
    for table in (
        "component_block_changes", "component_blocks", "component_count_changes",
        "component_counts",
    ):  # fmt: skip
        op.drop_table(table)
