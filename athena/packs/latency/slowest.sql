-- title: Slowest requests
-- question: Which single requests took longest, of which trace are they, and what did their lines say?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod"; least_ms number = 0 "milliseconds at least";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    ts, namespace, coalesce(workload, pod, container) AS workload, pod, trace_id, message, node, file, file_offset,
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
    ts, namespace, workload, pod, trace_id, message, node, file, file_offset,
    try_cast(regexp_extract(timed, '[0-9.eE+-]+$') AS double) * CASE  -- seconds, but where the key says ms, and Envoy's
      WHEN timed LIKE '%ms"%' OR timed LIKE 'responseTime%' OR strpos(message, '"response_flags"') > 0 THEN 1 ELSE 1e3
    END AS ms
  FROM found
),
slowest AS (  -- the rest is cut out of these only
  SELECT *
  FROM requests
  ORDER BY coalesce(ms, -1) DESC, ts, node, file, file_offset
  LIMIT @limit
)
SELECT
  round(ms, 1) AS ms, ts, namespace, workload, pod,
  nullif(regexp_extract(message, '"(?:method|http_method|verb)"\s*:\s*"([A-Za-z]+)"', 1), '') AS method,
  nullif(regexp_extract(message, '"(?:path|route|uri|url)"\s*:\s*"([^"?#]+)', 1), '') AS path,
  nullif(
    regexp_extract(message, '"(?:status|status_code|statusCode|response_code)"\s*:\s*"?([1-5]\d\d)\b', 1), ''
  ) AS status,
  trace_id, substr(message, 1, 1000) AS message
FROM slowest
WHERE slowest.ms >= @least_ms
ORDER BY slowest.ms DESC, slowest.ts, node, file, file_offset
