-- keys_after: division codes and numbers of cases, in order after one of them
SELECT division_code, id FROM cases
WHERE (division_code, id) > (:division_code, :case_id)
ORDER BY division_code, id
LIMIT :limit;

-- sampled_keys: division codes and numbers of cases from so many in a hundred of the table's pages
SELECT division_code, id FROM cases TABLESAMPLE SYSTEM (:share) ORDER BY division_code, id;

-- key_of: division code and number of a case
SELECT division_code, id FROM cases WHERE id = :case_id;

-- with_events: cases, where they are said to stand, and all that happened to them, in one snapshot
-- Where a case lies and by which channel it came is what its first report says, if that is kept.
SELECT
  c.division_code, c.id AS case_id, c.matter_type_id, c.class_id, c.opened_at AS reported_at,
  CASE WHEN r.id IS NULL THEN p.subdistrict_code ELSE r.subdistrict_code END AS subdistrict_code,
  CASE WHEN r.id IS NULL THEN p.channel ELSE r.channel END AS channel,
  to_jsonb(p) AS progress,
  (
    SELECT jsonb_agg(
      jsonb_build_object(
        'sequence', e.sequence, 'kind', e.kind, 'happened_at', e.happened_at, 'note', e.note)
      ORDER BY e.sequence)
    FROM case_events e
    WHERE e.division_code = c.division_code AND e.case_id = c.id
  ) AS events
FROM unnest(CAST(:division_codes AS text[]), CAST(:case_ids AS bigint[]))
  AS wanted (division_code, id)
JOIN cases c USING (division_code, id)
LEFT JOIN case_progress p ON p.division_code = c.division_code AND p.case_id = c.id
LEFT JOIN case_events opened
  ON opened.division_code = c.division_code AND opened.case_id = c.id AND opened.sequence = 1
LEFT JOIN reports r ON r.id = opened.report_id
ORDER BY c.division_code, c.id;

-- estimated_count: about how many cases there are; -1 where nobody has counted yet
SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = CAST('cases' AS regclass);
