-- title: Error budget left
-- question: How much of a service's error budget is left in its period, and at this pace when is it gone?
-- params: to timestamp = now "end"; from timestamp = to - 30d "start of the period";
--   workload text "LIKE pattern of the workload; % for all";
--   namespace text = % "LIKE pattern";
--   request text = "(status|status_code|statusCode|response_code)"\s*:\s*"?[1-5]\d\d\b|" [1-5]\d\d\b
--   "regular expression of the lines that tell of a request";
--   bad text = "(status|status_code|statusCode|response_code)"\s*:\s*"?5\d\d\b|" 5\d\d\b
--   "regular expression of those that failed";
--   objective number = 99.9 "percent of requests that shall not fail"
-- engines: athena, trino, duckdb
WITH services AS (
  SELECT
    namespace, workload,
    count(*) AS requests,
    count_if(regexp_like(message, @bad)) AS failed,
    max(CASE WHEN regexp_like(message, @bad) THEN coalesce(ts, ingest_ts) END) AS last_failure
  FROM logs
  WHERE @window
    AND coalesce(namespace, '') LIKE @namespace
    AND workload LIKE @workload  -- alone, so that the messages of others are not read
    AND regexp_like(message, @request)
  GROUP BY 1, 2
),
budgets AS (
  SELECT *, requests * (1e2 - CAST(@objective AS double)) / 1e2 AS allowed
  FROM services
)
SELECT
  namespace,
  workload,
  requests,
  failed,
  round(1e2 - 1e2 * failed / requests, 3) AS availability_percent,
  round(allowed, 1) AS allowed,  -- of so many requests so many may fail
  round(1e2 - 1e2 * failed / nullif(allowed, 0), 1) AS left_percent,  -- below 0: spent, and so much more
  last_failure
FROM budgets
ORDER BY 1e0 * failed / requests DESC, namespace, workload
