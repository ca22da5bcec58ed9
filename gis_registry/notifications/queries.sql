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

-- webhooks: webhooks with how many of their deliveries are pending and dead
SELECT w.id, w.url, w.kinds, w.division_code, w.description, w.is_active, w.created_by, w.created_at,
  count(d.id) FILTER (WHERE d.status = 'pending') AS pending,
  count(d.id) FILTER (WHERE d.status = 'dead') AS dead
FROM webhooks w
LEFT JOIN webhook_deliveries d ON d.webhook_id = w.id AND d.status IN ('pending', 'dead')
WHERE CAST(:webhook_id AS int) IS NULL OR w.id = :webhook_id
GROUP BY w.id
ORDER BY w.id;

-- deliveries: deliveries, the newest first
SELECT d.id, d.webhook_id, d.notice_id, d.status, d.attempts,
  CASE WHEN d.status = 'pending' THEN d.next_attempt_at END AS next_attempt_at,
  d.last_attempt_at, d.last_status_code, d.last_error, d.delivered_at, d.created_at, d.payload
FROM webhook_deliveries d
WHERE (CAST(:delivery_id AS bigint) IS NULL OR d.id = :delivery_id)
  AND (CAST(:webhook_id AS bigint) IS NULL OR d.webhook_id = :webhook_id)
  AND (CAST(:status AS text) IS NULL OR d.status = :status)
  AND (CAST(:before AS bigint) IS NULL OR d.id < :before)
ORDER BY d.id DESC
LIMIT :limit;

-- claim: take a delivery whose time has come, until the lease ends
UPDATE webhook_deliveries d
SET attempts = d.attempts + 1, last_attempt_at = now(),
  next_attempt_at = now() + CAST(:lease AS interval)
FROM webhooks w
WHERE d.id = :delivery_id AND d.status = 'pending' AND d.next_attempt_at <= now()
  AND w.id = d.webhook_id
RETURNING d.id, d.webhook_id, d.notice_id, d.payload, d.attempts, w.url, w.is_active, w.secret,
  CASE WHEN w.previous_until > now() THEN w.previous_secret END AS previous_secret;

-- settle: what came of an attempt; a success counts whatever was done since
UPDATE webhook_deliveries
SET status = :status, last_status_code = :status_code, last_error = :error,
  next_attempt_at = now() + CAST(:delay AS interval),
  delivered_at = CASE WHEN :status = 'delivered' THEN now() END
WHERE id = :delivery_id
  AND (:status = 'delivered' OR (status = 'pending' AND attempts = :attempts));

-- give_up: what waits for a webhook is dead from now on
-- Its jobs go as well: who tries it again would else wait until their time comes.
WITH given_up AS (
  UPDATE webhook_deliveries
  SET status = 'dead', last_status_code = NULL, last_error = :error
  WHERE webhook_id = :webhook_id AND status = 'pending'
  RETURNING id
)
DELETE FROM procrastinate_jobs j
USING given_up g
WHERE j.queueing_lock = 'deliver-' || g.id AND j.status = 'todo';

-- revive: make dead deliveries to active webhooks pending again, with all their tries
UPDATE webhook_deliveries d
SET status = 'pending', attempts = 0, next_attempt_at = now()
FROM webhooks w
WHERE d.status = 'dead' AND w.id = d.webhook_id AND w.is_active
  AND (CAST(:delivery_id AS bigint) IS NULL OR d.id = :delivery_id)
  AND (CAST(:webhook_id AS bigint) IS NULL OR d.webhook_id = :webhook_id)
RETURNING d.id;

-- queue: jobs of pending deliveries that have none waiting
-- Its job's queueing lock says whether a delivery has one. Without ids: those that are overdue.
WITH wanted AS (
  SELECT d.id, d.next_attempt_at
  FROM webhook_deliveries d
  WHERE d.status = 'pending'
    AND CASE
      WHEN CAST(:delivery_ids AS bigint[]) IS NULL
        THEN d.next_attempt_at < now() - interval '1 minute'
      ELSE d.id = ANY (CAST(:delivery_ids AS bigint[]))
    END
    AND NOT EXISTS (
      SELECT FROM procrastinate_jobs j
      WHERE j.queueing_lock = 'deliver-' || d.id AND j.status = 'todo')
  ORDER BY d.id
  FOR UPDATE OF d SKIP LOCKED
)
SELECT procrastinate_defer_jobs_v1(array_agg(
  CAST(ROW('webhooks', 'deliver', 0, NULL, 'deliver-' || id,
    jsonb_build_object('delivery_id', id), next_attempt_at) AS procrastinate_job_to_defer_v1)
  ORDER BY id))
FROM wanted;

-- forget_delivered: remove what was delivered some time ago
DELETE FROM webhook_deliveries
WHERE status = 'delivered' AND delivered_at < now() - CAST(:older_than AS interval);
