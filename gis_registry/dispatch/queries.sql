-- claims: the facts of some days about any of these components, classes, matters and areas
SELECT
  r.id AS responsibility_id, r.role, r.component_code, r.class_id, r.matter_type_id,
  r.division_code, r.valid_from, r.valid_to,
  d.name_zh AS division_name_zh, d.name_en AS division_name_en,
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en
FROM responsibilities r
JOIN units u ON u.id = r.unit_id
LEFT JOIN divisions d ON d.code = r.division_code
WHERE r.valid_from <= :last_date AND (r.valid_to IS NULL OR r.valid_to > :first_date)
  AND (r.component_code IS NULL OR r.component_code = ANY (CAST(:component_codes AS text[])))
  AND (r.class_id IS NULL OR r.class_id = ANY (CAST(:class_ids AS int[])))
  AND (r.matter_type_id IS NULL OR r.matter_type_id = ANY (CAST(:matter_type_ids AS int[])))
  AND (r.division_code IS NULL OR r.division_code = ANY (CAST(:areas AS text[])))
ORDER BY r.id;

-- nearest_responders: the available responders nearest to each point, in metres on the ground
SELECT
  CAST(probe.n - 1 AS int) AS n, near.code, near.name_zh, near.name_en, near.kind,
  near.distance_m, ST_X(near.geom) AS lon, ST_Y(near.geom) AS lat,
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en
FROM (
  SELECT n, ST_SetSRID(ST_MakePoint(lon, lat), 4490) AS geom
  FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[])) WITH ORDINALITY AS t (lon, lat, n)
) AS probe
CROSS JOIN LATERAL (
  SELECT max(ST_Distance(seed.geom::geography, probe.geom::geography)) + 0.01 AS metres
  FROM (
    SELECT r.geom FROM responders r WHERE r.is_available ORDER BY r.geom <-> probe.geom LIMIT :count
  ) AS seed
) AS reach
CROSS JOIN LATERAL (
  SELECT r.*, ST_Distance(r.geom::geography, probe.geom::geography) AS distance_m
  FROM responders r
  WHERE r.is_available AND r.geom && metres_box(probe.geom, reach.metres)
  ORDER BY distance_m, r.code
  LIMIT :count
) AS near
JOIN units u ON u.id = near.unit_id
ORDER BY probe.n, near.distance_m, near.code;

-- matters_asked: every matter of a place, and of a component for each of the city's classes
-- Which classes count for it is as for a component that is known: its own, of its edition.
SELECT
  m.id AS matter_type_id, m.code AS matter_code, m.name_zh AS matter_name_zh,
  m.name_en AS matter_name_en, k.edition_key, k.code AS class_code, k.name_zh AS class_name_zh,
  k.name_en AS class_name_en, array_remove(array_agg(other.id), NULL) AS class_ids
FROM matter_types m
LEFT JOIN matter_type_classes about ON about.matter_type_id = m.id
LEFT JOIN component_classes k
  ON k.id = about.class_id AND k.is_in_profile AND k.edition_key = :class_edition_key
LEFT JOIN matter_type_classes also ON also.matter_type_id = m.id
LEFT JOIN component_classes other
  ON other.id = also.class_id AND (other.id = k.id OR other.edition_key <> k.edition_key)
WHERE m.kind = 'place' AND m.edition_key = :matter_edition_key
  OR k.id IS NOT NULL AND m.edition_key IN (:matter_edition_key, :class_edition_key)
GROUP BY m.id, k.id
ORDER BY m.kind, k.code, m.edition_key, m.code;

-- places_asked: the subdistricts of a date, and the districts that have none
SELECT d.code, d.name_zh, d.name_en
FROM divisions d
WHERE (
    d.level = 'subdistrict'
    OR d.level = 'district' AND NOT EXISTS (
      SELECT FROM divisions s WHERE s.parent_code = d.code AND s.level = 'subdistrict'))
  AND (
    NOT EXISTS (SELECT FROM division_areas a WHERE a.division_code = d.code)
    OR EXISTS (
      SELECT
      FROM division_areas a
      WHERE a.division_code = d.code AND a.valid_from <= :on_date
        AND (a.valid_to IS NULL OR a.valid_to > :on_date)))
ORDER BY d.code;

-- doubts: the matters asked and places for which no unit, or more than one alike, comes first
-- The order is that of precedence.py; no component is known, so facts about single ones are left out.
-- A fact that is not limited to an area has the area ''.
WITH asked AS (
  SELECT t.n, t.matter_type_id, array_agg(c.class_id) AS class_ids
  FROM unnest(CAST(:matter_type_ids AS int[])) WITH ORDINALITY AS t (matter_type_id, n)
  LEFT JOIN unnest(CAST(:class_of AS int[]), CAST(:class_ids AS int[])) AS c (n, class_id) USING (n)
  GROUP BY t.n, t.matter_type_id
),
place_areas AS (
  SELECT *
  FROM unnest(CAST(:place_codes AS text[]), CAST(:areas AS text[]), CAST(:sizes AS int[]))
    AS t (place_code, area, size)
),
claims AS MATERIALIZED (
  SELECT
    asked.n, r.id, r.unit_id, r.valid_from, coalesce(r.division_code, '') AS area,
    r.matter_type_id IS NULL AS is_for_any_matter,
    array_position(CAST(:roles AS text[]), r.role) AS work,
    array_position(CAST(:bases AS text[]), CASE
      WHEN r.class_id IS NOT NULL AND r.division_code IS NOT NULL THEN 'class_and_area'
      WHEN r.class_id IS NOT NULL THEN 'class'
      WHEN r.matter_type_id IS NOT NULL AND r.division_code IS NOT NULL THEN 'matter_and_area'
      WHEN r.matter_type_id IS NOT NULL THEN 'matter'
      ELSE 'area'
    END) AS basis
  FROM asked
  JOIN responsibilities r
    ON (r.class_id IS NULL OR r.class_id = ANY (asked.class_ids))
    AND (r.matter_type_id IS NULL OR r.matter_type_id = asked.matter_type_id)
  WHERE r.component_code IS NULL
    AND r.valid_from <= :on_date AND (r.valid_to IS NULL OR r.valid_to > :on_date)
),
ranked AS (
  SELECT
    claims.n, p.place_code, claims.id, claims.unit_id,
    rank() OVER (
      PARTITION BY claims.n, p.place_code
      ORDER BY
        claims.basis, p.size, claims.is_for_any_matter, claims.work, claims.valid_from DESC) AS place_in_order
  FROM claims
  JOIN place_areas p USING (area)
),
first AS (
  SELECT
    n, place_code, array_agg(id ORDER BY id) AS responsibility_ids,
    count(DISTINCT unit_id) AS unit_count
  FROM ranked
  WHERE place_in_order = 1
  GROUP BY n, place_code
)
SELECT asked.n, places.place_code,
  coalesce(first.responsibility_ids, CAST('{}' AS int[])) AS responsibility_ids
FROM asked
CROSS JOIN (SELECT DISTINCT place_code FROM place_areas) AS places
LEFT JOIN first USING (n, place_code)
WHERE first.unit_count IS NULL OR first.unit_count > 1
ORDER BY asked.n, places.place_code;

-- facts: what responsibilities say
SELECT
  r.id AS responsibility_id, r.role, r.valid_from, r.note,
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en,
  k.code AS class_code, m.code AS matter_code, r.division_code
FROM responsibilities r
JOIN units u ON u.id = r.unit_id
LEFT JOIN component_classes k ON k.id = r.class_id
LEFT JOIN matter_types m ON m.id = r.matter_type_id
WHERE r.id = ANY (CAST(:ids AS int[]))
ORDER BY r.id;
