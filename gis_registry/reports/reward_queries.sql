-- claim: all that the reward of a report depends on: rule, who was first, who has the reward
-- Reports whose reward was refused or reclaimed no longer stand before the others of their case.
SELECT
  r.id AS report_id, r.division_code, r.case_division_code, r.case_id, r.channel, r.reported_by,
  account.name AS account, account.reported_on,
  r.media_url IS NOT NULL OR r.photos <> '{}' AS has_photo,
  m.name_zh AS matter_name_zh, m.name_en AS matter_name_en,
  own.state, own.amount_yuan AS decided_amount_yuan, own.rule_id AS decided_rule_id,
  rule.id AS rule_id, rule.amount_yuan, rule.daily_limit, rule.needs_photo,
  first_report.id AS first_report_id,
  holder.report_id AS holder_report_id,
  that_day.count AS that_day_count
FROM reports r
JOIN matter_types m ON m.id = r.matter_type_id
CROSS JOIN LATERAL (
  SELECT
    nullif(btrim(r.sender ->> 'account'), '') AS name,
    CAST(r.reported_at AT TIME ZONE :zone AS date) AS reported_on
) AS account
LEFT JOIN rewards own ON own.division_code = r.division_code AND own.report_id = r.id
LEFT JOIN LATERAL (
  SELECT g.id, g.amount_yuan, g.daily_limit, g.needs_photo
  FROM reward_rules g
  WHERE g.valid_from <= account.reported_on
    AND (g.valid_to IS NULL OR g.valid_to > account.reported_on)
    AND (g.matter_type_id IS NULL OR g.matter_type_id = r.matter_type_id)
    AND (g.class_id IS NULL OR EXISTS (
      SELECT FROM matter_type_classes mc
      WHERE mc.matter_type_id = r.matter_type_id AND mc.class_id = g.class_id
    ))
    AND (g.major_code IS NULL OR EXISTS (
      -- A report of a class has a matter of its class's edition: its counterparts count.
      SELECT FROM matter_types other
      WHERE other.edition_key = :matter_edition_key AND other.major_code = g.major_code
        AND (other.id = r.matter_type_id OR EXISTS (
          SELECT FROM matter_type_classes theirs
          JOIN matter_type_classes ours USING (class_id)
          WHERE theirs.matter_type_id = other.id AND ours.matter_type_id = r.matter_type_id
        ))
    ))
  ORDER BY
    g.matter_type_id IS NULL, g.class_id IS NULL, g.major_code IS NULL,
    g.valid_from DESC, g.id DESC
  LIMIT 1
) AS rule ON true
LEFT JOIN LATERAL (
  SELECT f.id
  FROM reports f
  LEFT JOIN rewards w ON w.division_code = f.division_code AND w.report_id = f.id
  WHERE f.case_division_code = r.case_division_code AND f.case_id = r.case_id
    AND f.channel = 'citizen' AND btrim(f.sender ->> 'account') <> ''
    AND (f.id = r.id OR w.state IS NULL OR w.state IN ('due', 'paid'))
  ORDER BY f.reported_at, f.id
  LIMIT 1
) AS first_report ON true
LEFT JOIN rewards holder
  ON holder.case_division_code = r.case_division_code AND holder.case_id = r.case_id
  AND holder.state IN ('due', 'paid') AND holder.report_id <> r.id
CROSS JOIN LATERAL (
  SELECT count(*) AS count
  FROM rewards d
  WHERE d.account = account.name AND d.reported_by = r.reported_by
    AND d.reported_on = account.reported_on AND d.state IN ('due', 'paid') AND d.report_id <> r.id
) AS that_day
WHERE r.id = :report_id;

-- lost: the reward of a case that is due or paid for a report that was taken out of the case
SELECT w.division_code, w.report_id, w.state
FROM rewards w
JOIN reports r ON r.division_code = w.division_code AND r.id = w.report_id
WHERE w.case_division_code = :case_division_code AND w.case_id = :case_id
  AND w.state IN ('due', 'paid')
  AND (r.case_division_code, r.case_id) <> (w.case_division_code, w.case_id);

-- page: rewards with their last decision, those of the newest reports first
SELECT
  w.report_id, w.case_id, w.state, w.amount_yuan, w.account, w.reported_by, w.reported_on,
  w.decided_at, last_event.actor, last_event.reason, last_event.reference
FROM rewards w
CROSS JOIN LATERAL (
  SELECT e.actor, e.reason, e.reference FROM reward_events e
  WHERE e.division_code = w.division_code AND e.report_id = w.report_id
  ORDER BY e.sequence DESC
  LIMIT 1
) AS last_event
WHERE (CAST(:state AS text) IS NULL OR w.state = :state)
  AND (CAST(:account AS text) IS NULL OR w.account = :account)
  AND (CAST(:since AS date) IS NULL OR CAST(w.decided_at AT TIME ZONE :zone AS date) >= :since)
  AND (CAST(:until AS date) IS NULL OR CAST(w.decided_at AT TIME ZONE :zone AS date) <= :until)
  AND (CAST(:before AS bigint) IS NULL OR w.report_id < :before)
ORDER BY w.report_id DESC
LIMIT :limit;

-- totals: how many rewards are in each state, and what they come to
SELECT w.state, count(*) AS count, coalesce(sum(w.amount_yuan), 0) AS amount_yuan
FROM rewards w
WHERE (CAST(:state AS text) IS NULL OR w.state = :state)
  AND (CAST(:account AS text) IS NULL OR w.account = :account)
  AND (CAST(:since AS date) IS NULL OR CAST(w.decided_at AT TIME ZONE :zone AS date) >= :since)
  AND (CAST(:until AS date) IS NULL OR CAST(w.decided_at AT TIME ZONE :zone AS date) <= :until)
GROUP BY w.state
ORDER BY w.state;

-- rules: all rules with the codes of what they are for, the most specific first
SELECT
  g.id, m.code AS matter_code, k.code AS class_code, g.major_code, g.amount_yuan, g.daily_limit,
  g.needs_photo, g.valid_from, g.valid_to, g.note
FROM reward_rules g
LEFT JOIN matter_types m ON m.id = g.matter_type_id
LEFT JOIN component_classes k ON k.id = g.class_id
ORDER BY
  g.matter_type_id IS NULL, g.class_id IS NULL, g.major_code IS NULL,
  m.code, k.code, g.major_code, g.valid_from DESC, g.id;
