-- registered: active components as packed records: all of some classes, of others those in a box
SELECT string_agg(
  int4send(c.class_id) || int4send(c.version) || int4send(coalesce(c.subdistrict_code, '0')::int)
    || float8send(ST_X(p.geom)) || float8send(ST_Y(p.geom)) || float8send(c.accuracy_m)
    || int8send(hashtextextended(c_said, 0))
    || int4send(coalesce(c.supervisor_id, 0)) || int4send(coalesce(c.owner_id, 0))
    || int4send(coalesce(c.maintainer_id, 0)) || rpad(c.code, 17)::bytea, ''
) AS records
FROM components c
CROSS JOIN LATERAL (
  SELECT CASE WHEN ST_Dimension(c.geom) = 0 THEN c.geom ELSE ST_PointOnSurface(c.geom) END AS geom
) AS p
WHERE c.state = 'active' AND (
  c.class_id = ANY (CAST(:class_ids AS int[]))
  OR c.class_id = ANY (CAST(:related_ids AS int[]))
    AND c.geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490))
GROUP BY c.class_id;

-- delivered: the rows of a survey as packed records, in the file's order
SELECT string_agg(
  int4send(r.row_number) || int4send(coalesce(r.class_id, 0))
    || int4send(coalesce(r.division_code, '0')::int)
    || int4send(coalesce(r.subdistrict_code, '0')::int) || int4send((r.verdict <> 'refused')::int)
    || float8send(coalesce(ST_X(p.geom), 'NaN')) || float8send(coalesce(ST_Y(p.geom), 'NaN'))
    || float8send(coalesce(r.accuracy_m, 'NaN'))
    || int8send(hashtextextended(r_said, 0))
    || int4send(coalesce(supervisor.id, 0)) || int4send(coalesce(owner.id, 0))
    || int4send(coalesce(maintainer.id, 0))
    || convert_to(rpad(coalesce(r.identifier, ''), 17), 'UTF8'), '' ORDER BY r.row_number) AS records
FROM survey_rows r
CROSS JOIN LATERAL (
  SELECT CASE WHEN ST_IsEmpty(r.geom) THEN NULL
    WHEN ST_Dimension(r.geom) = 0 THEN r.geom ELSE ST_PointOnSurface(r.geom) END AS geom
) AS p
LEFT JOIN units supervisor ON supervisor.code = r.supervisor_code
LEFT JOIN units owner ON owner.code = r.owner_code
LEFT JOIN units maintainer ON maintainer.code = r.maintainer_code
WHERE r.survey_id = :survey_id AND r.verdict <> 'missing'
GROUP BY r.row_number / 1000000
ORDER BY r.row_number / 1000000;

-- component_shapes: lines and polygons among the active components of some classes
SELECT c.code, ST_AsBinary(c.geom) AS wkb
FROM components c
WHERE c.state = 'active' AND c.class_id = ANY (CAST(:class_ids AS int[])) AND ST_Dimension(c.geom) > 0;

-- row_shapes: lines and polygons among the rows of a survey
SELECT r.row_number, ST_AsBinary(r.geom) AS wkb
FROM survey_rows r
WHERE r.survey_id = :survey_id AND r.verdict NOT IN ('missing', 'refused') AND ST_Dimension(r.geom) > 0;

-- attributes_of_components: what some components are said to be
SELECT t.n, c.attributes
FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS t (code, n)
JOIN components c ON c.division_code = left(t.code, 6) AND c.code = t.code;

-- attribute_names: of what the rows of a survey say
SELECT DISTINCT jsonb_object_keys(attributes) COLLATE "C" AS name
FROM survey_rows
WHERE survey_id = :survey_id AND verdict <> 'missing'
ORDER BY name;

-- fingerprints: of attributes, as of those of components
SELECT hashtextextended(r_said, 0)
FROM unnest(CAST(:texts AS jsonb[])) WITH ORDINALITY AS r (attributes, n)
ORDER BY n;

-- attributes_of_rows: what some rows of a survey are said to be
SELECT r.attributes::text
FROM unnest(CAST(:row_numbers AS int[])) WITH ORDINALITY AS t (row_number, n)
JOIN survey_rows r ON r.survey_id = :survey_id AND r.row_number = t.row_number
ORDER BY t.n;

-- said_table: where goes what rows say of the components that they are
CREATE TEMPORARY TABLE said (
  row_number int, code text, attributes jsonb, supervisor_id int, owner_id int, maintainer_id int
) ON COMMIT DROP;

-- differences: what the rows of that table say differently
SELECT s.row_number, concat_ws('; ',
  (SELECT string_agg(
      format('%s: %s → %s', one.key, coalesce(c.attributes ->> one.key, 'nothing'), one.value),
      '; ' ORDER BY one.key)
    FROM jsonb_each_text(said.new) AS one),
  'supervisor → ' || supervisor.code, 'owner → ' || owner.code,
  'maintainer → ' || maintainer.code) AS reason
FROM said s
JOIN components c ON c.division_code = left(s.code, 6) AND c.code = s.code
CROSS JOIN LATERAL (
  SELECT CASE WHEN c.attributes @> s.attributes THEN '{}'
    ELSE attributes_new(c.attributes, s.attributes) END AS new
  OFFSET 0
) AS said
LEFT JOIN units supervisor
  ON supervisor.id = s.supervisor_id AND supervisor.id IS DISTINCT FROM c.supervisor_id
LEFT JOIN units owner ON owner.id = s.owner_id AND owner.id IS DISTINCT FROM c.owner_id
LEFT JOIN units maintainer
  ON maintainer.id = s.maintainer_id AND maintainer.id IS DISTINCT FROM c.maintainer_id
WHERE said.new <> '{}'
  OR num_nonnulls(supervisor.id, owner.id, maintainer.id) > 0;

-- no_rows_table: remove the table of a survey's rows
DROP TABLE IF EXISTS survey_rows_{survey_id};

-- rows_table: the table of a survey's rows
CREATE TABLE survey_rows_{survey_id} (
  LIKE survey_rows INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = 90);

-- rows_key: the key of that table, built at once when its rows are there
ALTER TABLE survey_rows_{survey_id}
ADD CONSTRAINT pk_survey_rows_{survey_id} PRIMARY KEY (survey_id, row_number);

-- attach_rows: make it a part of all surveys' rows
ALTER TABLE survey_rows ATTACH PARTITION survey_rows_{survey_id} FOR VALUES IN ({survey_id});

-- analyze_rows: tell the planner about it
ANALYZE survey_rows_{survey_id};

-- lack: enter the components that a survey lacks after its rows
INSERT INTO survey_rows (
  survey_id, row_number, class_id, geom, accuracy_m, surveyed_on, division_code, subdistrict_code,
  cell_code, attributes, verdict, code, version, score)
SELECT
  :survey_id, :after + t.n, c.class_id, c.geom, c.accuracy_m, c.surveyed_on, c.division_code,
  c.subdistrict_code, c.cell_code, '{}', 'missing', c.code, c.version, 1
FROM unnest(CAST(:codes AS text[])) WITH ORDINALITY AS t (code, n)
JOIN components c ON c.division_code = left(t.code, 6) AND c.code = t.code;

-- judged_table: where the verdicts of a survey's rows go that are matched again
CREATE TEMPORARY TABLE judged (
  row_number int, verdict text, code text, version int, distance_m float8, score float8,
  runner_up text, runner_up_m float8, reason text, ordinal int
) ON COMMIT DROP;

-- rejudge: write the verdicts that came out differently
UPDATE survey_rows r
SET verdict = j.verdict, code = j.code, version = j.version, distance_m = j.distance_m,
  score = j.score, runner_up = j.runner_up, runner_up_m = j.runner_up_m, reason = j.reason,
  ordinal = j.ordinal,
  decision = CASE WHEN r.verdict = j.verdict AND r.code IS NOT DISTINCT FROM j.code
    THEN r.decision END
FROM judged j
WHERE r.survey_id = :survey_id AND r.row_number = j.row_number
  AND (r.verdict, r.code, r.version, r.distance_m, r.score, r.runner_up, r.runner_up_m, r.reason,
      r.ordinal)
    IS DISTINCT FROM (j.verdict, j.code, j.version, j.distance_m, j.score, j.runner_up,
      j.runner_up_m, j.reason, j.ordinal);

-- forget_missing: take back what a survey was found to lack
DELETE FROM survey_rows WHERE survey_id = :survey_id AND verdict = 'missing';

-- counts: how many rows of a survey have each verdict and refusal
SELECT verdict, refusal, count(*) AS count
FROM survey_rows
WHERE survey_id = :survey_id
GROUP BY verdict, refusal
ORDER BY verdict, refusal;

-- outdated: components that a survey would change and that were changed since it was matched
SELECT c.code, ch.actor, ch.made_at, ch.reason, count(*) OVER () AS count
FROM survey_rows r
JOIN components c ON c.division_code = left(r.code, 6) AND c.code = r.code
JOIN changes ch ON ch.id = c.change_id
WHERE r.survey_id = :survey_id AND r.verdict IN ('moved', 'changed', 'reclassified', 'missing')
  AND r.decision IS DISTINCT FROM 'rejected' AND c.version <> r.version
ORDER BY c.code
LIMIT 1;

-- registered_since: components of a survey's new rows' classes that others registered since, nearby
SELECT c.code, ch.actor, ch.made_at, ch.reason, count(*) OVER () AS count
FROM changes ch
JOIN components c ON c.change_id = ch.id AND c.state = 'active'
WHERE ch.made_at > (SELECT matched_at FROM surveys WHERE id = :survey_id)
  AND c.class_id IN (
    SELECT class_id FROM survey_rows WHERE survey_id = :survey_id AND verdict = 'new')
  AND c.geom && (
    SELECT metres_box(ST_SetSRID(ST_Extent(geom), 4490), 100)
    FROM survey_rows
    WHERE survey_id = :survey_id AND verdict = 'new')
ORDER BY c.code
LIMIT 1;

-- has_changes_since: whether anything was changed since a survey was matched
SELECT EXISTS (
  SELECT FROM changes WHERE made_at > (SELECT matched_at FROM surveys WHERE id = :survey_id));

-- renumber: give the new rows that are registered their places in the runs of identifiers
UPDATE survey_rows r
SET ordinal = placed.ordinal
FROM (
  SELECT row_number,
    CASE WHEN decision IS DISTINCT FROM 'rejected' THEN row_number() OVER (
      PARTITION BY division_code, class_id, decision IS DISTINCT FROM 'rejected'
      ORDER BY row_number) END AS ordinal
  FROM survey_rows
  WHERE survey_id = :survey_id AND verdict = 'new'
) AS placed
WHERE r.survey_id = :survey_id AND r.row_number = placed.row_number
  AND r.ordinal IS DISTINCT FROM placed.ordinal;

-- wanted_identifiers: how many identifiers a survey needs for each division and class
SELECT r.division_code, k.code AS class_code, count(*) AS wanted
FROM survey_rows r
JOIN component_classes k ON k.id = r.class_id
WHERE r.survey_id = :survey_id AND r.verdict = 'new' AND r.decision IS DISTINCT FROM 'rejected'
GROUP BY r.division_code, k.code
ORDER BY r.division_code, k.code;

-- register: register the new rows as components
INSERT INTO components (
  division_code, code, version, operation, state, geom, accuracy_m, subdistrict_code, cell_code,
  surveyed_on, is_synthetic, attributes, class_id, supervisor_id, owner_id, maintainer_id,
  change_id)
SELECT
  r.division_code,
  r.division_code || k.code || lpad((b.first_serial - 1 + r.ordinal)::text, 6, '0'),
  1, 'registered', 'active', r.geom, r.accuracy_m, r.subdistrict_code, r.cell_code, r.surveyed_on,
  :is_synthetic, r.attributes, r.class_id, supervisor.id, owner.id, maintainer.id, :change_id
FROM survey_rows r
JOIN component_classes k ON k.id = r.class_id
JOIN identifier_blocks b
  ON b.change_id = :change_id AND b.division_code = r.division_code AND b.class_code = k.code
LEFT JOIN units supervisor ON supervisor.code = r.supervisor_code
LEFT JOIN units owner ON owner.code = r.owner_code
LEFT JOIN units maintainer ON maintainer.code = r.maintainer_code
WHERE r.survey_id = :survey_id AND r.verdict = 'new' AND r.decision IS DISTINCT FROM 'rejected';

-- changing: what the rows of a survey say of the components that they change
CREATE TEMPORARY TABLE changing ON COMMIT DROP AS
SELECT
  left(r.code, 6) AS division_code, r.code, r.verdict, r.class_id, r.surveyed_on, r.attributes,
  supervisor.id AS supervisor_id, owner.id AS owner_id, maintainer.id AS maintainer_id, r.geom,
  r.accuracy_m, r.distance_m, r.subdistrict_code, r.cell_code
FROM survey_rows r
LEFT JOIN units supervisor ON supervisor.code = r.supervisor_code
LEFT JOIN units owner ON owner.code = r.owner_code
LEFT JOIN units maintainer ON maintainer.code = r.maintainer_code
WHERE r.survey_id = :survey_id AND r.verdict IN ('moved', 'changed', 'reclassified', 'missing')
  AND r.decision IS DISTINCT FROM 'rejected';

-- archive_changing: copy the components that a survey changes into their history
INSERT INTO component_history (
  division_code, code, version, operation, state, geom, accuracy_m, subdistrict_code, cell_code,
  surveyed_on, is_synthetic, attributes, class_id, supervisor_id, owner_id, maintainer_id,
  change_id, ended_by)
SELECT
  c.division_code, c.code, c.version, c.operation, c.state, c.geom, c.accuracy_m,
  c.subdistrict_code, c.cell_code, c.surveyed_on, c.is_synthetic, c.attributes, c.class_id,
  c.supervisor_id, c.owner_id, c.maintainer_id, c.change_id, :change_id
FROM changing
JOIN components c USING (division_code, code);

-- change_matched: give components what a survey's rows say of them
-- The position is the row's if it is beyond both accuracies or more exact than the present one.
UPDATE components c
SET version = c.version + 1, change_id = :change_id, operation = r.verdict,
  class_id = r.class_id, surveyed_on = r.surveyed_on,
  attributes = c.attributes || attributes_new(c.attributes, r.attributes),
  supervisor_id = coalesce(r.supervisor_id, c.supervisor_id),
  owner_id = coalesce(r.owner_id, c.owner_id),
  maintainer_id = coalesce(r.maintainer_id, c.maintainer_id),
  (geom, accuracy_m, subdistrict_code, cell_code) = (
    SELECT
      CASE WHEN takes.place THEN r.geom ELSE c.geom END,
      CASE WHEN takes.place THEN r.accuracy_m ELSE c.accuracy_m END,
      CASE WHEN takes.place THEN r.subdistrict_code ELSE c.subdistrict_code END,
      CASE WHEN takes.place THEN r.cell_code ELSE c.cell_code END
    FROM (
      SELECT r.verdict = 'moved' OR r.accuracy_m < c.accuracy_m
        OR r.distance_m > r.accuracy_m + c.accuracy_m AS place
    ) AS takes)
FROM changing r
WHERE r.verdict <> 'missing' AND c.division_code = r.division_code AND c.code = r.code;

-- retire_missing: retire the components that a survey lacks
UPDATE components c
SET version = c.version + 1, change_id = :change_id, operation = 'retired', state = 'retired'
FROM changing r
WHERE r.verdict = 'missing' AND c.division_code = r.division_code AND c.code = r.code;

-- undone: the components that are as a change left them, or were given back so by reverting later ones
CREATE TEMPORARY TABLE undone ON COMMIT DROP AS
WITH RECURSIVE as_of_change AS (
  SELECT c.division_code, c.code, c.change_id
  FROM component_history h
  JOIN components c ON c.division_code = h.division_code AND c.code = h.code
  WHERE h.change_id = :change_id
  UNION
  SELECT now.division_code, now.code, before.change_id
  FROM as_of_change now
  JOIN surveys s ON s.reverted_by = now.change_id
  JOIN component_history before ON before.division_code = now.division_code
    AND before.code = now.code AND before.ended_by = s.change_id
)
SELECT c.division_code, c.code, c.operation = 'registered' AS is_new
FROM components c
WHERE c.change_id = :change_id
UNION ALL
SELECT again.division_code, again.code, NOT EXISTS (
  SELECT FROM component_history h
  WHERE h.division_code = again.division_code AND h.code = again.code AND h.ended_by = :change_id)
FROM as_of_change again
WHERE again.change_id = :change_id;

-- touched_since: components that a change touched and that were changed again since
SELECT h.code
FROM component_history h
WHERE h.change_id = :change_id AND NOT EXISTS (
  SELECT FROM undone u WHERE u.division_code = h.division_code AND u.code = h.code)
ORDER BY h.code;

-- archive_undone: copy the components of the table undone into their history
INSERT INTO component_history (
  division_code, code, version, operation, state, geom, accuracy_m, subdistrict_code, cell_code,
  surveyed_on, is_synthetic, attributes, class_id, supervisor_id, owner_id, maintainer_id,
  change_id, ended_by)
SELECT
  c.division_code, c.code, c.version, c.operation, c.state, c.geom, c.accuracy_m,
  c.subdistrict_code, c.cell_code, c.surveyed_on, c.is_synthetic, c.attributes, c.class_id,
  c.supervisor_id, c.owner_id, c.maintainer_id, c.change_id, :ended_by
FROM undone u
JOIN components c ON c.division_code = u.division_code AND c.code = u.code;

-- withdraw: withdraw the components that a change registered
UPDATE components c
SET state = 'withdrawn', operation = 'withdrawn', version = c.version + 1, change_id = :ended_by
FROM undone u
WHERE u.is_new AND c.division_code = u.division_code AND c.code = u.code;

-- restore: give the components that a change touched back what they were before
UPDATE components c
SET version = c.version + 1, change_id = :ended_by, operation = 'restored', state = h.state,
  geom = h.geom, accuracy_m = h.accuracy_m, subdistrict_code = h.subdistrict_code,
  cell_code = h.cell_code, surveyed_on = h.surveyed_on, is_synthetic = h.is_synthetic,
  attributes = h.attributes, class_id = h.class_id, supervisor_id = h.supervisor_id,
  owner_id = h.owner_id, maintainer_id = h.maintainer_id
FROM undone u
JOIN component_history h ON h.division_code = u.division_code AND h.code = u.code
  AND h.ended_by = :change_id
WHERE NOT u.is_new AND c.division_code = u.division_code AND c.code = u.code;

-- rows: rows of a survey in the file's order, then what it lacks; those after one of them
SELECT
  r.row_number AS place,
  CASE WHEN r.verdict <> 'missing' THEN r.row_number END AS row,
  r.verdict,
  coalesce(r.code, r.division_code || k.code
    || lpad((block.first_serial - 1 + r.ordinal)::text, 6, '0')) AS code,
  r.distance_m, r.score, r.runner_up, r.runner_up_m, r.refusal, r.reason, r.issues, r.decision,
  k.code AS class_code, r.subdistrict_code, r.accuracy_m,
  CASE WHEN ST_IsEmpty(r.geom) THEN NULL ELSE ST_X(ST_PointOnSurface(r.geom)) END AS lon,
  CASE WHEN ST_IsEmpty(r.geom) THEN NULL ELSE ST_Y(ST_PointOnSurface(r.geom)) END AS lat
FROM survey_rows r
JOIN surveys s ON s.id = r.survey_id
LEFT JOIN component_classes k ON k.id = r.class_id
LEFT JOIN identifier_blocks block
  ON block.change_id = s.change_id AND block.division_code = r.division_code
    AND block.class_code = k.code AND r.ordinal IS NOT NULL
WHERE r.survey_id = :survey_id AND r.row_number > :after
  AND (CAST(:verdict AS text) IS NULL OR r.verdict = :verdict)
ORDER BY r.row_number
LIMIT :limit;

-- spreads: how the numbers of each attribute of some classes are spread among registered components
-- A number that a file wrote as text is one.
SELECT wanted.class_id, said.key AS attribute, count(*) AS count,
  count(DISTINCT said.value #>> '{}') AS distinct,
  percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY (said.value #>> '{}')::float8)
    AS quartiles
FROM unnest(CAST(:class_ids AS int[])) AS wanted (class_id)
CROSS JOIN LATERAL (
  SELECT c.attributes
  FROM components c
  WHERE point(c.class_id, 0) ~= point(wanted.class_id, 0) AND c.state = 'active'
  LIMIT :most
) AS sample
CROSS JOIN LATERAL jsonb_each(sample.attributes) AS said
WHERE (said.value #>> '{}') ~ '^[+-]?[0-9]{1,15}([.][0-9]{1,15})?$'
GROUP BY wanted.class_id, said.key;
