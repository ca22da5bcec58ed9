-- append: what changes of cases add to measures and times, on days of the city
INSERT INTO indicator_changes (
  division_code, on_day, unit_code, class_id, matter_type_id, subdistrict_code, key, bucket, count
)
SELECT
  a.division_code, CAST(a.at AT TIME ZONE c.time_zone AS date),
  a.unit_code, a.class_id, a.matter_type_id, a.subdistrict_code, a.key, a.bucket, a.count
FROM city c
CROSS JOIN unnest(
  CAST(:division_code AS text[]), CAST(:at AS timestamptz[]), CAST(:unit_code AS text[]),
  CAST(:class_id AS int[]), CAST(:matter_type_id AS int[]), CAST(:subdistrict_code AS text[]),
  CAST(:key AS text[]), CAST(:bucket AS smallint[]), CAST(:count AS bigint[])
) AS a (
  division_code, at, unit_code, class_id, matter_type_id, subdistrict_code, key, bucket, count
);

-- fold_alone: let nobody else fold until the transaction ends
SELECT pg_advisory_xact_lock(7163482);

-- is_long: whether more changes wait than are quickly added up
SELECT EXISTS (SELECT FROM indicator_changes OFFSET :most LIMIT 1);

-- histories: where each case stands, with all its events in order
SELECT p.*, e.sequences, e.kinds, e.moments, e.notes
FROM case_progress p
CROSS JOIN LATERAL (
  SELECT
    array_agg(v.sequence ORDER BY v.sequence) AS sequences,
    array_agg(v.kind ORDER BY v.sequence) AS kinds,
    array_agg(v.happened_at ORDER BY v.sequence) AS moments,
    array_agg(v.note ORDER BY v.sequence) AS notes
  FROM case_events v
  WHERE v.division_code = p.division_code AND v.case_id = p.case_id
) AS e;
