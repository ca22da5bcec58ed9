-- next_id: the number of a new case, which nobody else gets
SELECT nextval(pg_get_serial_sequence('cases', 'id'));

-- insert_decisions: which units cases go to, told by their codes
INSERT INTO decisions (division_code, case_id, unit_id, responsibility, responders, decided_at)
SELECT d.division_code, d.case_id, u.id, d.responsibility, d.responders, d.decided_at
FROM json_to_recordset(CAST(:rows AS json)) AS d (
  division_code text, case_id bigint, unit_code text, responsibility jsonb, responders jsonb,
  decided_at timestamptz
)
LEFT JOIN units u ON u.code = d.unit_code;

-- locked_progress: where some cases stand and where they are, locked until the transaction ends
-- The progress is read after the lock is held, so that it is what others have committed.
SELECT p.*, ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat
FROM cases c
JOIN case_progress p ON p.division_code = c.division_code AND p.case_id = c.id
WHERE c.id = ANY(CAST(:case_ids AS bigint[]))
ORDER BY c.id
FOR UPDATE OF p;

-- events_since: what happened from a moment on, the oldest first, with where the cases stand now
SELECT p.*, e.sequence, e.kind, e.happened_at, e.actor, e.note
FROM case_events e
JOIN case_progress p ON p.division_code = e.division_code AND p.case_id = e.case_id
WHERE e.happened_at >= :since
ORDER BY e.happened_at, e.division_code, e.case_id, e.sequence
LIMIT :limit;

-- asked_again: what a case asks of responsibility: its place, component, and when it was reported
-- Where no report is kept, it was reported when it was opened, at its exact position.
SELECT
  ST_X(c.geom) AS lon, ST_Y(c.geom) AS lat, c.matter_type_id,
  coalesce(r.reported_at, c.opened_at) AS reported_at, coalesce(r.accuracy_m, 0) AS accuracy_m,
  p.code, p.class_id, k.edition_key, p.maintainer_id, p.owner_id, p.subdistrict_code
FROM cases c
LEFT JOIN case_events e ON e.division_code = c.division_code AND e.case_id = c.id AND e.sequence = 1
LEFT JOIN reports r ON r.id = e.report_id
LEFT JOIN components p
  ON p.division_code = left(c.component_code, 6) AND p.code = c.component_code
LEFT JOIN component_classes k ON k.id = p.class_id
WHERE c.division_code = :division_code AND c.id = :case_id;

-- returns: cases that units returned, by unit, matter and class, reason, and the fact that failed
-- The decision that followed stands while it names a unit and none came after it.
SELECT
  u.code AS unit_code, u.name_zh AS unit_name_zh, u.name_en AS unit_name_en,
  m.code AS matter_code, m.name_zh AS matter_name_zh, m.name_en AS matter_name_en,
  k.edition_key, k.code AS class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  e.note ->> 'reason' AS reason,
  CAST(e.note ->> 'responsibility_id' AS int) AS responsibility_id,
  count(*) AS count,
  count(*) FILTER (
    WHERE next.unit_id IS NOT NULL AND NOT EXISTS (
      SELECT FROM decisions later
      WHERE later.division_code = e.division_code AND later.case_id = e.case_id
        AND later.id > next.id)
  ) AS stood
FROM case_events e
JOIN cases c ON c.division_code = e.division_code AND c.id = e.case_id
JOIN units u ON u.code = e.note ->> 'unit_code'
LEFT JOIN decisions next
  ON next.division_code = e.division_code AND next.id = CAST(e.note ->> 'decision_id' AS bigint)
LEFT JOIN matter_types m ON m.id = c.matter_type_id
LEFT JOIN component_classes k ON k.id = c.class_id
WHERE e.kind = 'returned' AND e.happened_at >= :since
GROUP BY u.id, m.id, k.id, reason, responsibility_id
ORDER BY u.code, m.code, k.code, reason, responsibility_id;

-- described: what people read of cases: where they are, what they are about, what they were through
SELECT
  p.case_id, p.urged, p.sent_back,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  d.name_zh AS district_name_zh, d.name_en AS district_name_en,
  s.name_zh AS subdistrict_name_zh, s.name_en AS subdistrict_name_en,
  coalesce(r.text, '') AS text
FROM unnest(CAST(:division_codes AS text[]), CAST(:case_ids AS bigint[]))
  AS wanted (division_code, case_id)
JOIN case_progress p USING (division_code, case_id)
LEFT JOIN component_classes k ON k.id = p.class_id
LEFT JOIN divisions d ON d.code = p.division_code
LEFT JOIN divisions s ON s.code = p.subdistrict_code
LEFT JOIN LATERAL (
  SELECT left(r.text, 200) AS text
  FROM reports r
  WHERE r.case_division_code = p.division_code AND r.case_id = p.case_id AND r.text <> ''
  ORDER BY r.reported_at, r.id
  LIMIT 1
) AS r ON true;
