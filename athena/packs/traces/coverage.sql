-- title: Lines with a trace
-- question: Which workloads write trace ids, into what share of their lines and of their errors?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   limit integer = 100 "rows"
-- engines: athena, trino, duckdb
SELECT
  namespace,
  coalesce(workload, pod, container) AS workload,
  count(*) AS lines,
  count(trace_id) AS with_trace,
  round(1e2 * count(trace_id) / count(*), 1) AS percent,
  count_if(coalesce(level, '') IN ('error', 'fatal')) AS errors,
  count_if(coalesce(level, '') IN ('error', 'fatal') AND trace_id IS NULL) AS errors_without_trace
FROM logs
WHERE @window
  AND coalesce(namespace, '') LIKE @namespace
GROUP BY namespace, coalesce(workload, pod, container)
ORDER BY errors_without_trace DESC, lines DESC, namespace, workload
LIMIT @limit
