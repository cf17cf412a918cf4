-- title: Traces with errors
-- question: Which requests met most errors, through which services did they go, and what was said first?
-- params: from timestamp = now - 1h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern of the errors";
--   limit integer = 20 "rows"
-- engines: athena, trino, duckdb
WITH worst AS (  -- errors are few: the other lines are read for these traces only
  SELECT
    trace_id, count(*) AS errors, min(coalesce(ts, ingest_ts)) AS first_error,
    min_by(coalesce(workload, pod, container), coalesce(ts, ingest_ts)) AS first_workload,
    min_by(message, coalesce(ts, ingest_ts)) AS first_message
  FROM logs
  WHERE @window
    AND level IN ('error', 'fatal')
    AND trace_id IS NOT NULL
    AND coalesce(namespace, '') LIKE @namespace
  GROUP BY trace_id
  ORDER BY errors DESC, trace_id
  LIMIT @limit
),
whole AS (
  SELECT
    trace_id, count(*) AS lines, count(DISTINCT coalesce(workload, pod, container)) AS services,
    min(coalesce(ts, ingest_ts)) AS begun, max(coalesce(ts, ingest_ts)) AS ended
  FROM logs
  WHERE @window
    AND trace_id IN (SELECT trace_id FROM worst)
  GROUP BY trace_id
)
SELECT
  worst.trace_id, errors, lines, services, begun,
  round(1e3 * (to_unixtime(ended) - to_unixtime(begun)), 1) AS ms,
  first_error, first_workload, substr(first_message, 1, 1000) AS first_message
FROM worst
JOIN whole ON whole.trace_id = worst.trace_id
ORDER BY errors DESC, worst.trace_id
