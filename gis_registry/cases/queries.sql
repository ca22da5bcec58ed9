-- summaries: cases with their state and latest dispatch decision, the newest first
SELECT
  c.id, c.division_code, c.component_code, c.opened_at,
  CASE WHEN last_event.kind = 'closed' THEN 'closed' ELSE 'open' END AS state,
  m.code AS matter_code, m.name_zh AS matter_name_zh, m.name_en AS matter_name_en,
  k.code AS class_code,
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en,
  coalesce(d.responders, '[]') AS responders,
  ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat
FROM cases c
CROSS JOIN LATERAL (
  SELECT e.kind FROM case_events e
  WHERE e.division_code = c.division_code AND e.case_id = c.id
  ORDER BY e.sequence DESC
  LIMIT 1
) AS last_event
LEFT JOIN LATERAL (
  SELECT d.unit_id, d.responders FROM decisions d
  WHERE d.division_code = c.division_code AND d.case_id = c.id
  ORDER BY d.id DESC
  LIMIT 1
) AS d ON true
LEFT JOIN matter_types m ON m.id = c.matter_type_id
LEFT JOIN component_classes k ON k.id = c.class_id
LEFT JOIN units u ON u.id = d.unit_id
WHERE (CAST(:case_id AS bigint) IS NULL OR c.id = :case_id)
  AND (CAST(:before AS bigint) IS NULL OR c.id < :before)
  AND (NOT :only_open OR last_event.kind <> 'closed')
ORDER BY c.id DESC
LIMIT :limit;

-- last_sequences: the place of the last event of each of some cases, which are locked
SELECT c.id AS case_id, (
  SELECT max(e.sequence) FROM case_events e
  WHERE e.division_code = c.division_code AND e.case_id = c.id
) AS sequence
FROM cases c
JOIN unnest(CAST(:division_codes AS text[]), CAST(:case_ids AS bigint[]))
  WITH ORDINALITY AS wanted (division_code, id, n) USING (division_code, id)
ORDER BY wanted.n
FOR UPDATE OF c;
