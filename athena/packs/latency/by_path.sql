-- title: Latency by path
-- question: How long did requests take, by path, from the durations in JSON log lines?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   path text = % "LIKE pattern of the path, without its query string"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, message,
    regexp_extract(message, '"(?:path|route|uri|url)"\s*:\s*"([^"?#]+)', 1) AS path,
    regexp_extract(
      message,
      '"((?:(?:duration|latency|elapsed|response_time)(?:_ms)?|responseTime|request_time)"\s*:\s*"?[\d.eE+-]+)"? *[,}]',
      1
    ) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
),
requests AS (
  SELECT
    namespace, path,
    try_cast(regexp_extract(timed, '[0-9.eE+-]+$') AS double) * CASE  -- seconds, but where the key says ms, and Envoy's
      WHEN timed LIKE '%ms"%' OR timed LIKE 'responseTime%' OR strpos(message, '"response_flags"') > 0 THEN 1 ELSE 1e3
    END AS ms
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
