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
    is_after, namespace, workload, coalesce(status, '') LIKE '5__' AS is_failed,
    @route(path) AS route,
    @milliseconds(timed, message) AS ms
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
