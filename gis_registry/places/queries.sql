-- cut_areas: cut districts and subdistricts without pieces into parts of at most 64 vertices
INSERT INTO division_pieces (area_id, geom)
SELECT a.id, ST_Subdivide(a.geom, 64)
FROM division_areas a
JOIN divisions d ON d.code = a.division_code
WHERE d.level IN ('district', 'subdistrict')
  AND NOT EXISTS (SELECT FROM division_pieces p WHERE p.area_id = a.id);

-- overlapping: divisions of one level whose areas cover each other's middle at the same time
SELECT a.division_code AS one, b.division_code AS other
FROM division_areas a
JOIN divisions d ON d.code = a.division_code
JOIN division_areas b ON b.division_code <> a.division_code AND b.geom && a.geom
JOIN divisions e ON e.code = b.division_code AND e.level = d.level
WHERE a.id = ANY (CAST(:area_ids AS int[]))
  AND (a.valid_to IS NULL OR a.valid_to > b.valid_from)
  AND (b.valid_to IS NULL OR b.valid_to > a.valid_from)
  AND (ST_Intersects(b.geom, ST_PointOnSurface(a.geom))
    OR ST_Intersects(a.geom, ST_PointOnSurface(b.geom)))
ORDER BY a.division_code, b.division_code;

-- locate: the district, subdistrict and cell of each point on its date, in the points' order
-- A point outside every subdistrict gets the nearest one within the tolerance, and its distance;
-- the district that holds the point, if one does, holds that one too.
WITH points AS (
  SELECT n, ST_SetSRID(ST_MakePoint(lon, lat), 4490) AS geom, on_date
  FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:on_dates AS date[]))
    WITH ORDINALITY AS t (lon, lat, on_date, n)
)
SELECT
  coalesce(left(coalesce(inside.code, near.code), 6), inside.district_code) AS division_code,
  coalesce(inside.code, near.code) AS subdistrict_code,
  CASE WHEN inside.code IS NOT NULL THEN 0 ELSE near.distance_m END AS outside_m,
  (SELECT min(c.code) FROM grid_cells c WHERE ST_Intersects(c.geom, points.geom)) AS cell_code
FROM points
CROSS JOIN LATERAL (
  SELECT
    min(d.code) FILTER (WHERE d.level = 'subdistrict') AS code,
    min(d.code) FILTER (WHERE d.level = 'district') AS district_code
  FROM division_pieces p
  JOIN division_areas a ON a.id = p.area_id
  JOIN divisions d ON d.code = a.division_code
  WHERE ST_Intersects(p.geom, points.geom)
    AND a.valid_from <= points.on_date AND (a.valid_to IS NULL OR a.valid_to > points.on_date)
) AS inside
LEFT JOIN LATERAL (
  SELECT d.code, ST_Distance(p.geom::geography, points.geom::geography) AS distance_m
  FROM division_pieces p
  JOIN division_areas a ON a.id = p.area_id
  JOIN divisions d ON d.code = a.division_code
  WHERE inside.code IS NULL AND d.level = 'subdistrict'
    AND (inside.district_code IS NULL OR left(d.code, 6) = inside.district_code)
    AND p.geom && metres_box(points.geom, :tolerance_m)
    AND a.valid_from <= points.on_date AND (a.valid_to IS NULL OR a.valid_to > points.on_date)
  ORDER BY distance_m, code
  LIMIT 1
) AS near ON near.distance_m <= :tolerance_m
ORDER BY points.n;

-- sides: the other subdistricts within reach of each point, and the other districts, in metres
WITH points AS (
  SELECT n, ST_SetSRID(ST_MakePoint(lon, lat), 4490) AS geom, on_date, code, reach_m
  FROM unnest(CAST(:lons AS float8[]), CAST(:lats AS float8[]), CAST(:on_dates AS date[]),
      CAST(:codes AS text[]), CAST(:reaches_m AS float8[]))
    WITH ORDINALITY AS t (lon, lat, on_date, code, reach_m, n)
)
SELECT CAST(points.n - 1 AS int) AS n, side.code, side.distance_m
FROM points
CROSS JOIN LATERAL (
  SELECT d.code, min(ST_Distance(p.geom::geography, points.geom::geography)) AS distance_m
  FROM division_pieces p
  JOIN division_areas a ON a.id = p.area_id
  JOIN divisions d ON d.code = a.division_code
  WHERE p.geom && metres_box(points.geom, points.reach_m)
    AND (d.level = 'subdistrict' AND d.code <> points.code
      OR d.level = 'district' AND d.code <> left(points.code, 6))
    AND a.valid_from <= points.on_date AND (a.valid_to IS NULL OR a.valid_to > points.on_date)
  GROUP BY d.code
) AS side
WHERE side.distance_m <= points.reach_m
ORDER BY points.n, side.code;
