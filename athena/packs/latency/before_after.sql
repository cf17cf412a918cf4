-- title: Latency before and after
-- question: Which routes became slower or fail more since a moment such as a rollout?
-- params: at timestamp = now - 30m "the moment: the rollout";
--   from timestamp = at - 1h "compared with what was since then"; to timestamp = now "end";
--   namespace text = % "LIKE pattern"; workload text = % "LIKE pattern of the workload, else of the pod";
--   limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    coalesce(ts, ingest_ts) >= @at AS is_after, namespace, coalesce(workload, pod, container) AS workload, message,
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
    is_after, namespace, workload, coalesce(status, '') LIKE '5%' AS is_failed,
    regexp_replace(
      path, '(?i)/(?:[0-9]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,})\b', '/:id'
    ) AS route,
    try_cast(regexp_extract(timed, '[0-9.eE+-]+$') AS double) * CASE  -- seconds, but where the key says ms, and Envoy's
      WHEN timed LIKE '%ms"%' OR timed LIKE 'responseTime%' OR strpos(message, '"response_flags"') > 0 THEN 1 ELSE 1e3
    END AS ms
  FROM found
),
compared AS (
  SELECT
    namespace, workload, route,
    count(CASE WHEN NOT is_after THEN ms END) AS requests_before,
    count(CASE WHEN is_after THEN ms END) AS requests_after,
    approx_percentile(CASE WHEN NOT is_after THEN ms END, 0.5) AS p50_before,
    approx_percentile(CASE WHEN is_after THEN ms END, 0.5) AS p50_after,
    approx_percentile(CASE WHEN NOT is_after THEN ms END, 0.95) AS p95_before,
    approx_percentile(CASE WHEN is_after THEN ms END, 0.95) AS p95_after,
    count(CASE WHEN is_failed AND NOT is_after THEN ms END) AS failed_before,
    count(CASE WHEN is_failed AND is_after THEN ms END) AS failed_after
  FROM requests
  GROUP BY namespace, workload, route
  HAVING count(ms) > 0  -- not WHERE ms …: pushed down, it would cut out everything twice
    AND max(route) <> ''
)
SELECT
  namespace,
  workload,
  route,
  requests_before,
  requests_after,
  round(p50_before, 1) AS p50_before,
  round(p50_after, 1) AS p50_after,
  round(p95_before, 1) AS p95_before,
  round(p95_after, 1) AS p95_after,
  round(1e2 * (p95_after / nullif(p95_before, 0) - 1), 1) AS p95_change_percent,  -- null: new, gone, or took no time
  round(1e2 * failed_before / nullif(requests_before, 0), 1) AS failed_percent_before,
  round(1e2 * failed_after / nullif(requests_after, 0), 1) AS failed_percent_after
FROM compared
ORDER BY coalesce(compared.p95_after, 0) - coalesce(compared.p95_before, 0) DESC, namespace, workload, route
LIMIT @limit
