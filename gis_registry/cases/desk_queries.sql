-- open_cases: open cases by when they are due, those without a limit last; what, where and whose
-- The cases are chosen before anything is joined: their details are read for one page alone.
WITH chosen AS (
  SELECT p.*, coalesce(p.due_at, 'infinity') AS place_due_at
  FROM case_progress p
  WHERE p.is_open
    AND (CAST(:state AS text) IS NULL OR p.state = :state)
    AND (CAST(:stage AS text) IS NULL OR p.stage = :stage)
    AND (CAST(:unit_code AS text) IS NULL OR p.unit_code = :unit_code)
    AND (CAST(:division_code AS text) IS NULL OR p.division_code = :division_code)
    AND (CAST(:due_from AS timestamptz) IS NULL OR p.due_at >= :due_from)
    AND (CAST(:due_before AS timestamptz) IS NULL OR p.due_at < :due_before)
    AND (
      CAST(:after_case AS bigint) IS NULL
      OR (coalesce(p.due_at, 'infinity'), p.case_id)
        > (CAST(:after_due_at AS timestamptz), CAST(:after_case AS bigint))
    )
  ORDER BY coalesce(p.due_at, 'infinity'), p.case_id
  LIMIT :limit
)
SELECT
  p.case_id AS id, p.version, p.state, p.stage, p.due_at, p.reported_at, p.unit_code,
  p.urged, p.sent_back, c.component_code,
  m.name_zh AS matter_name_zh, m.name_en AS matter_name_en,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  u.name_zh AS unit_name_zh, u.name_en AS unit_name_en,
  d.name_zh AS district_name_zh, d.name_en AS district_name_en,
  s.name_zh AS subdistrict_name_zh, s.name_en AS subdistrict_name_en,
  coalesce(r.text, '') AS text
FROM chosen p
JOIN cases c ON c.division_code = p.division_code AND c.id = p.case_id
LEFT JOIN matter_types m ON m.id = p.matter_type_id
LEFT JOIN component_classes k ON k.id = p.class_id
LEFT JOIN units u ON u.code = p.unit_code
LEFT JOIN divisions d ON d.code = p.division_code
LEFT JOIN divisions s ON s.code = p.subdistrict_code
LEFT JOIN LATERAL (
  SELECT left(r.text, 200) AS text
  FROM reports r
  WHERE r.case_division_code = p.division_code AND r.case_id = p.case_id AND r.text <> ''
  ORDER BY r.reported_at, r.id
  LIMIT 1
) AS r ON true
ORDER BY p.place_due_at, p.case_id;

-- open_counts: how many cases are open in each state, how many overdue, how many due soon
SELECT
  p.state, count(*) AS count,
  count(*) FILTER (WHERE p.due_at < :now) AS overdue,
  count(*) FILTER (WHERE p.due_at >= :now AND p.due_at < :soon) AS soon
FROM case_progress p
WHERE p.is_open
  AND (CAST(:unit_code AS text) IS NULL OR p.unit_code = :unit_code)
  AND (CAST(:division_code AS text) IS NULL OR p.division_code = :division_code)
GROUP BY p.state;

-- case_places: names of the district, subdistrict, class and unit of a case
SELECT
  d.name_zh AS district_name_zh, d.name_en AS district_name_en,
  s.name_zh AS subdistrict_name_zh, s.name_en AS subdistrict_name_en,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  u.name_zh AS unit_name_zh, u.name_en AS unit_name_en
FROM case_progress p
LEFT JOIN component_classes k ON k.id = p.class_id
LEFT JOIN units u ON u.code = p.unit_code
LEFT JOIN divisions d ON d.code = p.division_code
LEFT JOIN divisions s ON s.code = p.subdistrict_code
WHERE p.case_id = :case_id;
