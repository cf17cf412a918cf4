-- title: Availability by hour
-- question: What share of a service's requests failed in each hour, and how fast did that burn its error budget?
-- params: from timestamp = now - 6h "start"; to timestamp = now "end";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern";
--   request text = "(status|status_code|statusCode|response_code)"\s*:\s*"?[1-5]\d\d\b|" [1-5]\d\d\b
--   "regular expression of the lines that tell of a request";
--   bad text = "(status|status_code|statusCode|response_code)"\s*:\s*"?5\d\d\b|" 5\d\d\b
--   "regular expression of those that failed";
--   objective number = 99.9 "percent of requests that shall not fail"
-- engines: athena, trino, duckdb
WITH hours AS (
  SELECT
    namespace, workload,
    date_trunc('hour', coalesce(ts, ingest_ts)) AS hour_start,
    count(*) AS requests,
    count_if(regexp_like(message, @bad)) AS failed
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
    AND regexp_like(message, @request)
  GROUP BY 1, 2, 3
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
