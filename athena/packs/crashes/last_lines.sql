-- title: Last lines before each end
-- question: What did each container say last before it ended with an error or was killed?
-- params: namespace text = % "LIKE pattern"; pod text = % "the pod's name or a LIKE pattern";
--   n integer = 5 "last lines of each"; from timestamp = now - 24h "ends and lines since then";
--   to timestamp = now "until then"
-- engines: athena, trino, duckdb
WITH ended AS (  -- one row an end, however often its pod's status told it
  SELECT
    namespace, pod, pod_uid, container,
    CASE WHEN state = 'running' THEN restart - 1 ELSE restart END AS attempt,
    end_ts, max(end_reason) AS end_reason, max(exit_code) AS exit_code, max(workload) AS workload
  FROM pods
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND end_ts IS NOT NULL
    AND (exit_code <> 0 OR end_reason <> 'Completed')
  GROUP BY namespace, pod, pod_uid, container, CASE WHEN state = 'running' THEN restart - 1 ELSE restart END, end_ts
),
lines AS (
  SELECT
    pod_uid, container, restart, ts, level, message, file_offset,
    row_number() OVER (
      PARTITION BY pod_uid, container, restart ORDER BY coalesce(ts, ingest_ts) DESC, file_offset DESC
    ) AS place
  FROM logs
  WHERE @window
    AND namespace LIKE @namespace
    AND pod LIKE @pod
    AND pod_uid IN (SELECT pod_uid FROM ended)
)
SELECT
  ended.namespace, coalesce(workload, pod) AS workload, pod, ended.container, attempt, end_ts, end_reason, exit_code,
  lines.ts, level, substr(message, 1, 1000) AS message
FROM ended
LEFT JOIN lines  -- one that said nothing is here, too
  ON lines.pod_uid = ended.pod_uid AND lines.container = ended.container AND lines.restart = ended.attempt
    AND lines.place <= @n
ORDER BY end_ts DESC, ended.namespace, pod, ended.container, lines.place DESC
