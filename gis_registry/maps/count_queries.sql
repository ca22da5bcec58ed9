-- total: how many components are counted, with what waits
SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM component_counts_now WHERE level = 4;

-- version: how much has changed in the blocks that a tile shows anything of, with what waits
-- It only grows. Names of classes and units are not in it (db/reference.py knows of these). Below
-- zoom 13 it is of all components that reach into the tile.
-- Tiles of single components also show a margin of a sixteenth of their width beyond each edge.
SELECT CAST(coalesce(sum(b.version), 0) AS bigint) AS version
FROM (
  SELECT power(2, 12 - CAST(:z AS int)) AS blocks,
    CASE WHEN CAST(:z AS int) > 13 THEN 1.0 / 16 ELSE 0 END AS margin
) AS tile
JOIN component_blocks_now b
  ON b.x BETWEEN CAST(floor((CAST(:x AS int) - margin) * blocks) AS int)
    AND CAST(ceil((CAST(:x AS int) + 1 + margin) * blocks) AS int) - 1
  AND b.y BETWEEN CAST(floor((CAST(:y AS int) - margin) * blocks) AS int)
    AND CAST(ceil((CAST(:y AS int) + 1 + margin) * blocks) AS int) - 1;

-- fold_alone: let nobody else fold until the transaction ends
SELECT pg_advisory_xact_lock(7163483);

-- may_fold_alone: whether nobody else folds, who then has to wait until the transaction ends
SELECT pg_try_advisory_xact_lock(7163483);

-- is_long: whether more changes wait than are quickly added up
SELECT EXISTS (SELECT FROM component_count_changes OFFSET :most LIMIT 1)
  OR EXISTS (SELECT FROM component_block_changes OFFSET :most LIMIT 1);

-- fold_counts: add what waits to the counts
WITH moved AS (DELETE FROM component_count_changes RETURNING *)
INSERT INTO component_counts AS c (level, x, y, class_id, state, unit_id, count)
SELECT level, x, y, class_id, state, unit_id, sum(count)
FROM moved
GROUP BY level, x, y, class_id, state, unit_id
HAVING sum(count) <> 0
ORDER BY level, x, y
ON CONFLICT (level, x, y, class_id, state, unit_id)
DO UPDATE SET count = c.count + excluded.count;

-- fold_blocks: add what waits to the versions
WITH moved AS (DELETE FROM component_block_changes RETURNING *)
INSERT INTO component_blocks AS b (x, y, version)
SELECT x, y, count(*) FROM moved GROUP BY x, y
ON CONFLICT (x, y) DO UPDATE SET version = b.version + excluded.version;

-- recount: make all counts anew from the components, and every block another version
SELECT recount_components();

-- differences: cells whose counts are not what the components, or the level below, give
SELECT level, x, y, class_id, state, unit_id, CAST(sum(count) AS bigint) AS missing
FROM (
  SELECT * FROM (
    SELECT 17 AS level, x, y, class_id, state, unit_id, count(*) AS count
    FROM counted_components
    GROUP BY x, y, class_id, state, unit_id
  ) AS components
  UNION ALL
  SELECT level - 1, x >> 1, y >> 1, class_id, state, unit_id, count
  FROM component_counts_now
  WHERE level > 4
  UNION ALL
  SELECT level, x, y, class_id, state, unit_id, -count
  FROM component_counts_now
) AS every
GROUP BY level, x, y, class_id, state, unit_id
HAVING sum(count) <> 0
ORDER BY level, x, y, class_id, state, unit_id
LIMIT :most;
