-- title: Disks that fill up
-- question: Which file systems and volumes are nearly full, or will be soon at the pace of the window?
-- params: node text = % "LIKE pattern"; percent number = 80 "listed from so much used on";
--   hours number = 24 "or if it is full within so many hours";
--   from timestamp = now - 6h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH samples AS (
  SELECT
    node, ts, value,
    CASE
      WHEN name LIKE 'node%' THEN json_extract_scalar(labels, '$.mountpoint')
      ELSE 'claim ' || coalesce(namespace, '') || '/' ||
        coalesce(json_extract_scalar(labels, '$.persistentvolumeclaim'), '')
    END AS disk,
    CASE WHEN name IN ('node_filesystem_size_bytes', 'kubelet_volume_stats_capacity_bytes') THEN 'size' ELSE 'left' END
      AS what
  FROM metrics
  WHERE @window
    AND name IN (
      'node_filesystem_size_bytes', 'node_filesystem_avail_bytes', 'kubelet_volume_stats_capacity_bytes',
      'kubelet_volume_stats_available_bytes'
    )
    AND node LIKE @node
),
disks AS (
  SELECT
    node, disk,
    max_by(CASE WHEN what = 'size' THEN value END, CASE WHEN what = 'size' THEN ts END) AS size,
    min_by(CASE WHEN what = 'left' THEN value END, CASE WHEN what = 'left' THEN ts END) AS left_first,
    max_by(CASE WHEN what = 'left' THEN value END, CASE WHEN what = 'left' THEN ts END) AS left_last,
    (to_unixtime(max(ts)) - to_unixtime(min(ts))) / 3600 AS hours, max(ts) AS last_ts
  FROM samples
  GROUP BY node, disk
),
rates AS (
  SELECT *, CASE WHEN hours > 0 THEN (left_first - left_last) / hours END AS per_hour
  FROM disks
  WHERE size > 0
)
SELECT
  node, disk, round(size / 1073741824, 1) AS size_gib, round(left_last / 1073741824, 1) AS left_gib,
  round(1e2 * (size - left_last) / size, 1) AS used_percent, round(per_hour / 1073741824, 2) AS gib_per_hour,
  CASE WHEN per_hour > 0 THEN round(left_last / per_hour, 1) END AS hours_left, last_ts
FROM rates
WHERE 1e2 * (size - left_last) / size >= @percent
  OR (per_hour > 0 AND left_last / per_hour <= @hours)
ORDER BY coalesce(hours_left, 1e9), used_percent DESC, node, disk
