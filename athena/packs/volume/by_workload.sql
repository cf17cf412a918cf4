-- title: Volume by workload
-- question: Which workloads wrote how many lines and bytes, what share is that, and how long are their lines?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
SELECT
  namespace,
  coalesce(workload, pod, container) AS workload,  -- of the node itself the systemd unit or the file
  count(*) AS lines,
  CAST(sum(file_bytes) AS bigint) AS bytes,
  round(1e2 * sum(file_bytes) / sum(sum(file_bytes)) OVER (), 1) AS percent,
  round(1e0 * sum(file_bytes) / count(*), 1) AS bytes_per_line
FROM logs
WHERE @window
  AND coalesce(namespace, '') LIKE @namespace
GROUP BY namespace, coalesce(workload, pod, container)
ORDER BY bytes DESC, namespace, workload
LIMIT @limit
