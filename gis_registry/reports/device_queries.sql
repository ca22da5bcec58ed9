-- nearest_frames: of each sighting of a camera and kind its frame nearest in time
SELECT near.sighting_id, near.box
FROM (
  SELECT DISTINCT ON (f.sighting_id)
    f.sighting_id, f.box,
    abs(extract(epoch FROM f.frame_at - CAST(:at AS timestamptz))) AS apart_s
  FROM video_frames f
  WHERE f.camera_id = :camera_id AND f.kind = :kind
    AND f.frame_at BETWEEN CAST(:at AS timestamptz) - make_interval(secs => :unseen_s)
      AND CAST(:at AS timestamptz) + make_interval(secs => :unseen_s)
  ORDER BY f.sighting_id, apart_s, f.id
) AS near
ORDER BY near.apart_s, near.sighting_id;

-- series: readings of a device and quantity by time, from the last one up to a time
SELECT r.at, r.value, r.accuracy_m, ST_X(r.geom) AS lon, ST_Y(r.geom) AS lat
FROM sensor_readings r
WHERE r.sensor_id = :sensor_id AND r.quantity = :quantity
  AND r.at >= coalesce(
    (
      SELECT max(p.at) FROM sensor_readings p
      WHERE p.sensor_id = :sensor_id AND p.quantity = :quantity AND p.at <= :since
    ),
    CAST(:since AS timestamptz)
  )
ORDER BY r.at;

-- silent: sensors of which nothing was heard for as long as a rule says, and no alarm says so
SELECT s.id AS sensor_id, s.code AS device, u.id AS rule_id, last.at, last.value,
  last.accuracy_m, last.lon, last.lat
FROM sensor_rules u
JOIN sensors s ON s.kind = u.sensor_kind
CROSS JOIN LATERAL (
  SELECT r.at, r.value, r.accuracy_m, ST_X(r.geom) AS lon, ST_Y(r.geom) AS lat
  FROM sensor_readings r
  WHERE r.sensor_id = s.id AND r.quantity = u.quantity
  ORDER BY r.at DESC
  LIMIT 1
) AS last
WHERE u.comparison = 'silent_for' AND u.is_active
  AND last.at <= CAST(:now AS timestamptz) - make_interval(secs => u.for_s)
  AND NOT EXISTS (
    SELECT FROM sensor_alarms a
    WHERE a.sensor_id = s.id AND a.rule_id = u.id AND a.cleared_at IS NULL
  )
ORDER BY s.id, u.id;

-- last_readings: the newest reading of each quantity of a device
SELECT DISTINCT ON (r.quantity) r.quantity, r.at, r.value
FROM sensor_readings r
WHERE r.sensor_id = :sensor_id
ORDER BY r.quantity, r.at DESC;
