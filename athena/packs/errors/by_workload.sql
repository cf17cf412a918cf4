-- title: Errors by workload
-- question: Which workloads logged errors, and how much of what they said was errors?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern"
-- engines: athena, trino, duckdb
WITH counts AS (  -- by level first: that costs less than to ask every line of its level three times
  SELECT
    namespace, coalesce(workload, pod, container) AS workload,  -- of the node itself the systemd unit or the file
    level, count(*) AS lines, max(ts) AS last_seen
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY namespace, coalesce(workload, pod, container), level
),
workloads AS (
  SELECT
    namespace, workload, sum(lines) AS lines,
    sum(CASE WHEN level IN ('error', 'fatal') THEN lines END) AS errors,
    max(CASE WHEN level IN ('error', 'fatal') THEN last_seen END) AS last_error
  FROM counts
  GROUP BY namespace, workload
)
SELECT
  namespace,
  workload,
  CAST(workloads.errors AS bigint) AS errors,
  CAST(workloads.lines AS bigint) AS lines,
  round(1e2 * workloads.errors / workloads.lines, 1) AS percent,
  last_error
FROM workloads
WHERE workloads.errors > 0
ORDER BY workloads.errors DESC, namespace, workload
