-- open_tasks: places and classes where enough incidents came to no certain component, most first
-- A place is a grid cell, or where there is none a square of 100 m of the projected grid. A case
-- counts once for each day of the city on which it is reported: repeats join it while it is open.
-- What came before a task was closed, or before a survey with rows of that place and class was
-- applied, does not count any more.
WITH about AS (
  -- The class that a matter is about, in the city's edition if there is one.
  SELECT DISTINCT ON (mc.matter_type_id) mc.matter_type_id, mc.class_id
  FROM matter_type_classes mc
  JOIN component_classes k ON k.id = mc.class_id
  ORDER BY mc.matter_type_id, k.edition_key <> :edition_key, k.edition_key, k.code
),
found AS (
  SELECT
    r.id, r.case_id, r.reported_at, r.received_at, r.outcome AS reason, about.class_id,
    r.cell_code, coalesce(r.subdistrict_code, r.division_code) AS area_code,
    CASE WHEN r.cell_code IS NULL THEN ST_Transform(r.geom, CAST(:epsg AS int)) END AS projected
  FROM reports r
  JOIN about ON about.matter_type_id = r.matter_type_id
  WHERE r.reported_at >= :since AND r.outcome IN ('none', 'ambiguous')
  UNION ALL
  -- Scans of components that stand further off than both accuracies explain.
  SELECT
    r.id, r.case_id, r.reported_at, r.received_at, 'far_off', c.class_id,
    r.cell_code, coalesce(r.subdistrict_code, r.division_code),
    CASE WHEN r.cell_code IS NULL THEN ST_Transform(r.geom, CAST(:epsg AS int)) END
  FROM reports r
  JOIN components c
    ON c.division_code = left(r.component_code, 6) AND c.code = r.component_code
  WHERE r.reported_at >= :since AND r.outcome = 'unique' AND r.scanned IS NOT NULL
    AND c.state = 'active'
    AND ST_Distance(CAST(r.geom AS geography), CAST(c.geom AS geography))
      > |/ ((:report_reach * r.accuracy_m) ^ 2 + (:component_reach * c.accuracy_m) ^ 2)
),
squared AS (
  SELECT
    id, (case_id, CAST(reported_at AT TIME ZONE :zone AS date)) AS incident_day,
    reported_at, received_at, reason, class_id, cell_code, area_code,
    CAST(floor(ST_X(projected) / 100) AS int) AS square_x,
    CAST(floor(ST_Y(projected) / 100) AS int) AS square_y
  FROM found
),
unclosed AS (
  SELECT p.*
  FROM (
    SELECT *, coalesce(cell_code, area_code || '-' || square_x || '-' || square_y) AS place
    FROM squared
  ) AS p
  LEFT JOIN (
    SELECT place, class_id, max(closed_at) AS closed_at
    FROM survey_task_closings
    GROUP BY place, class_id
  ) AS closing ON closing.place = p.place AND closing.class_id = p.class_id
  WHERE (closing.closed_at IS NULL OR p.received_at > closing.closed_at)
    AND (CAST(:place AS text) IS NULL OR p.place = :place)
    AND (CAST(:class_ids AS int[]) IS NULL OR p.class_id = ANY (CAST(:class_ids AS int[])))
),
crowded AS (
  SELECT
    place, class_id, min(cell_code) AS cell_code, min(area_code) AS area_code,
    100 * min(square_x) AS x, 100 * min(square_y) AS y
  FROM unclosed
  GROUP BY place, class_id
  HAVING count(DISTINCT incident_day) >= :least_incidents
),
wanted AS MATERIALIZED (
  SELECT
    w.place, w.class_id, w.cell_code, w.area_code,
    coalesce(cell.geom, ST_Transform(
      ST_MakeEnvelope(w.x, w.y, w.x + 100, w.y + 100, CAST(:epsg AS int)), 4490
    )) AS geom
  FROM crowded w
  LEFT JOIN grid_cells cell ON cell.code = w.cell_code
),
applied AS (
  SELECT s.id, change.made_at
  FROM surveys s
  JOIN changes change ON change.id = s.change_id
  WHERE s.state = 'applied' AND change.made_at >= :since
),
surveyed AS (
  SELECT place, class_id, max(made_at) AS applied_at
  FROM (
    SELECT w.place, w.class_id, a.made_at
    FROM applied a
    JOIN survey_rows s ON s.survey_id = a.id AND s.verdict <> 'refused'
    JOIN wanted w ON w.class_id = s.class_id AND w.cell_code = s.cell_code
    UNION ALL
    SELECT w.place, w.class_id, a.made_at
    FROM applied a
    JOIN survey_rows s
      ON s.survey_id = a.id AND s.verdict <> 'refused' AND s.cell_code IS NULL
    JOIN wanted w ON w.class_id = s.class_id AND w.cell_code IS NULL
      AND w.area_code = coalesce(s.subdistrict_code, s.division_code)
    WHERE s.geom && w.geom
  ) AS covered
  GROUP BY place, class_id
),
tasks AS (
  SELECT
    u.place, u.class_id,
    count(DISTINCT u.incident_day) AS incident_count,
    count(*) FILTER (WHERE u.reason = 'none') AS none_count,
    count(*) FILTER (WHERE u.reason = 'ambiguous') AS ambiguous_count,
    count(*) FILTER (WHERE u.reason = 'far_off') AS far_off_count,
    min(u.reported_at) AS first_at, max(u.reported_at) AS last_at,
    array_agg(u.id ORDER BY u.id) AS report_ids
  FROM unclosed u
  JOIN wanted w USING (place, class_id)
  LEFT JOIN surveyed s USING (place, class_id)
  WHERE s.applied_at IS NULL OR u.received_at > s.applied_at
  GROUP BY u.place, u.class_id
  HAVING count(DISTINCT u.incident_day) >= :least_incidents
)
SELECT
  t.*, w.cell_code, k.edition_key, k.code AS class_code,
  k.name_zh AS class_name_zh, k.name_en AS class_name_en,
  w.area_code, area.name_zh AS area_name_zh, area.name_en AS area_name_en,
  ST_AsGeoJSON(w.geom, 7) AS geometry,
  count(*) OVER () AS total
FROM tasks t
JOIN wanted w USING (place, class_id)
JOIN component_classes k ON k.id = t.class_id
LEFT JOIN divisions area ON area.code = w.area_code
ORDER BY t.incident_count DESC, t.last_at DESC, t.place, k.code, k.id
LIMIT CAST(:limit AS bigint);

-- closed_tasks: tasks that were done or dismissed, the last first
SELECT
  c.place, c.task, c.state, c.closed_at, c.actor, c.reason, count(*) OVER () AS total
FROM survey_task_closings c
WHERE c.state = :state
  AND (CAST(:place AS text) IS NULL OR c.place = :place)
  AND (CAST(:class_ids AS int[]) IS NULL OR c.class_id = ANY (CAST(:class_ids AS int[])))
ORDER BY c.id DESC
LIMIT CAST(:limit AS bigint);
