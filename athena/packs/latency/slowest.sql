-- title: Slowest requests
-- question: Which single requests took longest, of which trace are they, and what did their lines say?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern";
--   workload text = % "LIKE pattern of the workload, else of the pod"; least_ms number = 0 "milliseconds at least";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    ts, namespace, coalesce(workload, pod, container) AS workload, pod, trace_id, http_status, message, node, file,
    file_offset,
    @request_time(message) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND coalesce(workload, pod, container) LIKE @workload
),
requests AS (
  SELECT
    ts, namespace, workload, pod, trace_id, http_status, message, node, file, file_offset,
    @milliseconds(timed, message) AS ms
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
  nullif(@request_method(message), '') AS method,
  nullif(@request_path(message), '') AS path,
  nullif(@request_status(http_status, message), '') AS status,
  trace_id, substr(message, 1, 1000) AS message
FROM slowest
WHERE slowest.ms >= @least_ms
ORDER BY slowest.ms DESC, slowest.ts, node, file, file_offset
