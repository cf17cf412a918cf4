-- title: Latency by route
-- question: How long did requests take, and how many failed, by method and route (its ids folded), from JSON lines?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload, message,
    @request_method(message) AS method,
    @request_path(message) AS path,
    @request_status(http_status, message) AS status,
    @request_time(message) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
requests AS (
  SELECT
    namespace, workload, coalesce(method, '') AS method, coalesce(status, '') AS status,
    @route(path) AS route,
    @milliseconds(timed, message) AS ms
  FROM found
)
SELECT
  namespace,
  workload,
  method,
  route,
  count(ms) AS requests,
  round(1e2 * count_if(status LIKE '5__' AND ms IS NOT NULL) / count(ms), 1) AS failed_percent,
  round(approx_percentile(ms, 0.5), 1) AS p50_ms,
  round(approx_percentile(ms, 0.95), 1) AS p95_ms,
  round(approx_percentile(ms, 0.99), 1) AS p99_ms,
  round(max(ms), 1) AS max_ms
FROM requests
GROUP BY namespace, workload, method, route
HAVING count(ms) > 0  -- not WHERE ms …: pushed down, it would cut out everything twice
  AND max(route) <> ''
ORDER BY p95_ms DESC, namespace, workload, method, route
LIMIT @limit
