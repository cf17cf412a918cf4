-- title: Everything of a pod
-- question: What happened to a pod, in order: its states, what Kubernetes said of it, and what it said itself?
-- params: pod text "the pod's name or a LIKE pattern"; namespace text = % "the same of its namespace";
--   level text = % "lines of this level only: error; % for all"; limit integer = 500 "rows, the newest";
--   from timestamp = now - 24h "start"; to timestamp = now "end"
-- engines: athena, trino, duckdb
WITH states AS (
  SELECT
    pod_uid, resource_version, container, min(ts) AS ts, min(namespace) AS namespace, min(pod) AS pod,
    min(phase) AS phase, min(state) AS state, min(reason) AS reason, min(restart) AS restart, min(image) AS image,
    min(node) AS node, min(end_reason) AS end_reason, min(exit_code) AS exit_code
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
  GROUP BY pod_uid, resource_version, container
),
told AS (  -- one row a state of an event: after another agent took over it may be there twice
  SELECT
    uid, resource_version, min(ts) AS ts, min(namespace) AS namespace, min(name) AS pod, min(container) AS container,
    min(type) AS type, min(reason) AS reason, min(message) AS message, min(count) AS count
  FROM events
  WHERE @window
    AND kind = 'Pod'
    AND coalesce(namespace, '') LIKE @namespace
    AND name LIKE @pod
  GROUP BY uid, resource_version
),
story AS (
  SELECT
    ts, namespace, pod, container, 'state' AS what, 1 AS place, 0 AS file_offset,
    coalesce(phase, '?') || coalesce(', ' || state, '') || coalesce(' (' || reason || ')', '') ||
      CASE WHEN restart > 0 THEN ', restart ' || CAST(restart AS varchar) ELSE '' END ||
      coalesce(', last end ' || end_reason || ' ' || CAST(exit_code AS varchar), '') ||
      coalesce(', ' || image, '') || coalesce(', on ' || node, '') AS message
  FROM states
  UNION ALL
  SELECT
    ts, namespace, pod, container, 'event', 2, 0,
    coalesce(type, '-') || ' ' || coalesce(reason, '-') || ': ' || coalesce(message, '') ||
      CASE WHEN count > 1 THEN ' (' || CAST(count AS varchar) || ' times)' ELSE '' END
  FROM told
  UNION ALL
  SELECT
    coalesce(ts, ingest_ts), namespace, pod, container, coalesce(level, 'line'), 3, file_offset,
    substr(message, 1, 1000)
  FROM logs
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND container <> 'events'  -- they are there already
    AND (level LIKE @level OR (level IS NULL AND @level = '%'))
)
SELECT ts, namespace, pod, container, what, message
FROM (
  SELECT *, row_number() OVER (
    ORDER BY ts DESC, place DESC, namespace DESC, pod DESC, container DESC, file_offset DESC, message DESC
  ) AS newest
  FROM story
) AS numbered
WHERE newest <= @limit
ORDER BY newest DESC
