-- classes_to_move: classes outside an edition that the city keeps or has components of
SELECT
  k.id AS class_id, k.edition_key, k.code, k.name_zh, k.name_en, k.geometry_type, k.is_in_profile,
  coalesce(counted.components, 0) AS components,
  (
    SELECT coalesce(array_agg(t.id ORDER BY t.code), '{}')
    FROM class_counterparts p
    JOIN component_classes t ON t.id = p.counterpart_id
    WHERE p.class_id = k.id AND t.edition_key = :edition
  ) AS counterpart_ids
FROM component_classes k
LEFT JOIN (
  SELECT class_id, count(*) AS components FROM components WHERE state = 'active' GROUP BY class_id
) AS counted ON counted.class_id = k.id
WHERE k.edition_key <> :edition AND (k.is_in_profile OR counted.components > 0)
ORDER BY k.edition_key, k.code;

-- forget_moving: make room for the components that are moved
DROP TABLE IF EXISTS moving;

-- collect_moving: the components that are moved, each with its class and identifier of the edition
-- The identifier is the component's own if it is of the new class already, or one that it was issued
-- before; else its serial is taken over where nothing was issued of the new prefix. Where several
-- classes become one, the heir's serials are taken over. The others are issued theirs later.
CREATE TEMPORARY TABLE moving ON COMMIT DROP AS
WITH wanted AS (
  SELECT m.from_class_id, f.code AS from_code, m.to_class_id, t.code AS to_code, m.is_heir
  FROM unnest(CAST(:from_ids AS int[]), CAST(:to_ids AS int[]), CAST(:heirs AS bool[]))
    AS m (from_class_id, to_class_id, is_heir)
  JOIN component_classes f ON f.id = m.from_class_id
  JOIN component_classes t ON t.id = m.to_class_id
),
had AS (
  SELECT division_code, code, substr(value_key, 7, length(value_key) - 12) AS class_code,
    max(value_key) AS identifier
  FROM component_aliases
  WHERE kind = 'identifier' AND value_key ~ '^[0-9]{16,17}$'
  GROUP BY division_code, code, substr(value_key, 7, length(value_key) - 12)
)
SELECT c.division_code, c.code, w.to_class_id, w.to_code,
  CASE
    WHEN substr(c.code, 7, length(c.code) - 12) = w.to_code THEN c.code
    WHEN had.identifier IS NOT NULL THEN had.identifier
    WHEN w.is_heir AND used.class_code IS NULL
      AND substr(c.code, 7, length(c.code) - 12) = w.from_code
    THEN c.division_code || w.to_code || right(c.code, 6)
  END AS identifier
FROM components c
JOIN wanted w ON w.from_class_id = c.class_id
LEFT JOIN serial_counters used
  ON used.division_code = c.division_code AND used.class_code = w.to_code
LEFT JOIN had
  ON had.division_code = c.division_code AND had.code = c.code AND had.class_code = w.to_code
WHERE c.state = 'active';

-- carry_counters: count on from the serials that are taken over, and record all of them as issued
WITH counted AS (
  INSERT INTO serial_counters (division_code, class_code, next_serial)
  SELECT s.division_code, t.code, s.next_serial
  FROM unnest(CAST(:from_ids AS int[]), CAST(:to_ids AS int[]), CAST(:heirs AS bool[]))
    AS m (from_class_id, to_class_id, is_heir)
  JOIN component_classes f ON f.id = m.from_class_id
  JOIN component_classes t ON t.id = m.to_class_id
  JOIN serial_counters s ON s.class_code = f.code
  WHERE m.is_heir AND s.next_serial > 1
  ORDER BY s.division_code, t.code
  ON CONFLICT DO NOTHING
  RETURNING division_code, class_code, next_serial
)
INSERT INTO identifier_blocks (division_code, class_code, first_serial, last_serial, change_id)
SELECT division_code, class_code, 1, next_serial - 1, :change_id FROM counted;

-- wanted_identifiers: how many identifiers are to be issued for each division and class
SELECT division_code, to_code AS class_code, count(*) AS wanted
FROM moving
WHERE identifier IS NULL
GROUP BY division_code, to_code
ORDER BY division_code, to_code;

-- issue_identifiers: give the runs of serials to the components that wait for one, by identifier
UPDATE moving m
SET identifier = issued.identifier
FROM (
  SELECT w.division_code, w.code,
    w.division_code || w.to_code || lpad(
      (first.serial - 1
        + row_number() OVER (PARTITION BY w.division_code, w.to_code ORDER BY w.code))::text,
      6, '0') AS identifier
  FROM moving w
  JOIN unnest(
    CAST(:division_codes AS text[]), CAST(:class_codes AS text[]), CAST(:serials AS int[])
  ) AS first (division_code, class_code, serial)
    ON first.division_code = w.division_code AND first.class_code = w.to_code
  WHERE w.identifier IS NULL
) AS issued
WHERE m.division_code = issued.division_code AND m.code = issued.code;

-- archive_moving: copy the present state of the components that are moved into their history
INSERT INTO component_history (
  division_code, code, version, operation, state, geom, accuracy_m, subdistrict_code, cell_code,
  surveyed_on, is_synthetic, attributes, class_id, supervisor_id, owner_id, maintainer_id,
  change_id, ended_by)
SELECT
  c.division_code, c.code, c.version, c.operation, c.state, c.geom, c.accuracy_m,
  c.subdistrict_code, c.cell_code, c.surveyed_on, c.is_synthetic, c.attributes, c.class_id,
  c.supervisor_id, c.owner_id, c.maintainer_id, c.change_id, :change_id
FROM components c
JOIN moving m ON m.division_code = c.division_code AND m.code = c.code;

-- move: move the components into their new classes
UPDATE components c
SET class_id = m.to_class_id, version = c.version + 1, operation = 'migrated',
  change_id = :change_id
FROM moving m
WHERE c.division_code = m.division_code AND c.code = m.code;

-- move_staged: let the rows of surveys that are not applied yet be of the new classes as well
UPDATE survey_rows r
SET class_id = m.to_class_id
FROM surveys s
CROSS JOIN unnest(CAST(:from_ids AS int[]), CAST(:to_ids AS int[]))
  AS m (from_class_id, to_class_id)
WHERE s.state = 'staged' AND r.survey_id = s.id AND r.class_id = m.from_class_id;

-- name_moving: keep the identifiers of the edition beside the components' own
INSERT INTO component_aliases (
  division_code, code, kind, value, value_key, valid_from, change_id)
SELECT division_code, code, 'identifier', identifier, identifier, :day, :change_id
FROM moving
WHERE identifier <> code
ON CONFLICT (division_code, code, kind, value_key, valid_from)
DO UPDATE SET valid_to = NULL, change_id = excluded.change_id;

-- pair_counterparts: keep that classes are the same kind of thing; returns the pairs that are new
WITH decided AS (
  SELECT a, b
  FROM unnest(CAST(:from_ids AS int[]), CAST(:to_ids AS int[])) AS p (a, b)
)
INSERT INTO class_counterparts (class_id, counterpart_id)
SELECT a, b FROM decided
UNION
SELECT b, a FROM decided
ON CONFLICT DO NOTHING
RETURNING class_id, counterpart_id;

-- pair_matters: let matters of classes be about their new counterparts too; returns what is new
INSERT INTO matter_type_classes (matter_type_id, class_id)
SELECT m.id, p.counterpart_id
FROM unnest(CAST(:class_ids AS int[]), CAST(:counterpart_ids AS int[]))
  AS p (class_id, counterpart_id)
JOIN component_classes k ON k.id = p.class_id
JOIN matter_types m
  ON m.edition_key = k.edition_key AND m.code = k.code AND m.kind = 'component'
ON CONFLICT DO NOTHING
RETURNING matter_type_id, class_id;

-- unpair_counterparts: take back that classes are the same kind of thing
DELETE FROM class_counterparts c
USING unnest(CAST(:class_ids AS int[]), CAST(:counterpart_ids AS int[]))
  AS p (class_id, counterpart_id)
WHERE c.class_id = p.class_id AND c.counterpart_id = p.counterpart_id;

-- unpair_matters: take back that matters can be about classes
DELETE FROM matter_type_classes c
USING unnest(CAST(:matter_type_ids AS int[]), CAST(:class_ids AS int[]))
  AS p (matter_type_id, class_id)
WHERE c.matter_type_id = p.matter_type_id AND c.class_id = p.class_id;

-- collect_returning: the components that a change moved and nobody changed since, as they were
CREATE TEMPORARY TABLE moving ON COMMIT DROP AS
SELECT c.division_code, c.code, h.class_id AS to_class_id
FROM components c
JOIN component_history h
  ON h.division_code = c.division_code AND h.code = c.code AND h.version = c.version - 1
WHERE c.change_id = :migration_id AND h.ended_by = :migration_id;

-- end_names: end the identifiers that a change gave to the components that return
UPDATE component_aliases a
SET valid_to = greatest(a.valid_from, :day)
FROM moving m
WHERE a.change_id = :migration_id AND a.division_code = m.division_code AND a.code = m.code;

-- count_moving: how many components are moved
SELECT count(*) FROM moving;

-- count_of_edition: how many active components are of classes of an edition
SELECT count(*)
FROM components c
JOIN component_classes k ON k.id = c.class_id
WHERE k.edition_key = :edition AND c.state = 'active';
