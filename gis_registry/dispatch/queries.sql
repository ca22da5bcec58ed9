-- claims: every unit that answers for this component, class, matter or place on a date
SELECT
  r.id AS responsibility_id, r.role, r.division_code, r.valid_from,
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en,
  CASE
    WHEN r.component_code IS NOT NULL THEN 'component'
    WHEN r.class_id IS NOT NULL AND r.division_code IS NOT NULL THEN 'class_and_area'
    WHEN r.class_id IS NOT NULL THEN 'class'
    WHEN r.matter_type_id IS NOT NULL AND r.division_code IS NOT NULL THEN 'matter_and_area'
    WHEN r.matter_type_id IS NOT NULL THEN 'matter'
    ELSE 'area'
  END AS basis
FROM responsibilities r
JOIN units u ON u.id = r.unit_id
WHERE r.valid_from <= :on_date AND (r.valid_to IS NULL OR r.valid_to > :on_date)
  AND (r.component_code IS NULL OR r.component_code = :component_code)
  AND (r.class_id IS NULL OR r.class_id = ANY (CAST(:class_ids AS int[])))
  AND (r.matter_type_id IS NULL OR r.matter_type_id = :matter_type_id)
  AND (r.division_code IS NULL OR r.division_code = ANY (CAST(:areas AS text[])))
UNION ALL
SELECT
  NULL, recorded.role, NULL, NULL, u.code, u.name_zh, u.name_en, 'recorded_' || recorded.role
FROM (
  VALUES ('maintainer', CAST(:maintainer_id AS int)), ('owner', CAST(:owner_id AS int))
) AS recorded (role, unit_id)
JOIN units u ON u.id = recorded.unit_id;

-- nearest_responders: the available responders nearest to a point, in metres on the ground
SELECT
  near.code, near.name_zh, near.name_en, near.kind, near.distance_m,
  ST_X(near.geom) AS lon, ST_Y(near.geom) AS lat,
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom) AS probe
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
) AS near
JOIN units u ON u.id = near.unit_id
ORDER BY near.distance_m, near.code
LIMIT :count;
