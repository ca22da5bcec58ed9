-- limits: the limits that run, with the unit that counts at their end and the calendar
SELECT DISTINCT
  CAST(clock -> 'limit' ->> 'amount' AS float) AS amount,
  clock -> 'limit' ->> 'unit' AS unit,
  coalesce(clock -> 'extensions' -> -1 ->> 'unit', clock -> 'limit' ->> 'unit') AS last_unit,
  CAST(clock ->> 'calendar' AS int) AS calendar
FROM case_progress
WHERE due_at IS NOT NULL AND warned_at IS NULL AND due_at >= :at;

-- overdue_kinds: in which units and by which calendars handling is overdue
SELECT DISTINCT
  coalesce(clock -> 'extensions' -> -1 ->> 'unit', clock -> 'limit' ->> 'unit') AS last_unit,
  CAST(clock ->> 'calendar' AS int) AS calendar
FROM case_progress
WHERE due_at < :at AND overdue_at IS NOT NULL AND stage = 'handling';

-- to_warn: cases that are due until a moment that depends on their limit, locked; not those in work
SELECT p.case_id
FROM case_progress p
JOIN jsonb_to_recordset(CAST(:kinds AS jsonb))
  AS k (amount float, unit text, last_unit text, calendar int, until timestamptz)
  ON k.amount = CAST(p.clock -> 'limit' ->> 'amount' AS float)
  AND k.unit = p.clock -> 'limit' ->> 'unit'
  AND k.last_unit
    = coalesce(p.clock -> 'extensions' -> -1 ->> 'unit', p.clock -> 'limit' ->> 'unit')
  AND k.calendar = CAST(p.clock ->> 'calendar' AS int)
WHERE p.due_at >= :at AND p.due_at <= :latest AND p.due_at <= k.until AND p.warned_at IS NULL
ORDER BY p.due_at, p.case_id
LIMIT :limit
FOR UPDATE OF p SKIP LOCKED;

-- to_note: cases that became overdue, locked; not those in work
SELECT case_id FROM case_progress
WHERE due_at < :at AND overdue_at IS NULL
ORDER BY due_at, case_id
LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- to_urge: cases whose handling is late enough and that were not urged since for that, locked
-- One that is suspended is overdue as it was, but nobody can go on with it.
SELECT p.case_id, p.unit_code, parent.code AS parent_code, parent.name_zh, parent.name_en
FROM case_progress p
JOIN jsonb_to_recordset(CAST(:kinds AS jsonb))
  AS k (last_unit text, calendar int, before timestamptz)
  ON k.last_unit
    = coalesce(p.clock -> 'extensions' -> -1 ->> 'unit', p.clock -> 'limit' ->> 'unit')
  AND k.calendar = CAST(p.clock ->> 'calendar' AS int)
LEFT JOIN units u ON u.code = p.unit_code
LEFT JOIN units parent ON parent.id = u.parent_id
WHERE p.due_at < :at AND p.due_at <= k.before AND p.overdue_at IS NOT NULL
  AND p.stage = 'handling' AND p.state = ANY(CAST(:states AS text[]))
  AND NOT EXISTS (
    SELECT FROM case_events e
    WHERE e.division_code = p.division_code AND e.case_id = p.case_id
      AND e.kind = 'urged' AND e.happened_at >= p.overdue_at AND e.note ? 'late_s'
  )
ORDER BY p.due_at, p.case_id
LIMIT :limit
FOR UPDATE OF p SKIP LOCKED;
