-- title: Errors by workload
-- question: Which workloads logged errors, and how much of what they said was errors?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern"
-- engines: athena, trino, duckdb
SELECT
  namespace,
  coalesce(workload, pod, container) AS workload,  -- of the node itself the systemd unit or the file
  count_if(level IN ('error', 'fatal')) AS errors,
  count(*) AS lines,
  round(1e2 * count_if(level IN ('error', 'fatal')) / count(*), 1) AS percent,
  max(CASE WHEN level IN ('error', 'fatal') THEN ts END) AS last_error
FROM logs
WHERE @window
  AND coalesce(namespace, '') LIKE @namespace
GROUP BY namespace, coalesce(workload, pod, container)
HAVING count_if(level IN ('error', 'fatal')) > 0
ORDER BY errors DESC, namespace, workload
