-- title: Latency objective by hour
-- question: What share of a service's requests was fast enough in each hour, and was the objective met?
-- params: from timestamp = now - 6h "start"; to timestamp = now "end";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern"; threshold_ms number = 300 "milliseconds that are fast enough";
--   objective number = 99 "percent of requests that shall be"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, workload, message,
    date_trunc('hour', coalesce(ts, ingest_ts)) AS hour_start,
    @request_time(message) AS timed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
),
requests AS (
  SELECT
    namespace, workload, hour_start,
    @milliseconds(timed, message) AS ms
  FROM found
),
hours AS (
  SELECT
    namespace, workload, hour_start, count(ms) AS requests, max(ms) AS max_ms,
    count(CASE WHEN ms > @threshold_ms THEN ms END) AS slow
  FROM requests
  GROUP BY namespace, workload, hour_start
  HAVING count(ms) > 0  -- not WHERE ms …: pushed down, it would cut out everything twice
)
SELECT
  namespace,
  workload,
  hour_start,
  requests,
  slow,
  round(1e2 - 1e2 * slow / requests, 3) AS fast_percent,
  round(1e2 * slow / requests / nullif(1e2 - CAST(@objective AS double), 0), 2) AS burn_rate,  -- 1: just the budget
  1e2 * slow / requests <= 1e2 - CAST(@objective AS double) AS objective_met,
  round(max_ms, 1) AS max_ms
FROM hours
ORDER BY namespace, workload, hour_start
