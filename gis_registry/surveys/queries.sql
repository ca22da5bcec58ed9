-- refuse_repeated_places: refuse rows whose class and place an earlier row of the file has already
UPDATE survey_rows r
SET verdict = 'refused', refusal = 'duplicate-in-file',
  reason = 'Row ' || earlier.row_number || ' has the same class and the same geometry.'
FROM (
  SELECT row_number, min(row_number) OVER (PARTITION BY class_id, geom::bytea) AS first_row
  FROM survey_rows
  WHERE survey_id = :survey_id AND verdict = 'new'
) AS repeated
JOIN survey_rows earlier
  ON earlier.survey_id = :survey_id AND earlier.row_number = repeated.first_row
WHERE r.survey_id = :survey_id AND r.row_number = repeated.row_number
  AND repeated.row_number > repeated.first_row;

-- forget_matches: take back what rows were found to be about
UPDATE survey_rows
SET verdict = 'new', code = NULL, distance_m = NULL
WHERE survey_id = :survey_id AND verdict = 'unchanged';

-- match_rows: find the component that each row is about, if there is one
-- It is the nearest of the row's class, no farther than both accuracies allow; where it is that of
-- several rows, the nearest of them has it.
WITH coarsest AS (
  SELECT c.class_id, max(c.accuracy_m) AS accuracy_m
  FROM components c
  WHERE c.state = 'active' AND c.class_id = ANY (ARRAY(
    SELECT DISTINCT class_id FROM survey_rows WHERE survey_id = :survey_id AND verdict = 'new'))
  GROUP BY c.class_id
)
UPDATE survey_rows r
SET verdict = 'unchanged', code = matched.code, distance_m = matched.distance_m
FROM (
  SELECT row.row_number, near.code, near.distance_m,
    row_number() OVER (
      PARTITION BY near.code ORDER BY near.distance_m, row.row_number) AS place
  FROM survey_rows row
  JOIN coarsest ON coarsest.class_id = row.class_id
  CROSS JOIN LATERAL (
    SELECT c.code, ST_Distance(c.geom::geography, row.geom::geography) AS distance_m
    FROM components c
    WHERE c.class_id = row.class_id AND c.state = 'active'
      AND c.geom && metres_box(row.geom, row.accuracy_m + coarsest.accuracy_m)
      AND ST_Distance(c.geom::geography, row.geom::geography) <= row.accuracy_m + c.accuracy_m
    ORDER BY distance_m, c.code
    LIMIT 1
  ) AS near
  WHERE row.survey_id = :survey_id AND row.verdict = 'new'
) AS matched
WHERE r.survey_id = :survey_id AND r.row_number = matched.row_number AND matched.place = 1;

-- wanted_identifiers: how many identifiers a survey needs for each division and class
SELECT r.division_code, k.code AS class_code, count(*) AS wanted
FROM survey_rows r
JOIN component_classes k ON k.id = r.class_id
WHERE r.survey_id = :survey_id AND r.verdict = 'new'
GROUP BY r.division_code, k.code
ORDER BY r.division_code, k.code;

-- register: give the new rows their identifiers, in the file's order, and register them
WITH numbered AS (
  SELECT r.row_number,
    r.division_code || k.code || lpad(
      (first.serial - 1
        + row_number() OVER (PARTITION BY r.division_code, k.code ORDER BY r.row_number))::text,
      6, '0') AS code
  FROM survey_rows r
  JOIN component_classes k ON k.id = r.class_id
  JOIN unnest(
    CAST(:division_codes AS text[]), CAST(:class_codes AS text[]), CAST(:serials AS int[])
  ) AS first (division_code, class_code, serial)
    ON first.division_code = r.division_code AND first.class_code = k.code
  WHERE r.survey_id = :survey_id AND r.verdict = 'new'
),
coded AS (
  UPDATE survey_rows r
  SET code = numbered.code
  FROM numbered
  WHERE r.survey_id = :survey_id AND r.row_number = numbered.row_number
  RETURNING r.*
)
INSERT INTO components (
  division_code, code, version, operation, state, geom, accuracy_m, subdistrict_code, cell_code,
  surveyed_on, is_synthetic, attributes, class_id, supervisor_id, owner_id, maintainer_id,
  change_id)
SELECT
  coded.division_code, coded.code, 1, 'registered', 'active', coded.geom, coded.accuracy_m,
  coded.subdistrict_code, coded.cell_code, coded.surveyed_on, :is_synthetic, coded.attributes,
  coded.class_id, supervisor.id, owner.id, maintainer.id, :change_id
FROM coded
LEFT JOIN units supervisor ON supervisor.code = coded.supervisor_code
LEFT JOIN units owner ON owner.code = coded.owner_code
LEFT JOIN units maintainer ON maintainer.code = coded.maintainer_code;

-- registered_by: the components that a change registered, and whether they were changed since, locked
SELECT c.division_code, c.code, c.change_id = :change_id AS is_untouched
FROM survey_rows r
JOIN components c ON c.division_code = left(r.code, 6) AND c.code = r.code
WHERE r.survey_id = :survey_id AND r.verdict = 'new' AND c.state <> 'withdrawn'
ORDER BY c.code
FOR UPDATE OF c;

-- withdraw: withdraw components that a survey registered
UPDATE components c
SET state = 'withdrawn', operation = 'withdrawn', version = c.version + 1, change_id = :change_id
FROM unnest(CAST(:division_codes AS text[]), CAST(:codes AS text[])) AS t (division_code, code)
WHERE c.division_code = t.division_code AND c.code = t.code;

-- counts: how many rows of a survey have each verdict and refusal
SELECT verdict, refusal, count(*) AS count
FROM survey_rows
WHERE survey_id = :survey_id
GROUP BY verdict, refusal
ORDER BY verdict, refusal;

-- rows: rows of a survey in the file's order, those after one of them
SELECT
  r.row_number AS row, r.verdict, r.code, r.distance_m, r.refusal, r.reason,
  k.code AS class_code,
  CASE WHEN ST_IsEmpty(r.geom) THEN NULL ELSE ST_X(ST_PointOnSurface(r.geom)) END AS lon,
  CASE WHEN ST_IsEmpty(r.geom) THEN NULL ELSE ST_Y(ST_PointOnSurface(r.geom)) END AS lat
FROM survey_rows r
LEFT JOIN component_classes k ON k.id = r.class_id
WHERE r.survey_id = :survey_id AND r.row_number > :after
  AND (CAST(:verdict AS text) IS NULL OR r.verdict = :verdict)
ORDER BY r.row_number
LIMIT :limit;
