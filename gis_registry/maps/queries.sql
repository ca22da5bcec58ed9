-- class_totals: how many active components of each class there are, and whether any is made up
-- The rank of a class among all of its major class gives it the same colour whatever else is there.
SELECT
  k.id, k.code, k.name_zh, k.name_en, k.major_code, k.major_name_zh, k.major_name_en,
  k.rank_in_major, k.major_size, totals.count, totals.is_synthetic
FROM (
  SELECT class_id, count(*) AS count, bool_or(is_synthetic) AS is_synthetic
  FROM components
  WHERE state = 'active'
  GROUP BY class_id
) AS totals
JOIN (
  SELECT *,
    row_number() OVER in_major - 1 AS rank_in_major,
    count(*) OVER (PARTITION BY edition_key, major_code) AS major_size
  FROM component_classes
  WINDOW in_major AS (PARTITION BY edition_key, major_code ORDER BY code)
) AS k ON k.id = totals.class_id
ORDER BY k.major_code, k.code, k.edition_key, k.id;

-- components: every n-th active component by its serial, which keeps the first of each class
-- The serial is the last six digits of the identifier, so classes and districts keep their shares.
SELECT
  c.code, c.class_id,
  ST_X(place.geom) AS lon, ST_Y(place.geom) AS lat
FROM components c
CROSS JOIN LATERAL (
  SELECT CASE WHEN GeometryType(c.geom) = 'POINT' THEN c.geom ELSE ST_PointOnSurface(c.geom) END
    AS geom
) AS place
WHERE c.state = 'active'
  AND (:every = 1 OR CAST(right(c.code, 6) AS int) % :every = 1)
ORDER BY c.division_code, c.code;

-- areas: the districts or subdistricts that have an area on a date
SELECT
  d.code, d.name_zh, d.name_en, parent.name_zh AS parent_name_zh, parent.name_en AS parent_name_en,
  a.source, ST_AsBinary(a.geom) AS wkb
FROM division_areas a
JOIN divisions d ON d.code = a.division_code
LEFT JOIN divisions parent ON parent.code = d.parent_code
WHERE d.level = :level
  AND a.valid_from <= :on_date AND (a.valid_to IS NULL OR a.valid_to > :on_date)
ORDER BY d.code, a.id;

-- open_case_count: how many cases are open
SELECT count(*) FROM case_progress WHERE is_open;

-- components_by_code: where the components with these keys are, and what they are
SELECT
  c.code, k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  ST_X(ST_PointOnSurface(c.geom)) AS lon, ST_Y(ST_PointOnSurface(c.geom)) AS lat
FROM unnest(CAST(:division_codes AS text[]), CAST(:codes AS text[])) AS wanted (division_code, code)
JOIN components c USING (division_code, code)
JOIN component_classes k ON k.id = c.class_id;

-- first_reports: the first report of each of these cases that says anything
SELECT DISTINCT ON (r.case_id)
  r.case_id, r.channel, left(r.text, 300) AS text
FROM unnest(CAST(:division_codes AS text[]), CAST(:case_ids AS bigint[]))
  AS wanted (division_code, case_id)
JOIN reports r
  ON r.case_division_code = wanted.division_code AND r.case_id = wanted.case_id
WHERE r.text <> ''
ORDER BY r.case_id, r.reported_at, r.id;

-- responders: where everybody who can be sent is
SELECT
  r.code, r.name_zh, r.name_en, r.kind, r.is_available, u.name_zh AS unit_name_zh,
  u.name_en AS unit_name_en, ST_X(r.geom) AS lon, ST_Y(r.geom) AS lat
FROM responders r
JOIN units u ON u.id = r.unit_id
ORDER BY r.code
LIMIT :limit;
