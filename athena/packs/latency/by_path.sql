-- title: Latency by path
-- question: How long did requests take, by path, from the durations in JSON log lines?
-- params: from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   path text = % "LIKE pattern of the path, without its query string"; limit integer = 50 "rows"
-- engines: athena, trino, duckdb
WITH requests AS (
  SELECT
    namespace,
    regexp_replace(
      coalesce(
        json_extract_scalar(message, '$.path'), json_extract_scalar(message, '$.route'),
        json_extract_scalar(message, '$.uri'), json_extract_scalar(message, '$.url')
      ),
      '[?#].*$', ''
    ) AS path,
    coalesce(
      try_cast(json_extract_scalar(message, '$.duration_ms') AS double),
      try_cast(json_extract_scalar(message, '$.latency_ms') AS double),
      try_cast(json_extract_scalar(message, '$.elapsed_ms') AS double),
      1e3 * try_cast(json_extract_scalar(message, '$.duration') AS double)
    ) AS ms
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND regexp_like(message, '"(duration_ms|latency_ms|elapsed_ms|duration)"')  -- cheap, before any JSON is parsed
)
SELECT
  namespace,
  path,
  count(*) AS requests,
  round(approx_percentile(ms, 0.5), 1) AS p50_ms,
  round(approx_percentile(ms, 0.95), 1) AS p95_ms,
  round(approx_percentile(ms, 0.99), 1) AS p99_ms,
  round(max(ms), 1) AS max_ms
FROM requests
WHERE ms IS NOT NULL
  AND path LIKE @path
GROUP BY namespace, path
ORDER BY p95_ms DESC, namespace, path
LIMIT @limit
