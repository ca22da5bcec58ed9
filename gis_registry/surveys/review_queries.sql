-- reviewed_rows: some rows of a survey with the place that their components had before it
SELECT
  r.row_number AS place,
  CASE WHEN r.verdict <> 'missing' THEN r.row_number END AS row,
  r.verdict,
  coalesce(r.code, r.division_code || k.code
    || lpad((block.first_serial - 1 + r.ordinal)::text, 6, '0')) AS code,
  r.distance_m, r.reason, r.score, r.runner_up, r.runner_up_m, r.refusal, r.issues, r.decision,
  k.code AS class_code, r.subdistrict_code,
  CASE WHEN ST_IsEmpty(r.geom) THEN NULL ELSE ST_X(ST_PointOnSurface(r.geom)) END AS lon,
  CASE WHEN ST_IsEmpty(r.geom) THEN NULL ELSE ST_Y(ST_PointOnSurface(r.geom)) END AS lat,
  r.attributes, ST_AsBinary(r.geom) AS wkb, ST_AsBinary(before.geom) AS registered_wkb
FROM unnest(CAST(:numbers AS int[])) AS wanted (row_number)
JOIN survey_rows r ON r.survey_id = :survey_id AND r.row_number = wanted.row_number
JOIN surveys s ON s.id = r.survey_id
LEFT JOIN component_classes k ON k.id = r.class_id
LEFT JOIN identifier_blocks block
  ON block.change_id = s.change_id AND block.division_code = r.division_code
    AND block.class_code = k.code AND r.ordinal IS NOT NULL
LEFT JOIN LATERAL (
  SELECT c.geom
  FROM components c
  WHERE c.division_code = left(r.code, 6) AND c.code = r.code AND c.version = r.version
  UNION ALL
  SELECT h.geom
  FROM component_history h
  WHERE h.division_code = left(r.code, 6) AND h.code = r.code AND h.version = r.version
) AS before ON r.verdict <> 'unchanged'
ORDER BY r.row_number;

-- choices: what rows would be if they were some components, and what stands against it
SELECT
  t.row_number, t.code, r.verdict, c.state, c.version,
  holder.taken_by, holder.missing_row, far.distance_m,
  CASE
    WHEN c.class_id <> r.class_id THEN 'reclassified'
    WHEN far.distance_m > r.accuracy_m + c.accuracy_m THEN 'moved'
    WHEN r.accuracy_m < c.accuracy_m OR NOT c.attributes @> r.attributes THEN 'changed'
    ELSE 'unchanged' END AS chosen_verdict,
  jsonb_build_object('verdict', r.verdict, 'code', r.code, 'version', r.version,
    'distance_m', r.distance_m, 'score', r.score, 'runner_up', r.runner_up,
    'runner_up_m', r.runner_up_m, 'reason', r.reason) AS before
FROM unnest(CAST(:row_numbers AS int[]), CAST(:codes AS text[])) AS t (row_number, code)
LEFT JOIN survey_rows r
  ON r.survey_id = :survey_id AND r.row_number = t.row_number AND r.verdict <> 'missing'
LEFT JOIN components c ON c.division_code = left(t.code, 6) AND c.code = t.code
LEFT JOIN LATERAL (
  SELECT CASE t.code WHEN r.code THEN r.distance_m WHEN r.runner_up THEN r.runner_up_m
    ELSE ST_Distance(r.geom::geography, c.geom::geography) END AS distance_m
) AS far ON true
LEFT JOIN (
  SELECT other.code,
    min(other.row_number) FILTER (
      WHERE other.verdict NOT IN ('ambiguous', 'missing', 'refused')) AS taken_by,
    min(other.row_number) FILTER (WHERE other.verdict = 'missing') AS missing_row
  FROM survey_rows other
  WHERE other.survey_id = :survey_id AND other.code = ANY (CAST(:codes AS text[]))
  GROUP BY other.code
) AS holder ON holder.code = t.code
ORDER BY t.row_number;

-- choose: make rows the components that were chosen for them, or new ones
UPDATE survey_rows r
SET verdict = t.verdict, code = t.code, version = t.version, distance_m = t.distance_m,
  score = NULL, runner_up = NULL, runner_up_m = NULL, ordinal = NULL, reason = :reason,
  decision = 'accepted'
FROM unnest(
  CAST(:row_numbers AS int[]), CAST(:verdicts AS text[]), CAST(:codes AS text[]),
  CAST(:versions AS int[]), CAST(:distances AS float8[])
) AS t (row_number, verdict, code, version, distance_m)
WHERE r.survey_id = :survey_id AND r.row_number = t.row_number;

-- not_missing: take back that components are missing
DELETE FROM survey_rows
WHERE survey_id = :survey_id AND verdict = 'missing' AND code = ANY (CAST(:codes AS text[]));

-- standing_choices: the rows for which a component (null: a new one) was chosen, and what they were
SELECT DISTINCT ON (r.row_number)
  r.row_number, r.decision, choice.value ->> 'component' AS component,
  (choice.value ->> 'was_missing')::bool AS was_missing, choice.value -> 'before' AS before
FROM survey_decisions d
CROSS JOIN LATERAL jsonb_each(d.edits -> 'choices') AS choice
JOIN survey_rows r ON r.survey_id = d.survey_id AND r.row_number = choice.key::int
WHERE d.survey_id = :survey_id AND r.verdict <> 'ambiguous' AND r.decision IS NOT NULL
  AND r.code IS NOT DISTINCT FROM choice.value ->> 'component'
ORDER BY r.row_number, d.id DESC;

-- unchoose: make rows what they were before something was chosen for them
UPDATE survey_rows r
SET verdict = b.verdict, code = b.code, version = b.version, distance_m = b.distance_m,
  score = b.score, runner_up = b.runner_up, runner_up_m = b.runner_up_m, reason = b.reason,
  ordinal = NULL
FROM jsonb_to_recordset(CAST(:before AS jsonb)) AS b (
  row_number int, verdict text, code text, version int, distance_m float8, score float8,
  runner_up text, runner_up_m float8, reason text)
WHERE r.survey_id = :survey_id AND r.row_number = b.row_number;

-- remember: keep what was decided of rows while they are matched again
CREATE TEMPORARY TABLE decided ON COMMIT DROP AS
SELECT
  r.row_number, r.verdict, r.code, r.decision, r.reason,
  r.row_number = ANY (CAST(:chosen AS int[])) AS is_chosen
FROM survey_rows r
WHERE r.survey_id = :survey_id AND r.decision IS NOT NULL AND r.verdict <> 'refused';

-- reinstate_rows: give rows that came out as before what was decided of them
UPDATE survey_rows r
SET decision = d.decision, reason = CASE WHEN d.is_chosen THEN d.reason ELSE r.reason END
FROM decided d
WHERE r.survey_id = :survey_id AND r.row_number = d.row_number AND d.verdict <> 'missing'
  AND r.code IS NOT DISTINCT FROM d.code
  AND (r.verdict = d.verdict OR d.is_chosen AND r.verdict <> 'ambiguous');

-- reinstate_missing: give components that are missing again what was decided of them
UPDATE survey_rows r
SET decision = d.decision
FROM decided d
WHERE r.survey_id = :survey_id AND r.verdict = 'missing' AND d.verdict = 'missing'
  AND r.code = d.code;

-- reinstate_new: make rows new again that were chosen to be, if they are ambiguous still
UPDATE survey_rows r
SET verdict = 'new', decision = d.decision, reason = d.reason, code = NULL, version = NULL,
  distance_m = NULL, score = NULL, runner_up = NULL, runner_up_m = NULL, ordinal = NULL
FROM decided d
WHERE r.survey_id = :survey_id AND r.row_number = d.row_number AND d.is_chosen
  AND d.verdict = 'new' AND r.verdict = 'ambiguous';

-- delivered_row: what a row of a survey says, or which component is missing
SELECT
  r.verdict, r.code, r.refusal, r.reason, k.code AS class_code, r.identifier,
  r.supervisor_code, r.owner_code, r.maintainer_code, r.surveyed_on, r.accuracy_m,
  r.attributes, ST_AsBinary(r.geom) AS wkb
FROM survey_rows r
LEFT JOIN component_classes k ON k.id = r.class_id
WHERE r.survey_id = :survey_id AND r.row_number = :row_number;

-- repeated_row: another row of a survey that has this class and geometry
SELECT min(r.row_number)
FROM survey_rows r
WHERE r.survey_id = :survey_id AND r.row_number <> :row_number AND r.class_id = :class_id
  AND r.verdict NOT IN ('refused', 'missing') AND r.geom = CAST(:geom AS geometry)
  AND ST_Equals(r.geom, CAST(:geom AS geometry));

-- correct: write what a row says now
UPDATE survey_rows
SET class_id = :class_id, geom = CAST(:geom AS geometry), accuracy_m = :accuracy_m,
  surveyed_on = :surveyed_on, identifier = :identifier, supervisor_code = :supervisor_code,
  owner_code = :owner_code, maintainer_code = :maintainer_code, division_code = :division_code,
  subdistrict_code = :subdistrict_code, cell_code = :cell_code,
  attributes = CAST(:attributes AS jsonb), issues = CAST(:issues AS jsonb), refusal = :refusal,
  reason = :reason, verdict = CASE WHEN CAST(:refusal AS text) IS NULL THEN 'ambiguous' ELSE 'refused' END,
  code = NULL, version = NULL, ordinal = NULL, distance_m = NULL, score = NULL, runner_up = NULL,
  runner_up_m = NULL, decision = NULL
WHERE survey_id = :survey_id AND row_number = :row_number;

-- retry: copy the rows of a survey that wait for a person into another one
INSERT INTO survey_rows (
  survey_id, row_number, class_id, surveyed_on, accuracy_m, geom, identifier, supervisor_code,
  owner_code, maintainer_code, division_code, subdistrict_code, cell_code, verdict, reason,
  attributes, issues)
SELECT
  :retry_id, row_number() OVER (ORDER BY row_number), class_id, surveyed_on, accuracy_m, geom,
  identifier, supervisor_code, owner_code, maintainer_code, division_code, subdistrict_code,
  cell_code, 'ambiguous', format('Row %s of survey %s.', row_number, survey_id), attributes, issues
FROM survey_rows
WHERE survey_id = :survey_id AND verdict = 'ambiguous' AND decision IS NULL;

-- mark_retried: mark those rows
UPDATE survey_rows
SET decision = 'retried'
WHERE survey_id = :survey_id AND verdict = 'ambiguous' AND decision IS NULL;

-- held: the components that the rows of a survey, and of those it retries, are already, in a box
WITH RECURSIVE parents (id, change_id) AS (
  SELECT p.id, p.change_id
  FROM surveys s
  JOIN surveys p ON p.id = s.retry_of
  WHERE s.id = :survey_id
  UNION
  SELECT p.id, p.change_id
  FROM parents q
  JOIN surveys s ON s.id = q.id
  JOIN surveys p ON p.id = s.retry_of
)
SELECT r.code
FROM parents p
JOIN survey_rows r ON r.survey_id = p.id
WHERE r.code IS NOT NULL AND r.verdict NOT IN ('ambiguous', 'missing', 'refused')
  AND r.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490)
UNION
SELECT c.code
FROM parents p
JOIN components c ON c.change_id = p.change_id AND c.operation = 'registered'
WHERE c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490);

-- counts: how many rows have each verdict, by class and subdistrict, and where they are
SELECT
  r.verdict, r.class_id, coalesce(r.subdistrict_code, r.division_code) AS area_code,
  count(*) AS count, min(ST_XMin(r.geom)) AS west, min(ST_YMin(r.geom)) AS south,
  max(ST_XMax(r.geom)) AS east, max(ST_YMax(r.geom)) AS north
FROM survey_rows r
WHERE r.survey_id = :survey_id
GROUP BY r.verdict, r.class_id, coalesce(r.subdistrict_code, r.division_code)
ORDER BY area_code, r.class_id, r.verdict;

-- drawn: every n-th of a survey's rows of each verdict, with what they are compared with
SELECT
  r.row_number AS place, CASE WHEN r.verdict <> 'missing' THEN r.row_number END AS row, r.verdict,
  r.code, r.distance_m, r.score, r.runner_up, r.runner_up_m, r.refusal, r.reason, r.decision,
  r.identifier, r.class_id, coalesce(r.subdistrict_code, r.division_code) AS area_code,
  ST_AsBinary(r.geom) AS wkb, ST_AsBinary(before.geom) AS registered_wkb,
  before.class_id AS registered_class_id, ST_AsBinary(other.geom) AS runner_up_wkb
FROM (
  SELECT *, row_number() OVER (PARTITION BY verdict ORDER BY row_number) - 1 AS n
  FROM survey_rows
  WHERE survey_id = :survey_id AND verdict = ANY (CAST(:verdicts AS text[]))
) AS r
JOIN unnest(CAST(:verdicts AS text[]), CAST(:every AS int[])) AS wanted (verdict, every)
  ON wanted.verdict = r.verdict AND r.n % wanted.every = 0
LEFT JOIN LATERAL (
  SELECT c.geom, c.class_id
  FROM components c
  WHERE c.division_code = left(r.code, 6) AND c.code = r.code AND c.version = r.version
  UNION ALL
  SELECT h.geom, h.class_id
  FROM component_history h
  WHERE h.division_code = left(r.code, 6) AND h.code = r.code AND h.version = r.version
) AS before ON r.verdict NOT IN ('unchanged', 'missing')
LEFT JOIN components other
  ON r.verdict = 'ambiguous' AND other.division_code = left(r.runner_up, 6)
    AND other.code = r.runner_up
ORDER BY r.row_number;
