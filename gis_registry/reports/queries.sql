-- service_requests: reports with the state and the unit of their cases, the newest first
SELECT
  r.id, r.text, r.address, r.media_url, r.reported_at, r.component_code,
  r.answer -> 'place' AS place,
  coalesce(d.responsibility -> 'grounds', r.answer #> '{responsible,grounds}') AS grounds,
  ST_X(r.geom) AS lon, ST_Y(r.geom) AS lat,
  m.code AS matter_code, m.name_zh AS matter_name_zh, m.name_en AS matter_name_en,
  u.name_zh AS unit_name_zh, u.name_en AS unit_name_en,
  CASE WHEN p.is_open THEN 'open' ELSE 'closed' END AS state, p.state AS progress,
  CASE WHEN p.stage = 'handling' THEN p.due_at END AS expected_at,
  last_event.happened_at AS updated_at,
  CASE WHEN NOT p.is_open THEN (
    SELECT e.note ->> 'reason' FROM case_events e
    WHERE e.division_code = r.case_division_code AND e.case_id = r.case_id
      AND e.note ->> 'state' = p.state
    ORDER BY e.sequence DESC
    LIMIT 1
  ) END AS reason,
  CASE WHEN :with_events THEN (
    SELECT jsonb_agg(
      jsonb_build_object(
        'kind', e.kind, 'happened_at', e.happened_at,
        'reason', CASE WHEN e.note ->> 'state' IN ('closed', 'not_accepted', 'merged')
          THEN e.note ->> 'reason' END
      ) ORDER BY e.sequence
    )
    FROM case_events e
    WHERE e.division_code = r.case_division_code AND e.case_id = r.case_id
  ) END AS events
FROM reports r
JOIN matter_types m ON m.id = r.matter_type_id
JOIN case_progress p
  ON p.division_code = r.case_division_code AND p.case_id = r.case_id
CROSS JOIN LATERAL (
  SELECT e.kind, e.happened_at, e.note FROM case_events e
  WHERE e.division_code = r.case_division_code AND e.case_id = r.case_id
  ORDER BY e.sequence DESC
  LIMIT 1
) AS last_event
LEFT JOIN LATERAL (
  SELECT d.responsibility FROM decisions d
  WHERE d.division_code = r.case_division_code AND d.case_id = r.case_id
  ORDER BY d.id DESC
  LIMIT 1
) AS d ON true
LEFT JOIN units u ON u.code = p.unit_code
WHERE (CAST(:ids AS bigint[]) IS NULL OR r.id = ANY(CAST(:ids AS bigint[])))
  AND (CAST(:matter_codes AS text[]) IS NULL OR m.code = ANY(CAST(:matter_codes AS text[])))
  AND (CAST(:since AS timestamptz) IS NULL OR r.reported_at >= :since)
  AND (CAST(:until AS timestamptz) IS NULL OR r.reported_at <= :until)
  AND (CAST(:updated_after AS timestamptz) IS NULL OR last_event.happened_at >= :updated_after)
  AND (CAST(:updated_before AS timestamptz) IS NULL OR last_event.happened_at <= :updated_before)
  AND (
    CAST(:states AS text[]) IS NULL
    OR CASE WHEN p.is_open THEN 'open' ELSE 'closed' END
      = ANY(CAST(:states AS text[]))
  )
ORDER BY r.id DESC
LIMIT :limit OFFSET :offset;

-- lock_client_key: keep a sender's key from others, and the sender from who locks all of its keys
SELECT
  pg_advisory_xact_lock_shared(hashtextextended(:sender, 1)),
  pg_advisory_xact_lock(hashtextextended(:key, 1));

-- lock_sender: keep every key of a sender from others
SELECT pg_advisory_xact_lock(hashtextextended(:sender, 1));

-- with_client_keys: the numbers of the reports that senders sent with these keys
SELECT r.id
FROM unnest(CAST(:senders AS text[]), CAST(:client_keys AS text[]))
  AS wanted (reported_by, client_key)
JOIN reports r USING (reported_by, client_key);

-- next_numbers: numbers of new reports and of the cases that they may open, which nobody else gets
SELECT
  nextval(pg_get_serial_sequence('reports', 'id')), nextval(pg_get_serial_sequence('cases', 'id'))
FROM generate_series(1, :count);
