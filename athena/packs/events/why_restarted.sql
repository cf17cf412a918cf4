-- title: Why did it restart?
-- question: How did each container end that was started again: its exit, its memory, what Kubernetes said of it, and
--   its last lines?
-- params: pod text = % "the pod's name or a LIKE pattern"; namespace text = % "the same of its namespace";
--   n integer = 5 "last lines of each";
--   around duration = 10m "events so long before and after its end are its, and its memory so long before";
--   from timestamp = now - 24h "ends, events and lines since then"; to timestamp = now "until then"
-- engines: athena, trino, duckdb
WITH ended AS (  -- one row an end, however often its pod's status told it
  SELECT
    namespace, pod, pod_uid, container,
    CASE WHEN state = 'running' THEN restart - 1 ELSE restart END AS attempt,
    end_ts, max(end_reason) AS end_reason, max(exit_code) AS exit_code, max(limits) AS limits
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND end_ts IS NOT NULL
    AND phase NOT IN ('Deleted', 'Succeeded')
    AND (state <> 'terminated' OR exit_code <> 0)  -- an init container that has done its work is not started again
  GROUP BY namespace, pod, pod_uid, container, CASE WHEN state = 'running' THEN restart - 1 ELSE restart END, end_ts
),
told AS (  -- one row a state of an event: after another agent took over it may be there twice
  SELECT uid, resource_version, min(ts) AS ts, min(object_uid) AS object_uid, min(container) AS container,
    min(reason) AS reason, min(message) AS message
  FROM events
  WHERE @window
    AND kind = 'Pod'
    AND name LIKE @pod
  GROUP BY uid, resource_version
),
lines AS (
  SELECT
    pod_uid, container, restart, coalesce(ts, ingest_ts) AS ts, message,
    row_number() OVER (
      PARTITION BY pod_uid, container, restart ORDER BY coalesce(ts, ingest_ts) DESC, file_offset DESC
    ) AS place
  FROM logs
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND container <> 'events'
    AND pod_uid IN (SELECT pod_uid FROM ended)
),
looks AS (
  SELECT
    namespace, pod, container, ts, max(CASE WHEN name = 'container_memory_working_set_bytes' THEN value END) AS used,
    max(CASE WHEN name = 'container_spec_memory_limit_bytes' AND value > 0 THEN value END) AS limit_bytes
  FROM metrics
  WHERE @window
    AND name IN ('container_memory_working_set_bytes', 'container_spec_memory_limit_bytes')
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND container IS NOT NULL
  GROUP BY namespace, pod, container, ts
),
memory AS (  -- the last look before each end
  SELECT
    ended.namespace, ended.pod, ended.container, attempt, ts, used, limit_bytes,
    row_number() OVER (PARTITION BY ended.pod_uid, ended.container, attempt, end_ts ORDER BY ts DESC) AS place
  FROM ended
  JOIN looks
    ON looks.namespace = ended.namespace AND looks.pod = ended.pod AND looks.container = ended.container
      AND looks.ts <= ended.end_ts
      AND looks.ts >= ended.end_ts - @around
  WHERE used IS NOT NULL
),
story AS (
  SELECT
    namespace, pod, container, attempt, end_ts AS ts, 2 AS place, 'end' AS what,
    coalesce(end_reason, '?') || ', exit code ' || coalesce(CAST(exit_code AS varchar), '?') ||
      CASE WHEN limits IS NULL THEN '' ELSE ', limits ' || limits END AS message
  FROM ended
  UNION ALL
  SELECT ended.namespace, ended.pod, ended.container, attempt, told.ts, 3, 'event',
    coalesce(reason, '?') || ': ' || coalesce(told.message, '')
  FROM ended
  JOIN told
    ON told.object_uid = ended.pod_uid
      AND coalesce(told.container, ended.container) = ended.container
      AND told.ts >= ended.end_ts - @around
      AND told.ts <= ended.end_ts + @around
  UNION ALL
  SELECT ended.namespace, ended.pod, ended.container, attempt, lines.ts, 1, 'line', lines.message
  FROM ended
  JOIN lines
    ON lines.pod_uid = ended.pod_uid AND lines.container = ended.container AND lines.restart = ended.attempt
  WHERE lines.place <= @n
  UNION ALL
  SELECT namespace, pod, container, attempt, ts, 0, 'memory',
    'working set ' || CAST(CAST(round(used / 1048576) AS bigint) AS varchar) || ' MiB' ||
      coalesce(' of ' || CAST(CAST(round(limit_bytes / 1048576) AS bigint) AS varchar) || ' MiB', '')
  FROM memory
  WHERE place = 1
)
SELECT namespace, pod, container, attempt, ts, what, message
FROM story
ORDER BY namespace, pod, container, attempt, ts, place, message
