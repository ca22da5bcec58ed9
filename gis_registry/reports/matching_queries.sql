-- near: active components of a class around points, as packed records
-- Very many around a coarse point are not all weighed: those nearest by degrees.
SELECT string_agg(
  int4send(probe.n) || float8send(probe.distance_m) || float8send(probe.accuracy_m)
    || float8send(probe.area_m2) || float8send(probe.outline_m) || rpad(probe.code, 17)::bytea, ''
) AS records
FROM (
  SELECT
    asked.n, near.code, near.accuracy_m,
    ST_Distance(near.geom::geography, place.geom::geography) AS distance_m,
    CASE WHEN ST_Dimension(near.geom) = 2 THEN ST_Area(near.geom::geography) ELSE 0 END AS area_m2,
    CASE ST_Dimension(near.geom)
      WHEN 0 THEN 0
      WHEN 1 THEN 2 * ST_Length(near.geom::geography)
      ELSE ST_Perimeter(near.geom::geography)
    END AS outline_m
  FROM unnest(
    CAST(:n AS int[]), CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:class_ids AS int[]),
    CAST(:radius_m AS float8[])
  ) AS asked (n, lon, lat, class_id, radius_m)
  CROSS JOIN LATERAL (
    SELECT ST_SetSRID(ST_MakePoint(asked.lon, asked.lat), 4490) AS geom
  ) AS place
  CROSS JOIN LATERAL (
    SELECT c.code, c.accuracy_m, c.geom
    FROM components c
    WHERE point(c.class_id, 0) ~= point(asked.class_id, 0) AND c.state = 'active'
      AND c.geom && metres_box(place.geom, asked.radius_m)
    ORDER BY c.geom <-> place.geom
    LIMIT :most
  ) AS near
) AS probe;

-- coarsest: how coarse the few components of a class are that are nearest to points
SELECT asked.n, max(near.accuracy_m) AS accuracy_m
FROM unnest(
  CAST(:n AS int[]), CAST(:lon AS float8[]), CAST(:lat AS float8[]), CAST(:class_ids AS int[])
) AS asked (n, lon, lat, class_id)
CROSS JOIN LATERAL (
  SELECT c.accuracy_m
  FROM components c
  WHERE point(c.class_id, 0) ~= point(asked.class_id, 0) AND c.state = 'active'
  ORDER BY c.geom <-> ST_SetSRID(ST_MakePoint(asked.lon, asked.lat), 4490)
  LIMIT 3
) AS near
GROUP BY asked.n;

-- details: what an answer says of components, in the order asked
SELECT
  c.code, c.state, c.accuracy_m, asked.distance_m,
  ST_X(ST_PointOnSurface(c.geom)) AS lon, ST_Y(ST_PointOnSurface(c.geom)) AS lat,
  c.supervisor_id, c.owner_id, c.maintainer_id, c.subdistrict_code,
  c.class_id, k.edition_key, k.code AS class_code,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en
FROM components c
JOIN unnest(CAST(:codes AS text[]), CAST(:distances_m AS float8[]))
  WITH ORDINALITY AS asked (code, distance_m, n)
  ON c.division_code = left(asked.code, 6) AND c.code = asked.code
JOIN component_classes k ON k.id = c.class_id
ORDER BY asked.n;

-- labels: what is written on components, by their attributes and aliases
SELECT
  c.code, c.attributes,
  (
    SELECT json_agg(json_build_array(a.kind, a.value) ORDER BY a.kind, a.valid_from, a.value)
    FROM component_aliases a
    WHERE a.division_code = c.division_code AND a.code = c.code AND a.kind <> 'identifier'
      AND (
        CAST(:moment AS timestamptz) IS NULL
        OR EXISTS (SELECT FROM changes ch WHERE ch.id = a.change_id AND ch.made_at <= :moment))
  ) AS aliases
FROM components c
JOIN unnest(CAST(:codes AS text[])) AS asked (code)
  ON c.division_code = left(asked.code, 6) AND c.code = asked.code;

-- named: components that identifiers, tags, keys or QR codes stand for, nearest first
-- What has the value now comes before what had it once. For what stands no more those come that took
-- its place (label_of: the one that the value belongs to), and it comes itself, in its state.
SELECT
  asked.n, named.kind, named.value, named.code, named.state, named.label_of, named.class_id,
  named.accuracy_m, named.distance_m, named.is_past
FROM unnest(
  CAST(:n AS int[]), CAST(:values AS text[]), CAST(:inner_values AS text[]),
  CAST(:codes AS text[]), CAST(:lon AS float8[]), CAST(:lat AS float8[])
) AS asked (n, value, inner_value, code, lon, lat)
CROSS JOIN LATERAL (
  SELECT
    hit.kind, hit.value, c.code, c.state, nullif(hit.code, c.code) AS label_of, c.class_id,
    c.accuracy_m,
    ST_Distance(
      c.geom::geography, ST_SetSRID(ST_MakePoint(asked.lon, asked.lat), 4490)::geography
    ) AS distance_m,
    hit.is_past
  FROM (
    SELECT left(asked.code, 6) AS division_code, asked.code, 'identifier' AS kind,
      asked.code AS value, false AS is_past
    UNION ALL
    SELECT a.division_code, a.code, a.kind, a.value, a.valid_to IS NOT NULL
    FROM component_aliases a
    WHERE a.value_key = ANY (ARRAY[alias_key(asked.value), alias_key(asked.inner_value)])
      AND a.value_key <> ''
      AND (
        CAST(:moment AS timestamptz) IS NULL
        OR EXISTS (SELECT FROM changes ch WHERE ch.id = a.change_id AND ch.made_at <= :moment))
  ) AS hit
  CROSS JOIN LATERAL (
    WITH RECURSIVE line (code) AS (
      SELECT hit.code
      UNION
      SELECT l.successor_code
      FROM line
      JOIN component_lineage l ON l.predecessor_code = line.code
      WHERE CAST(:moment AS timestamptz) IS NULL
        OR EXISTS (SELECT FROM changes ch WHERE ch.id = l.change_id AND ch.made_at <= :moment)
    )
    SELECT line.code FROM line
  ) AS line
  CROSS JOIN LATERAL (
    SELECT c.*
    FROM components c
    WHERE c.division_code = left(line.code, 6) AND c.code = line.code
      AND (c.state = 'active' OR c.code = hit.code)
  ) AS c
  ORDER BY c.state <> 'active', hit.is_past, c.code <> hit.code, distance_m, c.code, hit.kind
  LIMIT 20
) AS named
ORDER BY asked.n, named.is_past, named.distance_m, named.code, named.kind;
