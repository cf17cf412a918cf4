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
)
SELECT
  namespace,
  path,
  count(ms) AS requests,
  round(approx_percentile(ms, 0.5), 1) AS p50_ms,
  round(approx_percentile(ms, 0.95), 1) AS p95_ms,
  round(approx_percentile(ms, 0.99), 1) AS p99_ms,
  round(max(ms), 1) AS max_ms
FROM requests
GROUP BY namespace, path
HAVING count(ms) > 0  -- not WHERE ms …: pushed down, it would cut out everything twice
  AND max(path) <> ''
  AND max(path) LIKE @path
ORDER BY p95_ms DESC, namespace, path
LIMIT @limit
