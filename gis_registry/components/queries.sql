-- component: everything about one component as it is now
SELECT
  c.code, c.version, c.operation, c.state, c.accuracy_m, c.surveyed_on, c.is_synthetic,
  c.attributes, c.division_code, c.subdistrict_code, c.cell_code,
  ST_X(ST_PointOnSurface(c.geom)) AS lon, ST_Y(ST_PointOnSurface(c.geom)) AS lat,
  ST_AsGeoJSON(c.geom, 7, 0)::json AS geometry,
  k.edition_key, k.code AS class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  district.name_zh AS division_name_zh, district.name_en AS division_name_en,
  subdistrict.name_zh AS subdistrict_name_zh, subdistrict.name_en AS subdistrict_name_en,
  supervisor.code AS supervisor_code, supervisor.name_zh AS supervisor_name_zh,
  supervisor.name_en AS supervisor_name_en,
  owner.code AS owner_code, owner.name_zh AS owner_name_zh, owner.name_en AS owner_name_en,
  maintainer.code AS maintainer_code, maintainer.name_zh AS maintainer_name_zh,
  maintainer.name_en AS maintainer_name_en,
  ch.made_at AS changed_at
FROM components c
JOIN component_classes k ON k.id = c.class_id
JOIN changes ch ON ch.id = c.change_id
LEFT JOIN divisions district ON district.code = c.division_code
LEFT JOIN divisions subdistrict ON subdistrict.code = c.subdistrict_code
LEFT JOIN units supervisor ON supervisor.id = c.supervisor_id
LEFT JOIN units owner ON owner.id = c.owner_id
LEFT JOIN units maintainer ON maintainer.id = c.maintainer_id
WHERE c.division_code = :division_code AND c.code = :code;

-- nearest_of_classes: active components of some classes nearest to a point, in metres
-- The nearest by degrees bound how far the nearest by metres can be; the box holds all of those.
SELECT
  near.code, near.state, near.accuracy_m, near.distance_m, near.lon, near.lat,
  near.supervisor_id, near.owner_id, near.maintainer_id, near.subdistrict_code,
  near.class_id, k.edition_key, k.code AS class_code,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom) AS probe
CROSS JOIN unnest(CAST(:class_ids AS int[])) AS wanted (class_id)
CROSS JOIN LATERAL (
  SELECT least(
    :radius_m, max(ST_Distance(seed.geom::geography, probe.geom::geography)) + 0.01) AS metres
  FROM (
    SELECT c.geom
    FROM components c
    WHERE point(c.class_id, 0) ~= point(wanted.class_id, 0) AND c.state = 'active'
    ORDER BY c.geom <-> probe.geom
    LIMIT :count
  ) AS seed
) AS reach
CROSS JOIN LATERAL (
  SELECT c.*, ST_X(ST_PointOnSurface(c.geom)) AS lon, ST_Y(ST_PointOnSurface(c.geom)) AS lat,
    ST_Distance(c.geom::geography, probe.geom::geography) AS distance_m
  FROM components c
  WHERE point(c.class_id, 0) ~= point(wanted.class_id, 0) AND c.state = 'active'
    AND c.geom && metres_box(probe.geom, reach.metres)
  ORDER BY distance_m, c.code
  LIMIT :count
) AS near
JOIN component_classes k ON k.id = near.class_id
WHERE near.distance_m <= reach.metres
ORDER BY near.distance_m, near.code
LIMIT :count;

-- nearest_of_any: active components of whatever class nearest to a point, in metres
SELECT
  near.code, near.state, near.accuracy_m, near.distance_m, near.lon, near.lat,
  near.supervisor_id, near.owner_id, near.maintainer_id, near.subdistrict_code,
  near.class_id, k.edition_key, k.code AS class_code,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en
FROM (SELECT ST_SetSRID(ST_MakePoint(:lon, :lat), 4490) AS geom) AS probe
CROSS JOIN LATERAL (
  SELECT least(
    :radius_m, max(ST_Distance(seed.geom::geography, probe.geom::geography)) + 0.01) AS metres
  FROM (
    SELECT c.geom
    FROM components c
    WHERE c.state = 'active'
    ORDER BY c.geom <-> probe.geom
    LIMIT :count
  ) AS seed
) AS reach
CROSS JOIN LATERAL (
  SELECT c.*, ST_X(ST_PointOnSurface(c.geom)) AS lon, ST_Y(ST_PointOnSurface(c.geom)) AS lat,
    ST_Distance(c.geom::geography, probe.geom::geography) AS distance_m
  FROM components c
  WHERE c.state = 'active' AND c.geom && metres_box(probe.geom, reach.metres)
  ORDER BY distance_m, c.code
  LIMIT :count
) AS near
JOIN component_classes k ON k.id = near.class_id
WHERE near.distance_m <= reach.metres
ORDER BY near.distance_m, near.code
LIMIT :count;

-- history: every state that a component had, the first one first
SELECT
  h.version, h.operation, h.state, k.code AS class_code, h.accuracy_m,
  ST_X(ST_PointOnSurface(h.geom)) AS lon, ST_Y(ST_PointOnSurface(h.geom)) AS lat, h.attributes,
  h.surveyed_on, ch.id AS change_id, ch.made_at, ch.actor, ch.reason, ended.made_at AS ended_at
FROM (
  SELECT version, operation, state, class_id, accuracy_m, geom, attributes, surveyed_on, change_id,
    ended_by
  FROM component_history
  WHERE division_code = :division_code AND code = :code
  UNION ALL
  SELECT version, operation, state, class_id, accuracy_m, geom, attributes, surveyed_on, change_id,
    NULL
  FROM components
  WHERE division_code = :division_code AND code = :code
) AS h
JOIN component_classes k ON k.id = h.class_id
JOIN changes ch ON ch.id = h.change_id
LEFT JOIN changes ended ON ended.id = h.ended_by
ORDER BY h.version;

-- components_as_of: every component as it was at a moment, those registered later left out
SELECT
  c.division_code, c.code, c.version, c.operation, c.state, c.class_id, c.geom, c.accuracy_m,
  c.subdistrict_code, c.cell_code, c.surveyed_on, c.is_synthetic, c.attributes, c.supervisor_id,
  c.owner_id, c.maintainer_id, c.change_id
FROM components c
JOIN changes made ON made.id = c.change_id
WHERE made.made_at <= CAST(:moment AS timestamptz)
UNION ALL
SELECT
  h.division_code, h.code, h.version, h.operation, h.state, h.class_id, h.geom, h.accuracy_m,
  h.subdistrict_code, h.cell_code, h.surveyed_on, h.is_synthetic, h.attributes, h.supervisor_id,
  h.owner_id, h.maintainer_id, h.change_id
FROM component_history h
JOIN changes made ON made.id = h.change_id
JOIN changes ended ON ended.id = h.ended_by
WHERE made.made_at <= CAST(:moment AS timestamptz)
  AND ended.made_at > CAST(:moment AS timestamptz);

-- advance_counters: take serials from counters, locking them in the order given
INSERT INTO serial_counters (division_code, class_code, next_serial)
SELECT division_code, class_code, 1 + wanted
FROM unnest(
  CAST(:division_codes AS text[]), CAST(:class_codes AS text[]), CAST(:counts AS int[])
) WITH ORDINALITY AS t (division_code, class_code, wanted, n)
ORDER BY n
ON CONFLICT (division_code, class_code)
DO UPDATE SET next_serial = serial_counters.next_serial + excluded.next_serial - 1
RETURNING division_code, class_code, next_serial;

-- archive: copy the present state of components into their history, ended by a change
INSERT INTO component_history (
  division_code, code, version, operation, state, geom, accuracy_m, subdistrict_code, cell_code,
  surveyed_on, is_synthetic, attributes, class_id, supervisor_id, owner_id, maintainer_id,
  change_id, ended_by)
SELECT
  c.division_code, c.code, c.version, c.operation, c.state, c.geom, c.accuracy_m,
  c.subdistrict_code, c.cell_code, c.surveyed_on, c.is_synthetic, c.attributes, c.class_id,
  c.supervisor_id, c.owner_id, c.maintainer_id, c.change_id, :change_id
FROM components c
JOIN unnest(CAST(:division_codes AS text[]), CAST(:codes AS text[])) AS t (division_code, code)
  USING (division_code, code);

-- indexes: how the indexes of the components are dropped and built again
SELECT
  CASE WHEN i.indisprimary THEN format('ALTER TABLE components DROP CONSTRAINT %I', k.relname)
    ELSE format('DROP INDEX %I', k.relname) END AS drop,
  CASE WHEN i.indisprimary THEN
      format('ALTER TABLE components ADD CONSTRAINT %I %s', k.relname, pg_get_constraintdef(p.oid))
    ELSE pg_get_indexdef(i.indexrelid) END AS build
FROM pg_index i
JOIN pg_class k ON k.oid = i.indexrelid
LEFT JOIN pg_constraint p ON p.conindid = i.indexrelid AND p.contype = 'p'
WHERE i.indrelid = 'components'::regclass
ORDER BY i.indisprimary DESC, k.relname;
