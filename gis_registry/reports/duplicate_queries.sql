-- similar: for each report asked of, how crowded its place is, and the reports of open cases there
-- (a row without a report where there is none). Of a place where very much is reported only what is
-- nearest in time is read, so that none takes long; over how many seconds that goes is told. Which
-- of two of the same moment is the last of these does not matter, so the index gives their order.
WITH asked AS MATERIALIZED (
  SELECT a.*, ST_SetSRID(ST_MakePoint(a.lon, a.lat), 4490) AS geom, alike.matter_type_ids,
    greatest(similarity(a.said, m.name_zh), similarity(a.said, m.name_en)) AS name_similarity
  FROM unnest(
    CAST(:numbers AS int[]), CAST(:lons AS float8[]), CAST(:lats AS float8[]),
    CAST(:reaches_m AS float8[]), CAST(:bandwidths_m AS float8[]), CAST(:moments AS timestamptz[]),
    CAST(:matter_type_ids AS int[]), CAST(:component_codes AS text[]), CAST(:texts AS text[])
  ) AS a (n, lon, lat, reach_m, bandwidth_m, moment, matter_type_id, component_code, said)
  JOIN matter_types m ON m.id = a.matter_type_id
  JOIN (
    SELECT kind, major_code, array_agg(id) AS matter_type_ids
    FROM matter_types
    GROUP BY kind, major_code
  ) AS alike USING (kind, major_code)
)
SELECT asked.n, asked.name_similarity, (SELECT min(reported_at) FROM reports) AS first_at, found.*
FROM asked
CROSS JOIN LATERAL (
  WITH near AS MATERIALIZED (
    (
      SELECT r.id, r.geom, r.accuracy_m, r.reported_at, r.matter_type_id, r.component_code, r.text,
        r.case_division_code, r.case_id, true AS is_near
      FROM reports r
      WHERE r.geom && metres_box(asked.geom, asked.reach_m)
        AND r.reported_at BETWEEN asked.moment - CAST(:memory AS interval)
          AND asked.moment + CAST(:memory AS interval)
      ORDER BY r.reported_at <-> asked.moment
      LIMIT :most_read
    )
    UNION ALL
    (
      SELECT r.id, r.geom, r.accuracy_m, r.reported_at, r.matter_type_id, r.component_code, r.text,
        r.case_division_code, r.case_id, false
      FROM reports r
      WHERE r.component_code = asked.component_code
        AND r.reported_at BETWEEN asked.moment - CAST(:memory AS interval)
          AND asked.moment + CAST(:memory AS interval)
        AND NOT r.geom && metres_box(asked.geom, asked.reach_m)
      ORDER BY r.reported_at DESC, r.id
      LIMIT :most_told
    )
  ), alike AS MATERIALIZED (
    SELECT near.*, near.matter_type_id = asked.matter_type_id AS is_same_matter,
      ST_Distance(CAST(near.geom AS geography), CAST(asked.geom AS geography)) AS distance_m
    FROM near
    WHERE near.matter_type_id = ANY(asked.matter_type_ids)
  ), crowd AS MATERIALIZED (
    SELECT case_division_code, case_id,
      exp(-0.5 * (min(distance_m) / asked.bandwidth_m) ^ 2) AS crowding
    FROM alike
    WHERE is_same_matter AND distance_m <= asked.reach_m
    GROUP BY case_division_code, case_id
  )
  SELECT
    whole.crowding AS whole_crowding, whole.span_s,
    told.id, told.case_division_code, told.case_id, told.accuracy_m, told.component_code,
    told.is_same_matter, told.distance_m, told.crowding, told.text,
    extract(epoch FROM asked.moment - told.reported_at) AS age_s,
    CASE WHEN told.text <> '' AND asked.said <> ''
      THEN similarity(told.text, asked.said) END AS text_similarity,
    (
      SELECT min(r.id) FROM reports r
      WHERE r.case_division_code = told.case_division_code AND r.case_id = told.case_id
    ) AS first_report_id
  FROM (
    SELECT
      (SELECT coalesce(sum(crowding), 0) FROM crowd) AS crowding,
      (
        SELECT extract(epoch FROM max(greatest(near.reported_at, asked.moment)
          - least(near.reported_at, asked.moment)))
        FROM near WHERE is_near HAVING count(*) >= :most_read
      ) AS span_s
  ) AS whole
  LEFT JOIN (
    SELECT alike.*, crowd.crowding
    FROM alike
    LEFT JOIN crowd USING (case_division_code, case_id)
    WHERE (
      alike.distance_m <= asked.reach_m OR alike.component_code = asked.component_code
    ) AND (
      SELECT p.is_open FROM case_progress p
      WHERE p.division_code = alike.case_division_code AND p.case_id = alike.case_id
    )
    ORDER BY alike.component_code IS NOT DISTINCT FROM asked.component_code DESC,
      alike.is_same_matter DESC, alike.distance_m, alike.reported_at DESC, alike.id
    LIMIT :most_told
  ) AS told ON true
) AS found
ORDER BY asked.n, found.id;

-- text_similarities: how similar texts are to each other, pair by pair
SELECT similarity(one, other) AS text_similarity
FROM unnest(CAST(:ones AS text[]), CAST(:others AS text[])) WITH ORDINALITY AS a (one, other, n)
ORDER BY n;

-- lock_places: let others who ask of the same places or components wait until this ends
SELECT pg_advisory_xact_lock_shared(CAST(:all_places AS bigint)), (
  SELECT count(pg_advisory_xact_lock(key))
  FROM (SELECT key FROM unnest(CAST(:keys AS bigint[])) AS k (key) ORDER BY key) AS ordered
);

-- lock_all_places: let everybody else who asks wait until this ends
SELECT pg_advisory_xact_lock(CAST(:all_places AS bigint));

-- lock_cases: let others who change some cases wait until this ends
SELECT p.case_id
FROM case_progress p
JOIN unnest(CAST(:division_codes AS text[]), CAST(:case_ids AS bigint[]))
  AS wanted (division_code, case_id) USING (division_code, case_id)
ORDER BY p.case_id
FOR UPDATE OF p;

-- open_cases: those of some cases that are open
SELECT p.case_id
FROM case_progress p
JOIN unnest(CAST(:division_codes AS text[]), CAST(:case_ids AS bigint[]))
  AS wanted (division_code, case_id) USING (division_code, case_id)
WHERE p.is_open
ORDER BY p.case_id;
