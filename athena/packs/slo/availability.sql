-- title: Availability by hour
-- question: What share of a service's requests failed in each hour, and how fast did that burn its error budget?
-- params: from timestamp = now - 6h "start"; to timestamp = now "end";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern";
--   request text = '' "regular expression of what a line says of its request; '' for the column http_status";
--   bad text = 5\d\d$ "regular expression of what was found if the request failed";
--   objective number = 99.9 "percent of requests that shall not fail"
-- engines: athena, trino, duckdb
WITH found AS (
  SELECT
    namespace, workload, date_trunc('hour', coalesce(ts, ingest_ts)) AS hour_start,
    @service_status(http_status, message, @request) AS status
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
),
statuses AS (  -- few, and one of them '', for lines of no request
  SELECT namespace, workload, hour_start, status, count(*) AS requests
  FROM found
  GROUP BY namespace, workload, hour_start, status
),
hours AS (
  SELECT
    namespace, workload, hour_start, CAST(sum(CASE WHEN status <> '' THEN requests END) AS bigint) AS requests,
    CAST(sum(CASE WHEN regexp_like(status, @bad) THEN requests ELSE 0 END) AS bigint) AS failed
  FROM statuses
  GROUP BY namespace, workload, hour_start
  HAVING max(status) <> ''  -- not WHERE status …: pushed down, it would search everything twice
)
SELECT
  namespace,
  workload,
  hour_start,
  requests,
  failed,
  round(1e2 - 1e2 * failed / requests, 3) AS availability_percent,
  round(1e2 * failed / requests / nullif(1e2 - CAST(@objective AS double), 0), 2) AS burn_rate,  -- 1: just the budget
  1e2 * failed / requests <= 1e2 - CAST(@objective AS double) AS objective_met
FROM hours
ORDER BY namespace, workload, hour_start
