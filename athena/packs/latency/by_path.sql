-- title: Latency by path
-- question: How long did requests take, by path, from the durations in JSON log lines?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   path text = % "LIKE pattern of the path, without its query string"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, message,
    @request_path(message) AS path,
    @request_time(message) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
),
requests AS (
  SELECT
    namespace, path,
    @milliseconds(timed, message) AS ms
  FROM found
),
paths AS (
  SELECT
    namespace, path, count(ms) AS requests, max(ms) AS max_ms,
    approx_percentile(ms, ARRAY[0.5, 0.95, 0.99]) AS q  -- one sketch for all three
  FROM requests
  GROUP BY namespace, path
  HAVING count(ms) > 0  -- not WHERE ms …: pushed down, it would cut out everything twice
    AND max(path) <> ''
    AND max(path) LIKE @path
)
SELECT
  namespace,
  path,
  requests,
  round(q[1], 1) AS p50_ms,
  round(q[2], 1) AS p95_ms,
  round(q[3], 1) AS p99_ms,
  round(max_ms, 1) AS max_ms
FROM paths
ORDER BY p95_ms DESC, namespace, path
LIMIT @limit
