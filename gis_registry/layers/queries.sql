-- summaries: layers with their published versions
SELECT l.id, l.name, l.title_zh, l.title_en, l.description, l.keywords, l.department, l.field,
  l.licence, l.source, l.roles, l.origin, l.refresh, l.version, l.added_at, l.removed_at,
  v.loaded_at, v.actor AS loaded_by, v.quality, v.facts, v.columns, v.table_name, v.id_type
FROM layers l
JOIN layer_versions v ON v.layer_id = l.id AND v.number = l.version
WHERE CASE WHEN CAST(:name AS text) IS NULL THEN l.removed_at IS NULL
  ELSE lower(l.name) = lower(CAST(:name AS text)) END
ORDER BY l.name;

-- due: the layers that are to be read again, those that wait longest first
SELECT l.name
FROM layer_refreshes r
JOIN layers l ON l.id = r.layer_id
WHERE r.next_at <= :at AND l.removed_at IS NULL AND l.refresh IS NOT NULL
ORDER BY r.next_at, l.id;

-- late: layers whose last refresh failed, or that nobody read again when it was time
SELECT l.name, l.refresh, r.next_at AS due_at, r.checked_at, r.problem
FROM layer_refreshes r
JOIN layers l ON l.id = r.layer_id
WHERE l.removed_at IS NULL AND l.refresh IS NOT NULL
  AND (r.problem IS NOT NULL OR r.next_at < :before)
ORDER BY r.next_at, l.name;

-- known_words: the departments that layers and units name, and the fields that layers name
SELECT
  ARRAY(SELECT department FROM layers WHERE department IS NOT NULL
    UNION SELECT name_zh FROM units) AS departments,
  ARRAY(SELECT DISTINCT field FROM layers WHERE field IS NOT NULL) AS fields;

-- city_box: the box of all areas of the city that are there on a date
SELECT ST_XMin(box) AS west, ST_YMin(box) AS south, ST_XMax(box) AS east, ST_YMax(box) AS north
FROM (
  SELECT ST_Extent(geom) AS box FROM division_areas
  WHERE valid_from <= :on_date AND (valid_to IS NULL OR valid_to > :on_date)
) AS city;

-- lock_name: let one transaction at a time load or change the layer of a name
SELECT pg_advisory_xact_lock(hashtextextended('layer ' || :name, 0));

-- try_lock_name: the same, unless another transaction has it
SELECT pg_try_advisory_xact_lock(hashtextextended('layer ' || :name, 0));
