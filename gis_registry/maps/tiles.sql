-- counted_cells: how many components of each class the cells within a tile hold, with what waits
-- Cells are numbered within the tile. Columns of cells one by one, since each is a run of the key.
-- By code: a city that changes its edition has classes of both for a while. Grouped by numbers and
-- named afterwards, from a list that is read once, which takes half the time.
WITH classes AS MATERIALIZED (
  SELECT id, code, min(id) OVER (PARTITION BY code) AS first_id FROM component_classes
),
counted AS MATERIALIZED (
  SELECT x, y, first_id, CAST(sum(count) AS int) AS count
  FROM component_counts_now
  JOIN classes ON classes.id = class_id
  WHERE level = CAST(:level AS int)
    AND x = ANY (ARRAY(
      SELECT generate_series(CAST(:first_x AS int), CAST(:first_x AS int) + :across - 1)))
    AND y BETWEEN CAST(:first_y AS int) AND CAST(:first_y AS int) + :across - 1
    AND (CAST(:class_ids AS int[]) IS NULL OR class_id = ANY (CAST(:class_ids AS int[])))
    AND state = ANY (CAST(:states AS text[]))
    AND (CAST(:unit_ids AS int[]) IS NULL OR unit_id = ANY (CAST(:unit_ids AS int[])))
  GROUP BY x, y, first_id
  HAVING sum(count) <> 0
)
SELECT x - CAST(:first_x AS int) AS x, y - CAST(:first_y AS int) AS y, code, count
FROM counted
JOIN classes ON classes.id = counted.first_id;

-- counted: how many components the registry counts in a tile, with what waits; zooms 4 to 17
SELECT coalesce(sum(count), 0)
FROM component_counts_now
WHERE level = CAST(:z AS int) AND x = CAST(:x AS int) AND y = CAST(:y AS int)
  AND (CAST(:class_ids AS int[]) IS NULL OR class_id = ANY (CAST(:class_ids AS int[])))
  AND state = ANY (CAST(:states AS text[]))
  AND (CAST(:unit_ids AS int[]) IS NULL OR unit_id = ANY (CAST(:unit_ids AS int[])));

-- class_ids: the classes with some codes, of whichever edition
SELECT code, id FROM component_classes WHERE code = ANY (:codes) ORDER BY code, id;

-- unit_ids: the units with some codes
SELECT code, id FROM units WHERE code = ANY (:codes) ORDER BY code;

-- shown_classes: the classes that tiles count by, with their names
SELECT code, name_zh, name_en FROM component_classes WHERE is_in_profile ORDER BY code;

-- attribution: who drew the boundaries
SELECT DISTINCT source FROM division_areas ORDER BY source;

-- blocks_box: the first and last column and row of the blocks that components are or were in
SELECT min(x), max(x), min(y), max(y) FROM component_blocks_now HAVING count(*) > 0;
