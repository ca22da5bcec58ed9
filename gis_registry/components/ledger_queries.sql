-- component_exists: whether there is a component with this identifier
SELECT EXISTS (SELECT FROM components WHERE division_code = :division_code AND code = :code);

-- ledger: what the ledger holds of one component, as it was at a moment (null: now)
WITH asked AS (
  SELECT c.time_zone, c.primary_edition_key,
    coalesce(CAST(:moment AS timestamptz), 'infinity') AS moment,
    (coalesce(CAST(:moment AS timestamptz), 'infinity') AT TIME ZONE c.time_zone)::date AS day
  FROM city c
),
states AS (
  SELECT h.version, h.state, h.class_id, h.change_id
  FROM component_history h
  WHERE h.division_code = :division_code AND h.code = :code
  UNION ALL
  SELECT c.version, c.state, c.class_id, c.change_id
  FROM components c
  WHERE c.division_code = :division_code AND c.code = :code
),
told AS MATERIALIZED (
  SELECT s.version, s.state, s.class_id, k.edition_key, k.code AS class_code, ch.reason,
    (ch.made_at AT TIME ZONE asked.time_zone)::date AS on_date
  FROM states s
  JOIN component_classes k ON k.id = s.class_id
  JOIN changes ch ON ch.id = s.change_id
  CROSS JOIN asked
  WHERE ch.made_at <= asked.moment
)
SELECT
  asked.primary_edition_key,
  (SELECT edition_key FROM told ORDER BY version LIMIT 1) AS registered_edition,
  (SELECT on_date FROM told ORDER BY version LIMIT 1) AS registered_on,
  (
    SELECT min(on_date) FROM told
    WHERE version > (SELECT coalesce(max(version), 0) FROM told WHERE state = 'active')
  ) AS gone_on,
  (
    SELECT json_agg(
      json_build_object(
        'kind', a.kind, 'value', a.value, 'valid_from', a.valid_from, 'valid_to', a.valid_to,
        'edition', e.to_edition_key)
      ORDER BY a.kind, a.valid_from, a.value_key)
    FROM component_aliases a
    LEFT JOIN edition_changes e ON e.change_id = a.change_id
    WHERE a.division_code = :division_code AND a.code = :code AND a.valid_from <= asked.day
  ) AS aliases,
  (
    SELECT json_agg(
      json_build_object(
        'relation', l.relation, 'predecessor', l.predecessor_code, 'successor', l.successor_code,
        'on_date', l.on_date, 'reason', ch.reason)
      ORDER BY l.on_date, l.predecessor_code, l.successor_code)
    FROM component_lineage l
    JOIN changes ch ON ch.id = l.change_id
    WHERE (l.predecessor_code = :code OR l.successor_code = :code) AND l.on_date <= asked.day
  ) AS lineage,
  (
    SELECT json_agg(
      json_build_object(
        'relation',
        CASE WHEN t.edition_key = earlier.edition_key THEN 'reclassified' ELSE 'migrated' END,
        'class_from', earlier.class_code, 'class_to', t.class_code, 'on_date', t.on_date,
        'reason', t.reason)
      ORDER BY t.version)
    FROM told t
    JOIN told earlier ON earlier.version = t.version - 1 AND earlier.class_id <> t.class_id
  ) AS class_changes
FROM asked;

-- by_identifier: a component by its own identifier, as a look-up lists it
SELECT
  c.division_code, c.code, 'identifier' AS kind, c.code AS value, NULL AS valid_from,
  NULL AS valid_to, c.state, k.edition_key, k.code AS class_code,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en
FROM components c
JOIN component_classes k ON k.id = c.class_id
WHERE c.division_code = :division_code AND c.code = :code;

-- by_alias: the components that a value stands or stood for, present ones first
SELECT
  a.division_code, a.code, a.kind, a.value, a.valid_from, a.valid_to, c.state,
  k.edition_key, k.code AS class_code, k.name_zh AS class_name_zh, k.name_en AS class_name_en
FROM component_aliases a
JOIN components c ON c.division_code = a.division_code AND c.code = a.code
JOIN component_classes k ON k.id = c.class_id
WHERE a.value_key = ANY (ARRAY[alias_key(:value), alias_key(:inner_value)])
ORDER BY a.valid_to DESC NULLS FIRST, a.code, a.kind, a.valid_from, a.value_key
LIMIT 100;

-- successors: where the lineage of a component ends today
WITH RECURSIVE line (code) AS (
  SELECT successor_code FROM component_lineage WHERE predecessor_code = :code
  UNION
  SELECT l.successor_code FROM line JOIN component_lineage l ON l.predecessor_code = line.code
)
SELECT
  c.code, c.state, k.edition_key, k.code AS class_code,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en
FROM line
JOIN components c ON c.division_code = left(line.code, 6) AND c.code = line.code
JOIN component_classes k ON k.id = c.class_id
WHERE NOT EXISTS (SELECT FROM component_lineage l WHERE l.predecessor_code = line.code)
ORDER BY c.code;

-- descends_from: which of some components come, however far, from any of others
WITH RECURSIVE line (code) AS (
  SELECT successor_code
  FROM component_lineage
  WHERE predecessor_code = ANY (CAST(:ancestors AS text[]))
  UNION
  SELECT l.successor_code FROM line JOIN component_lineage l ON l.predecessor_code = line.code
)
SELECT code FROM line WHERE code = ANY (CAST(:codes AS text[])) ORDER BY code;

-- add_alias: what a component is known by from a day on; what was ended that day goes on
INSERT INTO component_aliases (
  division_code, code, kind, value, value_key, valid_from, change_id)
VALUES (:division_code, :code, :kind, :value, alias_key(:value), :valid_from, :change_id)
ON CONFLICT (division_code, code, kind, value_key, valid_from)
DO UPDATE SET valid_to = NULL, value = excluded.value, change_id = excluded.change_id;

-- add_survey_aliases: keep what an applied survey says its components are known by
-- A value that the component has already is skipped. Any other present value of the kind ends on the
-- survey's day; if it began after that day, the survey's value held until then.
WITH named AS (
  SELECT DISTINCT ON (became.division_code, became.code, became.kind)
    became.division_code, became.code, became.kind, became.value,
    alias_key(became.value) AS value_key
  FROM (
    SELECT r.row_number, wanted.kind,
      btrim(r.attributes ->> wanted.attribute) AS value,
      left(placed.code, 6) AS division_code, placed.code
    FROM survey_rows r
    CROSS JOIN unnest(CAST(:kinds AS text[]), CAST(:attributes AS text[]))
      AS wanted (kind, attribute)
    LEFT JOIN component_classes k ON k.id = r.class_id
    LEFT JOIN identifier_blocks block
      ON r.ordinal IS NOT NULL AND block.change_id = :change_id
      AND block.division_code = r.division_code AND block.class_code = k.code
    CROSS JOIN LATERAL (
      SELECT CASE
        WHEN r.ordinal IS NULL THEN r.code
        ELSE block.division_code || block.class_code
          || lpad((block.first_serial - 1 + r.ordinal)::text, 6, '0')
      END AS code
    ) AS placed
    WHERE r.survey_id = :survey_id AND r.verdict NOT IN ('refused', 'missing')
      AND (r.verdict <> 'ambiguous' OR r.decision = 'accepted')
      AND coalesce(r.decision, '') NOT IN ('rejected', 'dropped', 'retried')
      AND r.attributes ? wanted.attribute
  ) AS became
  JOIN components c
    ON c.division_code = became.division_code AND c.code = became.code AND c.state = 'active'
  WHERE alias_key(became.value) <> ''
  ORDER BY became.division_code, became.code, became.kind, became.row_number
),
fresh AS (
  SELECT n.*
  FROM named n
  WHERE NOT EXISTS (
    SELECT FROM component_aliases a
    WHERE a.division_code = n.division_code AND a.code = n.code AND a.kind = n.kind
      AND a.value_key = n.value_key AND a.valid_from <= :as_of
      AND (a.valid_to IS NULL OR a.valid_to > :as_of))
),
ended AS (
  UPDATE component_aliases a
  SET valid_to = :as_of
  FROM fresh f
  WHERE a.division_code = f.division_code AND a.code = f.code AND a.kind = f.kind
    AND a.value_key <> f.value_key AND a.valid_to IS NULL AND a.valid_from <= :as_of
)
INSERT INTO component_aliases AS a (
  division_code, code, kind, value, value_key, valid_from, valid_to, change_id)
SELECT f.division_code, f.code, f.kind, f.value, f.value_key, :as_of, later.valid_from, :change_id
FROM fresh f
LEFT JOIN LATERAL (
  SELECT min(l.valid_from) AS valid_from
  FROM component_aliases l
  WHERE l.division_code = f.division_code AND l.code = f.code AND l.kind = f.kind
    AND l.valid_from > :as_of
) AS later ON true
ON CONFLICT (division_code, code, kind, value_key, valid_from)
DO UPDATE SET valid_to = excluded.valid_to, change_id = excluded.change_id;

-- undo_aliases: end what a change made components known by, as if it had never held
-- What they were known by until then goes on. The values stay: a label that was printed resolves.
WITH undone AS (
  UPDATE component_aliases a
  SET valid_to = a.valid_from
  WHERE a.change_id = :change_id
  RETURNING a.division_code, a.code, a.kind, a.valid_from
)
UPDATE component_aliases a
SET valid_to = NULL
FROM undone u
WHERE a.division_code = u.division_code AND a.code = u.code AND a.kind = u.kind
  AND a.valid_to = u.valid_from AND a.valid_from < u.valid_from AND a.change_id <> :change_id;
