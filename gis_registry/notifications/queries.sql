-- announce: deliveries of notices to the webhooks that want them, their jobs, and live notifications
WITH told AS MATERIALIZED (
  SELECT n.position, n.notice
  FROM jsonb_array_elements(CAST(:notices AS jsonb)) WITH ORDINALITY AS n (notice, position)
),
added AS (
  INSERT INTO webhook_deliveries (webhook_id, notice_id, payload)
  SELECT w.id, t.notice ->> 'id', t.notice -> 'payload'
  FROM webhooks w
  JOIN told t
    ON (w.kinds IS NULL OR t.notice -> 'payload' ->> 'type' = ANY (w.kinds))
    AND (w.division_code IS NULL OR w.division_code = t.notice ->> 'division_code')
  WHERE w.is_active
  ORDER BY t.position, w.id
  ON CONFLICT (webhook_id, notice_id) DO NOTHING
  RETURNING id
),
queued AS (
  SELECT procrastinate_defer_jobs_v1(array_agg(
    CAST(ROW('webhooks', 'deliver', 0, NULL, 'deliver-' || a.id,
      jsonb_build_object('delivery_id', a.id), NULL) AS procrastinate_job_to_defer_v1)
    ORDER BY a.id)) AS jobs
  FROM added a
  HAVING count(*) > 0
)
SELECT pg_notify(:channel, CAST(t.notice -> 'live' AS text))
FROM told t
LEFT JOIN queued q ON true
ORDER BY t.position;
