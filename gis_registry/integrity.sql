-- versions: components whose former states are not exactly those before the present version
SELECT c.code || ' is at version ' || c.version || ', with ' || count(h.version) || ' former states'
FROM components c
LEFT JOIN component_history h ON h.division_code = c.division_code AND h.code = c.code
WHERE c.version > 1
GROUP BY c.division_code, c.code
HAVING count(h.version) <> c.version - 1 OR min(h.version) <> 1 OR max(h.version) <> c.version - 1
UNION ALL
SELECT h.code || ' has former states, but is at version ' || coalesce(c.version::text, 'none')
FROM component_history h
LEFT JOIN components c ON c.division_code = h.division_code AND c.code = h.code
WHERE c.code IS NULL OR c.version <= h.version
LIMIT 10;

-- changes: states whose change is not recorded
SELECT c.code || ' names change ' || c.change_id || ', which is not recorded'
FROM components c
WHERE NOT EXISTS (SELECT FROM changes ch WHERE ch.id = c.change_id)
UNION ALL
SELECT h.code || ' names change ' || h.change_id || ' or ' || h.ended_by || ', not recorded'
FROM component_history h
WHERE NOT EXISTS (SELECT FROM changes ch WHERE ch.id = h.change_id)
  OR NOT EXISTS (SELECT FROM changes ch WHERE ch.id = h.ended_by)
LIMIT 10;

-- identifiers: components whose identifier is in no run of issued ones
SELECT c.code || ' was never issued'
FROM components c
WHERE NOT EXISTS (
  SELECT
  FROM identifier_blocks b
  WHERE b.division_code = c.division_code
    AND b.class_code = substr(c.code, 7, length(c.code) - 12)
    AND right(c.code, 6)::int BETWEEN b.first_serial AND b.last_serial)
LIMIT 10;

-- issued_twice: runs of identifiers that overlap
SELECT a.division_code || a.class_code || ': ' || a.first_serial || ' to ' || a.last_serial
  || ' and ' || b.first_serial || ' to ' || b.last_serial || ' overlap'
FROM identifier_blocks a
JOIN identifier_blocks b ON b.division_code = a.division_code AND b.class_code = a.class_code
  AND b.first_serial > a.first_serial AND b.first_serial <= a.last_serial
LIMIT 10;

-- counters: counters that would issue an identifier again, or leave some out
SELECT b.division_code || b.class_code || ' would go on with '
  || coalesce(s.next_serial::text, 'nothing') || ' after ' || max(b.last_serial)
FROM identifier_blocks b
LEFT JOIN serial_counters s
  ON s.division_code = b.division_code AND s.class_code = b.class_code
GROUP BY b.division_code, b.class_code, s.next_serial
HAVING s.next_serial IS DISTINCT FROM max(b.last_serial) + 1
LIMIT 10;

-- survey_rows: surveys that do not have the rows that they say
SELECT 'Survey ' || s.id || ' says ' || s.row_count || ' rows and has ' || count(r.row_number)
FROM surveys s
LEFT JOIN survey_rows r ON r.survey_id = s.id AND r.verdict <> 'missing'
GROUP BY s.id
HAVING count(r.row_number) <> s.row_count
UNION ALL
SELECT 'There are rows of survey ' || r.survey_id || ', which is not recorded'
FROM (SELECT DISTINCT survey_id FROM survey_rows) AS r
WHERE NOT EXISTS (SELECT FROM surveys s WHERE s.id = r.survey_id)
LIMIT 10;

-- registered: applied surveys that registered another number than they found new
SELECT 'Survey ' || s.id || ' found ' || rows.count || ' new and was issued '
  || coalesce(blocks.count, 0)
FROM surveys s
CROSS JOIN LATERAL (
  SELECT count(*) AS count
  FROM survey_rows r
  WHERE r.survey_id = s.id AND r.verdict = 'new' AND r.decision IS DISTINCT FROM 'rejected'
) AS rows
CROSS JOIN LATERAL (
  SELECT sum(b.last_serial - b.first_serial + 1) AS count
  FROM identifier_blocks b
  WHERE b.change_id = s.change_id
) AS blocks
WHERE s.state IN ('applied', 'reverted') AND rows.count <> coalesce(blocks.count, 0)
LIMIT 10;

-- aliases: aliases and successors of components that do not exist
SELECT a.kind || ' ' || a.value || ' is of ' || a.code || ', which is not registered'
FROM component_aliases a
WHERE NOT EXISTS (
  SELECT FROM components c WHERE c.division_code = a.division_code AND c.code = a.code)
UNION ALL
SELECT l.predecessor_code || ' was ' || l.relation || ' ' || l.successor_code || ', not registered'
FROM component_lineage l
WHERE NOT EXISTS (
  SELECT FROM components c
  WHERE c.division_code = left(l.successor_code, 6) AND c.code = l.successor_code)
LIMIT 10;
