-- title: Latency by route
-- question: How long did requests take, and how many failed, by method and route (its ids folded), from JSON lines?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, coalesce(workload, pod, container) AS workload, message,
    regexp_extract(message, '"(?:method|http_method|verb)"\s*:\s*"([A-Za-z]+)"', 1) AS method,
    regexp_extract(message, '"(?:path|route|uri|url)"\s*:\s*"([^"?#]+)', 1) AS path,
    regexp_extract(message, '"(?:status|status_code|statusCode|response_code)"\s*:\s*"?([1-5]\d\d)\b', 1) AS status,
    regexp_extract(
      message,
      '"((?:(?:duration|latency|elapsed|response_time)(?:_ms)?|responseTime|request_time)"\s*:\s*"?[\d.eE+-]+)"? *[,}]',
      1
    ) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
requests AS (
  SELECT
    namespace, workload, coalesce(method, '') AS method, coalesce(status, '') AS status,
    regexp_replace(
      path, '(?i)/(?:[0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,})\b', '/:id'
    ) AS route,
    try_cast(regexp_extract(timed, '[0-9.eE+-]+$') AS double) * CASE  -- seconds, but where the key says ms, and Envoy's
      WHEN timed LIKE '%ms"%' OR timed LIKE 'responseTime%' OR strpos(message, '"response_flags"') > 0 THEN 1 ELSE 1e3
    END AS ms
  FROM found
)
SELECT
  namespace,
  workload,
  method,
  route,
  count(ms) AS requests,
  round(1e2 * count_if(status LIKE '5%' AND ms IS NOT NULL) / count(ms), 1) AS failed_percent,
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
