-- title: Services of a trace
-- question: Which services and spans took part in one request: from when to when, with how many lines and errors?
-- params: trace_id text "the trace's id, as W3C or as X-Ray writes it";
--   from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern"
-- engines: athena, trino, duckdb
WITH lines AS (
  SELECT
    coalesce(ts, ingest_ts) AS moment, namespace, coalesce(workload, pod, container) AS workload, pod, span_id, level,
    min(coalesce(ts, ingest_ts)) OVER () AS begun
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND trace_id IN (
      @trace_id, replace(substr(@trace_id, 3), '-', ''),  -- of 1-5f84c7a5-… the 32 digits, and the other way round
      '1-' || substr(@trace_id, 1, 8) || '-' || substr(@trace_id, 9)
    )
)
SELECT
  namespace,
  workload,
  span_id,
  round(1e3 * (to_unixtime(min(moment)) - to_unixtime(min(begun))), 1) AS after_ms,
  round(1e3 * (to_unixtime(max(moment)) - to_unixtime(min(moment))), 1) AS ms,  -- between its first and its last line
  count(*) AS lines,
  count_if(coalesce(level, '') IN ('error', 'fatal')) AS errors,
  min(pod) AS pod
FROM lines
GROUP BY namespace, workload, span_id
ORDER BY min(moment), namespace, workload, span_id
