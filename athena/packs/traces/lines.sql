-- title: Lines of a trace
-- question: What did all services say about one request, in order, from its trace id?
-- params: trace_id text "the trace's id, as W3C or as X-Ray writes it";
--   from timestamp = now - 24h "start"; to timestamp = now "end"; namespace text = % "LIKE pattern"
-- engines: athena, trino, duckdb
SELECT
  round(
    1e3 * (to_unixtime(coalesce(ts, ingest_ts)) - to_unixtime(min(coalesce(ts, ingest_ts)) OVER ())), 1
  ) AS after_ms,
  ts, namespace, coalesce(workload, pod, container) AS workload, pod, level, span_id, message
FROM logs
WHERE @window
  AND coalesce(namespace, '') LIKE @namespace
  AND trace_id IN (
    @trace_id, replace(substr(@trace_id, 3), '-', ''),  -- of 1-5f84c7a5-… the 32 digits, and the other way round
    '1-' || substr(@trace_id, 1, 8) || '-' || substr(@trace_id, 9)
  )
ORDER BY coalesce(ts, ingest_ts), node, file, file_offset
